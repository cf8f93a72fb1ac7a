"""Objects with a history for tests of changes: revisions, writers, workloads of several generations."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.cluster import Body, Cluster, ago, owned


def wrote(manager: str, seconds: float, subresource: str = "") -> Body:
    """One entry of managedFields."""
    return {
        "manager": manager,
        "operation": "Update",
        "time": ago(seconds),
        **({"subresource": subresource} if subresource else {}),
    }


def container(image: str = "web:1", **more: Any) -> Body:
    return {"name": "web", "image": image, **more}


def rolled(
    cluster: Cluster, name: str, templates: list[tuple[float, Body]], writers: list[Body] | None = None, **more: Any
) -> Cluster:
    """A Deployment whose revisions are these pod specs, each so many seconds old, the last one current."""
    labels = {"app": name}
    newest = {"metadata": {"labels": labels}, "spec": templates[-1][1]}
    cluster.add(
        "Deployment", name, "shop", api="apps/v1", age=templates[0][0], metadata={"managedFields": writers or []},
        spec={"replicas": 1, "selector": {"matchLabels": labels}, "template": newest}, status=more.pop("status", {}), **more,
    )  # fmt: skip
    for count, (age, spec) in enumerate(templates, start=1):
        template = {"metadata": {"labels": {**labels, "pod-template-hash": f"h{count}"}}, "spec": spec}
        cluster.add(
            "ReplicaSet", f"{name}-h{count}", "shop", api="apps/v1", age=age,
            metadata={**owned("Deployment", name, "shop"), "annotations": {"deployment.kubernetes.io/revision": str(count)}},
            spec={"replicas": 1 if count == len(templates) else 0, "selector": {"matchLabels": labels}, "template": template},
            status={},
        )  # fmt: skip
    return cluster
