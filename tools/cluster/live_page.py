"""Decodes one page of a list into resources. Field ownership trees, a third of every object, are skipped, not built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from copilot.model import Ref, Resource
from tools.cluster.discovery_known import ApiKind
from tools.cluster.prune import drop_copies, prune
from tools.cluster.resources import resource

SOURCE = "api"  # what an answer cites for an object that was read live
_NO_META = msgspec.Raw(b"{}")
_WITH_VALUES = frozenset({"ConfigMap", "Secret"})


class ListMeta(msgspec.Struct, frozen=True):
    """`metadata` of a list."""

    next: str = msgspec.field(default="", name="continue")
    resource_version: str = msgspec.field(default="", name="resourceVersion")


class Page(msgspec.Struct, frozen=True):
    """A page whose objects are still text."""

    metadata: ListMeta
    items: msgspec.Raw = msgspec.Raw(b"null")


class _Manager(msgspec.Struct, omit_defaults=True):
    manager: str | None = None
    operation: str | None = None
    time: str | None = None
    subresource: str | None = None


class _ObjectMeta(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Every field that ObjectMeta has (apimachinery pkg/apis/meta/v1/types.go)."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[dict[str, Any]] | None = None
    finalizers: list[str] | None = None
    managed_fields: list[_Manager] | None = None


_page = msgspec.json.Decoder(Page).decode
_items = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | None).decode
_meta = msgspec.json.Decoder(_ObjectMeta).decode
_any = msgspec.json.Decoder().decode
_objects = msgspec.json.Decoder(list[dict[str, Any]]).decode


def open_page(body: bytes) -> Page:
    """Read the head of a page: where the list goes on is known before its objects are built.

    Raises:
        msgspec.DecodeError: It is no list.
    """
    return _page(body)


def page_resources(page: Page, kind: ApiKind, *, config_values: bool) -> list[Resource]:
    """Build the objects of a page.

    Raises:
        msgspec.DecodeError: The items are no objects.
    """
    try:
        return list(_fast(page, kind, config_values))
    except msgspec.ValidationError:  # metadata of other types than the API's: some add-on's own server
        return list(_tolerant(page, kind, config_values))


def _fast(page: Page, kind: ApiKind, config_values: bool) -> Iterator[Resource]:
    with_values = kind.kind in _WITH_VALUES
    api_version, name, group = kind.api_version, kind.kind, kind.group
    for item in _items(page.items) or ():
        meta = _meta(item.pop("metadata", _NO_META))
        # A list's items do not say what they are.
        body: dict[str, Any] = {"apiVersion": api_version, "kind": name, "metadata": msgspec.to_builtins(meta)}
        for key, value in item.items():
            body[key] = _any(value)
        body["apiVersion"], body["kind"] = api_version, name
        drop_copies(body["metadata"])
        if with_values:
            prune(body, config_values=config_values)
        yield Resource(Ref(name, meta.namespace, meta.name, group), body, meta.uid, SOURCE)


def _tolerant(page: Page, kind: ApiKind, config_values: bool) -> Iterator[Resource]:
    for body in _objects(page.items):
        body["kind"] = kind.kind
        body["apiVersion"] = kind.api_version
        yield resource(body, SOURCE, config_values=config_values)
