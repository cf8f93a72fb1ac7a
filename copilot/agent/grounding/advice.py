"""What a sentence tells somebody to do, and the deeds it claims. Text that anybody may have written advises nothing, and nothing was done.

A command or an order stands in an answer only where the program itself or a signed runbook advises just that: whoever writes a
log line or an annotation shall not speak to the operator through the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from copilot.agent.grounding.evidence import Fact
from guardrails.provenance import Source
from guardrails.provenance.forms import readings

_DO = (
    r"(?:scale|delete|remove|restart|roll(?:[ -]?back|[ -]?out)|undo|set|patch|apply|drain|(?:un)?cordon|(?:un)?taint|(?:re)?label|annotate"
    r"|(?:re)?create|run|execute|(?:un)?suspend|resume|(?:un)?pause|evict|update|upgrade|downgrade|edit|change|modify|replace|raise|increase"
    r"|lower|reduce|decrease|kill|stop|start|disable|enable|grant|bind|(?:re)?deploy|expose|trigger|revert|switch|move|(?:un)?install|add|make"
    r"|give|put|turn|rotate|reset|bypass|open|approve|terminate|wipe|drop|purge|prune|clear|erase|use)"
)
_DID = (
    r"(?:scaled|deleted|removed|restarted|rolled (?:back|out)|undone|patched|applied|drained|(?:un)?cordoned|(?:un)?tainted|(?:re)?labell?ed|annotated"
    r"|(?:re)?created|executed|(?:un)?suspended|resumed|(?:un)?paused|evicted|updated|upgraded|downgraded|edited|changed|modified|replaced|raised"
    r"|increased|lowered|reduced|decreased|killed|stopped|started|disabled|enabled|granted|bound|(?:re)?deployed|exposed|triggered|reverted"
    r"|switched|moved|(?:un)?installed|added|set|run|done|did|made|put|fixed|carried|approved|confirmed|ran|gave|took)"
)
# Tools that change a cluster or a machine; what only reads is as little an untrusted text's to advise.
_COMMAND = re.compile(
    r"(?<![\w./-])(?:kubectl|oc|helm|kustomize|argocd|flux|istioctl|calicoctl|etcdctl|kubeadm|crictl|ctr|docker|podman|nerdctl)\s+(?!is\b|was\b|of\b|and\b|or\b|in\b|on\b|from\b|at\b|by\b|has\b|did\b|does\b|user\b|client\b)[a-z-][\w-]*(?:\s+[a-z][\w-]*(?![\w/.=:-]))?"
    r"|(?<![\w./-])(?:sudo|rm -\w+|chmod|systemctl|iptables|bash -c|sh -c|curl|wget|nc|ssh|scp)\s+\S+",
    re.IGNORECASE,
)
_CALLS = frozenset({"run", "execute", "use"})  # before a command they say nothing that it does not
_MANAGERS = re.compile(
    r"\bkubectl-(?:client-side-apply\b|\w+(?![\w-]))"
)  # names that kubectl writes under its own changes
_HYPHENS = 3  # in a text before they are read as spaces: an image's name has no spaces to give an order with
_GLUED = re.compile(r"kubectl -*[a-z]+")  # behind letters that are no part of the order, once they are decoded
_LEADS = (
    r"(?:^|[:;!,]\s*|[.?]\s+|[(\[{}\])“”\"'`>*#$|]\s*|[—–-]\s+|\b(?:please|then|and|now|just|immediately|warn|warning|info|notice|error|fatal|hint|note|todo|unless|let's|let us|go ahead and|hesitate to)\s+(?:you\s+)?"
    r"|(?:^|\b(?:you|we|operators?|admins?|administrators?|somebody|someone|one|team)\s+)(?:must|should|shall|can|may|could|might)\s+|\b(?:can|could|would|will) you\s+"
    r"|\b(?:need|needs|have|has|ought|want|wants|is|are|was|approved|agreed|asked|told|supposed|recommended|advised|ordered|instructed|required|allowed|better|best|going|try|sure|remember|proposed|proposes|suggested|suggests|decided|like|time) to\s+(?:be\s+)?"
    r"|\b(?:recommend|suggest|advise)(?:s|ed)?\s+(?:to\s+|that you\s+)?)"
    r"(?:now |immediately |please |simply |just |also )?"
)
_NOT_ORDERED = r"(?!\s+(?:counts?|polic(?:y|ies)|strateg(?:y|ies)|reason|of|is|are|was|were|has|had|have|for|by|at|time|errors?|failed|failures?|events?|history|number|revision|\d)\b)"
_TOLD = r"(?=[\s:])(?!.*\b(?:successful|succeeded|failed)\W*$)"  # `Create Pod web-1 in StatefulSet web successful` tells what was
_ORDER = re.compile(
    rf"{_LEADS}(?P<verb>{_DO})\b{_TOLD}{_NOT_ORDERED}(?P<rest>(?:\W+[\w./=@:-]+){{1,8}})", re.IGNORECASE
)
_PASSIVE = re.compile(rf"\b(?:must|should|shall|has to|have to|needs? to|ought to|is to|are to)\s+(?:now\s+)?be\s+(?P<verb>{_DID})\b", re.IGNORECASE)  # fmt: skip
_OBJECT = re.compile(
    r"(?:deployment|statefulset|daemonset|replicaset|pod|node|service|configmap|secret|cronjob|job|namespace|ingress|manifest|replica|image|rollout"
    r"|hpa|pdb|horizontalpodautoscaler|poddisruptionbudget|volume|claim|pvc|role|rolebinding|clusterrolebinding|quota|limit|label|annotation|everything|workload)s?",
    re.IGNORECASE,
)
_DEED = re.compile(
    rf"\b(?:I|we)(?:'ve| have| had|'m| am)?(?: now| just| already| also)* {_DID}\b|^(?:all |it is |it's |that is |now )?done\b|\bcarried (?:it|this|that) out\b"
    rf"|\bas (?:you )?(?:ordered|requested|instructed|told|asked|demanded)\b|^(?:successfully )?{_DID} (?:it|them|this|that|as)\b",
    re.IGNORECASE,
)
_SETTLED = re.compile(rf"\b(?:approved?|approval|authori[sz]ed|agreed|permitted|confirmed|{_DID})\b", re.IGNORECASE)
_QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|“[^”]*”|(?<!\w)'[^']*'(?!\w)")


def claims_a_deed(text: str) -> bool:
    """Whether a sentence says that the model did something. It can do nothing."""
    return _DEED.search(text) is not None


def orders(text: str, names: frozenset[str]) -> tuple[str, ...]:
    """The commands and orders of a sentence: `kubectl delete`, `restart`, in lower case, also those that are encoded. `names` are the objects that exist."""
    plain, *decoded = (reading.replace("_", " ") for reading in readings(text))
    if plain.count("-") >= _HYPHENS:
        decoded.append(re.sub(r"-+", " ", _MANAGERS.sub(" ", plain)))
    found = [*_orders(text, names), *_orders(plain, names)]
    found += [each for reading in decoded for each in (*_orders(reading, names), *_GLUED.findall(reading))]
    return tuple(dict.fromkeys(" ".join(one.lower().split()) for one in found))


def _orders(text: str, names: frozenset[str]) -> Iterator[str]:
    commands = [match[0] for match in _COMMAND.finditer(text)]
    yield from commands
    at = 0
    while match := _ORDER.search(text, at):
        if not (commands and match["verb"].lower() in _CALLS) and any(
            _is_object(word, names) for word in re.findall(r"[\w./=@:-]+", match["rest"])
        ):
            yield match["verb"]
        at = match.end("verb")
    yield from (match["verb"] for match in _PASSIVE.finditer(text))


def _is_object(word: str, names: frozenset[str]) -> bool:
    bare = word.lower().strip(".,:;")
    return "=" in bare.strip("=") or bool({bare, *bare.split("/")} & names) or any(_OBJECT.fullmatch(part) for part in bare.split("/"))  # fmt: skip


def advising(cited: Sequence[Fact], told: Sequence[str]) -> list[Fact]:
    """Those of the facts that advise all of it, in the program's own words or a signed runbook's: what they quote is not theirs."""
    return [fact for fact in cited if _advises(fact) and all(_says(one, fact) for one in told)]


def _advises(fact: Fact) -> bool:
    return fact.line.advice or fact.line.origin is Source.RUNBOOK


def _says(order: str, fact: Fact) -> bool:
    words = fact.line.text if fact.line.origin is Source.RUNBOOK else _QUOTED.sub(" ", fact.line.text)
    said = " ".join(words.lower().split())
    return any(
        re.search(rf"(?<![\w-]){re.escape(order)}(?![\w-])", each)
        for each in (said, " ".join(said.replace("-", " ").split()))
    )


def settles(text: str) -> bool:
    """Whether a sentence says that something was approved or done."""
    return _SETTLED.search(text) is not None


def not_ordering(cited: Sequence[Fact], names: frozenset[str]) -> list[Fact]:
    """The facts without those in which somebody orders something: that it was asked for does not make it so."""
    return [fact for fact in cited if fact.line.origin.trusted or _advises(fact) or not orders(fact.line.text, names)]
