"""Makes command lines: every command of kubectl with its flags in every way of writing them, from a seed.

Half of the flags come from kubectl's own grammar, not from what is accepted, so that what should be refused is tried too.
"""

import random
from collections.abc import Callable, Iterator

from copilot.model.kinds import BUILT_IN
from guardrails.kubectl.grammar import Flag, grammar
from guardrails.kubectl.verbs import VERBS

_NAMES = ("web", "web-1", "n1", "paused-1", "db-0", "a.b.example", "system:node", "x" * 60)
_NAMESPACES = ("shop", "prod", "kube-system", "default", "team-a")
_WORKLOADS = ("deploy", "deployment", "deployments", "deployments.apps", "deployment.v1.apps", "sts", "statefulset", "ds",
              "daemonset.apps", "rs", "replicaset", "rc", "Deployment")  # fmt: skip
_CUSTOM = ("certificates.cert-manager.io", "cert", "applications.argoproj.io", "widgets.example.com", "widgets.v1.example.com",
           "clusterissuers", "app", "events.events.k8s.io", "pods.metrics.k8s.io", "rollouts")  # fmt: skip
_WORDS = tuple(word for kind in BUILT_IN if not kind.add_on for word in kind.names) + _CUSTOM
_COMMON = (
    "pods",
    "po",
    "pod",
    "deploy",
    "svc",
    "nodes",
    "cm",
    "jobs",
    "cronjobs",
    "ing",
    "pvc",
    "hpa",
    "events",
    "sa",
    "ns",
)
_SELECTORS = ("app=web", "app==web,tier!=x", "app in (a, b)", "!old", "app", "app notin (c)")
_VALUES: dict[str, tuple[str, ...]] = {
    "namespace": _NAMESPACES, "selector": _SELECTORS, "pod-selector": _SELECTORS,
    "field-selector": ("metadata.name=web", "status.phase!=Running", "spec.nodeName=n1"),
    "output": ("yaml", "json", "wide", "name", "jsonpath={.metadata.name}", "jsonpath={.items[*].metadata.name}",
               "custom-columns=A:.metadata.name,B:.spec.nodeName", "go-template={{.metadata.name}}", "custom-columns-file=x"),
    "sort-by": (".metadata.name", "cpu", "memory", "{.metadata.creationTimestamp}", "name"),
    "replicas": ("0", "1", "5"), "to-revision": ("1", "2"), "revision": ("1", "2"), "tail": ("-1", "5"),
    "since": ("1h", "5m30s"), "since-time": ("2026-01-02T03:04:05Z",), "timeout": ("1s", "2s", "0s"), "request-timeout": ("5s", "0"),
    "for": ("condition=Ready", "condition=Available=True", "delete", "jsonpath={.status.phase}=Running", "pod/web", "deploy/web",
            "create", "condition=Complete"),
    "types": ("Normal", "Warning,Normal"), "container": ("web",), "containers": ("web", "web,side"), "chunk-size": ("0", "1", "500"),
    "label-columns": ("app", "app,tier"), "subresource": ("status", "scale", "log"), "limits": ("cpu=1,memory=1Gi", "memory=64Mi"),
    "requests": ("cpu=100m",), "type": ("merge", "json", "strategic"), "grace-period": ("30", "1", "0", "-1"),
    "cascade": ("background", "foreground", "orphan", "false"), "from": ("cronjob/web", "cj/web", "cronjob.batch/web", "job/web"),
    "api-group": ("apps", ""), "verbs": ("list", "list,watch"), "categories": ("all",), "api-version": ("apps/v1", "v1"),
    "max-log-requests": ("5",), "limit-bytes": ("100",), "max-depth": ("2",), "pod-running-timeout": ("1s",), "dry-run": ("client", "server", "none"),
    "current-replicas": ("2",), "resource-version": ("7",), "field-manager": ("me",), "filename": ("x.yaml",), "as": ("root",),
    "server": ("127.0.0.1:1",), "user": ("me",), "token": ("t",), "context": ("here",), "template": ("{{.}}",),
    "patch": ('{"spec":{"replicas":3}}', '{"spec":{"minReadySeconds":5}}', '{"metadata":{"labels":{"a":"b"}}}',
              '{"metadata":{"annotations":{"a":"b"}}}', '{"spec":{"suspend":true}}', '{"spec":{"paused":true}}', '{"spec":{"unschedulable":true}}',
              '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"r.example/web:2"}]}}}}', '{"data":{"key":"new"}}',
              '[{"op":"replace","path":"/spec/replicas","value":4}]', '{"spec":{"minAvailable":2}}', '{"spec":{"maxReplicas":9}}'),
}  # fmt: skip

Picker = random.Random


def lines(seed: int) -> Iterator[tuple[str, ...]]:
    """Command lines without end, the same for the same seed."""
    pick = random.Random(seed)
    taken, others = sorted(VERBS), sorted(set(grammar().commands) - set(VERBS))
    while True:
        path = pick.choice(others) if pick.random() < 0.04 else pick.choice(taken)
        yield _line(pick, path)


def _line(pick: Picker, path: str) -> tuple[str, ...]:
    arguments = _ARGUMENTS.get(path, _read_objects)(pick)
    flags = [flag for flag in _flags(pick, path) for flag in [_written(pick, flag)]]
    early = (
        [["-n", pick.choice(_NAMESPACES)]]
        if pick.random() < 0.05 and not any(one[0].startswith(("-n", "--namespace")) for one in flags)
        else []
    )
    tail = [[word] for word in arguments]
    for flag in flags:
        tail.insert(pick.randint(0, len(tail)), flag)
    return (
        "kubectl",
        *(word for one in early for word in one),
        *path.split(" "),
        *(word for one in tail for word in one),
    )


def _flags(pick: Picker, path: str) -> list[Flag]:
    command, verb = grammar().commands[path], VERBS.get(path)
    always = {"scale": ["replicas"], "patch": ["patch"], "wait": ["for", "timeout"], "create job": ["from"],
              "set resources": ["limits"], "rollout status": ["timeout"], "drain": ["timeout"]}.get(path, [])  # fmt: skip
    names = [name for name in always if pick.random() < 0.97]
    own = sorted([*verb.flags, "namespace"]) if verb else sorted(command.flags)
    for _ in range(pick.choice((0, 0, 1, 1, 2, 3))):
        pool = own if pick.random() < 0.93 else sorted(command.flags)
        names.append(pick.choice(pool))
    chosen = dict.fromkeys(names) if pick.random() < 0.98 else names
    return [command.flags[name] for name in chosen if name in command.flags]


def _written(pick: Picker, flag: Flag) -> list[str]:
    name = f"-{flag.short}" if flag.short and pick.random() < 0.5 else f"--{flag.name}"
    if not flag.needs_value:
        if flag.takes == "optional" and pick.random() < 0.5:
            return [f"--{flag.name}={pick.choice(_VALUES.get(flag.name, ('true',)))}"]
        return [pick.choice((name, name, name, f"--{flag.name}=true", f"--{flag.name}=false"))]
    value = pick.choice(_VALUES.get(flag.name, ("x", "1")))
    if len(name) == 2:
        return pick.choice(([name, value], [f"{name}{value}"], [f"{name}={value}"])) if value else [f"--{flag.name}="]
    return pick.choice(([name, value], [f"{name}={value}"]))


def _name(pick: Picker) -> str:
    return pick.choice(_NAMES) if pick.random() < 0.5 else "web"


def _kind(pick: Picker) -> str:
    return pick.choice(_COMMON) if pick.random() < 0.4 else pick.choice(_WORDS)


def _read_objects(pick: Picker) -> list[str]:
    match pick.randint(0, 9):
        case 0 | 1 | 2:
            return [_kind(pick)]
        case 3 | 4:
            return [_kind(pick), _name(pick)]
        case 5:
            return [f"{_kind(pick)}/{_name(pick)}"]
        case 6:
            return [f"{_kind(pick)},{_kind(pick)}"]
        case 7:
            return [f"{_kind(pick)}/{_name(pick)}", f"{_kind(pick)}/{_name(pick)}"]
        case 8:
            return [_kind(pick), _name(pick), _name(pick)]
        case _:
            return pick.choice((["all"], [f"{_kind(pick)}/{_name(pick)}", "x"], []))


def _one(pool: tuple[str, ...], other: float = 0.15) -> Callable[[Picker], list[str]]:
    def build(pick: Picker) -> list[str]:
        kind = pick.choice(_WORDS) if pick.random() < other else pick.choice(pool)
        name = _name(pick)
        made = [f"{kind}/{name}"] if pick.random() < 0.5 else [kind, name]
        return [*made, "web-2"] if pick.random() < 0.03 else made

    return build


def _and(build: Callable[[Picker], list[str]], *pools: str) -> Callable[[Picker], list[str]]:
    def both(pick: Picker) -> list[str]:
        return [*build(pick), *dict.fromkeys(pick.choice(pools) for _ in range(pick.choice((1, 1, 2))))]

    return both


def _plain(*choices: tuple[str, ...]) -> Callable[[Picker], list[str]]:
    return lambda pick: list(pick.choice(choices))


def _node(pick: Picker) -> list[str]:
    return [pick.choice(("n1", "n1", "n1", "node/n1", "no/n1", "web", "pod/web", "n1"))]


_TEMPLATED = (*_WORKLOADS, "cronjob", "cj", "job", "pod")
_ARGUMENTS: dict[str, Callable[[Picker], list[str]]] = {
    "logs": lambda pick: pick.choice(([_name(pick)], [f"{pick.choice((*_WORKLOADS, 'job', 'svc', 'pod'))}/{_name(pick)}"], [_name(pick), "web"], [])),
    "top pod": lambda pick: pick.choice(([], [_name(pick)])), "top node": lambda pick: pick.choice(([], ["n1"])),
    "events": _plain(()), "version": _plain(()), "api-resources": _plain(()), "api-versions": _plain(()), "cluster-info": _plain(()),
    "explain": _plain(("pod.spec",), ("deploy",), ("certificates.spec",), ("pods", "x")),
    "auth whoami": _plain(()), "auth can-i": _plain(("get", "pods"), ("create", "deployments.apps"), ("*", "*"), ("get", "/healthz"),
                                                    ("delete", "pods", "web"), ("get", "pods/log"), ()),
    "rollout status": _one(_WORKLOADS), "rollout history": _one(_WORKLOADS), "rollout restart": _one(_WORKLOADS),
    "rollout undo": _one(_WORKLOADS), "rollout pause": _one(("deploy", "deployments.apps")), "rollout resume": lambda pick: [f"deploy/{pick.choice(('paused-1', 'web'))}"],
    "scale": _one(_WORKLOADS), "set image": _and(_one(_TEMPLATED), "web=r.example/web:2", "web=nginx", "*=nginx", "side=a:1"),
    "set env": _and(_one(_TEMPLATED), "A=b", "OLD-", "A=", "LONG=a b c", "B={x}"), "set resources": _one(_TEMPLATED),
    "patch": _one((*_TEMPLATED, "cm", "hpa", "pdb", "svc", "nodes"), 0.05), "label": _and(_one(_COMMON), "a=b", "old-", "app=x", "example.com/k=v"),
    "annotate": _and(_one(_COMMON), "a=b", "note-", "a=some words", "example.com/k=v"), "cordon": _node, "uncordon": _node, "drain": _node,
    "taint": lambda pick: ["nodes", "n1", *dict.fromkeys(pick.choice(("a=b:NoSchedule", "old-", "old:NoSchedule-", "c:NoExecute", "d=:PreferNoSchedule")) for _ in range(2))],
    "delete": _one((*_WORKLOADS, "pod", "po", "pod", "job", "cronjob", "cm", "svc", "ing", "hpa", "pdb", "pvc", "netpol")),
    "create job": lambda pick: [_name(pick)],
}  # fmt: skip
