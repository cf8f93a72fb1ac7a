"""The accepted sentence that is nearest to some words. What they do not say stands in capitals."""

from __future__ import annotations

import re
from itertools import pairwise

from copilot.model.likeness import nearest
from guardrails.kinds import changeable_of_word
from guardrails.operations.op import Op
from guardrails.sentence.words import NAME, NAMESPACE

_VERBS = {
    "scale": "scale", "resize": "scale", "set": "scale", "replicas": "scale", "increase": "scale", "decrease": "scale",
    "grow": "scale", "bump": "scale", "raise": "scale", "lower": "scale", "reduce": "scale", "shrink": "scale",
    "stop": "scale", "start": "scale",
    "restart": "restart", "reboot": "restart", "bounce": "restart", "roll": "restart", "rollout": "restart",
    "reload": "restart", "kill": "restart", "recreate": "restart",
    "rollback": "roll back", "undo": "roll back", "revert": "roll back", "image": "set image", "upgrade": "set image",
    "downgrade": "set image", "resources": "set resources", "requests": "set resources", "limits": "set resources",
    "env": "set env", "environment": "set env", "patch": "patch", "edit": "patch", "label": "label", "tag": "label",
    "annotate": "annotate", "annotation": "annotate", "cordon": "cordon", "unschedulable": "cordon", "uncordon": "uncordon",
    "drain": "drain", "empty": "drain", "evacuate": "drain", "evict": "evict", "taint": "taint", "untaint": "taint",
    "pause": "pause", "hold": "pause", "freeze": "pause", "resume": "resume", "continue": "resume", "unpause": "resume",
    "suspend": "suspend", "unsuspend": "unsuspend", "delete": "delete", "remove": "delete", "destroy": "delete",
    "trigger": "create job",
}  # fmt: skip
_FILLER = frozenset({"please", "can", "you", "could", "i", "want", "would", "like", "up", "down", "to", "by", "in", "of", "my",
    "kubectl", "namespace", "from", "a", "an", "and", "now", "all", "replica", "with", "for", "me", "back", "revision",
    "it", "this", "that", "the", "job", "container", "ignoring", "daemonsets", "deleting", "emptydir", "data", "including",
    "unmanaged", "overwriting", "new", "create", "last", "release", "version", "previous", "latest"})  # fmt: skip
_OPS = {
    "scale": Op.SCALE, "restart": Op.RESTART, "roll back": Op.ROLLBACK, "set image": Op.SET_IMAGE,
    "set resources": Op.SET_RESOURCES, "set env": Op.SET_ENV, "patch": Op.PATCH, "label": Op.LABEL, "annotate": Op.ANNOTATE,
    "cordon": Op.CORDON, "uncordon": Op.UNCORDON, "drain": Op.DRAIN, "evict": Op.EVICT, "taint": Op.TAINT, "pause": Op.PAUSE,
    "resume": Op.RESUME, "suspend": Op.SUSPEND, "unsuspend": Op.UNSUSPEND, "delete": Op.DELETE, "create job": Op.CREATE_JOB,
}  # fmt: skip
_NODES = frozenset({"cordon", "uncordon", "drain", "taint"})
_LONGEST = 512  # characters that are looked at


def nearest_sentence(words: str) -> str:
    """The accepted sentence that is nearest to some words; what they do not say stands in capitals."""
    tokens = re.findall(r"[A-Za-z0-9./=:_@-]+", words[:_LONGEST])
    lowered = [token.lower() for token in tokens]
    verb = _nearest_verb(lowered)
    namespace = "" if verb in _NODES else _nearest_namespace(lowered)
    target = _nearest_object(tokens, _OPS[verb])
    count = next(
        (found[1] for word in reversed(lowered) if (found := re.match(r"(?:-+replicas?)?=?([0-9]{1,6})$", word))), "N"
    )
    pairs = [token for token in tokens if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9./_-]*=[A-Za-z0-9./:@_-]+", token)]
    pair = next(iter(pairs), "")
    if verb in _NODES or verb == "evict":
        target = target.rpartition("/")[2].replace("KIND", "") or "NAME"
    match verb:
        case "scale":
            return f"scale {target}{namespace} to {count}"
        case "set image":
            return f"set image {target} {pair or 'CONTAINER=IMAGE'}{namespace}"
        case "set resources":
            return f"set resources {target} requests {pair or 'RESOURCE=AMOUNT'}{namespace}"
        case "set env" | "label" | "annotate":
            return f"{verb} {target} {pair or 'KEY=VALUE'}{namespace}"
        case "patch":
            return f"patch {target} /FIELD=VALUE{namespace}"
        case "taint":
            return f"taint {target} KEY=VALUE:EFFECT"
        case "create job":
            return f"create job JOB from {target.rpartition('/')[2]}{namespace}"
        case "delete":
            return f"delete {target if '/' in target else f'KIND/{target}'}{namespace}"
        case _:
            return f"{verb} {target}{namespace}"


def _nearest_verb(lowered: list[str]) -> str:
    two = set(pairwise(lowered))
    for phrase in (("roll", "back"), ("set", "image"), ("set", "resources"), ("set", "env"), ("create", "job"),
                   ("rollout", "undo")):  # fmt: skip
        if phrase in two:
            return {"rollout undo": "roll back"}.get(" ".join(phrase), " ".join(phrase))
    for word in lowered:
        if found := word if word in _VERBS else nearest(word, _VERBS, 0.75):
            return _VERBS[found]
    return "scale" if any(word.isdigit() for word in lowered) else "restart"


def _nearest_object(tokens: list[str], op: Op) -> str:
    for index, token in enumerate(tokens):
        word, slash, name = token.partition("/")
        known = changeable_of_word(word)
        able = known is not None and (op in known.ops or (op is Op.DELETE and known.kind == "Pod"))
        if slash and "=" not in token and able and NAME.fullmatch(name.lower()):
            return f"{word.lower()}/{name.lower()}"
        if slash and NAME.fullmatch(name.lower()):
            return f"KIND/{name.lower()}"
        if not slash and known and index + 1 < len(tokens) and _plausible(tokens[index + 1]):
            return f"{token.lower() if able else 'KIND'}/{tokens[index + 1].lower()}"
    return next((token.lower() for token in tokens if _plausible(token)), "KIND/NAME")


def _plausible(token: str) -> bool:
    word = token.lower()
    known = word in _VERBS or word in _FILLER or bool(nearest(word, _VERBS, 0.8))
    return bool(NAME.fullmatch(word)) and not word.isdigit() and not known and changeable_of_word(word) is None


def _nearest_namespace(lowered: list[str]) -> str:
    for index, word in enumerate(lowered[:-1]):
        following = lowered[index + 1]
        if (
            word in ("in", "-n", "namespace", "--namespace")
            and NAMESPACE.fullmatch(following)
            and following != "namespace"
        ):
            return f" in {following}"
    return ""
