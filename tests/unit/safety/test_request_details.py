"""Details of the requests that mutants of them would change unseen."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from guardrails.errors import ChangeRefused
from guardrails.operations import Op
from guardrails.operations.args import (
    ApplyArgs,
    Cascade,
    CreateJobArgs,
    DeleteArgs,
    Edit,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
)
from guardrails.requests import compile_request, fields_written
from tests.unit.guardrails.plans import REF
from tests.unit.guardrails.test_requests import CRON, SETTINGS


@pytest.mark.parametrize("missing", ["version", "resource", "name"])
def test_a_step_that_names_no_object_has_no_request(missing: str) -> None:
    with pytest.raises(ChangeRefused, match="names no object"):
        compile_request(msgspec.structs.replace(REF, **{missing: ""}), ScaleArgs(2, 3))


@pytest.mark.parametrize(
    ("args", "written"),
    [
        (ScaleArgs(2, 3), {"/spec/replicas"}),
        (RestartArgs("2026-03-01T12:00:00Z"), {"/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"}),
        (EditArgs(Op.LABEL, (Edit("/metadata/labels/a", "", '"b"'), Edit("/metadata/labels/c", '"d"', ""))), {"/metadata/labels/a", "/metadata/labels/c"}),
        (EvictArgs(), set()),
        (DeleteArgs(Cascade.BACKGROUND), set()),
        (ApplyArgs("{}", exists=True), set()),
        (CreateJobArgs("x", "{}"), set()),
    ],
)  # fmt: skip
def test_what_a_step_writes_is_told_field_by_field(args: Any, written: set[str]) -> None:
    assert fields_written(args) == frozenset(written)


def _settings(**metadata: Any) -> str:
    named = {"name": "settings", "namespace": "shop", **metadata}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"a": "b"}})


def test_a_document_may_carry_every_mark_that_is_allowed_at_once() -> None:
    document = _settings(labels={"a": "b"}, annotations={"c": "d"})
    assert "annotations" in compile_request(SETTINGS, ApplyArgs(document, exists=True)).body


def test_a_document_with_a_number_that_has_no_exact_form_is_refused() -> None:
    document = json.loads(_settings()) | {"data": {"a": 0.5}}
    with pytest.raises(ChangeRefused):
        compile_request(SETTINGS, ApplyArgs(json.dumps(document), exists=True))


def test_a_job_with_a_number_that_has_no_exact_form_is_refused() -> None:
    owner = [{"kind": "CronJob", "name": "nightly", "uid": CRON.uid}]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "now", "namespace": "shop", "ownerReferences": owner},
        "spec": {"template": {}, "backoffLimit": 0.5},
    }
    with pytest.raises(ChangeRefused):
        compile_request(CRON, CreateJobArgs("now", json.dumps(job)))
