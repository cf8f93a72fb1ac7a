"""The one request of each operation: its bytes, its precondition, and where its dry run stands."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from guardrails.errors import ChangeRefused
from guardrails.operations import Cascade, Op
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    Edit,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
    StepArgs,
)
from guardrails.plan import ObjectRef
from guardrails.requests import compile_request
from tests.unit.guardrails.plans import REF

POD = ObjectRef("", "v1", "pods", "Pod", "shop", "web-0", "u-2", "200")
NODE = ObjectRef("", "v1", "nodes", "Node", "", "n1", "u-3", "300")
CRON = ObjectRef("batch", "v1", "cronjobs", "CronJob", "shop", "nightly", "u-4", "400")
SETTINGS = ObjectRef("", "v1", "configmaps", "ConfigMap", "shop", "settings", "u-5", "500")
STATEFUL = msgspec.structs.replace(REF, resource="statefulsets", kind="StatefulSet", name="db")


def _edit(op: Op, pointer: str, before: str = "", after: str = '"x"', subject: str = "") -> EditArgs:
    return EditArgs(op, (Edit(pointer, before, after),), subject)


def _document(ref: ObjectRef, **more: Any) -> str:
    version = f"{ref.group}/{ref.version}" if ref.group else ref.version
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return json.dumps({"apiVersion": version, "kind": ref.kind, "metadata": metadata, **more})


_JOB = json.dumps({
    "apiVersion": "batch/v1", "kind": "Job",
    "metadata": {"name": "now", "namespace": "shop", "ownerReferences": [{"kind": "CronJob", "name": "nightly", "uid": "u-4"}]},
    "spec": {"template": {}},
})  # fmt: skip
_TEMPLATE = "/spec/template/spec"
STEPS: dict[str, tuple[ObjectRef, StepArgs]] = {
    "scale": (REF, ScaleArgs(2, 3)),
    "restart": (REF, RestartArgs("2026-03-01T12:00:00Z")),
    "rollback": (REF, _edit(Op.ROLLBACK, f"{_TEMPLATE}/containers/0/image", '"a:2"', '"a:1"', "revision 1")),
    "set image": (REF, _edit(Op.SET_IMAGE, f"{_TEMPLATE}/containers/0/image", '"a:1"', '"a:2"')),
    "set image of a CronJob": (CRON, _edit(Op.SET_IMAGE, f"/spec/jobTemplate{_TEMPLATE}/initContainers/0/image", '"a"', '"b"')),
    "set resources": (REF, _edit(Op.SET_RESOURCES, f"{_TEMPLATE}/containers/0/resources", "{}", '{"limits":{"cpu":"1"}}')),
    "set env": (REF, EditArgs(Op.SET_ENV, (Edit(f"{_TEMPLATE}/containers/0/env/1", "", '{"name":"A","value":"b"}'),))),
    "patch": (SETTINGS, _edit(Op.PATCH, "/data/level", '"info"', '"debug"')),
    "label": (REF, EditArgs(Op.LABEL, (Edit("/metadata/labels/a", "", '"b"'), Edit("/metadata/labels/c", '"d"', "")))),
    "annotate": (NODE, _edit(Op.ANNOTATE, "/metadata/annotations", "", '{"note":"x"}')),
    "cordon": (NODE, _edit(Op.CORDON, "/spec/unschedulable", "", "true")),
    "uncordon": (NODE, _edit(Op.UNCORDON, "/spec/unschedulable", "true", "")),
    "taint": (NODE, _edit(Op.TAINT, "/spec/taints", "", '[{"effect":"NoSchedule","key":"a"}]')),
    "pause": (REF, _edit(Op.PAUSE, "/spec/paused", "", "true")),
    "resume": (REF, _edit(Op.RESUME, "/spec/paused", "true", "")),
    "suspend": (CRON, _edit(Op.SUSPEND, "/spec/suspend", "false", "true")),
    "unsuspend": (CRON, _edit(Op.UNSUSPEND, "/spec/suspend", "true", "false")),
    "restore": (SETTINGS, EditArgs(Op.RESTORE, (Edit("/data/level", '"debug"', '"info"'),), "as it was before")),
    "evict": (POD, EvictArgs()),
    "evict with grace": (POD, EvictArgs(30)),
    "delete": (REF, DeleteArgs(Cascade.FOREGROUND)),
    "create job": (CRON, CreateJobArgs("now", _JOB)),
    "apply": (SETTINGS, ApplyArgs(_document(SETTINGS, data={"level": "debug"}), exists=True)),
    "make again": (SETTINGS, ApplyArgs(_document(SETTINGS, data={}), exists=False, again=True)),
    "apply a new object": (
        msgspec.structs.replace(SETTINGS, uid="", resource_version=""), ApplyArgs(_document(SETTINGS, data={}), exists=False)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_the_request_and_its_rehearsal(name: str, snapshot: SnapshotAssertion) -> None:
    real, dry = compile_request(*STEPS[name]), compile_request(*STEPS[name], rehearsal=True)
    query = "&".join(f"{key}={value}" for key, value in dry.query)
    assert f"{real.method} {real.path}\n{real.content_type}\n{real.body}\ndry run: ?{query}\n{dry.body}" == snapshot
    assert (dry.method, dry.path, dry.content_type) == (real.method, real.path, real.content_type)


@pytest.mark.parametrize("name", STEPS)
def test_a_rehearsal_is_one_in_every_place_that_the_server_looks_at(name: str) -> None:
    dry = compile_request(*STEPS[name], rehearsal=True)
    assert ("dryRun", "All") in dry.query
    if dry.method == "DELETE":  # with a body the server reads the options from there, and only from there
        assert json.loads(dry.body)["dryRun"] == ["All"]
    if dry.path.endswith("/eviction"):
        assert json.loads(dry.body)["deleteOptions"]["dryRun"] == ["All"]
    assert "dryRun" not in compile_request(*STEPS[name]).body


@pytest.mark.parametrize(
    "name", [name for name in STEPS if name not in ("create job", "apply a new object", "make again")]
)
def test_every_request_carries_uid_and_version_of_what_it_changes(name: str) -> None:
    ref, args = STEPS[name]
    body = json.loads(compile_request(ref, args).body)
    if isinstance(body, list):
        assert {"op": "test", "path": "/metadata/uid", "value": ref.uid} in body
        assert {"op": "replace", "path": "/metadata/resourceVersion", "value": ref.resource_version} in body
        return
    options = body.get("deleteOptions", body)
    given = options.get("preconditions") or body["metadata"]
    assert (given["uid"], given["resourceVersion"]) == (ref.uid, ref.resource_version)


def test_a_new_job_is_bound_to_the_uid_of_its_cron_job() -> None:
    elsewhere = msgspec.structs.replace(CRON, uid="u-9")
    with pytest.raises(ChangeRefused, match="not the one of its CronJob"):
        compile_request(elsewhere, CreateJobArgs("now", _JOB))


@pytest.mark.parametrize(
    ("ref", "args", "said"),
    [
        (NODE, _edit(Op.CORDON, "/spec/podCIDR"), "cordon may not write /spec/podCIDR"),
        (REF, _edit(Op.LABEL, "/metadata/finalizers"), "label may not write"),
        (REF, _edit(Op.LABEL, "/metadata/labels/a/b"), "label may not write"),
        (REF, _edit(Op.SET_IMAGE, f"{_TEMPLATE}/containers/0/command"), "may not write"),
        (REF, _edit(Op.SET_ENV, f"{_TEMPLATE}/containers/0/envFrom"), "may not write"),
        (REF, _edit(Op.PATCH, f"{_TEMPLATE}/hostNetwork", "", "true"), "may not write"),
        (REF, _edit(Op.PATCH, f"{_TEMPLATE}/nodeSelector", "", '{"a":{"b":"c"}}'), "may not write"),
        (SETTINGS, _edit(Op.PATCH, "/metadata/ownerReferences", "", "[]"), "may not write"),
        (REF, _edit(Op.ROLLBACK, "/spec/replicas", "1", "0"), "may not write"),
        (SETTINGS, _edit(Op.RESTORE, "/metadata/finalizers", "", '["x"]'), "may not write"),
        (SETTINGS, _edit(Op.RESTORE, "/metadata/uid"), "may not write"),
        (SETTINGS, _edit(Op.RESTORE, "", "", "{}"), "may not write"),
        (NODE, DeleteArgs(Cascade.BACKGROUND), "not for a Node"),
        (POD, DeleteArgs(Cascade.BACKGROUND), "not for a Pod"),
        (POD, EvictArgs(0), "grace period of 0"),
        (REF, DeleteArgs(Cascade.BACKGROUND, 0), "grace period of 0"),
        (msgspec.structs.replace(SETTINGS, resource="secrets", kind="Secret"), _edit(Op.LABEL, "/metadata/labels/a"), "cannot be changed"),
        (msgspec.structs.replace(SETTINGS, resource="secrets"), _edit(Op.LABEL, "/metadata/labels/a"), "not for a ConfigMap"),
        (msgspec.structs.replace(REF, group="rbac.authorization.k8s.io"), _edit(Op.LABEL, "/metadata/labels/a"), "not for a Deployment"),
        (SETTINGS, ApplyArgs(_document(REF), exists=True), "not a ConfigMap"),
        (SETTINGS, ApplyArgs(_document(msgspec.structs.replace(SETTINGS, name="other")), exists=True), "not of the object"),
        (SETTINGS, ApplyArgs('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"shop","finalizers":["x"]}}',
                             exists=True), "not of the object"),
        (SETTINGS, ApplyArgs("nonsense", exists=True), "not JSON"),
        (CRON, CreateJobArgs("now", _document(SETTINGS)), "not a Job"),
        (msgspec.structs.replace(REF, name="../x"), ScaleArgs(1, 2), "address"),
        (msgspec.structs.replace(REF, namespace="shop/pods"), ScaleArgs(1, 2), "address"),
        (msgspec.structs.replace(REF, name=""), ScaleArgs(1, 2), "names no object"),
        (SETTINGS, _edit(Op.PATCH, "/data/x", "", "1.5"), "exactly"),
    ],
)  # fmt: skip
def test_a_step_that_is_not_what_its_operation_may_do_is_never_compiled(
    ref: ObjectRef, args: StepArgs, said: str
) -> None:
    with pytest.raises(ChangeRefused, match=said):
        compile_request(ref, args)


@given(st.sampled_from([op for op in Op if op is not Op.RESTORE]), st.text(max_size=40).map(lambda text: f"/{text}"))
def test_no_text_gets_a_field_past_its_operation(op: Op, pointer: str) -> None:
    """Whatever pointer is tried, it either belongs to the operation or is refused: identity fields never do."""
    for start in ("", "/metadata", "/spec", "/spec/template", "/status"):
        try:
            request = compile_request(REF, _edit(op, start + pointer))
        except ChangeRefused:
            continue
        allowed = ("/metadata/labels", "/metadata/annotations", "/spec/template", "/spec/paused", "/spec/minReady", "/spec/rev",
                   "/spec/progress", "/spec/strategy")  # fmt: skip
        assert all(
            one["path"].startswith((*allowed, "/metadata/uid", "/metadata/resourceVersion"))
            for one in json.loads(request.body)
        )


@given(st.sampled_from(list(STEPS)))
def test_the_same_step_compiles_to_the_same_bytes(name: str) -> None:
    assert compile_request(*STEPS[name]) == compile_request(*STEPS[name])


def test_stateful_sets_are_addressed_in_their_own_list() -> None:
    assert compile_request(STATEFUL, ScaleArgs(1, 2)).path == "/apis/apps/v1/namespaces/shop/statefulsets/db/scale"
    assert compile_request(NODE, _edit(Op.CORDON, "/spec/unschedulable")).path == "/api/v1/nodes/n1"
