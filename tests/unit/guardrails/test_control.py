"""Which labels and annotations steer something, and which are notes."""

from __future__ import annotations

import pytest

from guardrails.control import control_keys


@pytest.mark.parametrize(
    "key",
    [
        "pod-security.kubernetes.io/enforce", "topology.kubernetes.io/zone", "node-role.kubernetes.io/worker", "app.kubernetes.io/managed-by",
        "app.kubernetes.io/instance", "argocd.argoproj.io/instance", "kustomize.toolkit.fluxcd.io/name", "istio-injection",
        "sidecar.istio.io/inject", "helm.sh/resource-policy", "env", "Environment", "nginx.ingress.kubernetes.io/rewrite-target",
        "cert-manager.io/cluster-issuer", "kubernetes.io/metadata.name", "storageclass.kubernetes.io/is-default-class",
        "eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "copilot.dev/plan",
    ],
)  # fmt: skip
def test_keys_that_the_cluster_or_a_controller_reads_steer(key: str) -> None:
    assert control_keys([key], ()) == (key,)


@pytest.mark.parametrize(
    "key", ["team", "note", "example.com/owner", "app.kubernetes.io/version", "kubernetes.io/description", "app"]
)
def test_notes_do_not_steer_until_a_selector_uses_them(key: str) -> None:
    assert control_keys([key], ()) == ()
    assert control_keys([key], (key,)) == (key,)


def test_a_domain_that_only_ends_like_a_known_one_is_another_domain() -> None:
    assert control_keys(["evilkubernetes.io/x"], ()) == ()
