"""Which logs a diagnosis would want, before it is made: those of containers in trouble, a few for each workload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from copilot.diagnosis.view import View
from copilot.model import Ref
from retrievers.graph import ResourceGraph

PODS_PER_OWNER = 2  # replicas of one workload fail alike
MAX_LOGS = 60  # requests: each is a round trip to a kubelet


def wanted_logs(graph: ResourceGraph) -> list[tuple[str, str, str, bool]]:
    """(namespace, pod, container, previous) of every log worth asking for, without those already there."""
    return list(dict.fromkeys(_wanted(View(graph))))[:MAX_LOGS]


def _wanted(view: View) -> Iterator[tuple[str, str, str, bool]]:
    taken: Counter[Ref] = Counter()
    for pod in view.placed:
        if taken[pod.owner] >= PODS_PER_OWNER or view.superseded(pod):
            continue
        taken[pod.owner] += 1
        blocking = pod.blocking_init()
        for container in pod.containers:
            if blocking is not None and container is not blocking:
                continue
            if container.state == "" or (container.state == "waiting" and container.exit_code is None):
                continue
            if view.graph.logs(pod.ref, container.name):
                continue
            if container.restarts and not container.init:
                yield (pod.ref.namespace, pod.ref.name, container.name, True)
            yield (pod.ref.namespace, pod.ref.name, container.name, False)
