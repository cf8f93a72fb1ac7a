"""Who else writes an object."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.managers import Reverts, managers_of


def _object(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", "namespace": "shop", **metadata}}


@pytest.mark.parametrize(
    ("metadata", "name", "place", "reverts"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}},
         "Argo CD application shop", "the Git source of Argo CD application shop", Reverts.SOON),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "Argo CD", "the Git source of Argo CD", Reverts.SOON),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
         "Flux Kustomization flux-system/apps", "the Git source of Flux Kustomization flux-system/apps", Reverts.SOON),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "shop"}},
         "Helm release shop/shop", "the values of Helm release shop/shop, then helm upgrade", Reverts.NEXT_TIME),
        ({"ownerReferences": [{"kind": "Kafka", "name": "bus", "controller": True}]},
         "Kafka bus", "Kafka shop/bus", Reverts.SOON),
        ({"managedFields": [{"manager": "Terraform"}]}, "Terraform", "the Terraform configuration", Reverts.NEXT_TIME),
        ({"labels": {"kapp.k14s.io/app": "17"}}, "kapp", "the source that kapp applies (kapp.k14s.io/app: 17)", Reverts.NEXT_TIME),
    ],
)  # fmt: skip
def test_a_manager_is_named_with_the_place_to_change(
    metadata: dict[str, Any], name: str, place: str, reverts: Reverts
) -> None:
    (found,) = managers_of(_object(**metadata))
    assert (found.banner.manager, found.banner.place, found.reverts) == (name, place, reverts)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"labels": ["x"], "annotations": 3, "ownerReferences": "y", "managedFields": [None]},
     {"ownerReferences": [{"kind": "Node", "name": "n"}]}, {"managedFields": [{"manager": "kubectl-client-side-apply"}]}],
)  # fmt: skip
def test_an_object_without_marks_has_no_manager(metadata: dict[str, Any]) -> None:
    assert managers_of(_object(**metadata)) == ()


def test_an_object_may_have_several_managers() -> None:
    body = _object(
        labels={"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux"},
        annotations={"meta.helm.sh/release-name": "shop"},
    )
    assert [found.banner.manager for found in managers_of(body)] == [
        "Flux HelmRelease flux/shop",
        "Helm release shop/shop",
    ]
