"""Reads one member of an input into a Gathering: by its path first, then by its content. It raises InputError and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from copilot.model import InputError, Reading, ReadState, text
from tools.cluster import alerts, bundle, dump, logs_folder, must_gather, prometheus
from tools.cluster.archive import Member, read_all, read_tail
from tools.cluster.files_gather import LOG_LIMIT, Gathering
from tools.cluster.files_hint import Hint, Shape, kind_of
from tools.cluster.manifests import Document, LogBlock, json_documents, log_blocks, yaml_documents
from tools.cluster.record_format import COVERAGE, MARKER, OBSERVATIONS
from tools.cluster.sniff import HEAD, Content, sniff, text_of, to_utf8
from tools.cluster.transcript import looks_like_transcript, parse_transcript

TEXT_LIMIT = 32 * 2**20  # bytes: nobody pastes more; a larger text is a log whose pod is not known
_OWN_MARK = b'"cluster-copilot/'  # stands in the schema of every file of our own recorder

# Files that stand beside a dump and say nothing about the cluster.
_IGNORED_NAMES = frozenset({"truth.json", "version.yaml", "analysis.json"})
_NO_OBJECTS = frozenset(
    {
        ("APIGroupList", "v1"),
        ("APIResourceList", "v1"),
        ("APIVersions", "v1"),
        ("Config", "v1"),  # a kubeconfig
        ("Kustomization", "kustomize.config.k8s.io/v1beta1"),
    }
)
_TEXT_SUFFIXES = ("", ".txt", ".out", ".text", ".log", ".md", ".session")
_OBJECTS = Hint(Shape.OBJECTS)


def hint_for(name: str) -> Hint:
    """What a path promises, judged by the layouts in turn."""
    path = PurePosixPath(name)
    if path.suffix in (".gz", ".xz", ".bz2"):
        path = path.with_suffix("")
    for judge in (bundle.hint, must_gather.hint, logs_folder.hint, dump.hint):
        found = judge(path)
        if found is not None:
            return found
    return _OBJECTS


def read_member(member: Member, gathering: Gathering, *, alone: bool, root: str = "") -> None:
    """Read one file. `alone` means the user gave just this one, so any text in it is meant to be read.

    `root` is the name of the folder the member was found in: a user may point at `logs/` or `cluster-resources/` itself.

    Raises:
        InputError: it is not what it claims to be; the title names file and line.
    """
    hint = hint_for(f"{root}/{member.name}" if root else member.name)
    base = PurePosixPath(member.name).name
    if hint.shape is Shape.IGNORED or (base in _IGNORED_NAMES and not alone):
        return
    if hint.shape is Shape.LOG:
        _read_log(member, hint, gathering)
        return
    data = to_utf8(read_all(member))
    if base in (MARKER, COVERAGE, OBSERVATIONS) and data.find(_OWN_MARK) >= 0:
        gathering.add_own(base, bytes(data))
        return
    content = sniff(bytes(data[:HEAD]), member.name)
    since = gathering.lists
    match content:
        case Content.JSON:
            if hint.shape is Shape.ERRORS:
                _read_errors(json_documents(data, member.name, gathering.parts), hint, gathering)
            else:
                _read_documents(json_documents(data, member.name, gathering.parts), hint, member.name, gathering)
        case Content.YAML:
            _read_documents(yaml_documents(data, member.name, gathering.parts), hint, member.name, gathering)
        case Content.TEXT:
            _read_text(bytes(data), member.name, gathering, alone=alone)
        case Content.EMPTY:
            if alone:
                raise InputError(f"{member.name}: the file is empty")
        case Content.BINARY:
            if alone:
                raise InputError(
                    f"{member.name}: binary data, neither JSON, YAML, text nor an archive",
                    "Give a kubectl dump, a support bundle, manifests or pasted kubectl output.",
                )
            gathering.unread(member.name)
    gathering.close_stream(since)


def _read_log(member: Member, hint: Hint, gathering: Gathering) -> None:
    if gathering.wants(hint.namespace):
        tail, cut = read_tail(member, LOG_LIMIT)
        gathering.add_log(hint, text_of(tail), member.name, cut=cut)


def _read_errors(documents: Iterator[Document | LogBlock], hint: Hint, gathering: Gathering) -> None:
    """`null`, a list of sentences, or sentences by namespace: why the bundle could not list a kind."""
    for document in documents:
        if isinstance(document, LogBlock):
            continue
        if document.items is not None:
            reasons = [("", reason) for reason in document.items]
        else:
            reasons = list(document.body.items()) if isinstance(document.body, dict) else []
        for namespace, reason in reasons:
            if isinstance(reason, str):
                lacking = "could not find the requested resource" in reason
                state = ReadState.MISSING if lacking else ReadState.REFUSED
                scope = str(namespace) or hint.namespace or "*"
                gathering.add_reading(Reading(hint.kind, hint.group, scope, state, 0, reason))


def _read_documents(documents: Iterator[Document | LogBlock], hint: Hint, source: str, gathering: Gathering) -> None:
    understood = 0
    for document in documents:
        if isinstance(document, LogBlock):
            understood += 1
            _add_block(document, source, gathering)
        else:
            understood += _read_document(document, hint, source, gathering)
    if not understood:
        gathering.unread(source)


def _add_block(block: LogBlock, source: str, gathering: Gathering) -> None:
    content = block.text
    if content.startswith(dump.LOG_FAILURES):
        gathering.log_failed(text_of(content[:LOG_LIMIT]))
    else:
        hint = Hint(Shape.LOG, namespace=block.namespace, pod=block.pod, container=block.container)
        gathering.add_log(hint, text_of(content[-LOG_LIMIT:]), source, cut=len(content) > LOG_LIMIT)


def _read_document(document: Document, hint: Hint, source: str, gathering: Gathering) -> bool:
    """Take one document; False where it is nothing that is known."""
    body = document.body
    if isinstance(body, list):
        return _read_array(document, hint, source, gathering)
    if not isinstance(body, dict):
        return False
    kind, version = text(body, "kind"), text(body, "apiVersion")
    if (kind, version) in _NO_OBJECTS:
        return True
    if kind.endswith("List") and (document.items is not None or not text(body, "metadata", "name")):
        gathering.add_list(body, document.items or (), hint, source)  # Go writes an empty list as null
    elif kind == "Status" and version == "v1":
        _read_status(body, hint, gathering)
    elif kind and version:
        return gathering.add_single(body, hint, source)
    else:
        return _read_other(body, hint, source, gathering)
    return True


def _read_other(body: dict[str, Any], hint: Hint, source: str, gathering: Gathering) -> bool:
    """Take what is no API object: measurements, alerts, a watch event, our own coverage."""
    if prometheus.is_result(body):
        gathering.add_series(prometheus.series_of(body, source))
    elif found := alerts.alerts_of(body, source):
        gathering.add_alerts(found)
    elif isinstance(body.get("object"), dict) and text(body, "type") in ("ADDED", "MODIFIED"):
        return gathering.add_single(body["object"], hint, source)
    elif hint.kind and isinstance(body.get("metadata"), dict):
        return gathering.add_single({**body, "kind": hint.kind, "apiVersion": hint.api_version}, hint, source)
    else:
        return False
    return True


def _read_array(document: Document, hint: Hint, source: str, gathering: Gathering) -> bool:
    """An array: alerts, objects with their kind, or (in a bundle) objects whose kind the folder's name says."""
    items = list(document.items or ())
    found = tuple(alerts.read_alerts(items, source))
    if found:
        gathering.add_alerts(found)
    elif hint.shape is Shape.LIST and hint.kind:
        gathering.add_list({}, items, hint, source)
    elif any(isinstance(item, dict) and text(item, "kind") and text(item, "apiVersion") for item in items):
        gathering.add_list({"kind": "List", "apiVersion": "v1"}, items, hint, source)
    else:
        return not items
    return True


def _read_status(body: dict[str, Any], hint: Hint, gathering: Gathering) -> None:
    """A refusal that was saved where the list should be. Its `details.kind` is the resource's name (`secrets`)."""
    named = text(body, "details", "kind")
    found = kind_of(named, text(body, "details", "group")) if named else None
    kind, group = (hint.kind, hint.group) if hint.kind else (found.kind, found.group) if found else (named, "")
    if text(body, "status") == "Failure" and kind:
        state = ReadState.MISSING if text(body, "reason") == "NotFound" else ReadState.REFUSED
        gathering.add_reading(Reading(kind, group, hint.namespace or "*", state, 0, text(body, "message")))


def _read_text(data: bytes, name: str, gathering: Gathering, *, alone: bool) -> None:
    if data.startswith(b"==== START logs"):
        for block in log_blocks(data):
            _add_block(block, name, gathering)
        return
    loose = logs_folder.loose(PurePosixPath(name))
    if loose is not None and not alone:
        gathering.add_log(loose, text_of(data[-LOG_LIMIT:]), name, cut=len(data) > LOG_LIMIT)
        return
    if len(data) > TEXT_LIMIT:
        if alone:
            raise InputError(f"{name}: {len(data) >> 20} MiB of text is more than a transcript holds", "Cut it down.")
        gathering.unread(name)
        return
    if alone or PurePosixPath(name).suffix in _TEXT_SUFFIXES:
        content = text_of(data)
        if alone or looks_like_transcript(content):
            gathering.add_text(parse_transcript(content, name))
            return
    gathering.unread(name)
