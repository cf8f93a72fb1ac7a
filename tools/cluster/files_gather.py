"""Collects what the files of one input hold and makes a Snapshot of it. What was not understood becomes a note, never a loss in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from copilot.model import (
    Alert,
    ContainerLog,
    Coverage,
    Reading,
    ReadState,
    Ref,
    Resource,
    Series,
    Snapshot,
    Usage,
    children,
    text,
)
from tools.cluster import dump, prometheus
from tools.cluster.files_coverage import ListFacts, folded, readings
from tools.cluster.files_hint import Hint, Shape
from tools.cluster.files_now import NewestTime
from tools.cluster.manifests import Parts
from tools.cluster.merge import merge, unified, unified_logs
from tools.cluster.record_format import completed
from tools.cluster.resources import is_object, resource
from tools.cluster.source import Scope

LOG_LIMIT = 2**20  # bytes kept of a container's log, its end: a crash is explained by its last lines
MAX_NOTED = 5  # names in one note; more would bury the notes that matter


class Gathering:
    """The growing collection. `read_anything` tells whether any file was understood."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._newest = NewestTime()
        self._resources: list[Resource] = []
        self._facts: list[ListFacts] = []
        self._readings: list[Reading] = []
        self._notes: list[str] = []
        self._unread: list[str] = []
        self._log_failures: list[str] = []
        self._logs: list[ContainerLog] = []
        self._loose: list[ContainerLog] = []
        self._usage: list[Usage] = []
        self._alerts: list[Alert] = []
        self._series: list[Series] = []
        self._texts: list[Snapshot] = []
        self._own: dict[str, bytes] = {}
        self.read_anything = False
        self.parts = Parts()

    def wants(self, namespace: str) -> bool:
        """Tell whether objects of a namespace are in scope; cluster-scoped ones always are."""
        return not namespace or self._scope.namespaces is None or namespace in self._scope.namespaces

    def note(self, sentence: str) -> None:
        """Keep a sentence for the coverage."""
        self._notes.append(sentence)

    def unread(self, name: str) -> None:
        """Remember a file of no known kind."""
        self._unread.append(name)

    def add_reading(self, reading: Reading) -> None:
        """Keep what a file said about a list that is not there."""
        self._readings.append(reading)
        self.read_anything = True

    def add_list(self, body: Mapping[str, Any], items: Iterable[Any], hint: Hint, source: str) -> ListFacts:
        """Take a list of objects; items without kind or apiVersion get those of the list, or of the path."""
        kind, version = text(body, "kind").removesuffix("List"), text(body, "apiVersion")
        if not kind and not version:
            kind, version = hint.kind, hint.api_version
        fits = (hint.shape is Shape.LIST and kind in ("", hint.kind)) or not hint.kind
        facts = ListFacts(
            source=source,
            kind=kind,
            group=_group(kind, version),
            namespace=hint.namespace if hint.shape is Shape.LIST and fits else "",
            cut=bool(text(body, "metadata", "continue")),
        )
        self.read_anything = True
        for item in items:
            if isinstance(item, dict):
                self._add_item(item, kind, version, facts)
        self._facts.append(facts)
        return facts

    def _add_item(self, item: dict[str, Any], kind: str, version: str, facts: ListFacts) -> None:
        found = dict(item)
        if kind:
            found.setdefault("kind", kind)
            found.setdefault("apiVersion", version)
        for nested in children(found, "items") if text(found, "kind").endswith("List") else ():
            self._add_item(dict(nested), text(found, "kind").removesuffix("List"), text(found, "apiVersion"), facts)
        ref = self.add_object(found, facts.source)
        if ref is not None:
            uid = text(found, "metadata", "uid")
            facts.kinds[(ref.kind, ref.group)].add(ref.kind, ref.namespace, ref.name, uid)

    def add_single(self, body: dict[str, Any], hint: Hint, source: str) -> bool:
        """Take one object that stands alone in a file or document; False where it is none."""
        ref = self.add_object(body, source)
        if ref is None:
            return prometheus.is_usage(body)
        state = ReadState.READ if hint.shape is Shape.ONE_OF_ALL else ReadState.PARTIAL
        scope = hint.namespace if hint.shape is Shape.ONE_OF_ALL else (ref.namespace or "*")
        detail = "" if state is ReadState.READ else "single objects, not a list"
        self._readings.append(Reading(ref.kind, ref.group, scope, state, 1, detail))
        return True

    def add_object(self, body: dict[str, Any], source: str) -> Ref | None:
        """Take one object; None where it is none, carries usage instead, or is out of scope."""
        if prometheus.is_usage(body):
            self._usage.extend(prometheus.usage_of(body, source))
            self.read_anything = True
            return None
        if not is_object(body):
            return None
        self._newest.see(body)
        self.read_anything = True
        found = resource(body, source, config_values=self._scope.config_values)
        if self.wants(found.ref.namespace):
            self._resources.append(found)
        return found.ref

    def add_log(self, hint: Hint, content: str, source: str, *, cut: bool) -> None:
        """Take a container's log; without a namespace it waits for a pod of that name."""
        log = ContainerLog(hint.namespace, hint.pod, hint.container, content, hint.previous, source, cut)
        self.read_anything = True
        if not hint.namespace:
            self._loose.append(log)
        elif self.wants(hint.namespace):
            self._logs.append(log)
            self._newest.see_log(log)

    def log_failed(self, reason: str) -> None:
        """Count a log that the dump has only the failure of."""
        self._log_failures.append(reason.strip())

    def add_alerts(self, alerts: Iterable[Alert]) -> None:
        """Take alerts."""
        self._alerts.extend(alerts)
        self.read_anything = True

    def add_series(self, series: Iterable[Series]) -> None:
        """Take Prometheus series."""
        self._series.extend(series)
        self.read_anything = True

    def add_text(self, snapshot: Snapshot) -> None:
        """Take what a transcript showed."""
        self._texts.append(snapshot)
        self.read_anything = True

    def add_own(self, name: str, content: bytes) -> None:
        """Keep a file of a recording by our own recorder; together they say what was read, and when."""
        self._own.setdefault(name, content)

    def close_stream(self, since: int) -> None:
        """Look over the lists one file held since it was opened: empty ones may take a namespace from their series."""
        lists = self._facts[since:]
        series = [dump.ListSeen(one.kind, one.namespace, frozenset(one.spans())) for one in lists]
        dump.name_empty_lists(series)
        for one, named in zip(lists, series, strict=True):
            one.namespace = named.namespace

    @property
    def lists(self) -> int:
        """How many lists were taken so far."""
        return len(self._facts)

    def snapshot(self, name: str) -> Snapshot:
        """Make the Snapshot. `name` is what the input is called where it does not name its cluster."""
        self._place_loose_logs()
        found = [*self._readings, *(reading for facts in self._facts for reading in readings(facts))]
        objects = Snapshot(
            cluster=PurePosixPath(name).name.split(".")[0],
            observed_at=self._newest.newest(),
            resources=unified(self._resources),
            coverage=Coverage(folded(found), tuple(dict.fromkeys([*self._notes, *self._counted_notes()]))),
            logs=unified_logs(self._logs),
        )
        others = Snapshot(usage=tuple(self._usage), alerts=tuple(self._alerts), series=tuple(self._series))
        return merge([completed(objects, self._own, name), others, *self._texts])

    def _place_loose_logs(self) -> None:
        pods: dict[str, list[Ref]] = {}
        for found in self._resources if self._loose else ():
            if found.ref.kind == "Pod":
                pods.setdefault(found.ref.name, []).append(found.ref)
        for log in self._loose:
            owners = pods.get(log.pod, [])
            if len(owners) == 1:
                self._logs.append(msgspec.structs.replace(log, namespace=owners[0].namespace))
            else:
                self._unread.append(log.source)
        self._loose = []

    def _counted_notes(self) -> Iterator[str]:
        """One note for all files, or logs, that share a fate."""
        if self._unread:
            more = len(self._unread) - MAX_NOTED
            names = ", ".join(self._unread[:MAX_NOTED]) + (f" and {more} more files" if more > 0 else "")
            yield f"not read, of no known kind: {names}"
        if self._log_failures:
            yield f"{len(self._log_failures)} container logs are not in the dump; the first says: {self._log_failures[0]}"


def _group(kind: str, version: str) -> str:
    """The API group; events are core whichever group served them."""
    return "" if kind == "Event" else version.rpartition("/")[0]
