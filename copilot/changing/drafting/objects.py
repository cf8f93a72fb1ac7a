"""Drafts what is about whole objects: patching single fields, deleting, a Job from its CronJob, applying a document."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from copilot.changing.drafting.drafted import Drafted, Part, edited
from copilot.changing.lookup import Found, Lookup
from copilot.model import dig, mapping, text
from guardrails.canonical import canonical_json
from guardrails.errors import ChangeRefused, IntentError
from guardrails.kinds import changeable
from guardrails.operations import Apply, CreateJob, Delete, FieldValue, Op, PatchFields
from guardrails.operations.args import ApplyArgs, CreateJobArgs, DeleteArgs
from guardrails.operations.edits import applied, edit_at, edits_between, json_text
from guardrails.operations.patchable import holds_text, may_patch, patchable
from guardrails.redaction import redact_body
from tools.cluster.prune import DATA_KEYS, drop_copies

_KEPT_METADATA = ("name", "namespace", "labels", "annotations")
_CLAIM = "PersistentVolumeClaim"
_JOB_LABELS = ("controller-uid", "job-name")  # with and without their prefix: each Job gets its own


def patch(found: Found, intent: PatchFields) -> Drafted:
    """Change single fields of the allow-list.

    Raises:
        IntentError: a field is not on the list of the kind, or a value is not JSON.
    """
    wanted: dict[str, Any] = found.body
    for field in intent.fields:
        if not may_patch(found.kind.kind, field.pointer):
            known = ", ".join(patchable(found.kind.kind)) or "none"
            raise IntentError(
                f"{field.pointer} of a {found.kind.kind} is not a field that can be patched",
                f"Can be patched: {known}.",
            )
        wanted = applied(wanted, (edit_at(wanted, field.pointer, _value(field)),))
    drafted = edited(found, Op.PATCH, edits_between(found.body, wanted, ""))
    grows = found.kind.kind == _CLAIM and bool(drafted.back)
    lost = ("a claim can grow and never shrink",) if grows else ()
    return msgspec.structs.replace(drafted, irreversible=lost, back=() if grows else drafted.back)


def _value(field: FieldValue) -> str:
    """JSON text in one spelling."""
    if not field.value:
        return ""
    try:
        value = json.loads(field.value)
        canonical_json(value)
    except (ValueError, TypeError, RecursionError):
        raise IntentError(
            f"{field.value!r} is not a value that can be written", "Use whole numbers, true, false or text."
        ) from None
    return json_text(field.value if holds_text(field.pointer) and not isinstance(value, str) else value)


def delete(found: Found, intent: Delete) -> Drafted:
    """Delete one object.

    Raises:
        IntentError: the grace period is 0.
    """
    if intent.grace_seconds is not None and intent.grace_seconds < 1:
        raise IntentError("A grace period of 0 kills without warning", "Leave it away, or give at least 1 second.")
    back = _made_again(found)
    lost = [
        f"{found.ref.title}'s history and its uid"
        if back
        else f"{found.ref.title} itself, with its history and its uid"
    ]
    held = [str(each) for each in dig(found.body, "metadata", "finalizers") or []]
    unchecked = (f"when the holders of its finalizers let go: {', '.join(held)}",) if held else ()
    if found.kind.kind == _CLAIM:
        lost.append("the data of the volume, where its reclaim policy is Delete")
    args = DeleteArgs(intent.cascade, intent.grace_seconds)
    return Drafted(parts=(Part(found.ref, args, found.body),), back=back, irreversible=tuple(lost), unchecked=unchecked)


def _made_again(found: Found) -> tuple[Part, ...]:
    """The step that makes a deleted object again from what was asked of it.

    None where another makes it, where data went with it, where its values were not read, or one looks like a secret.
    """
    metadata = mapping(found.body, "metadata")
    elsewhere = metadata.get("ownerReferences") or found.kind.kind == _CLAIM or DATA_KEYS in found.body
    if Op.APPLY not in found.kind.ops or elsewhere:
        return ()
    document = json.loads(json.dumps({key: value for key, value in found.body.items() if key != "status"}))
    drop_copies(document["metadata"])
    document["metadata"] = {key: document["metadata"][key] for key in _KEPT_METADATA if document["metadata"].get(key)}
    document |= {"apiVersion": found.kind.api_version, "kind": found.kind.kind}
    _unassign(document)
    try:
        args = ApplyArgs(_document(document), exists=False, again=True)
    except (ChangeRefused, IntentError):
        return ()
    return (Part(found.ref, args, found.body),)


def _unassign(document: dict[str, Any]) -> None:
    """Take out, in place, what the cluster wrote into the spec and would refuse from anyone else."""
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return
    if document["kind"] == "Service" and spec.get("clusterIP") != "None":
        for field in ("clusterIP", "clusterIPs"):
            spec.pop(field, None)
    if document["kind"] == "Job" and not spec.get("manualSelector"):
        spec.pop("selector", None)
        labels = dig(spec, "template", "metadata", "labels")
        for key in [key for key in labels or () if key.rpartition("/")[2] in _JOB_LABELS]:
            del labels[key]


def create_job(found: Found, intent: CreateJob, lookup: Lookup) -> Drafted:
    """Run a CronJob's job once, now.

    Raises:
        ChangeRefused: the job template holds what looks like a secret.
    """
    template = mapping(found.body, "spec", "jobTemplate")
    metadata = mapping(template, "metadata")
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": found.name, "uid": found.ref.uid, "controller": True}
    document = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": intent.job,
            "namespace": found.namespace,
            "labels": dict(mapping(metadata, "labels")),
            # What kubectl create job --from writes; the CronJob controller tells such Jobs by it.
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual", **mapping(metadata, "annotations")},
            "ownerReferences": [owner],
        },
        "spec": template.get("spec"),
    }
    args = CreateJobArgs(intent.job, _document(document))
    there = lookup.find(changeable("Job"), found.namespace, intent.job)
    return Drafted(
        parts=(Part(found.ref, args, found.body),),
        refusals=(f"there is a Job {intent.job} already",) if there is not None else (),
        way_back=f"delete Job {found.namespace}/{intent.job}; what it has done by then stays done",
        unchecked=("whether the job may run beside one that its schedule starts",),
    )


def apply(found: Found, intent: Apply) -> Drafted:
    """Apply one object on the server.

    Raises:
        IntentError: the document is not one object of a kind that can be applied.
        ChangeRefused: it holds what looks like a secret.
    """
    document = json.loads(intent.document)
    given = mapping(document, "metadata")
    api_version = found.kind.api_version
    if text(document, "apiVersion") != api_version:
        raise IntentError(
            f"The document is of {text(document, 'apiVersion')!r}, not {api_version}", "Convert it first."
        )
    for field in ("finalizers", "ownerReferences", "generateName"):
        if given.get(field):
            raise IntentError(f"metadata.{field} may not be applied", "Take it out of the document.")
    metadata = {key: given[key] for key in _KEPT_METADATA if given.get(key)} | {"name": found.name}
    if found.kind.namespaced:
        metadata["namespace"] = found.namespace
    drop_copies(metadata)
    whole = {key: value for key, value in document.items() if key != "status"} | {"metadata": metadata}
    exists = bool(found.body)
    way_back = "" if exists else f"delete {found.ref.title}"
    part = Part(found.ref, ApplyArgs(_document(whole), exists), found.body)
    return Drafted(parts=(part,), way_back=way_back)


def _document(body: dict[str, Any]) -> str:
    if redact_body(body) != body:
        raise ChangeRefused(
            "The object holds what looks like a secret, and a plan is kept in the journal",
            "Keep the value in a Secret and refer to it.",
        )
    try:
        return canonical_json(body).decode("ascii")
    except TypeError as error:
        raise IntentError(f"The object cannot be written exactly: {error}", "Use whole numbers or text.") from error
