"""Deleting and its undo: what a plan keeps of an object, what is made again from it, and where nothing is kept."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copilot.changing.history import find_record
from guardrails.errors import ChangeRefused, PlanChanged
from guardrails.operations import Op
from guardrails.plan import Plan
from tests.small_api import deployment, serve
from tests.unit.changing.test_door import WEB, Shop
from tests.unit.changing.test_steps import agreed
from tools.change import following
from tools.change.watch import End

SETTINGS = "/api/v1/namespaces/shop/configmaps/settings"
FRONT = "/api/v1/namespaces/shop/services/front"


def _front() -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": 8080}]
    spec = {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "selector": {"app": "web"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata("front"), "spec": spec}


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "9", "generation": 1}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(following, "HOLD_SECONDS", 0.0)
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata("settings"), "data": {"level": "info"}}
    with serve(deployment(), settings, _front()) as api:
        yield Shop(api, tmp_path)


def _planned(shop: Shop, words: str) -> Plan:
    plan = agreed(shop.open.desk.plan(words))
    assert shop.open.door is not None
    shop.open.door.note_planned(plan)
    return plan


def _asked_for(body: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key not in ("status", "metadata")}
    spec = {key: value for key, value in kept.get("spec", {}).items() if key not in ("clusterIP", "clusterIPs")}
    return kept | ({"spec": spec} if spec else {})


@pytest.mark.parametrize(
    ("words", "path"), [("delete cm/settings", SETTINGS), ("delete svc/front", FRONT), ("delete deploy/web", WEB)]
)
def test_a_deleted_object_is_made_again_as_it_was_asked_for_under_another_uid(
    shop: Shop, words: str, path: str
) -> None:
    before = copy.deepcopy(shop.api.objects[path])
    plan = _planned(shop, words)
    assert [step.op for step in plan.rollback] == [Op.APPLY]
    assert shop.carry_out(plan).watched.end is End.DONE  # type: ignore[union-attr]
    assert path not in shop.api.objects
    back = agreed(shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id)))
    assert shop.open.door is not None
    shop.open.door.note_planned(back)
    shop.carry_out(back)
    again = shop.api.objects[path]
    assert _asked_for(again) == _asked_for(before)
    assert again["metadata"]["uid"] != before["metadata"]["uid"]
    assert "clusterIP" not in again.get("spec", {})


def test_an_object_that_someone_made_anew_is_not_made_again(shop: Shop) -> None:
    before = copy.deepcopy(shop.api.objects[SETTINGS])
    plan = _planned(shop, "delete cm/settings")
    shop.carry_out(plan)
    shop.api.put(before | {"metadata": _metadata("settings") | {"uid": "another"}})
    with pytest.raises(ChangeRefused, match="made anew"):
        shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))


def test_no_copy_is_kept_of_an_object_that_holds_what_looks_like_a_secret(shop: Shop) -> None:
    shop.api.objects[SETTINGS]["data"]["password"] = "hunter2-is-not-it"
    plan = _planned(shop, "delete cm/settings")
    assert plan.rollback == ()
    assert "hunter2" not in repr(plan)
    shop.carry_out(plan)
    with pytest.raises(ChangeRefused, match="no copy was kept"):
        shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))


def test_what_another_object_makes_is_left_to_it(shop: Shop) -> None:
    owner = {"apiVersion": "v1", "kind": "Farm", "name": "f", "uid": "f", "controller": True}
    shop.api.objects[SETTINGS]["metadata"]["ownerReferences"] = [owner]
    assert _planned(shop, "delete cm/settings").rollback == ()


def test_an_object_that_someone_makes_at_the_last_moment_is_left_as_it_is(shop: Shop) -> None:
    plan = _planned(shop, "delete cm/settings")
    shop.carry_out(plan)
    back = agreed(shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id)))
    assert shop.open.door is not None
    shop.open.door.note_planned(back)
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata("settings"), "data": {"theirs": "1"}}
    shop.api.before_send = lambda: shop.api.put(theirs)
    with pytest.raises(PlanChanged, match="409"):
        shop.carry_out(back)
    assert shop.api.objects[SETTINGS]["data"] == {"theirs": "1"}
