"""What RBAC allows the two accounts of deploy/, asked of the real API server one right at a time."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.deployed import NAMESPACE, Deployed

READS = (
    "get pods", "list pods", "watch pods", "get pods/log", "list events", "get nodes", "list namespaces", "list services",
    "get configmaps", "list persistentvolumes", "list deployments.apps", "watch replicasets.apps", "list controllerrevisions.apps",
    "list jobs.batch", "list horizontalpodautoscalers.autoscaling", "list ingresses.networking.k8s.io",
    "list networkpolicies.networking.k8s.io", "list endpointslices.discovery.k8s.io", "list roles.rbac.authorization.k8s.io",
    "list clusterrolebindings.rbac.authorization.k8s.io", "list customresourcedefinitions.apiextensions.k8s.io",
    "list validatingwebhookconfigurations.admissionregistration.k8s.io", "list storageclasses.storage.k8s.io",
    "list leases.coordination.k8s.io", "list gateways.gateway.networking.k8s.io", "list pods.metrics.k8s.io",
    "create selfsubjectaccessreviews.authorization.k8s.io", "create selfsubjectreviews.authentication.k8s.io",
)  # fmt: skip
# What neither of them may do, whatever it is for.
NEVER = (
    "get secrets", "list secrets", "watch secrets", "create secrets", "delete secrets", "patch secrets",
    "create pods/exec", "get pods/exec", "create pods/attach", "get pods/attach", "create pods/portforward", "get pods/portforward",
    "create pods/ephemeralcontainers", "patch pods/ephemeralcontainers", "get pods/proxy", "create pods/proxy",
    "get services/proxy", "create services/proxy", "get nodes/proxy", "create nodes/proxy", "get nodes/log", "get nodes/stats",
    "get nodes/metrics", "create pods/binding", "create bindings", "create serviceaccounts/token", "create serviceaccounts",
    "create tokenreviews.authentication.k8s.io", "create subjectaccessreviews.authorization.k8s.io",
    "create certificatesigningrequests.certificates.k8s.io", "update certificatesigningrequests.certificates.k8s.io/approval",
    "approve signers.certificates.k8s.io", "sign signers.certificates.k8s.io",
    "create roles.rbac.authorization.k8s.io", "patch clusterroles.rbac.authorization.k8s.io",
    "create clusterrolebindings.rbac.authorization.k8s.io", "escalate clusterroles.rbac.authorization.k8s.io",
    "escalate roles.rbac.authorization.k8s.io", "bind clusterroles.rbac.authorization.k8s.io", "bind roles.rbac.authorization.k8s.io",
    "patch customresourcedefinitions.apiextensions.k8s.io", "delete customresourcedefinitions.apiextensions.k8s.io",
    "create validatingwebhookconfigurations.admissionregistration.k8s.io",
    "delete mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "patch validatingadmissionpolicies.admissionregistration.k8s.io",
    "delete validatingadmissionpolicybindings.admissionregistration.k8s.io", "create apiservices.apiregistration.k8s.io",
    "create namespaces", "delete namespaces", "update namespaces/finalize", "delete nodes", "create nodes", "patch nodes/status",
    "create persistentvolumes", "delete persistentvolumes", "delete pods", "create pods", "update pods", "patch pods/status",
    "deletecollection pods", "deletecollection configmaps", "deletecollection deployments.apps", "deletecollection secrets",
    "update deployments.apps", "patch deployments.apps/status", "patch events", "create events", "delete events",
    "patch leases.coordination.k8s.io", "patch endpointslices.discovery.k8s.io", "patch priorityclasses.scheduling.k8s.io",
    "impersonate users system:admin", "impersonate users alice", "impersonate groups system:masters",
    "impersonate serviceaccounts default", "impersonate uids", "use podsecuritypolicies.policy", "* *",
)  # fmt: skip
CHANGES = (
    "patch deployments.apps", "patch deployments.apps/scale", "patch statefulsets.apps/scale", "patch daemonsets.apps",
    "patch cronjobs.batch", "create jobs.batch", "create pods/eviction", "patch nodes", "patch configmaps", "create configmaps",
    "delete deployments.apps", "delete configmaps", "patch services", "patch horizontalpodautoscalers.autoscaling",
    "patch poddisruptionbudgets.policy", "patch persistentvolumeclaims", "patch namespaces", "patch pods",
)  # fmt: skip
NAMES = (
    "impersonate users copilot:alice",
    "impersonate groups copilot:operators",
    "impersonate userextras/copilot.dev/plan",
)


# Kinds that the API server never asks a policy about, so that a bad policy can be taken back: RBAC alone stands there.
EXEMPT = (
    "validatingadmissionpolicies/cluster-copilot-executor", "validatingadmissionpolicybindings/cluster-copilot-executor",
    "validatingwebhookconfigurations/any", "mutatingwebhookconfigurations/any",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _shipped(deployed: Deployed) -> Iterator[None]:
    with deployed.as_shipped():
        yield


def may(deployed: Deployed, account: str, words: str) -> bool:
    """Ask the authorizer, as the administrator, about one account: `verb resource[.group][/part] [name]`."""
    verb, place, name = (*words.split(), "")[:3]
    whole, _, part = place.partition("/")
    resource, _, group = whole.partition(".")
    group = "authentication.k8s.io" if resource == "userextras" else group
    attributes = {"verb": verb, "resource": resource, "group": group, "subresource": part, "name": name}
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    body = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:{NAMESPACE}:{account}", "groups": groups,
                 "resourceAttributes": {"namespace": "default", **{key: value for key, value in attributes.items() if value}}},
    }  # fmt: skip
    answer: dict[str, Any] = deployed.admin.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(answer["status"]["allowed"])


@pytest.mark.parametrize("account", ["reader", "executor"])
@pytest.mark.parametrize("words", READS)
def test_both_accounts_may_read(deployed: Deployed, account: str, words: str) -> None:
    assert may(deployed, account, words)


@pytest.mark.parametrize("account", ["reader", "executor"])
@pytest.mark.parametrize("words", NEVER)
def test_neither_account_may(deployed: Deployed, account: str, words: str) -> None:
    assert not may(deployed, account, words)


@pytest.mark.parametrize("words", [*CHANGES, *NAMES])
def test_only_the_executor_may(deployed: Deployed, words: str) -> None:
    assert may(deployed, "executor", words)
    assert not may(deployed, "reader", words)


def test_the_reviews_agree_with_what_is_answered_to_the_readers_own_requests(deployed: Deployed) -> None:
    ask = deployed.reader.ask
    assert ask("GET", "/api/v1/namespaces/default/pods").passed
    for path in ("/api/v1/secrets", "/api/v1/namespaces/default/secrets/x", "/api/v1/nodes/node-1/proxy/pods",
                 "/api/v1/namespaces/default/pods/x/exec?command=id", "/api/v1/namespaces/default/services/x/proxy/",
                 "/api/v1/namespaces/default/pods/x/proxy/", "/api/v1/namespaces/default/pods/x/portforward",
                 "/api/v1/namespaces/default/pods/x/attach"):  # fmt: skip
        assert ask("GET", path).status == 403, path


@pytest.mark.parametrize("place", EXEMPT)
def test_what_no_policy_can_guard_is_guarded_by_rbac(deployed: Deployed, place: str) -> None:
    for method in ("DELETE", "PATCH"):
        answer = deployed.executor.ask(method, f"/apis/admissionregistration.k8s.io/v1/{place}", {})
        assert answer.status == 403, answer
