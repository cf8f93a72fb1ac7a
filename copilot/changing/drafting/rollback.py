"""Drafts a rollback: the pod template of an earlier revision, as the fields in which it differs from the present one."""

from __future__ import annotations

import copy
from typing import Any

from copilot.changing.drafting.drafted import Drafted, edited
from copilot.changing.lookup import Found, Lookup
from copilot.model import children, dig, number, text
from guardrails.errors import IntentError
from guardrails.operations import Op, Rollback
from guardrails.operations.edits import edits_between, pointer_of

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


def roll_back(found: Found, intent: Rollback, lookup: Lookup) -> Drafted:
    """Put the template of an earlier revision back.

    Raises:
        IntentError: there is no such revision.
    """
    revisions = _of_deployment(found, lookup) if found.kind.kind == "Deployment" else _of_controller(found, lookup)
    present = dig(found.body, *found.kind.template)
    differing = {number: template for number, template in revisions.items() if template != present}
    wanted = intent.revision or max(differing, default=0)
    template = revisions.get(wanted)
    if template is None:
        known = ", ".join(str(each) for each in sorted(revisions)) or "none"
        which = f"revision {intent.revision}" if intent.revision else "earlier revision"
        raise IntentError(f"{found.ref.title} has no {which}", f"Revisions that are kept: {known}.")
    edits = edits_between(present, template, pointer_of(*found.kind.template))
    return edited(found, Op.ROLLBACK, edits, f"revision {wanted}")


def _of_deployment(found: Found, lookup: Lookup) -> dict[int, Any]:
    """Revision to template, from the ReplicaSets that the Deployment owns (kubectl: pkg/polymorphichelpers/rollback)."""
    revisions = {}
    for replica_set in lookup.listed("ReplicaSet", found.namespace):
        if _owned(replica_set, found.ref.uid):
            template = copy.deepcopy(dig(replica_set, "spec", "template"))
            labels = dig(template, "metadata", "labels")
            if isinstance(labels, dict):
                labels.pop(_HASH, None)
            revisions[number(replica_set, "metadata", "annotations", _REVISION)] = template
    return revisions


def _of_controller(found: Found, lookup: Lookup) -> dict[int, Any]:
    """Revision to template, from the ControllerRevisions of a StatefulSet or DaemonSet."""
    revisions = {}
    for revision in lookup.listed("ControllerRevision", found.namespace):
        if _owned(revision, found.ref.uid):
            template = copy.deepcopy(dig(revision, "data", "spec", "template"))
            if isinstance(template, dict):
                template.pop("$patch", None)
                revisions[number(revision, "revision")] = template
    return revisions


def _owned(body: dict[str, Any], uid: str) -> bool:
    return bool(uid) and any(text(owner, "uid") == uid for owner in children(body, "metadata", "ownerReferences"))
