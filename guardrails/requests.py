"""Turns a typed step into its one request. The card and the wire are both made from here, so they cannot differ."""

from __future__ import annotations

import re
from typing import Any, assert_never

from guardrails.canonical import canonical_json
from guardrails.errors import ChangeRefused
from guardrails.plan import FIELD_MANAGER, RESTARTED_AT, ObjectRef, Request, RestartArgs, ScaleArgs

MERGE_PATCH = "application/merge-patch+json"
QUERY = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"))
REHEARSAL = ("dryRun", "All")
_SEGMENT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # RFC 1123: no such name can leave its path segment


def compile_request(ref: ObjectRef, args: ScaleArgs | RestartArgs) -> Request:
    """The request for one step.

    Every body carries uid and resourceVersion: the server answers 409 when the object changed in between
    (kubernetes apiserver, `store.Update`: a merge patch that sets resourceVersion is a conditional update).

    Raises:
        ChangeRefused: a part of the address is not a DNS name.
    """
    match args:
        case ScaleArgs(after=after):
            return _patch(f"{ref.path}/scale", ref, {"spec": {"replicas": after}})
        case RestartArgs(restarted_at=moment):
            template = {"metadata": {"annotations": {RESTARTED_AT: moment}}}
            return _patch(ref.path, ref, {"spec": {"template": template}})
        case _:
            assert_never(args)


def fields_written(args: ScaleArgs | RestartArgs) -> frozenset[str]:
    """The JSON pointers that a step writes; any other difference in a rehearsal is the cluster's doing."""
    match args:
        case ScaleArgs():
            return frozenset({"/spec/replicas"})
        case RestartArgs():
            return frozenset({f"/spec/template/metadata/annotations/{RESTARTED_AT.replace('/', '~1')}"})
        case _:
            assert_never(args)


def _patch(path: str, ref: ObjectRef, change: dict[str, Any]) -> Request:
    for segment in (ref.group, ref.version, ref.resource, ref.namespace, ref.name):
        if not _SEGMENT.fullmatch(segment):
            raise ChangeRefused(f"{segment!r} cannot be part of an object's address", "Check the object's name.")
    precondition = {"metadata": {"uid": ref.uid, "resourceVersion": ref.resource_version}}
    return Request.of("PATCH", path, QUERY, MERGE_PATCH, canonical_json(precondition | change))
