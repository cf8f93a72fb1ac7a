"""A described Deployment names its ReplicaSets: what they own, and which labels their pods carry."""

from __future__ import annotations

from copilot.model import Ref, Resource
from tools.cluster.transcript import parse_transcript

DESCRIBED = """$ kubectl get pods -n shop
NAME                    READY   STATUS    RESTARTS   AGE
web-6c9f7d8b54-x2kqp    1/1     Running   0          4m
web-79c4fd9b6-lm4zt     1/1     Running   0          9d

$ kubectl describe deployment web -n shop
Name:                   web
Namespace:              shop
CreationTimestamp:      Sun, 01 Mar 2026 11:00:00 +0000
Labels:                 <none>
Annotations:            <none>
Selector:               app=web
Replicas:               2 desired | 1 updated | 2 total | 2 available | 0 unavailable
StrategyType:           RollingUpdate
MinReadySeconds:        0
RollingUpdateStrategy:  25% max unavailable, 25% max surge
Pod Template:
  Labels:  app=web
           tier=front
  Containers:
   main:
    Image:        registry.example/web:2
    Port:         <none>
    Host Port:    <none>
    Environment:  <none>
    Mounts:       <none>
  Volumes:        <none>
Conditions:
  Type           Status  Reason
  ----           ------  ------
  Available      True    MinimumReplicasAvailable
OldReplicaSets:  web-79c4fd9b6 (1/1 replicas created)
NewReplicaSet:   web-6c9f7d8b54 (1/3 replicas created)
Events:          <none>
"""


def pasted() -> dict[Ref, Resource]:
    return {one.ref: one for one in parse_transcript(DESCRIBED).resources}


def test_both_revisions_belong_to_the_deployment_and_say_what_is_wanted_of_them() -> None:
    seen = pasted()
    for name, wanted, there in (("web-79c4fd9b6", 1, 1), ("web-6c9f7d8b54", 3, 1)):
        found = seen[Ref("ReplicaSet", "shop", name, "apps")].body
        assert found["metadata"]["ownerReferences"][0]["name"] == "web"
        assert (found["spec"]["replicas"], found["status"]["replicas"]) == (wanted, there)


def test_a_pod_of_the_new_revision_carries_the_labels_of_the_template() -> None:
    pod = pasted()[Ref("Pod", "shop", "web-6c9f7d8b54-x2kqp", "")].body
    assert pod["metadata"]["labels"] == {"app": "web", "tier": "front"}


def test_nothing_is_said_of_the_labels_of_an_old_revisions_pods() -> None:
    assert "labels" not in pasted()[Ref("Pod", "shop", "web-79c4fd9b6-lm4zt", "")].body["metadata"]


def test_a_pod_of_the_new_revision_has_the_containers_of_the_template() -> None:
    pod = pasted()[Ref("Pod", "shop", "web-6c9f7d8b54-x2kqp", "")].body
    assert [container["image"] for container in pod["spec"]["containers"]] == ["registry.example/web:2"]
    assert pod["status"]["containerStatuses"][0]["name"] == "main"


def test_a_pod_with_more_containers_than_the_template_is_not_taken_for_made_of_it_alone() -> None:
    injected = DESCRIBED.replace("web-6c9f7d8b54-x2kqp    1/1", "web-6c9f7d8b54-x2kqp    2/2")
    seen = {one.ref: one for one in parse_transcript(injected).resources}
    assert "containers" not in seen[Ref("Pod", "shop", "web-6c9f7d8b54-x2kqp", "")].body.get("spec", {})
