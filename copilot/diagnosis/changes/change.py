"""What one change is: when, to which object, what, from what to what, by whom. Pure data; values are untrusted text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from copilot.model import Ref

MAX_VALUE = 200  # characters of a value in a sentence; a longer one is a document


class Aspect(StrEnum):
    """What about an object changed. Causes are matched with changes by it."""

    CREATED = "created"
    DELETED = "deleted"
    IMAGE = "image"
    COMMAND = "command"
    ENVIRONMENT = "environment"
    CONFIG = "config"  # the content of a ConfigMap or Secret, or which one is mounted
    RESOURCES = "resources"
    PROBE = "probe"
    PORTS = "ports"
    LABELS = "labels"
    SCHEDULING = "scheduling"  # where its pods may run
    SECURITY = "security"  # security context, service account
    RESTART = "restart"  # a new rollout of the same template
    TEMPLATE = "template"  # any other field of the pod template
    SCALE = "scale"
    ROUTING = "routing"  # Service, Ingress, routes
    POLICY = "policy"  # quotas, limits, network policies, webhooks, rights
    STORAGE = "storage"
    NODE = "node"  # cordon, taint
    CONDITION = "condition"  # a node became ready, or not
    RUN = "run"  # a Job began or ended
    EDIT = "edit"  # edited, and nothing tells which field


class Change(msgspec.Struct, frozen=True):
    """One thing that happened to one object.

    `what` names the field in words; `before` and `after` are its values ("" for none, where there is a value at all);
    `by` is the writer as the API server recorded it (a field manager), or the controller that acted.
    """

    at: datetime
    object: Ref
    aspect: Aspect
    what: str
    path: str = ""
    before: str = ""
    after: str = ""
    by: str = ""
    source: str = ""

    @property
    def text(self) -> str:
        """The change in one sentence, without object and time: `image of container web: web:1 → web:2 by kubectl-set`."""
        values = f": {shortened(self.before)} → {shortened(self.after)}" if self.before or self.after else ""
        return f"{self.what}{values}{f' by {self.by}' if self.by else ''}"


def shortened(value: str) -> str:
    """A value as a sentence can carry it; `none` where there is none."""
    flat = " ".join(value.split())
    return (flat if len(flat) <= MAX_VALUE else f"{flat[:MAX_VALUE]}…") or "none"


def newest_first(changes: Iterable[Change]) -> list[Change]:
    """A stable order, each change once: the same input gives the same output."""
    return sorted(
        dict.fromkeys(changes), key=lambda c: (-c.at.timestamp(), c.object, c.what, c.path, c.before, c.after)
    )
