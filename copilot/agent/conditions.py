"""Conditions that narrow a list: `headless`, `without endpoints`, `with label a=b`, `older than 3 days`. A table of words and tests.

A test answers with the words that show why an object fits, or None. Nothing here guesses: unread kinds are named by the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from copilot.agent.asking import Asking, spread
from copilot.agent.condition_tests import (
    age_of,
    asks_devices,
    below_strength,
    capacity_compared,
    container_gap,
    container_setting,
    has_label,
    holds_no_pods,
    in_place,
    is_bare,
    is_control_plane,
    is_suspended,
    lasted,
    no_endpoints,
    none_ready,
    on_port,
    restarted_more,
    runs_version,
    seen_outside,
    selects_label,
    takes_pods,
    tolerates_taint,
    under_pressure,
    unprotected,
    unused,
    with_phase,
    worker,
)
from copilot.agent.facts import REPLICATED, SCALED, TEMPLATED, replicas
from copilot.agent.patterns import compiled
from copilot.diagnosis.pods import condition
from copilot.model import Resource, children, dig, mapping, number, text

Test = Callable[[Asking, Resource, re.Match[str]], str | None]


class Condition(msgspec.Struct, frozen=True):
    """One condition. `kinds` are the kinds it is about (the first is meant when none is named; none means all).

    `needs` are kinds that must have been read for the test to mean anything.
    """

    pattern: str
    kinds: tuple[str, ...]
    test: Test
    needs: tuple[str, ...] = ()


class Narrowed(msgspec.Struct, frozen=True):
    """A condition as a question words it."""

    condition: Condition
    match: re.Match[str]
    negated: bool = False

    @property
    def words(self) -> str:
        """The words of the question."""
        return f"{'not ' if self.negated else ''}{self.match.group().strip()}"

    def is_about(self, resource: Resource) -> bool:
        """Whether objects of its kind can have the condition."""
        return not self.condition.kinds or resource.ref.kind in self.condition.kinds

    def test(self, asking: Asking, resource: Resource) -> str | None:
        """Why the object fits, or None."""
        found = self.condition.test(asking, resource, self.match)
        return found if not self.negated else "" if found is None else None


def _spec(said: str, test: Callable[[Resource], bool]) -> Test:
    return lambda _, resource, __: said if test(resource) else None


def _last_reason(*reasons: str) -> Test:
    def test(asking: Asking, resource: Resource, _: re.Match[str]) -> str | None:
        for container in asking.view.pod(resource).containers:
            if container.last_reason in reasons or container.reason in reasons:
                return f"container {container.name}: {container.last_reason or container.reason}"
        return reasons[0] if text(resource.status, "reason") in reasons else None

    return test


def _service_type(_: Asking, service: Resource, match: re.Match[str]) -> str | None:
    kind = text(service.spec, "type") or "ClusterIP"
    return f"type {kind}" if kind.lower() == match.group().lower().replace(" ", "").removesuffix("s") else None


def _qos(_: Asking, pod: Resource, match: re.Match[str]) -> str | None:
    quality = text(pod.status, "qosClass")
    return f"QoS {quality}" if quality.lower() == match.group().lower().replace(" ", "").replace("-", "") else None


def _blocks(_: Asking, budget: Resource, __: re.Match[str]) -> str | None:
    allowed = number(budget.status, "disruptionsAllowed")
    return None if allowed else f"allows 0 disruptions ({number(budget.status, 'currentHealthy')} healthy, {number(budget.status, 'desiredHealthy')} wanted)"  # fmt: skip


_N = r"(?:no|without|with no|lack\w*|missing|with zero|not? (?:any|set)|unset|(?:do|does|did)(?:n'?t| not) (?:have|set)|don'?t have)"
_H = r"(?:with|have|has|having|set|sets|define[sd]?)"
_WHAT = r"(?P<resource>cpu |memory |ram |gpu |resource |ephemeral[- ]storage )?(?P<section>limits?|requests?|(?:liveness|readiness|startup)(?: and readiness| or readiness)?(?: probes?)?|(?:health )?probes?|resources)"
_UNIT = r"(?P<amount>\d+) ?(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)"
_WORKLOADS = (*REPLICATED, *(kind for kind in TEMPLATED if kind not in REPLICATED))

CONDITIONS: tuple[Condition, ...] = tuple(
    Condition(pattern, kinds, test, needs)
    for pattern, kinds, test, needs in (
        (rf"\b{_N}(?: an?y?)? {_WHAT}(?:$|(?=\W))(?: set)?", _WORKLOADS, container_gap, ()),
        (rf"\b{_H}(?: an?)? {_WHAT}(?:$|(?=\W))(?: set)?", _WORKLOADS, container_setting, ()),
        (r"\bselect\w* (?:on |by |pods (?:with|labelled) )?(?P<key>[\w./-]+) ?= ?(?P<value>[\w.-]+)", ("Service", "NetworkPolicy", "PodDisruptionBudget"), selects_label, ()),
        (r"\btolerat\w*(?: (?:the|a|any|to))?(?: (?P<key>[\w./-]+))?(?: taints?)?", ("Pod", *(kind for kind in TEMPLATED if kind != "Pod")), tolerates_taint, ("Node",)),
        (r"\b(?:listen\w*|serv(?:es?|ing)|expos\w+|port|ports|open\w*|using|uses?)(?: on)?(?: port)? (?P<port>\d{2,5})\b", ("Service", "Pod", *REPLICATED), on_port, ()),
        (r"\b(?:fewer|less|not all|too few|missing)(?: of)?(?: their| its| the)?(?: ready| running)? (?:replicas?|pods|instances)(?: (?:than|ready|up|running).*)?|\bunder-?replicated\b|\bincomplete\b", REPLICATED, below_strength, ()),
        (r"\b(?:labels?|labelled|labeled|annotations?|annotated)\b[^=]*?(?P<key>[\w./-]+) ?[=:] ?(?P<value>[\w.-]+)", (), has_label, ()),
        (r"(?<!\S)(?P<key>[\w./-]+)=(?P<value>[\w.-]+)", (), has_label, ()),
        (r"\b(?:with(?: the)?|have(?: the)?|carry(?:ing)?(?: the)?) (?:label|annotation) (?P<key>[\w./-]+)", (), has_label, ()),
        (r"\b(?:in|of|from|on|at)(?: the)? (?:(?:zone|region|pool|rack|az|availability zone|arch(?:itecture)?|instance[- ]type) )?(?P<place>[\w.-]+)(?: (?:zone|region|pool|rack))?\b", ("Pod", "Node"), in_place, ("Node",)),
        (r"\b(?:without|no|with no) taints?\b|\buntainted\b", ("Node",), _spec("no taints", lambda n: not n.spec.get("taints")), ()),
        (r"\btaint(?:s|ed)?\b", ("Node",), lambda _, n, __: ", ".join(f"{text(t, 'key')}{'=' + text(t, 'value') if text(t, 'value') else ''}:{text(t, 'effect')}" for t in children(n.spec, "taints")) or None, ()),
        (r"\b(?:under )?(?P<what>disk|memory|pid)?[- ]?pressure\b", ("Node",), under_pressure, ()),
        (rf"\b(?:took|ran|running|lasted|takes?|run)?(?: for)? ?(?P<order>longer|shorter|more|less) than {_UNIT}\b", ("Job",), lasted, ()),
        (rf"\b(?P<order>older|younger|newer|less|more) than (?:an? )?{_UNIT}(?: old)?\b", (), age_of, ()),
        (rf"\b(?P<order>created|started|made|born) (?:in|within|during) (?:the )?(?:last|past) {_UNIT}\b", (), age_of, ()),
        (r"\b(?:zero|0|no|not a single) (?:ready|available|running|healthy) (?:replicas?|pods?|instances?)\b", REPLICATED, none_ready, ()),
        (r"\b(?:without|no|with no|empty of|hosting no|free of)(?: any)? (?:pods|workloads)\b|\bempty\b|\bidle\b", ("Node", "Namespace"), holds_no_pods, ("Pod",)),
        (r"\b(?:(?:exposed|reachable|accessible|visible|available|open)(?: to| from)?(?: the)? )?(?:outside(?: (?:of )?the cluster)?|external(?:ly)?|public(?:ly)?|(?:the )?internet|the world)\b|\bexposed\b", ("Service",), seen_outside, ()),
        (r"\b(?:scaled?|set) (?:down )?to (?:zero|0|nothing)\b|\b(?:zero|0|no) replicas\b", SCALED, _spec("0 replicas wanted", lambda r: replicas(r) == 0), ()),
        (r"\b(?:only |just )?(?:one|1|a single|single)[- ](?:replicas?|pods?|instances?|cop(?:y|ies))\b", SCALED, _spec("1 replica wanted", lambda r: replicas(r) == 1), ()),
        (r"\bheadless\b", ("Service",), _spec("headless", lambda s: text(s.spec, "clusterIP") == "None"), ()),
        (r"\b(?:node ?ports?|load ?balancers?|cluster ?ips?|external ?names?)\b", ("Service",), _service_type, ()),
        (rf"\b(?:{_N}|empty|zero|0)(?: any)?(?: ready)? (?:endpoints?|backends?|pods behind (?:it|them))\b", ("Service",), no_endpoints, ("EndpointSlice|Endpoints",)),
        (r"\bwithout (?:a )?selectors?\b|\bno selectors?\b", ("Service",), _spec("no selector", lambda s: not s.spec.get("selector")), ()),
        (r"\b(?:not |un)suspended\b", ("CronJob", "Job"), lambda a, r, m: None if is_suspended(a, r, m) else "not suspended", ()),
        (r"\b(?:suspended|paused)\b", ("CronJob", "Job", "Deployment"), is_suspended, ()),
        (r"\b(?:active|running|in progress|still running|unfinished)\b", ("Job",), _spec("active", lambda j: number(j.status, "active") > 0), ()),
        (r"\b(?:allow\w*|with|permit\w*) (?:no|zero|0)(?: \w+)? ?(?:disruptions?|evictions?)\b|\bblock\w*(?: (?:drains?|evictions?|disruptions?))?", ("PodDisruptionBudget",), _blocks, ()),
        (r"\b(?:with(?:out)?|have|has|having|no|use|uses|using|request\w*|need\w*|hold\w*|ask\w* for|on)(?: an?| any)? (?:gpus?|accelerators?)\b", ("Pod", "Node", *_WORKLOADS), asks_devices, ()),
        (r"\b(?P<order>more|less|fewer|over|under|at least|at most)(?: than)? (?P<amount>\d+) ?(?P<unit>gi?b?|g|mi?b?|ti?b?)?(?: of)? ?(?P<what>cpus?|cores?|memory|ram|gpus?|pods)\b", ("Node",), capacity_compared, ()),
        (r"\b(?:no|without(?: a)?|not (?:yet )?on(?: any| a)?) node\b|\b(?:not (?:yet )?|un)(?:scheduled|placed)\b|\bunschedulable\b", ("Pod",), _spec("on no node", lambda p: not text(p.spec, "nodeName") and text(p.status, "phase") not in ("Succeeded", "Failed")), ()),
        (r"\b(?:not (?:being )?|un)(?:used|referenced|mounted)(?: by any(?:one|thing|body)?)?\b|\b(?:nobody|no ?one|nothing) (?:uses|mounts|references)\b|\borphan\w*", ("ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount", "PersistentVolume"), unused, ("Pod",)),
        (r"\b(?:not |un)(?:allocated|reserved)\b", ("ResourceClaim",), _spec("not allocated", lambda c: not mapping(c.status, "allocation")), ()),
        (r"\b(?:without(?: an?)?|no|with no) (?:owners?|controllers?)\b|\b(?:bare|naked|standalone|unmanaged)\b", ("Pod",), is_bare, ()),
        (r"\b(?:without(?: an?y?)?|no|not (?:covered|protected|selected|guarded|restricted) by(?: an?y?)?|lack\w*(?: an?)?|with no) (?P<what>pdbs?|pod ?disruption ?budgets?|network ?polic(?:y|ies)|netpols?|hpas?|(?:horizontal pod )?autoscalers?|services?)\b(?: in front)?", (*REPLICATED, "Pod"), unprotected, ()),
        (r"\bprivileged\b", (*REPLICATED, "Pod"), lambda a, r, _: next((f"container {text(c, 'name')} is privileged" for c in children(a.view.template(r.ref), "containers") if dig(c, "securityContext", "privileged") is True), None), ()),
        (r"\bhost ?network\b", (*REPLICATED, "Pod"), lambda a, r, _: "hostNetwork" if a.view.template(r.ref).get("hostNetwork") is True else None, ()),
        (r"\bhost ?paths?\b", (*REPLICATED, "Pod"), lambda a, r, _: ", ".join(f"hostPath {text(v, 'hostPath', 'path')}" for v in children(a.view.template(r.ref), "volumes") if mapping(v, "hostPath")) or None, ()),
        (r"\bcontrol[- ]?planes?\b|\bmasters?\b", ("Node",), is_control_plane, ()),
        (r"\bworkers?(?= nodes?\b)|\bworkers\b", ("Node",), worker, ()),
        (r"\b(?:older |newer )?(?:kubelets?|versions?|on|running|run)? ?(?<![\d.])v?(?P<version>1\.\d+(?:\.\d+)?)(?![\d.])", ("Node",), runs_version, ()),
        (r"\b(?:can |could |able to )?(?:take|accept|schedule|receive)(?: new| more| other| any)? pods\b|\bschedulable\b", ("Node",), takes_pods, ()),
        (r"\brestart\w* more than (?P<amount>\d+)(?: times)?\b|\bmore than (?P<amount2>\d+) restarts\b", ("Pod",), restarted_more, ()),
        (r"\boom\w*(?:[- ]?killed)?\b|\bout of memory\b", ("Pod",), _last_reason("OOMKilled"), ()),
        (r"\bevicted\b", ("Pod",), _last_reason("Evicted"), ()),
        (r"\b(?:image ?pull ?back ?off|errimagepull|cannot pull|image pull)\b", ("Pod",), _last_reason("ImagePullBackOff", "ErrImagePull", "InvalidImageName"), ()),
        (r"\b(?:guaranteed|burstable|best[- ]?effort)\b", ("Pod",), _qos, ()),
        (r"\b(?P<phase>bound|released|lost|available|active|failed|succeeded)\b", ("PersistentVolume", "PersistentVolumeClaim", "Namespace"), with_phase, ()),
        (r"\bdefault\b", ("StorageClass", "IngressClass"), lambda _, r, __: "default class" if any(key.endswith("is-default-class") and value == "true" for key, value in r.annotations.items()) else None, ()),
        (r"\bfinalizers?\b", (), lambda _, r, __: ", ".join(str(one) for one in r.metadata.get("finalizers") or []) or None, ()),
        (r"\b(?:not (?:able to )?scal\w+|cannot scale|can't scale|inactive)\b", ("HorizontalPodAutoscaler",), lambda _, r, __: text(condition(r, "ScalingActive"), "reason") or "not active" if text(condition(r, "ScalingActive"), "status") == "False" else None, ()),
    )
)  # fmt: skip


_DENIED = re.compile(r"\b(?:not|never|cannot)\s+(?:be |been |any |have |a |an )?$")


def conditions_in(asking: Asking, lowered: str, kinds: tuple[str, ...]) -> Iterator[Narrowed]:
    """The conditions that a question words for these kinds (for any when none is named), each stretch of words once."""
    taken: list[tuple[int, int]] = []
    for condition_ in CONDITIONS:
        if kinds and condition_.kinds and not {one for kind in kinds for one in spread(kind)} & set(condition_.kinds):
            continue
        match = compiled(condition_.pattern).search(lowered)
        if match is None or any(start < match.end() and match.start() < end for start, end in taken):
            continue
        if condition_.test is in_place and not _is_place(asking, match["place"]):
            continue
        taken.append(match.span())
        yield Narrowed(condition_, match, negated=bool(_DENIED.search(lowered[: match.start()])))


def _is_place(asking: Asking, word: str) -> bool:
    """Whether some node has the word as the value of a label that says where or what it is, and nothing is named so."""
    return any(
        str(value).lower() == word and key not in ("kubernetes.io/hostname", "kubernetes.io/os")
        for node in asking.graph.of_kind("Node")
        for key, value in node.labels.items()
    )
