"""Events as facts: what happened to an object, when, how often, who said so. Reads both generations of the API."""

from __future__ import annotations

from datetime import datetime

import msgspec

from copilot.model import Ref, Resource, child, instant, number, text


class EventFact(msgspec.Struct, frozen=True):
    """One event. `ref` is the event object, `about` what it happened to, `field` the field it names (a container's).

    `source` is where it was read.
    """

    type: str
    reason: str
    message: str
    count: int
    first: datetime | None
    last: datetime | None
    component: str
    source: str
    ref: Ref
    field: str = ""
    about: Ref = Ref("", "", "")
    host: str = ""

    @property
    def container(self) -> str:
        """The container that the event names (`spec.containers{web}`), or nothing."""
        return self.field.partition("{")[2].rstrip("}")


def event_fact(resource: Resource) -> EventFact:
    """Read core/v1 and events.k8s.io/v1 events; scheduler events carry only `eventTime`."""
    body = resource.body
    series = child(body, "series")
    first = instant(body.get("firstTimestamp")) or instant(body.get("deprecatedFirstTimestamp"))
    last = instant(body.get("lastTimestamp")) or instant(body.get("deprecatedLastTimestamp"))
    event_time = instant(body.get("eventTime"))
    observed = instant(series.get("lastObservedTime"))
    about = child(body, "involvedObject") or child(body, "regarding")
    return EventFact(
        type=text(body, "type"),
        reason=text(body, "reason"),
        message=text(body, "message") or text(body, "note"),
        count=max(1, number(series, "count") or number(body, "count") or number(body, "deprecatedCount")),
        first=first or event_time or resource.created,
        last=observed or last or event_time or first or resource.created,
        component=text(body, "reportingComponent")
        or text(body, "reportingController")
        or text(body, "source", "component")
        or text(body, "deprecatedSource", "component"),
        source=resource.source,
        ref=resource.ref,
        field=text(about, "fieldPath"),
        host=text(body, "source", "host") or text(body, "deprecatedSource", "host"),
        about=Ref(
            text(about, "kind"),
            text(about, "namespace"),
            text(about, "name"),
            text(about, "apiVersion").rpartition("/")[0],
        ),
    )
