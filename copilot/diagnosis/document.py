"""A diagnosis as the document machines read: schema `cluster-copilot/diagnosis/v1`. Stable field names and order."""

from __future__ import annotations

from typing import Any

from copilot.model import Diagnosis, Evidence, NextStep, ReadState, Remembered, RootCause
from copilot.model.moment import stamp

SCHEMA = "cluster-copilot/diagnosis/v1"


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The JSON value of a diagnosis."""
    readings = diagnosis.coverage.readings
    return {
        "schema": SCHEMA,
        "cluster": diagnosis.cluster,
        "observed_at": stamp(diagnosis.observed_at),
        "verdict": diagnosis.verdict.value,
        "root_causes": [_cause(cause) for cause in diagnosis.root_causes],
        "symptoms": [_evidence(piece) for piece in diagnosis.symptoms],
        "collect": [step_json(step) for step in diagnosis.collect],
        "gaps": [{"kind": gap.kind.value, "text": gap.text, "matters": gap.matters} for gap in diagnosis.gaps],
        "coverage": {
            "read": [
                {"kind": r.kind, "group": r.group, "namespace": r.namespace, "state": r.state.value, "count": r.count}
                for r in readings
                if r.state in (ReadState.READ, ReadState.PARTIAL)
            ],
            "refused": [
                {"kind": r.kind, "group": r.group, "namespace": r.namespace, "state": r.state.value, "detail": r.detail}
                for r in readings
                if r.state in (ReadState.REFUSED, ReadState.MISSING)
            ],
            "notes": list(diagnosis.coverage.notes),
        },
    }


def _cause(cause: RootCause) -> dict[str, Any]:
    return {
        "rank": cause.rank,
        "cause": cause.cause,
        "title": cause.title,
        "object": cause.object.as_json(),
        "confidence": cause.confidence,
        "since": stamp(cause.since) if cause.since else None,
        "evidence": [_evidence(piece) for piece in cause.evidence],
        "chain": [{"object": link.object.as_json(), "text": link.text} for link in cause.chain],
        "affected": [ref.as_json() for ref in cause.affected],
        "next_steps": [step_json(step) for step in cause.next_steps],
        "doubts": list(cause.doubts),
        "runbook": cause.runbook or None,
        **({"remembered": [_remembered(one) for one in cause.remembered]} if cause.remembered else {}),
    }


def _remembered(entry: Remembered) -> dict[str, Any]:
    return {"quote": entry.quote, "at": entry.at, "tried": entry.tried, "worked": entry.worked, "trust": "external"}


def _evidence(piece: Evidence) -> dict[str, Any]:
    return {"object": piece.object.as_json(), "path": piece.path, "text": piece.text, "source": piece.source}


def step_json(step: NextStep) -> dict[str, str]:
    """One next step."""
    return {"text": step.text, "kind": step.kind.value, "command": step.command}
