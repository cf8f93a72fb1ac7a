"""Turns the short stage files of `tests/live/stages` into the configuration that kwok reads.

Promise: a misspelt field, or a failure that two stages would both start, is refused before kwok starts.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .errors import TestbedError
from .paths import STAGES

API_VERSION = "kwok.x-k8s.io/v1alpha1"
FIELDS = {"kind", "failure", "when", "unless", "deleted", "weight", "after", "steps"}
PATCHES = {"status": {"root": "status", "subresource": "status"}, "metadata": {"root": "metadata", "type": "merge"}}
STEPS = {*PATCHES, "event", "apply", "delete"}

# The failure that a pod plays now: the one its annotation names, as long as the thing it is tied to has not changed.
FAILURE = """(.metadata.annotations // {}) as $a |
if $a["testbed/while-image"] != null and all(.spec.containers[]; .image != $a["testbed/while-image"]) then ""
elif $a["testbed/while-memory"] != null and all(.spec.containers[]; .resources.limits.memory != $a["testbed/while-memory"]) then ""
elif $a["testbed/while-env"] != null and all(.spec.containers[].env[]?; "\\(.name)=\\(.value)" != $a["testbed/while-env"]) then ""
else ($a["testbed/failure"] // "") end"""

# Whether a node's conditions are other than its annotation asks.
NODE_DIFFERS = """{"not-ready":"Ready","disk-pressure":"DiskPressure","memory-pressure":"MemoryPressure","pid-pressure":"PIDPressure"} as $names |
(.metadata.annotations["testbed/node-failure"] // "") as $asked |
$asked != "unknown" and ((.status.conditions | length) == 0 or
([.status.conditions[]? | select((.type == "Ready" and .status != "True") or ((.type | endswith("Pressure")) and .status == "True")) | .type] | join(",")) != ($names[$asked] // ""))"""


def configuration(pod_logs: Path, version: str) -> str:
    """Everything kwok reads at its start, as one YAML text; raises TestbedError."""
    short = dict(_read_all())
    known = sorted({name for stage in short.values() for name in _failures(stage) if name})
    macros = {
        "${node_differs}": NODE_DIFFERS, "${version}": version, "${logs}": str(pod_logs), "${known}": ", ".join(known)
    }  # fmt: skip
    options = {
        "enableDebuggingHandlers": True,  # serves logs; exec has no target, as no Exec resource is enabled
        "enableProfilingHandler": False,
        "podPlayStageParallelism": 16,
        "nodePlayStageParallelism": 8,
        "nodeLeaseParallelism": 8,
    }
    documents: list[dict[str, Any]] = [
        {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": options}
    ]
    documents += [_stage(name, _expand(stage, macros), known) for name, stage in short.items()]
    return yaml.safe_dump_all(documents, sort_keys=False, width=4096)


def known_failures() -> list[str]:
    """Every value of the annotation testbed/failure that is played."""
    return sorted({name for _, stage in _read_all() for name in _failures(stage) if name})


def _read_all() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(STAGES.glob("*.yaml")):
        for name, stage in yaml.safe_load(path.read_text()).items():
            unknown = (stage.keys() - FIELDS) | {key for step in stage["steps"] for key in step.keys() - STEPS}
            if unknown:
                raise TestbedError(
                    f"{path.name}: stage {name} has unknown fields: {sorted(unknown)}", f"use {sorted(FIELDS)}"
                )
            yield name, stage


def _failures(stage: dict[str, Any]) -> list[str]:
    named = stage.get("failure", [])
    return named if isinstance(named, list) else []


def _expand(value: Any, macros: dict[str, str]) -> Any:
    match value:
        case str():
            for macro, text in macros.items():
                value = value.replace(macro, text)
            return value
        case list():
            return [_expand(item, macros) for item in value]
        case dict():
            return {key: _expand(item, macros) for key, item in value.items()}
        case _:
            return value


def _stage(name: str, short: dict[str, Any], known: list[str]) -> dict[str, Any]:
    """Write one stage the long way."""
    kind = short.get("kind", "Pod")
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": _conditions(short, kind, known)},
        "weight": short.get("weight", 0),
        "steps": [_step(step, kind) for step in short["steps"]],
    }
    if "after" in short:
        spec["delay"] = _delay(short["after"])
    return {"apiVersion": API_VERSION, "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _conditions(short: dict[str, Any], kind: str, known: list[str]) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = []
    if kind == "Pod":
        operator = "Exists" if short.get("deleted") else "DoesNotExist"
        conditions.append({"key": ".metadata.deletionTimestamp", "operator": operator})
    failure = short.get("failure")
    if failure == "unknown":
        conditions.append({"key": FAILURE, "operator": "NotIn", "values": ["", *known]})
    elif failure is not None:
        conditions.append({"key": FAILURE, "operator": "In", "values": failure})
    conditions += [{"key": jq, "operator": "In", "values": ["true"]} for jq in short.get("when", [])]
    conditions += [{"key": jq, "operator": "NotIn", "values": ["true"]} for jq in short.get("unless", [])]
    return conditions


def _delay(after: dict[str, Any]) -> dict[str, Any]:
    delay: dict[str, Any] = {"durationMilliseconds": after["milliseconds"]}
    if "jitter" in after:
        delay["jitterDurationMilliseconds"] = after["jitter"]
    if "jq" in after:
        delay["durationFrom"] = {"expressionFrom": after["jq"]}
    return delay


def _step(short: dict[str, Any], kind: str) -> dict[str, Any]:
    ((action, value),) = short.items()
    prelude = (STAGES / f"_{kind.lower()}.tpl").read_text().rstrip() + "\n"
    if action == "delete":
        return {"delete": True}
    if action == "event":
        call = f'{{{{ template "event" (dict "{kind.lower()}" . "now" $now {value}) }}}}'
        return {"apply": {"type": "merge", "template": prelude + call}}
    if action == "apply":
        return {"apply": {"type": "merge", "template": prelude + value}}
    return {"patch": {**PATCHES[action], "template": prelude + value}}


def as_annotations(failure: str, **parameters: str) -> dict[str, str]:
    """Annotations that make a pod play a failure: `as_annotations("oom", while_memory="64Mi")`."""
    if failure not in known_failures():
        raise TestbedError(f"no stage plays the failure {json.dumps(failure)}", f"one of {', '.join(known_failures())}")
    return {
        "testbed/failure": failure,
        **{f"testbed/{name.replace('_', '-')}": value for name, value in parameters.items()},
    }
