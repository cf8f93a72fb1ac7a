"""Plays scenarios on a test bed: what stood before, made old; the steps; and clearing up.

Promise: every change is a request to the API server, except making things old, which `ageing` does; no fixed waits.
"""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import assert_never

from tests.live.testbed.cluster import Cluster, KubectlError
from tests.live.testbed.errors import TestbedError

from .ageing import EXTRA, make_old
from .scenario import Apply, Kubectl, NodeFails, Object, Scenario, Seen, Step, TimePasses

SETTLES_WITHIN = 120.0  # seconds, on a machine that is busy with other things
_PLACE = re.compile(r"\{(pod|node):([^/}]+)/([^}]+)\}")


@contextmanager
def played(scenario: Scenario, cluster: Cluster) -> Iterator[None]:
    """The scenario at the moment when its failure shows; cleared away afterwards."""
    try:
        begin(scenario, cluster)
        for step in scenario.steps:
            take(step, cluster, scenario.namespaces)
        until_logs_are_served(scenario, cluster)
        if scenario.truth.object and scenario.lasts:
            take(TimePasses(scenario.lasts), cluster, scenario.namespaces)
        yield
    finally:
        clear(scenario, cluster)


def begin(scenario: Scenario, cluster: Cluster) -> None:
    """Create what stood before, wait until it is well, and make it old."""
    stand_by(scenario, cluster)
    for step in scenario.seed:
        take(step, cluster, scenario.namespaces)
    make_old(cluster, scenario.namespaces, scenario.age)


def stand_by(scenario: Scenario, cluster: Cluster) -> None:
    """Create what stood before, and wait until it is well."""
    for name, lines in scenario.logs.items():
        cluster.add_log(name, lines)
    named = {thing["metadata"]["name"] for thing in scenario.before if thing["kind"] == "Namespace"}
    cluster.apply(*(thing for thing in scenario.before if thing["kind"] == "Namespace"), *_namespaces(scenario, named))
    for namespace in scenario.namespaces:
        cluster.wait_for_accounts(namespace)
    rest = [thing for thing in scenario.before if thing["kind"] != "Namespace"]
    if rest:
        cluster.apply(*rest)
    for thing in rest:
        _until_well(thing, cluster)


def _namespaces(scenario: Scenario, named: set[str]) -> list[Object]:
    wanted = [name for name in scenario.namespaces if name not in named]
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in wanted]


def take(step: Step, cluster: Cluster, namespaces: tuple[str, ...]) -> None:
    """Take one step; raises TestbedError where it does not go as the scenario says."""
    match step:
        case Apply(objects):
            cluster.apply(*objects)
        case Kubectl():
            _run(step, cluster)
        case Seen(command, pattern, within):
            look = re.compile(pattern, re.MULTILINE)
            cluster.wait_for(lambda: look.search(say(command, cluster)), within, f"kubectl {command}: {pattern}")
        case NodeFails(name, failure, message):
            cluster.fail_node(name, failure, message or None)
        case TimePasses(by):
            make_old(cluster, namespaces, by, keep_events=True)
        case _:
            assert_never(step)


def until_logs_are_served(scenario: Scenario, cluster: Cluster) -> None:
    """Wait until every container that has run and names a log of the scenario answers with it.

    A pod shows its failure before the simulated kubelet has learned where its log lies, and some failures are explained by
    nothing but their log.
    """
    for namespace in scenario.namespaces if scenario.logs else ():
        cluster.wait_for(lambda space=namespace: _serves_logs(space, cluster), what=f"logs of {namespace}")  # type: ignore[misc]


def _serves_logs(namespace: str, cluster: Cluster) -> bool:
    pods = cluster.get("pods", "-n", namespace)["items"]
    return all(
        cluster.kubectl("logs", pod["metadata"]["name"], "-c", container, "-n", namespace, "--tail=1")
        for pod in pods
        for container in _telling(pod)
    )


def _telling(pod: Object) -> Iterator[str]:
    """The containers of a pod that have run and name a log of their own."""
    marks = pod["metadata"].get("annotations", {})
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in pod["status"].get(key, []):
            ran = {"running", "terminated"} & {*status["state"], *status.get("lastState", {})}
            own = f"testbed/logs.{status['name']}" in marks or (key == "containerStatuses" and "testbed/logs" in marks)
            if ran and own:
                yield status["name"]


def say(command: str, cluster: Cluster) -> str:
    """What kubectl prints."""
    return cluster.kubectl(*shlex.split(with_names(command, cluster)))


def with_names(command: str, cluster: Cluster) -> str:
    """The command with real names of pods and nodes in it, and the time of now."""
    command = command.replace("{now}", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    return _PLACE.sub(lambda match: _name_of(match[1], _pod(match[2], match[3], cluster)), command)


def _name_of(what: str, pod: Object) -> str:
    return str(pod["spec"]["nodeName"] if what == "node" else pod["metadata"]["name"])


def _pod(namespace: str, app: str, cluster: Cluster) -> Object:
    items: list[Object] = cluster.get("pods", "-n", namespace, "-l", f"app={app}")["items"]
    if not items:
        raise TestbedError(f"no pod of {app} in {namespace}", f"kubectl get pods -n {namespace} --show-labels")

    def rank(item: Object) -> tuple[bool, str]:
        conditions = {each["type"]: each["status"] for each in item["status"].get("conditions", [])}
        return conditions.get("Ready") == "True", item["metadata"]["name"]

    return min(items, key=rank)


def _run(step: Kubectl, cluster: Cluster) -> None:
    words = shlex.split(with_names(step.command, cluster))

    def refusal() -> str:
        try:
            cluster.kubectl(*words, input=step.stdin or None)
        except KubectlError as error:
            return error.stderr.strip()
        return ""

    answer = cluster.wait_for(refusal, what=f"refusal of {step.command}") if step.until_refused else refusal()
    if bool(answer) != bool(step.refused) or not re.search(step.refused, answer):
        raise TestbedError(f"kubectl {step.command}: {answer or 'was not refused'}", "mend the scenario")


def _until_well(thing: Object, cluster: Cluster) -> None:
    name, namespace = thing["metadata"]["name"], thing["metadata"].get("namespace", "")
    limit = f"--timeout={SETTLES_WITHIN:.0f}s"
    match thing["kind"]:
        case "Deployment" | "StatefulSet" | "DaemonSet" as kind:
            cluster.kubectl("rollout", "status", f"{kind}/{name}", "-n", namespace, limit)
        case "Job":
            cluster.kubectl("wait", "--for=condition=Complete", f"job/{name}", "-n", namespace, limit)
        case "PersistentVolumeClaim":
            cluster.wait_for(lambda: cluster.get("pvc", name, "-n", namespace)["status"].get("phase"), what=name)
        case "Node":
            cluster.wait_for(lambda: _ready(cluster, name), what=name)
        case _:
            return


def clear(scenario: Scenario, cluster: Cluster) -> None:
    """Heal nodes and delete everything of the scenario; returns when it is gone."""
    _heal_nodes(cluster)
    clear_namespaces(scenario, cluster)
    cluster.kubectl("delete", "events", "--all", "-n", "default")


def clear_namespaces(scenario: Scenario, cluster: Cluster, *, wait: bool = True) -> None:
    """Delete the objects of the scenario and its namespaces; with `wait`, returns when they are gone."""
    _delete_cluster_scoped(scenario, cluster)
    for namespace in scenario.namespaces:
        _free(namespace, cluster)
    if scenario.namespaces:
        cluster.kubectl(
            "delete",
            "namespace",
            *scenario.namespaces,
            "--ignore-not-found",
            "--timeout=90s",
            f"--wait={str(wait).lower()}",
        )


def _heal_nodes(cluster: Cluster) -> None:
    """Put back what scenarios do to nodes: failures, cordons, taints, labels, capacity."""
    for node in cluster.get("nodes")["items"]:
        name, annotations = node["metadata"]["name"], node["metadata"].get("annotations", {})
        if "testbed/node-failure" in annotations:
            cluster.heal_node(name)
            cluster.wait_for(lambda name=name: _ready(cluster, name), what=f"{name} healed")  # type: ignore[misc]
        if EXTRA in annotations:
            cluster.kubectl("delete", "node", name)
            continue
        marks = [key for key in node["metadata"]["labels"] if key.startswith("corp.io/")]
        if marks:
            cluster.kubectl("label", "node", name, *(f"{key}-" for key in marks))
        taints = [each for each in node["spec"].get("taints", []) if each["key"].startswith("corp.io/")]
        for taint in taints:
            cluster.kubectl("taint", "node", name, f"{taint['key']}-")
        if node["spec"].get("unschedulable"):
            cluster.kubectl("uncordon", name)


def _ready(cluster: Cluster, name: str) -> bool:
    node = cluster.get("node", name)
    conditions = {each["type"]: each["status"] for each in node["status"]["conditions"]}
    return conditions.get("Ready") == "True" and not [
        taint for taint in node["spec"].get("taints", []) if taint["key"].startswith("node.kubernetes.io/")
    ]


def _delete_cluster_scoped(scenario: Scenario, cluster: Cluster) -> None:
    applied = [thing for step in scenario.steps if isinstance(step, Apply) for thing in step.objects]
    for thing in (*scenario.before, *applied):
        if thing["metadata"].get("namespace") or thing["kind"] == "Namespace":
            continue
        kind, name = thing["kind"], thing["metadata"]["name"]
        if kind == "PersistentVolume":
            cluster.kubectl("patch", "pv", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        cluster.kubectl("delete", kind, name, "--ignore-not-found", "--wait=false")


def _free(namespace: str, cluster: Cluster) -> None:
    """Take away what would keep a namespace from ending: finalizers and pods that do not stop."""
    for kind in ("configmaps", "persistentvolumeclaims"):
        for item in cluster.get(kind, "-n", namespace)["items"]:
            if item["metadata"].get("finalizers"):
                nothing = '{"metadata":{"finalizers":null}}'
                cluster.kubectl("patch", kind, item["metadata"]["name"], "-n", namespace, "--type=merge", "-p", nothing)
    owners = "cronjobs,jobs,deployments,statefulsets,daemonsets,replicasets,horizontalpodautoscalers"
    cluster.kubectl("delete", owners, "--all", "-n", namespace, "--wait=false")
    # A simulated kubelet reports the end of a pod before it lets it go, and an ending namespace takes no event.
    cluster.kubectl("delete", "pods", "--all", "-n", namespace, "--force", "--grace-period=0")
