"""Gives what controllers make the names that controllers give: a template's hash, five random letters.

Promise: the same description gives the same names, and every text of the case follows.
"""

import hashlib
import json
import re
from typing import Any

import msgspec

from copilot.model import Alert, Command, ContainerLog, NodeService, Probe, Series, Usage
from tests.unit.diagnosis.unseen import Case

from .kinds import Body

_SAFE = "bcdfghjklmnpqrstvwxz2456789"  # the letters of apimachinery's rand.SafeEncodeString
_HASHED = re.compile(rf"-[{_SAFE}]{{8,10}}$")
_RANDOM = re.compile(rf"-[{_SAFE}]{{5}}$")
_HASH, _SUFFIX = 9, 5
_LABEL = "pod-template-hash"
_LISTS: dict[str, Any] = {
    "logs": list[ContainerLog], "services": list[NodeService], "commands": list[Command], "alerts": list[Alert],
    "series": list[Series], "usage": list[Usage], "probes": list[Probe],
}  # fmt: skip


def real_names(case: Case, truth: Body) -> tuple[Case, Body]:
    """The case and its truth with the names that a cluster would have given."""
    names = _names([body for body, _ in case.bodies])
    if not names:
        return case, truth
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    pattern = re.compile(r"(?<![A-Za-z0-9-])(" + "|".join(map(re.escape, longest_first)) + r")(?![A-Za-z0-9])")

    def told(text: str) -> str:
        return pattern.sub(lambda match: names[match[1]], text)

    bodies = json.loads(told(json.dumps([body for body, _ in case.bodies], ensure_ascii=False)))
    for body in bodies:
        _label(body, set(names.values()))
    case.bodies = [(body, detail) for body, (_, detail) in zip(bodies, case.bodies, strict=True)]
    for field, shape in _LISTS.items():
        said = told(msgspec.json.encode(getattr(case, field)).decode())
        setattr(case, field, msgspec.json.decode(said, type=shape))
    return case, json.loads(told(json.dumps(truth)))


def _names(bodies: list[Body]) -> dict[str, str]:
    """Each name that no controller would have given, and one it would."""
    found: dict[str, str] = {}
    for body in bodies:
        owner, name = _owner(body), body["metadata"]["name"]
        if body["kind"] == "ReplicaSet" and owner.get("kind") == "Deployment" and not _HASHED.search(name):
            found[name] = f"{owner['name']}-{_letters(name, _HASH)}"
    for body in bodies:
        owner, name = _owner(body), body["metadata"]["name"]
        if body["kind"] == "Pod" and owner.get("kind") in ("ReplicaSet", "DaemonSet", "Job"):
            mother = owner["name"]
            if mother in found or not (name.startswith(mother) and _RANDOM.search(name)):
                found[name] = f"{found.get(mother, mother)}-{_letters(name, _SUFFIX)}"
    return found


def _owner(body: Body) -> Body:
    return next((one for one in body["metadata"].get("ownerReferences", []) if one.get("controller")), {})


def _letters(name: str, count: int) -> str:
    digest = hashlib.sha256(name.encode()).digest()
    return "".join(_SAFE[byte % len(_SAFE)] for byte in digest[:count])


def _label(body: Body, made: set[str]) -> None:
    """The template's hash as a label, on a ReplicaSet that got one and on its pods."""
    name = body["metadata"]["name"]
    if body["kind"] == "ReplicaSet" and name in made:
        mark = {_LABEL: name.rpartition("-")[2]}
        spec = body.get("spec", {})
        places = [body["metadata"], spec.get("template", {}).get("metadata")]
        for place in places:
            if isinstance(place, dict):
                place["labels"] = {**place.get("labels", {}), **mark}
        if "matchLabels" in spec.get("selector", {}):
            spec["selector"] = {**spec["selector"], "matchLabels": {**spec["selector"]["matchLabels"], **mark}}
    elif body["kind"] == "Pod" and _owner(body).get("name") in made:
        mark = {_LABEL: _owner(body)["name"].rpartition("-")[2]}
        body["metadata"]["labels"] = {**body["metadata"].get("labels", {}), **mark}
