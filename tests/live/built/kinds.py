"""Which path a kind has on the server; a kind that the server lacks gets a permissive definition.

Promise: only custom kinds are added; a built-in group in a version that is not served is a Refusal.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.live.testbed.api import Api, ApiError
from tests.live.testbed.errors import TestbedError
from tests.live.testbed.waiting import until

Body = dict[str, Any]
_SERVED_WITHIN = 20.0  # seconds
_PERMISSIVE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_APPROVED = {"api-approved.kubernetes.io": "unapproved, a permissive copy"}


class Refusal(TestbedError):  # noqa: N818 - what the server does, not what went wrong here
    """The API server does not take an object: the situation is at fault."""


@dataclass(frozen=True)
class Kind:
    """How a kind is reached."""

    root: str
    plural: str
    namespaced: bool
    status: bool

    def path(self, namespace: str, name: str = "") -> str:
        """The path of its list in a namespace, or of one object."""
        place = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{self.root}{place}/{self.plural}" + (f"/{name}" if name else "")


@dataclass
class Kinds:
    """The kinds of one server."""

    api: Api
    known: dict[tuple[str, str], Kind] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    added: set[tuple[str, str]] = field(default_factory=set)  # group and kind

    def read(self) -> None:
        """Learn what the server has now."""
        groups = self.api.get("/apis")["groups"]
        self.versions = {"v1"} | {each["groupVersion"] for group in groups for each in group["versions"]}
        for version in self.versions:
            self._learn(version)

    def _learn(self, version: str) -> None:
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        try:
            found = self.api.get(root)["resources"]
        except ApiError:
            return
        with_status = {each["name"].partition("/")[0] for each in found if each["name"].endswith("/status")}
        for each in found:
            if "/" not in each["name"]:
                kind = Kind(root, each["name"], each["namespaced"], each["name"] in with_status)
                self.known[version, each["kind"]] = kind

    def of(self, body: Body) -> Kind:
        """The kind of an object; raises Refusal."""
        version, kind = body["apiVersion"], body["kind"]
        if (version, kind) not in self.known:
            self._add(body)
        found = self.known[version, kind]
        if found.namespaced is not bool(body["metadata"].get("namespace")):
            raise Refusal(f"{kind} {body['metadata']['name']}: its namespace", "namespaced kinds have one, others not")
        return found

    def _add(self, body: Body) -> None:
        group, _, version = body["apiVersion"].rpartition("/")
        custom = {group for group, _ in self.added}
        own = any(known.startswith(f"{group}/") for known in self.versions) and group not in custom
        if not group or "." not in group or own:
            raise Refusal(f"{body['apiVersion']} {body['kind']} is not served", "use the version that is")
        plural = _plural(body["kind"])
        crd = _definition(group, version, body["kind"], plural, bool(body["metadata"].get("namespace")))
        where = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        if (group, body["kind"]) in self.added:
            old = self.api.get(f"{where}/{plural}.{group}")
            old["spec"]["versions"].append({**crd["spec"]["versions"][0], "storage": False})
            self.api.call("PUT", f"{where}/{plural}.{group}", old)
        else:
            self.api.create(where, crd)
        place = Kind(f"/apis/{group}/{version}", plural, bool(body["metadata"].get("namespace")), status=True)
        if not until(lambda: self._serves(place), _SERVED_WITHIN):
            raise Refusal(f"{plural}.{group} is not served after {_SERVED_WITHIN:.0f} s", "one version for each kind")
        self.known[body["apiVersion"], body["kind"]] = place
        self.versions.add(body["apiVersion"])
        self.added.add((group, body["kind"]))

    def _serves(self, place: Kind) -> bool:
        try:
            self.api.get(f"{place.root}/{place.plural}")
        except ApiError:
            return False
        return True


def _plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2] not in "aeiou" else f"{name}s"


def _definition(group: str, version: str, kind: str, plural: str, namespaced: bool) -> Body:
    served = {
        "name": version, "served": True, "storage": True, "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": _PERMISSIVE},
    }  # fmt: skip
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": _APPROVED},
        "spec": {
            "group": group, "scope": "Namespaced" if namespaced else "Cluster", "versions": [served],
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
        },
    }  # fmt: skip
