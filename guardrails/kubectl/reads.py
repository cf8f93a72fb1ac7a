"""The commands that only look: what each takes, and what it becomes. Every request of theirs is a GET, or asks for a review.

Promise: none of them reads a Secret, opens a file, or reaches into a running container.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from guardrails.kubectl import values
from guardrails.kubectl.commands import Predicted, ReadCommand
from guardrails.kubectl.described import described
from guardrails.kubectl.grammar import Line
from guardrails.kubectl.kinds import ANY, WORKLOADS, KubeKind, kind_of, known, metrics
from guardrails.kubectl.objects import Named, Place, checked_name, objects_of, place_of, reading
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.kubectl.values import Reader

_AUTHORIZATION = "/apis/authorization.k8s.io/v1"
_CAN_VERBS = re.compile(r"[a-z]{2,40}|\*")
_URL_PATH = re.compile(r"/[A-Za-z0-9._/*-]{0,200}")
_FOR = re.compile(
    r"delete|create|condition=[A-Za-z0-9./-]{1,100}(=[A-Za-z0-9]{1,40})?|jsonpath='?\{[][A-Za-z0-9_.*@()?='\"]{1,200}\}'?(=[A-Za-z0-9_.-]{1,80})?",
    re.IGNORECASE,
)
_LOGGED = frozenset(
    {
        "Pod",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "Service",
        "ReplicationController",
    }
)


def _event_subject(value: str) -> str:
    kind, slash, name = value.partition("/")
    if not slash:
        return f"'{value[:80]}' is not KIND/NAME"
    try:
        kind_of(kind)
    except KubectlRefused as refused:
        return refused.reason
    return values.loose_name(name)


LISTING: Mapping[str, Reader] = {
    "all-namespaces": values.switch, "selector": values.selector, "field-selector": values.field_selector,
    "chunk-size": values.count, "no-headers": values.switch,
}  # fmt: skip
GET: Mapping[str, Reader] = {
    **LISTING, "output": values.get_output, "watch": values.switch, "watch-only": values.switch,
    "output-watch-events": values.switch, "show-labels": values.switch, "show-kind": values.switch,
    "label-columns": values.label_keys, "sort-by": values.sort_key, "ignore-not-found": values.switch,
    "server-print": values.switch, "show-managed-fields": values.switch,
    "allow-missing-template-keys": values.switch, "subresource": values.one_of("status", "scale", "resize"),
}  # fmt: skip
DESCRIBE: Mapping[str, Reader] = {
    "all-namespaces": values.switch, "selector": values.selector, "show-events": values.switch,
    "chunk-size": values.count,
}  # fmt: skip
LOGS: Mapping[str, Reader] = {
    "container": values.name, "previous": values.switch, "follow": values.switch, "tail": values.whole(-1, 10**9),
    "since": values.duration, "since-time": values.time, "timestamps": values.switch, "prefix": values.switch,
    "all-containers": values.switch, "all-pods": values.switch, "selector": values.selector,
    "limit-bytes": values.count, "max-log-requests": values.whole(1, 1000), "ignore-errors": values.switch,
    "pod-running-timeout": values.duration,
}  # fmt: skip
TOP_POD: Mapping[str, Reader] = {
    "all-namespaces": values.switch, "selector": values.selector, "field-selector": values.field_selector,
    "containers": values.switch, "no-headers": values.switch, "sort-by": values.one_of("cpu", "memory"),
    "sum": values.switch, "show-swap": values.switch, "use-protocol-buffers": values.switch,
}  # fmt: skip
TOP_NODE: Mapping[str, Reader] = {
    "selector": values.selector, "no-headers": values.switch, "sort-by": values.one_of("cpu", "memory"),
    "show-capacity": values.switch, "show-swap": values.switch, "use-protocol-buffers": values.switch,
}  # fmt: skip
EVENTS: Mapping[str, Reader] = {
    "all-namespaces": values.switch, "for": _event_subject, "types": values.list_of(
        values.one_of("Normal", "Warning")), "watch": values.switch, "output": values.structured,
    "no-headers": values.switch, "chunk-size": values.count,
}  # fmt: skip
EXPLAIN: Mapping[str, Reader] = {
    "recursive": values.switch, "api-version": values.api_version,
    "output": values.one_of("plaintext", "plaintext-openapiv2"), "max-depth": values.count,
}  # fmt: skip
API_RESOURCES: Mapping[str, Reader] = {
    "namespaced": values.switch, "api-group": lambda value: values.name(value) if value else "",
    "verbs": values.list_of(values.matches(_CAN_VERBS, "a verb")), "no-headers": values.switch,
    "categories": values.list_of(values.name), "cached": values.switch,
    "sort-by": values.one_of("name", "kind"), "output": values.output("wide", "name", "json", "yaml"),
}  # fmt: skip
STATUS: Mapping[str, Reader] = {
    "watch": values.switch, "timeout": values.duration, "revision": values.count, "selector": values.selector,
}  # fmt: skip
HISTORY: Mapping[str, Reader] = {
    "revision": values.count, "selector": values.selector, "output": values.structured,
}  # fmt: skip
WAIT: Mapping[str, Reader] = {
    "for": values.matches(_FOR, "a condition to wait for, such as condition=Ready"), "timeout": values.duration,
    "all": values.switch, "all-namespaces": values.switch, "selector": values.selector,
    "field-selector": values.field_selector, "output": values.structured,
}  # fmt: skip
CAN_I: Mapping[str, Reader] = {
    "list": values.switch, "quiet": values.switch, "no-headers": values.switch, "all-namespaces": values.switch,
    "subresource": values.name,
}  # fmt: skip
WHOAMI: Mapping[str, Reader] = {"output": values.structured}
VERSION: Mapping[str, Reader] = {"client": values.switch, "output": values.one_of("json", "yaml")}


def get(line: Line) -> ReadCommand:
    """`get`: lists and objects as they are."""
    found = objects_of(line.arguments, takes_all=True)
    place = place_of(line)
    _names_or_selectors(line, found)
    subresource = line.value("subresource")
    paths: list[str] = []
    for each in found:
        for root in place.roots(each.kind):
            if each.name is None or line.on("watch") or line.on("watch-only"):
                paths.append(root)
            if each.name is not None:
                paths.append(f"{root}/{each.name}")
                paths += [f"{root}/{each.name}/{subresource}"] if subresource else []
    return _read(line, found, paths)


def describe(line: Line) -> ReadCommand:
    """`describe`: objects and what hangs on them."""
    found = objects_of(line.arguments)
    _names_or_selectors(line, found)
    place = place_of(line)
    paths = [path for each in found for path in described(each, place)]
    return _read(line, found, paths)


def logs(line: Line) -> ReadCommand:
    """`logs`: what containers wrote."""
    place, pods = place_of(line), known("Pod")
    root = next(place.roots(pods))
    if line.value("selector") is not None:
        if line.arguments:
            raise KubectlRefused("logs takes a selector or a name, not both")
        return _read(line, (Named(pods),), [root, f"{root}/{ANY}", f"{root}/{ANY}/log"])
    if not line.arguments or len(line.arguments) > 2:
        raise KubectlRefused("logs is for one pod or workload, by its name")
    target = _logged(line.arguments[0])
    if len(line.arguments) == 2:
        checked_name(line.arguments[1])
    if target.kind.kind == "Pod":
        own = f"{root}/{target.name}"
        return _read(line, (target,), [own, f"{own}/log"])
    paths = [f"{where}/{target.name}" for where in place.roots(target.kind)]
    return _read(line, (target,), [*paths, root, f"{root}/{ANY}", f"{root}/{ANY}/log"])


def top_pod(line: Line) -> ReadCommand:
    """`top pod`: usage of pods."""
    return _top(line, known("Pod"), place_of(line))


def top_node(line: Line) -> ReadCommand:
    """`top node`: usage of nodes."""
    return _top(line, known("Node"), Place())


def events(line: Line) -> ReadCommand:
    """`events`: the events, or those of one object."""
    _no_arguments(line)
    place = place_of(line)
    paths = list(place.roots(known("Event")))
    subject = line.value("for")
    found: tuple[Named, ...] = ()
    if subject is not None:
        kind, _, name = subject.partition("/")
        found = (Named(kind_of(kind), checked_name(name)),)
        paths += [f"{root}/{name}" for root in place.roots(found[0].kind)]
    return _read(line, found or (Named(known("Event")),), paths)


def explain(line: Line) -> ReadCommand:
    """`explain`: the documentation of a kind."""
    if len(line.arguments) != 1 or not re.fullmatch(r"[A-Za-z][A-Za-z0-9.-]{0,250}", line.arguments[0]):
        raise KubectlRefused("explain is for one kind or field, such as pod.spec.containers")
    return ReadCommand(verb=line.command.path, names=line.arguments)


def nothing(line: Line) -> ReadCommand:
    """`version`, `api-resources`, `api-versions`: only what the server says of itself."""
    _no_arguments(line)
    return ReadCommand(verb=line.command.path)


def cluster_info(line: Line) -> ReadCommand:
    """`cluster-info`: the addresses of the cluster's own services."""
    _no_arguments(line)
    where = line.value("namespace") or "kube-system"
    roots = Place(where).roots(known("Service"))
    return ReadCommand(verb=line.command.path, kinds=("Service",), namespace=where, requests=reading(*roots))


def status(line: Line) -> ReadCommand:
    """`rollout status`: follows a rollout."""
    return _rollout(line, [])


def history(line: Line) -> ReadCommand:
    """`rollout history`: the revisions."""
    behind = [known(kind) for kind in ("ReplicaSet", "ControllerRevision", "Pod")]
    return _rollout(line, behind)


def wait(line: Line) -> ReadCommand:
    """`wait`: looks until a condition holds."""
    if line.value("for") is None:
        raise KubectlRefused("wait needs --for", "kubectl wait --for=condition=Ready pod/NAME --timeout=60s")
    found = objects_of(line.arguments)
    if all(each.name is None for each in found) and not (
        line.on("all") or line.value("selector") or line.value("field-selector")
    ):
        raise KubectlRefused("wait needs a name, a selector or --all")
    _names_or_selectors(line, found)
    place = place_of(line)
    paths: list[str] = []
    for each in found:
        paths += [*place.roots(each.kind), *place.item_roots(each.kind)]
        paths += [f"{root}/{each.name or ANY}" for root in place.item_roots(each.kind)]
    return _read(line, found, paths)


def can_i(line: Line) -> ReadCommand:
    """`auth can-i`: what one may do. Only about oneself: the flags that ask for others are not taken."""
    if line.on("list"):
        _no_arguments(line)
        return _review(line, f"{_AUTHORIZATION}/selfsubjectrulesreviews")
    if not 2 <= len(line.arguments) <= 3 or not _CAN_VERBS.fullmatch(line.arguments[0]):
        raise KubectlRefused("auth can-i asks about one verb and one kind", "kubectl auth can-i create deployments")
    _, what, *name = line.arguments
    if not (_URL_PATH.fullmatch(what) or re.fullmatch(r"\*|[A-Za-z][A-Za-z0-9.-]*(/[A-Za-z0-9.:-]+)?", what)):
        raise KubectlRefused(f"'{what[:80]}' is no kind to ask about")
    for word in name:
        checked_name(word)
    return _review(line, f"{_AUTHORIZATION}/selfsubjectaccessreviews")


def whoami(line: Line) -> ReadCommand:
    """`auth whoami`: who the cluster takes one for."""
    _no_arguments(line)
    return _review(line, f"/apis/authentication.k8s.io/{ANY}/selfsubjectreviews")


def _read(line: Line, found: tuple[Named, ...], paths: list[str]) -> ReadCommand:
    return ReadCommand(
        verb=line.command.path,
        kinds=tuple(dict.fromkeys(each.kind.title for each in found)),
        names=tuple(dict.fromkeys(each.name for each in found if each.name is not None)),
        namespace=line.value("namespace"),
        all_namespaces=line.on("all-namespaces"),
        selector=line.value("selector"),
        requests=reading(*paths),
    )


def _review(line: Line, path: str) -> ReadCommand:
    return ReadCommand(verb=line.command.path, names=line.arguments, namespace=line.value("namespace"),
                       requests=(Predicted("POST", path),))  # fmt: skip


def _names_or_selectors(line: Line, found: tuple[Named, ...]) -> None:
    """As in kubectl: a name goes with neither a selector nor all namespaces."""
    if all(each.name is None for each in found):
        return
    for flag in ("selector", "field-selector", "all"):
        if line.value(flag) is not None:
            raise KubectlRefused(f"a name and --{flag} exclude each other")
    if line.on("all-namespaces") and any(each.kind.namespaced is not False for each in found):
        raise KubectlRefused("an object is not named across all namespaces; name its namespace with -n")


def _no_arguments(line: Line) -> None:
    if line.arguments:
        raise KubectlRefused(f"kubectl {line.command.path} takes no arguments")


def _logged(word: str) -> Named:
    if "/" not in word:
        return Named(known("Pod"), checked_name(word))
    (found,) = objects_of([word])
    if found.kind.kind not in _LOGGED or not found.kind.known:
        raise KubectlRefused(f"a {found.kind.title} writes no logs; name a pod or a workload")
    return found


def _top(line: Line, kind: KubeKind, place: Place) -> ReadCommand:
    if len(line.arguments) > 1:
        raise KubectlRefused("top takes one name at most")
    names = [checked_name(word) for word in line.arguments]
    found = tuple(Named(kind, name) for name in names) or (Named(kind),)
    _names_or_selectors(line, found)
    usage = metrics(kind.plural)
    paths = []
    for each in (usage, kind):
        for root in place.roots(each):
            paths += [f"{root}/{name}" for name in names] or [root]
    return _read(line, found, paths)


def _rollout(line: Line, behind: list[KubeKind]) -> ReadCommand:
    found = objects_of(line.arguments)
    for each in found:
        if each.kind.kind not in WORKLOADS or not each.kind.known:
            raise KubectlRefused(f"a {each.kind.title} has no rollout; it is for {', '.join(sorted(WORKLOADS))}")
    _names_or_selectors(line, found)
    place = place_of(line)
    paths: list[str] = []
    for each in found:
        for root in place.roots(each.kind):
            paths += [root, f"{root}/{each.name or ANY}"]
    for kind in behind:
        paths += place.roots(kind)
    return _read(line, found, paths)
