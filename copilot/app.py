"""The composition root: from settings and a target to one `Copilot`. The only place that names adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from copilot.model import CopilotError, Diagnosis, Ref, Remembered, RootCause, Snapshot, UsageError
from copilot.model.collector import paused_gc
from copilot.model.likeness import nearest
from copilot.settings import Settings, load_settings
from copilot.target import Target

if TYPE_CHECKING:
    from copilot.agent.asking import Finds, Passage, Shelf
    from copilot.agent.events import StreamEvent
    from copilot.diagnosis.reach import Reachability
    from guardrails.plan import ClusterId
    from retrievers.graph import ResourceGraph
    from retrievers.history import History
    from retrievers.knowledge.rights import Need, Rights
    from tools.cluster.live import LiveSource
    from tools.cluster.source import Source


MOST_PODS = 6  # whose logs are read at once when a question is about them: replicas tell the same story


class Copilot:
    """One cluster, observed once, and everything that can be asked of it."""

    def __init__(self, source: Source, target: Target, settings: Settings, namespace: str | None) -> None:
        self.source = source
        self.target = target
        self.settings = settings
        self.namespace = namespace
        self._rights: dict[tuple[Need, ...], Rights] = {}

    @cached_property
    def snapshot(self) -> Snapshot:
        """The observation, made at the first use: the whole cluster as far as it may be read.

        A namespace narrows the answer, not the reading: its trouble may come from a node, a webhook or another namespace.
        """
        from tools.cluster.source import Scope

        # What a person hands over as files is theirs to show; of a live cluster's ConfigMaps only the keys are asked for.
        with paused_gc():
            return self.source.snapshot(Scope(config_values=bool(self.target.paths)))

    @cached_property
    def objects(self) -> ResourceGraph:
        """The graph of the observation, without asking for any log: what questions about objects alone need."""
        from retrievers.graph import build_graph

        graph = build_graph(self.snapshot)
        _remember_secrets(self.snapshot)
        _check_namespace(graph, self.namespace)
        return graph

    @cached_property
    def graph(self) -> ResourceGraph:
        """The graph of the observation, with the logs that its troubles call for."""
        from copilot.diagnosis.needs import wanted_logs

        graph = self.objects
        self._read_logs(graph, wanted_logs(graph, self.namespace))
        if not self.target.paths:
            self._read_more(graph)
        return graph

    def _read_logs(self, graph: ResourceGraph, wanted: list[tuple[str, str, str, bool]]) -> None:
        from tools.cluster.source import LogRequest

        if wanted:
            read = self.source.read_logs([LogRequest(*one) for one in wanted])
            graph.add_logs(read.logs, read.notes)

    def _read_more(self, graph: ResourceGraph) -> None:
        """Of a live cluster: logs of those who are complained of, proxy configuration on a failing path, the operator's Prometheus."""
        from copilot.diagnosis.needs import wanted_callees, wanted_configs
        from tools.cluster.source import ConfigReader

        self._read_logs(graph, wanted_callees(graph))  # who is complained of is known only from the first logs
        refs = wanted_configs(graph) if isinstance(self.source, ConfigReader) else []
        if refs and isinstance(self.source, ConfigReader):
            configs = self.source.read_configs(refs)
            for resource in configs.resources:
                graph.put(resource)
            graph.add_logs((), configs.notes)
        if self.settings.prometheus_url:
            from tools.cluster.prometheus_api import read_series

            scope = (self.namespace,) if self.namespace else None
            measured = read_series(self.settings.prometheus_url, scope, graph.snapshot.observed_at)
            graph.add_series(measured.series, measured.notes)

    def diagnose(self, ref: Ref | None = None) -> Diagnosis:
        """Explain what is wrong with one object, or in the target's scope. Secrets in quoted text are redacted."""
        return self.explain(ref, self.namespace)

    def explain(self, ref: Ref | None, namespace: str | None) -> Diagnosis:
        """The diagnosis of an object, of a namespace, or of everything (`copilot.agent.asking.Desk`)."""
        from copilot.diagnosis import Scope, diagnose
        from copilot.redacting import redact_diagnosis

        scope = Scope(object=ref, namespaces=(namespace,) if namespace and ref is None else ())
        with paused_gc():
            return self._with_memory(redact_diagnosis(_with_runbooks(diagnose(self.graph, scope))))

    def _with_memory(self, diagnosis: Diagnosis) -> Diagnosis:
        """Put beside each cause what was written down about the very same one, of objects that this person could read."""
        from retrievers.history import History, HistoryError

        history = History(self.settings.data_dir)
        try:
            causes = tuple(
                msgspec.structs.replace(cause, remembered=_offered(history, self.memory_key, cause, self.graph))
                for cause in (diagnosis.root_causes if history.kept else ())
            )
        except HistoryError:
            return diagnosis  # `remember list` says what is wrong with it; an answer needs no memory
        return msgspec.structs.replace(diagnosis, root_causes=causes) if causes else diagnosis

    @cached_property
    def memory_key(self) -> str:
        """The cluster as incidents and rendered objects are filed under it. A recording never passes for a live cluster."""
        from retrievers.history import History, recorded_key

        cluster = self._cluster
        return recorded_key(self.identity) if cluster is None else History(self.settings.data_dir).key_of(cluster)

    def rights(self, needs: Sequence[Need]) -> Rights:
        """What of these the person can get: all of a recording, else as the API server says (SelfSubjectAccessReview)."""
        from retrievers.knowledge.rights import asked_rights, everything
        from tools.access import AccessQuestion, may

        live = self._live
        if live is None:
            return everything(self.memory_key, needs)

        def allowed(resource: str, namespace: str) -> bool:
            plural, _, group = resource.partition(".")
            return may(live.transport, AccessQuestion("get", plural, group, namespace)).allowed

        return asked_rights(self.memory_key, needs, allowed)

    def reach(self, source: str, destination: str) -> Reachability:
        """Whether one end may reach the other, as a person types them. Quoted text is redacted.

        Raises:
            UsageError: an end is not found, is several objects, or the port is none.
        """
        from copilot.diagnosis.reach import reach
        from copilot.diagnosis.view import View
        from copilot.redacting import redact_reach

        with paused_gc():
            return redact_reach(reach(View(self.objects), source, destination, self.namespace))

    def search(self, words: str, most: int) -> list[Passage]:
        """Passages of the shipped runbooks and the user's documents, best first."""
        from copilot.agent.asking import Passage
        from retrievers.knowledge import open_library

        with open_library(self.settings.data_dir, dense=False) as library:
            hits = library.search(words, most)
        return [Passage(hit.document, hit.section, hit.text, hit.source_path, trusted=hit.signed) for hit in hits]

    def search_cluster(self, words: str, shelves: Sequence[Shelf], most: int) -> Finds:
        """What is stored of this cluster and fits the words (`copilot.agent.asking.ClusterSearcher`).

        Only what the API server lets this person get, in the namespace of the conversation and of what has none.
        """
        from copilot.agent.asking import Finds, Shelf, Stored
        from retrievers.history import History
        from retrievers.knowledge import Trust, Where, open_library

        trust = {Shelf.STATE: Trust.OBJECTS, Shelf.INCIDENTS: Trust.INCIDENTS}
        with open_library(self.settings.data_dir, dense=False) as library:
            if Shelf.INCIDENTS in shelves:
                entries = History(self.settings.data_dir).entries(self.memory_key)
                library.refresh_incidents(entries, self.memory_key)
            needs = library.store.needs(self.memory_key)
            if self.namespace:
                needs = [need for need in needs if need.namespace in ("", self.namespace)]
            if not needs:
                return Finds(
                    notes=("nothing of this cluster is stored (kubectl copilot index --objects stores its state)",)
                )
            rights = self._rights_to(tuple(needs))
            notes = (f"{rights.unasked} namespaces were not asked about and are left out",) if rights.unasked else ()
            found = []
            for shelf in shelves:
                read_at = library.read_at(self.memory_key) if shelf is Shelf.STATE else ""
                hits = library.search(words, most, where=Where(trust=trust[shelf], rights=rights))
                found += [Stored(shelf, hit.document, hit.text, hit.source_path, hit.label, read_at) for hit in hits]
        return Finds(tuple(found), notes)

    def next_question(self) -> None:
        """From here on the API server is asked again what the person may get (`copilot.agent.asking.Renewed`)."""
        self._rights.clear()

    def _rights_to(self, needs: tuple[Need, ...]) -> Rights:
        """`rights`, asked once a question for each set of needs: a model searches many times for one answer."""
        if needs not in self._rights:
            rights = self.rights(needs)
            self._rights[needs] = rights.within(self.namespace, needs) if self.namespace else rights
        return self._rights[needs]

    def fetch_logs(self, pods: Sequence[Ref]) -> list[str]:
        """Read the logs of these pods that were not read yet (`copilot.agent.asking.LogFetcher`)."""
        from tools.cluster.source import LogRequest

        wanted = [
            LogRequest(pod.namespace, pod.name, name)
            for pod in pods[:MOST_PODS]
            for name in _containers(self.graph, pod)
            if not self.graph.logs(pod, name)
        ]
        if self.target.paths or not wanted:
            return []
        read = self.source.read_logs(wanted)
        self.graph.add_logs(read.logs, read.notes)
        return list(read.notes)

    def may_i(self, verb: str, resource: str, namespace: str, name: str) -> str:
        """The API server's answer to `can I` (`copilot.agent.asking.AccessAsker`); empty for recorded material."""
        from tools.access import may_i

        live = self._live
        return may_i(live.transport, verb, resource, namespace, name) if live is not None else ""

    @cached_property
    def identity(self) -> str:
        """What tells this cluster from another of its name: the uid of kube-system, else the address and its certificates."""
        cluster = self._cluster
        return f"{self.snapshot.cluster}/{cluster.key if cluster is not None else self._uid}"

    @property
    def _uid(self) -> str:
        """The uid of kube-system; empty where it was not read."""
        system = self.objects.find("Namespace", "", "kube-system")
        uid = system.metadata.get("uid") if system is not None else None
        return uid if isinstance(uid, str) else ""

    @cached_property
    def _cluster(self) -> ClusterId | None:
        """Which live cluster this is; None for recorded material."""
        from tools.change.identity import cluster_at, identify_cluster

        if (live := self._live) is None:
            return None
        return cluster_at(live.connection, self._uid) if self._uid else identify_cluster(live.transport)

    @property
    def _live(self) -> LiveSource | None:
        """The live cluster, where it is one."""
        if self.target.paths:
            return None
        from tools.cluster.live import LiveSource

        return self.source if isinstance(self.source, LiveSource) else None

    def ask(self, question: str) -> Iterator[StreamEvent]:
        """Answer a question in plain words: a stream of events, redacted, the last one `Answered` or `Refused`."""
        from copilot.agent import answer_question
        from copilot.agent.redaction import redact_event

        self.next_question()
        with paused_gc():
            for event in answer_question(self, question):
                yield redact_event(event)

    def over_namespace(self, namespace: str | None) -> Copilot:
        """The same cluster, narrowed to a namespace or (None) to nothing: a question may name any."""
        return Copilot(self.source, self.target, self.settings, namespace)

    def resolve(self, words: str) -> Ref:
        """The object a person means by `deploy/web`, `web` or `kind.group/name`.

        Raises:
            UsageError: nothing fits, with the nearest name; or several objects fit.
        """
        from retrievers.graph.resolve import resolve_object

        return resolve_object(self.graph, words, self.namespace)


def open_copilot(target: Target, settings: Settings | None = None) -> Copilot:
    """Open what the target names; nothing is read before the first question.

    Raises:
        CopilotError: no kubeconfig, an unknown context, unreadable input.
    """
    settings = settings or load_settings()
    if target.paths:
        from tools.cluster.open_source import open_path
        from tools.cluster.several import SeveralSources

        sources = [open_path(path) for path in target.paths]
        source: Source = sources[0] if len(sources) == 1 else SeveralSources(tuple(sources))
        return Copilot(source, target, settings, None if target.all_namespaces else target.namespace)
    from tools.cluster.live import open_live

    live = open_live(kubeconfig=target.kubeconfig, context=target.context)
    own = target.namespace or live.connection.namespace
    live.connection = msgspec.structs.replace(live.connection, namespace=own)
    return Copilot(live, target, settings, None if target.all_namespaces else own)


def open_snapshot(target: Target) -> Snapshot:
    """The observation of what the target names."""
    return open_copilot(target).snapshot


def judge_manifests(files: tuple[str, ...], target: Target, *, alone: bool) -> Diagnosis:
    """Say what of the manifests would be refused or never become ready, in the target's cluster or (`alone`) by themselves.

    Where no cluster was asked for by name and none answers, they are judged alone, and the answer says so.

    Raises:
        CopilotError: the manifests cannot be read, or the cluster that was asked for cannot.
    """
    from copilot.preflight import judge
    from copilot.redacting import redact_diagnosis
    from tools.cluster.manifest_files import read_manifests

    manifests = read_manifests(files)
    live: Snapshot | None = None
    namespace = target.namespace
    if not alone:
        try:
            copilot = open_copilot(target)
            live, namespace = copilot.snapshot, namespace or copilot.namespace
        except CopilotError as error:
            if target.paths or target.context or target.kubeconfig:
                raise
            manifests = msgspec.structs.replace(
                manifests, notes=(*manifests.notes, f"no cluster answered: {error.title}")
            )
    with paused_gc():
        return redact_diagnosis(_with_runbooks(judge(manifests, live, namespace or "default")))


def _offered(history: History, cluster: str, cause: RootCause, graph: ResourceGraph) -> tuple[Remembered, ...]:
    from retrievers.history import MOST_OFFERED

    def seen(ref: Ref) -> bool:
        read = graph.snapshot.coverage.was_read(ref.kind, ref.namespace, ref.group)
        return read or graph.get(ref) is not None

    known = [entry for entry in history.like(cluster, cause) if seen(entry.ref)][:MOST_OFFERED]
    return tuple(Remembered(entry.quote, entry.at, entry.tried, entry.worked) for entry in known)


def _containers(graph: ResourceGraph, pod: Ref) -> list[str]:
    from copilot.model import children, text

    resource = graph.get(pod)
    return [text(one, "name") for one in children(resource.spec, "containers")] if resource is not None else []


_WITH_CONTAINERS = frozenset({"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"})


def _remember_secrets(snapshot: Snapshot) -> None:
    """Let redaction know what containers are given, so that it is found where a log repeats it without context."""
    from guardrails.redaction import learn

    learn(resource.body for resource in snapshot.resources if resource.ref.kind in _WITH_CONTAINERS)


def _with_runbooks(diagnosis: Diagnosis) -> Diagnosis:
    from retrievers.knowledge.runbook_index import runbook_for

    causes = tuple(
        msgspec.structs.replace(cause, runbook=runbook_for(cause.cause) or "") for cause in diagnosis.root_causes
    )
    return msgspec.structs.replace(diagnosis, root_causes=causes)


def _check_namespace(graph: ResourceGraph, namespace: str | None) -> None:
    """A namespace that does not exist is a typing error, not a healthy place; to who may not list them, any may exist."""
    hidden = any(reading.kind == "Namespace" for reading in graph.snapshot.coverage.refused())
    if namespace is None or hidden or graph.find("Namespace", "", namespace) is not None:
        return
    seen = {ref.namespace for ref in graph.refs()} - {""}
    if namespace in seen or not (graph.snapshot.coverage.was_read("Namespace") or graph.snapshot.resources):
        return
    names = sorted({*seen, *(resource.ref.name for resource in graph.of_kind("Namespace"))})
    near = nearest(namespace, names)
    hint = f"Did you mean {near}?" if near else f"Namespaces that were read: {', '.join(names[:12])}"
    raise UsageError(f"Namespace {namespace!r} was not found.", hint)


__all__ = ["Copilot", "open_copilot", "open_snapshot"]
