"""Puts the objects of a described situation on an API server: spec, then status, then what only a server sets.

Promise: every object passes the server's own validation, unknown fields included; what it refuses or drops is a
Refusal that names the object. Only times, generations and field managers are written past it.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from copilot.model import parse_quantity
from tests.live.recording import shifted
from tests.live.testbed.api import ApiError
from tests.live.testbed.waiting import until
from tests.unit.diagnosis.valid import completed, named_fully

from .kinds import Body, Kinds, Refusal
from .server import Server
from .slices import slices

_SERVER_SETS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "generation", "resourceVersion")  # fmt: skip
_AGE = timedelta(days=41, hours=7)  # of what every cluster has
_FIRST = ("Namespace", "CustomResourceDefinition")
_LAST = {"Service": 1, "Event": 2}  # a Service after the pods behind it, an event after what it is about
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_CONFLICT = 409
_ATTEMPTS = 5
_VALUE = "value"  # of a ConfigMap's key of which the situation tells only the name


def place(bodies: Iterable[Body], server: Server, kinds: Kinds, moved: timedelta) -> None:
    """Put the objects there, all times moved. Raises Refusal."""
    wanted = [_as_sent(completed(shifted(body, moved))) for body in named_fully(list(bodies))]
    there = _Placing(server, kinds, moved)
    for body in [*_missing_namespaces(wanted), *_owners_first(wanted)]:
        there.put(body)
    there.finish(wanted, slices(wanted, server))


class _Placing:
    def __init__(self, server: Server, kinds: Kinds, moved: timedelta) -> None:
        self.server, self.kinds, self.moved = server, kinds, moved
        self.uids: dict[str, str] = {}  # as described -> as given by the server

    def put(self, body: Body) -> None:
        """Create an object, give it its status, and delete it where it is being deleted."""
        kind, meta = self.kinds.of(body), body["metadata"]
        item = self._to_send(body, without_status=kind.status)
        made = self._make(item, kind.path(meta.get("namespace", "")), meta["name"])
        self.uids[meta.get("uid", "")] = made["metadata"]["uid"]
        self.uids[f"uid-{body['kind']}-{meta.get('namespace', '')}-{meta['name']}"] = made["metadata"]["uid"]
        if kind.status and body.get("status"):
            self._set_status(body, kind.path(meta.get("namespace", ""), meta["name"]))
        if meta.get("deletionTimestamp"):
            self._ask(body, "DELETE", kind.path(meta.get("namespace", ""), meta["name"]), None)

    def _set_status(self, body: Body, path: str) -> None:
        """Tell the status; what the server itself says of the object meanwhile is a reason to ask again."""
        told = dict(body["status"])
        if body["kind"] == "Namespace":
            told.pop("phase", None)  # follows from the deletion
        for attempt in range(_ATTEMPTS):
            now = self.server.api.get(path)
            whole = {**now, "status": {**(now.get("status") or {}), **told}}
            try:
                self.server.api.call("PUT", f"{path}/status?fieldValidation=Strict", whole)
            except ApiError as error:
                if error.status != _CONFLICT or attempt == _ATTEMPTS - 1:
                    raise _refused(body, error) from error
            else:
                return

    def _to_send(self, body: Body, *, without_status: bool) -> Body:
        item: Body = {key: value for key, value in body.items() if key != "status" or not without_status}
        item["metadata"] = {key: value for key, value in body["metadata"].items() if key not in _SERVER_SETS}
        for owner in item["metadata"].get("ownerReferences", []):
            owner["uid"] = self.uids.get(owner.get("uid", ""), owner.get("uid", ""))
        if item["kind"] == "Event":
            about = item["involvedObject"]
            uid = f"uid-{about.get('kind')}-{about.get('namespace', '')}-{about.get('name')}"
            item["involvedObject"] = {**about, **({"uid": self.uids[uid]} if uid in self.uids else {})}
        return item

    def _make(self, item: Body, path: str, name: str) -> Body:
        """Create the object, or make one that every cluster has like it."""
        try:
            made: Body = self.server.api.call("POST", f"{path}?fieldValidation=Strict", item)
        except ApiError as error:
            if error.status != _CONFLICT or "already exists" not in str(error):
                raise _refused(item, error) from error
            old = self.server.api.get(f"{path}/{name}")
            item["metadata"] = {**old["metadata"], **item["metadata"]}
            made = self._ask(item, "PUT", f"{path}/{name}", {**old, **item})
        return made

    def _ask(self, body: Body, method: str, path: str, sent: Any) -> Body:
        try:
            found: Body = self.server.api.call(method, path + ("?fieldValidation=Strict" if sent else ""), sent)
        except ApiError as error:
            raise _refused(body, error) from error
        return found

    def finish(self, wanted: list[Body], behind: list[tuple[Body, Body]]) -> None:
        """Write what only a server sets, and see that everything stands there as described.

        `behind` are the slices that the controller made, each with its Service.
        """
        keys = _by_object(self.server.store.everything())
        old: list[Body] = self.server.api.get("/api/v1/namespaces")["items"]
        old += [self.server.api.get("/api/v1/namespaces/default/services/kubernetes")]
        old += self.server.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
        described = {_name(body): body for body in wanted}
        kept = [(item, described.get(_name({**item, **_typed(item)}), {"metadata": {}})) for item in old]
        done = {_name({**item, **_typed(item)}) for item in old}
        for body in wanted:
            if _name(body) not in done:
                kind = self.kinds.of(body)
                path = kind.path(body["metadata"].get("namespace", ""), body["metadata"]["name"])
                kept.append((self._still_there(body, path), body))
        kept += [(made, {"metadata": {"creationTimestamp": service["metadata"].get("creationTimestamp")}}) for made, service in behind]  # fmt: skip
        values = {}
        for item, body in kept:
            meta = item["metadata"]
            plural = self.kinds.of({**item, **_typed(item)}).plural
            key = keys[plural, meta.get("namespace", ""), meta["name"]]
            values[key] = _COMPACT.encode(_as_described({**item, **_typed(item)}, body)).encode()
        self.server.store.put(values)
        self._wait(wanted)

    def _still_there(self, body: Body, path: str) -> Body:
        try:
            found: Body = self.server.api.get(path)
        except ApiError as error:
            raise Refusal(f"{_title(body)} is being deleted and nothing holds it", "finalizers") from error
        if lost := list(lacks(_without_server_fields(body), found, "")):
            raise Refusal(f"{_title(body)}: the server stores otherwise: {', '.join(lost[:6])}", "mend the situation")
        return {**found, **_typed(body)}

    def _wait(self, wanted: list[Body]) -> None:
        """Until the server serves what was written past it."""
        if not wanted:
            return
        last, kind = wanted[-1], self.kinds.of(wanted[-1])
        path = kind.path(last["metadata"].get("namespace", ""), last["metadata"]["name"])
        born = last["metadata"].get("creationTimestamp")
        until(lambda: self.server.api.get(path)["metadata"]["creationTimestamp"] == born, 10.0)


def _as_described(item: Body, body: Body) -> Body:
    """The stored object with the times, generation and managers that were described; else those of an old cluster."""
    meta, told = {**item["metadata"]}, body["metadata"]
    meta.pop("resourceVersion", None)
    born = told.get("creationTimestamp") or shifted(meta["creationTimestamp"], -_AGE)
    meta["creationTimestamp"] = born
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        if name in told:
            meta[name] = told[name]
    for entry in meta.get("managedFields", []):
        entry |= {"time": born, "manager": "kubectl-client-side-apply" if "subresource" not in entry else "controllers"}
    if told.get("managedFields"):
        meta["managedFields"] = [{"apiVersion": item["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": {}, **one} for one in told["managedFields"]]  # fmt: skip
    return {**item, "metadata": meta}


def _as_sent(body: Body) -> Body:
    """A ConfigMap or Secret of which only the keys are told gets values; the recorder takes them out again."""
    keys = body.get("dataKeys")
    if keys is None:
        return body
    rest = {key: value for key, value in body.items() if key != "dataKeys"}
    if body["kind"] == "Secret":
        return {**rest, "stringData": dict.fromkeys(keys, _VALUE)}
    return {**rest, "data": {**dict.fromkeys(keys, _VALUE), **rest.get("data", {})}}


def _missing_namespaces(bodies: list[Body]) -> list[Body]:
    named = {body["metadata"]["name"] for body in bodies if body["kind"] == "Namespace"}
    used = dict.fromkeys(str(body["metadata"].get("namespace", "")) for body in bodies)
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in used
        if name and name not in named
    ]


def _owners_first(bodies: list[Body]) -> list[Body]:
    by_uid = {body["metadata"].get("uid"): body for body in bodies}

    def depth(body: Body, seen: int = 0) -> int:
        owners = [by_uid[one.get("uid")] for one in body["metadata"].get("ownerReferences", []) if one.get("uid") in by_uid]  # fmt: skip
        return max((depth(owner, seen + 1) + 1 for owner in owners), default=0) if seen < 9 else 0

    return sorted(bodies, key=lambda body: (body["kind"] not in _FIRST, _LAST.get(body["kind"], 0), depth(body)))


def _by_object(stored: dict[str, bytes]) -> dict[tuple[str, str, str], str]:
    """Where the server keeps each object: by plural, namespace, name."""
    found = {}
    renamed = {"minions": "nodes", "ingress": "ingresses", "specs": "services", "endpoints": "endpoints"}
    for key in stored:
        parts = key.split("/")[2:]
        for namespace in (parts[-2], "") if len(parts) > 2 else ("",):
            before = parts[:-2] if namespace else parts[:-1]
            plural = before[-1] if before else ""
            if plural:
                found[renamed.get(plural, plural), namespace, parts[-1]] = key
    return found


def lacks(told: Any, stored: Any, path: str) -> Iterator[str]:
    """The paths at which what was told is not what is stored; what the server adds is no matter."""
    if told in (None, "", [], {}, 0, False) and not stored:
        return
    if isinstance(told, dict) and isinstance(stored, dict):
        for key, value in told.items():
            yield from lacks(value, stored.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(told, list) and isinstance(stored, list) and len(told) == len(stored):
        for number, value in enumerate(told):
            yield from lacks(value, stored[number], f"{path}[{number}]")
    elif told != stored and not _same_amount(told, stored):
        yield f"{path}: {str(told)[:60]!r} -> {str(stored)[:60]!r}"


def _same_amount(told: Any, stored: Any) -> bool:
    if isinstance(told, bool | dict | list):
        return False
    one, other = parse_quantity(str(told)), parse_quantity(str(stored))
    return one is not None and one == other


def _without_server_fields(body: Body) -> Body:
    """What can be compared: uids and the server's own fields differ, text data of a Secret comes back encoded."""
    meta = {key: value for key, value in body["metadata"].items() if key not in (*_SERVER_SETS, "ownerReferences")}
    rest = {key: value for key, value in body.items() if key not in ("stringData", "involvedObject")}
    return {**rest, "metadata": meta}


def _typed(body: Body) -> Body:
    """List items come without their type."""
    if "kind" in body:
        return {"apiVersion": body["apiVersion"], "kind": body["kind"]}
    spec = body.get("spec", {})
    if "versions" in spec:
        return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {"apiVersion": "v1", "kind": "Namespace"}


def _name(body: Body) -> tuple[str, str, str]:
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _title(body: Body) -> str:
    return " ".join(part for part in _name(body) if part)


def _refused(body: Body, error: ApiError) -> Refusal:
    return Refusal(f"{_title(body)}: {error}", "mend the situation")
