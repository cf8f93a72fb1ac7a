"""A diagnosis as SARIF 2.1.0 (OASIS), for code review and CI systems. One run, one result for each root cause, stable order.

Files with lines become physical locations; objects of the cluster, which have no file, become logical ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from copilot.diagnosis.cause import Cause, Severity
from copilot.diagnosis.document import step_json
from copilot.model import Diagnosis, Evidence, ReadState, Ref, RootCause
from copilot.model.moment import stamp

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
DOCS = "https://cluster-copilot.invalid/docs"
UNEXPLAINED = "unexplained"  # the rule of what is visibly wrong and reaches no cause
_FIRM = 0.5
_LEVELS = {Severity.OUTAGE: "error", Severity.DEGRADED: "warning", Severity.NOTICE: "note"}
# `manifests/web.yaml:12`, `pods.json`: a name with an ending or a folder; `api`, `listed`, `stdin:3` are no files.
_FILE = re.compile(r"(?P<file>[^:\n]*[./][^:\n]*?)(?::(?P<line>[1-9]\d{0,8}))?$")


def sarif(diagnosis: Diagnosis, causes: Mapping[str, Cause], version: str) -> dict[str, Any]:
    """The SARIF log of a diagnosis. `causes` holds the metadata of every cause in it, `version` is the program's."""
    ids = list(dict.fromkeys(cause.cause for cause in diagnosis.root_causes))
    pages = {cause.cause: cause.runbook for cause in diagnosis.root_causes}
    rules = [_rule(name, causes.get(name), pages[name]) for name in ids]
    results = [_result(cause, ids.index(cause.cause), causes.get(cause.cause)) for cause in diagnosis.root_causes]
    if diagnosis.symptoms:
        rules.append(
            {"id": UNEXPLAINED, "shortDescription": {"text": "Visibly wrong, and the evidence reaches no cause"}}
        )
        results += [_open(piece, len(ids)) for piece in diagnosis.symptoms]
    driver = {
        "name": "kubectl-copilot",
        "version": version,
        "semanticVersion": version,
        "informationUri": DOCS,
        "rules": rules,
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_notifications(diagnosis))}],
        "results": results,
        "properties": {
            "cluster": diagnosis.cluster,
            "observedAt": stamp(diagnosis.observed_at),
            "verdict": diagnosis.verdict.value,
            "collect": [step_json(step) for step in diagnosis.collect],
        },
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _rule(name: str, cause: Cause | None, runbook: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": name}
    if cause is not None:
        rule |= {
            "shortDescription": {"text": cause.title},
            "fullDescription": {"text": f"{cause.title}. Evidence: {', '.join(cause.fields)}."},
            "help": {"text": ". ".join(cause.steps) or cause.title},
            "defaultConfiguration": {"level": _LEVELS[cause.severity]},
            "properties": {"kind": cause.kind, "source": cause.citation},
        }
    rule["helpUri"] = (
        f"{DOCS}/runbooks/{quote(runbook)}/" if runbook else f"{DOCS}/causes/#{quote(name.replace('.', ''))}"
    )
    return rule


def _result(cause: RootCause, index: int, known: Cause | None) -> dict[str, Any]:
    level = _LEVELS[known.severity if known else Severity.OUTAGE] if cause.confidence >= _FIRM else "note"
    return {
        "ruleId": cause.cause,
        "ruleIndex": index,
        "kind": "fail",
        "level": level,
        "message": {"text": cause.title},
        "rank": round(cause.confidence * 100, 1),
        "locations": [_location(cause.object, _own_place(cause))],
        "relatedLocations": [
            {"id": i, "message": {"text": piece.text}, **_location(piece.object, piece.source)}
            for i, piece in enumerate(cause.evidence, start=1)
        ],
        "partialFingerprints": {"causeAndObject/v1": _fingerprint(cause)},
        "properties": {
            "confidence": cause.confidence,
            "since": stamp(cause.since) if cause.since else None,
            "affected": [str(ref) for ref in cause.affected],
            "doubts": list(cause.doubts),
            "nextSteps": [step_json(step) for step in cause.next_steps],
        },
    }


def _open(piece: Evidence, index: int) -> dict[str, Any]:
    """A symptom without a cause: the tool could not decide (SARIF 3.27.9, kind `open`)."""
    return {
        "ruleId": UNEXPLAINED,
        "ruleIndex": index,
        "kind": "open",
        "level": "none",
        "message": {"text": piece.text or str(piece.object)},
        "locations": [_location(piece.object, piece.source)],
    }


def _own_place(cause: RootCause) -> str:
    """Where the object to change is written: the evidence on that object, with a line before without."""
    own = [piece.source for piece in cause.evidence if piece.object == cause.object] or [
        p.source for p in cause.evidence
    ]
    placed = [source for source in own if (match := _FILE.match(source)) and match["line"]]
    return (placed or own or [""])[0]


def _location(ref: Ref, source: str) -> dict[str, Any]:
    name = {"name": ref.name, "fullyQualifiedName": _qualified(ref), "kind": "resource"}
    location: dict[str, Any] = {"logicalLocations": [name]}
    match = _FILE.match(source)
    if match is not None:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(match["file"])}}
        if match["line"]:
            place["region"] = {"startLine": int(match["line"])}
        location["physicalLocation"] = place
    return location


def _uri(path: str) -> str:
    return f"file://{quote(path)}" if path.startswith("/") else quote(path.removeprefix("./"))


def _qualified(ref: Ref) -> str:
    return "/".join(
        part for part in (ref.namespace, f"{ref.kind}.{ref.group}" if ref.group else ref.kind, ref.name) if part
    )


def _fingerprint(cause: RootCause) -> str:
    """The same cause on the same object is the same alert from run to run."""
    return hashlib.sha256(f"{cause.cause}\n{_qualified(cause.object)}".encode()).hexdigest()[:32]


def _notifications(diagnosis: Diagnosis) -> Iterator[dict[str, Any]]:
    """What could not be read, and what the source said about itself."""
    for reading in diagnosis.coverage.readings:
        if reading.state is ReadState.REFUSED:
            where = "all namespaces" if reading.namespace == "*" else f"namespace {reading.namespace}"
            yield {
                "level": "warning",
                "message": {"text": f"refused: {reading.kind} in {where}{_detail(reading.detail)}"},
            }
    yield from _said(diagnosis.coverage.notes)


def _detail(detail: str) -> str:
    return f": {detail}" if detail else ""


def _said(notes: Sequence[str]) -> Iterator[dict[str, Any]]:
    for note in notes:
        yield {"level": "note", "message": {"text": note}}
