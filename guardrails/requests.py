"""Turns a typed step into its one request. The card and the wire are both made from here, so they cannot differ."""

from __future__ import annotations

import json
import re
from typing import Any, assert_never

import msgspec

from guardrails.canonical import canonical_json
from guardrails.errors import ChangeRefused
from guardrails.operations.allowed import require_allowed
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
    StepArgs,
)
from guardrails.operations.edits import old_values_tested, operations
from guardrails.plan import FIELD_MANAGER, RESTARTED_AT, ObjectRef, Request

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML: apply takes no JSON type of its own before 1.34
JSON = "application/json"
QUERY = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"))
APPLY_QUERY = (*QUERY, ("force", "false"))
REHEARSAL = ("dryRun", "All")
_SEGMENT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # RFC 1123: no such name can leave its path segment


def compile_request(ref: ObjectRef, args: StepArgs, *, rehearsal: bool = False) -> Request:
    """The request for one step; with `rehearsal`, the same one as a server-side dry run.

    Every request carries its precondition. A patch sets resourceVersion, which makes it a conditional update
    (kubernetes apiserver, `store.Update`: 409 when it is not the stored one), and a JSON Patch also tests uid and every
    old value. Evictions and deletions carry both in their options, and what is made again is
    refused where the name is taken. For those the dry run stands in the body too: with a
    body the server does not look at the query (apiserver, `handlers/delete.go`).

    Raises:
        ChangeRefused: a part of the address is not a DNS name, or the step is not what its operation may do.
    """
    for segment in (ref.group, ref.version, ref.resource, ref.namespace, ref.name):
        if segment and not _SEGMENT.fullmatch(segment):
            raise ChangeRefused(f"{segment!r} cannot be part of an object's address", "Check the object's name.")
    if not (ref.version and ref.resource and ref.name):
        raise ChangeRefused("The step names no object", "Make a new plan.")
    require_allowed(ref.kind, args, ref.group, ref.resource)
    request = _request(ref, args, rehearsal)
    return msgspec.structs.replace(request, query=(*request.query, REHEARSAL)) if rehearsal else request


def _request(ref: ObjectRef, args: StepArgs, rehearsal: bool) -> Request:
    match args:
        case ScaleArgs(after=after):
            return _merge(f"{ref.path}/scale", ref, {"spec": {"replicas": after}})
        case RestartArgs(restarted_at=moment):
            template = {"metadata": {"annotations": {RESTARTED_AT: moment}}}
            return _merge(ref.path, ref, {"spec": {"template": template}})
        case EditArgs():
            return _edit(ref, args)
        case EvictArgs(grace_seconds=grace):
            metadata = {"name": ref.name, "namespace": ref.namespace}
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
            return _post(f"{ref.path}/eviction", eviction | {"deleteOptions": _delete_options(ref, grace, rehearsal)})
        case DeleteArgs(cascade=cascade, grace_seconds=grace):
            options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": cascade.value}
            body = canonical_json(options | _delete_options(ref, grace, rehearsal))
            return Request.of("DELETE", ref.path, (), JSON, body)
        case CreateJobArgs():
            return _create_job(ref, args)
        case ApplyArgs():
            return _apply(ref, args)
        case _:
            assert_never(args)


def fields_written(args: StepArgs) -> frozenset[str]:
    """The JSON pointers that a step writes; any other difference in a rehearsal is the cluster's doing."""
    match args:
        case ScaleArgs():
            return frozenset({"/spec/replicas"})
        case RestartArgs():
            return frozenset({f"/spec/template/metadata/annotations/{RESTARTED_AT.replace('/', '~1')}"})
        case EditArgs(edits=edits):
            return frozenset(edit.pointer for edit in edits)
        case EvictArgs() | DeleteArgs() | CreateJobArgs() | ApplyArgs():
            return frozenset()
        case _:
            assert_never(args)


def _edit(ref: ObjectRef, args: EditArgs) -> Request:
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": ref.uid},
        *old_values_tested(args.edits),
        {"op": "replace", "path": "/metadata/resourceVersion", "value": ref.resource_version},
        *operations(args.edits),
    ]
    try:
        body = canonical_json(patch)
    except TypeError as error:
        raise ChangeRefused(f"A value cannot be written exactly: {error}", "Use whole numbers or text.") from error
    return Request.of("PATCH", ref.path, QUERY, JSON_PATCH, body)


def _delete_options(ref: ObjectRef, grace: int | None, rehearsal: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"preconditions": {"uid": ref.uid, "resourceVersion": ref.resource_version}}
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    return options | {"dryRun": ["All"]} if rehearsal else options


def _create_job(ref: ObjectRef, args: CreateJobArgs) -> Request:
    document = json.loads(args.document)
    metadata = document.get("metadata", {})
    owners = [(owner.get("kind"), owner.get("uid")) for owner in metadata.get("ownerReferences", [])]
    # The owner's uid is the precondition: a Job whose CronJob is gone or made anew is collected at once.
    if (metadata.get("name"), metadata.get("namespace"), owners) != (args.job, ref.namespace, [("CronJob", ref.uid)]):
        raise ChangeRefused("The Job is not the one of its CronJob", "Make a new plan.")
    return _post(f"{ref.path.rpartition('/cronjobs/')[0]}/jobs", document)


def _apply(ref: ObjectRef, args: ApplyArgs) -> Request:
    document = json.loads(args.document)
    metadata = document.get("metadata", {})
    named = (metadata.get("name"), metadata.get("namespace", ""))
    if named != (ref.name, ref.namespace) or not metadata.keys() <= {"name", "namespace", "labels", "annotations"}:
        raise ChangeRefused("The document is not of the object that the plan names", "Make a new plan.")
    if args.again and not args.exists:
        # Not server-side apply, which would change an object that someone made in the meantime: this is 409 then.
        return _post(ref.path.rpartition("/")[0], document)
    if args.exists:
        document["metadata"] = metadata | {"uid": ref.uid, "resourceVersion": ref.resource_version}
    try:
        body = canonical_json(document)
    except TypeError as error:
        raise ChangeRefused(f"A value cannot be written exactly: {error}", "Use whole numbers or text.") from error
    return Request.of("PATCH", ref.path, APPLY_QUERY, APPLY_PATCH, body)


def _post(path: str, document: dict[str, Any]) -> Request:
    try:
        body = canonical_json(document)
    except TypeError as error:
        raise ChangeRefused(f"A value cannot be written exactly: {error}", "Use whole numbers or text.") from error
    return Request.of("POST", path, QUERY, JSON, body)


def _merge(path: str, ref: ObjectRef, change: dict[str, Any]) -> Request:
    precondition = {"metadata": {"uid": ref.uid, "resourceVersion": ref.resource_version}}
    return Request.of("PATCH", path, QUERY, MERGE_PATCH, canonical_json(precondition | change))
