"""Two objects that both say they are the default: which one is taken is not what anybody decided.

The newest StorageClass wins since 1.26; several default IngressClasses make the API server refuse an Ingress without a class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.steps import change
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, read
from copilot.model import Finding, Resource, mapping, text
from copilot.model.moment import EPOCH

SEVERAL = Cause(
    id="sched.dup_default",
    title="Several StorageClasses or IngressClasses are marked as the default",
    kind="StorageClass",
    fields=("StorageClass.metadata.annotations[storageclass.kubernetes.io/is-default-class]",),
    severity=Severity.NOTICE,
    steps=("Leave the mark on one of them",),
    citation="pkg/volume/util/storageclass.go",
)


class _Kind(msgspec.Struct, frozen=True):
    name: str
    group: str
    marks: tuple[str, ...]
    taken: str


_KINDS = (
    _Kind(
        "StorageClass",
        "storage.k8s.io",
        ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"),
        "the newest is taken",
    ),
    _Kind(
        "IngressClass",
        "networking.k8s.io",
        ("ingressclass.kubernetes.io/is-default-class",),
        "an Ingress without a class is refused",
    ),
)


def find_several_defaults(view: View) -> Iterator[Finding]:
    """One notice for each kind that has more than one default."""
    for kind in _KINDS:
        marked = [item for item in view.graph.of_kind(kind.name, group=kind.group) if _is_default(item, kind.marks)]
        if len(marked) < 2:
            continue
        marked.sort(key=lambda item: (item.created or EPOCH, item.ref), reverse=True)
        names = listed([item.ref.name for item in marked])
        yield Finding(
            cause=SEVERAL.id,
            object=marked[0].ref,
            title=f"{len(marked)} objects of kind {kind.name} are the default ({names}): {kind.taken}",
            evidence=tuple(said(item, f"metadata.annotations[{kind.marks[0]}]", f"{item.ref} is marked as the default") for item in marked[:4]),
            weight=0.4,
            steps=(
                read("See the defaults", f"kubectl get {kind.name.lower()}"),
                change("Take the mark off all but one", marked[-1].ref, f"kubectl annotate {marked[-1].ref.argument} {kind.marks[0]}-"),
            ),
        )  # fmt: skip


def _is_default(item: Resource, marks: tuple[str, ...]) -> bool:
    notes: Mapping[str, object] = mapping(item.metadata, "annotations")
    return item.deleted is None and any(text(notes.get(mark)) == "true" for mark in marks)


RULES: tuple[Rule, ...] = (Rule(find=find_several_defaults, causes=(SEVERAL,)),)
