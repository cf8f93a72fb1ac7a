"""The commands that change one object: what each takes, and the typed change it becomes.

Promise: a command that is accepted is about exactly one object, by its name, and about nothing but its operation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from guardrails.kubectl import values
from guardrails.kubectl.change_parts import (
    GRACE,
    able,
    address,
    entry_of,
    grace,
    nothing_more,
    once,
    patching,
    target_of,
)
from guardrails.kubectl.commands import ChangeCommand, Predicted
from guardrails.kubectl.grammar import Line
from guardrails.kubectl.kinds import CONTEXT, known
from guardrails.kubectl.objects import one_object
from guardrails.kubectl.patches import patched
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.kubectl.values import Reader
from guardrails.operations import (
    Amount,
    Annotate,
    Cascade,
    ContainerImage,
    CreateJob,
    Delete,
    EnvValue,
    Evict,
    Label,
    Mark,
    Op,
    Pause,
    Restart,
    Resume,
    Rollback,
    Scale,
    SetEnv,
    SetImage,
    SetResources,
    Target,
)

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,252}")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9 _.,:/@%+='\"?*{}\[\]-]{0,1024}")

NO_FLAGS: Mapping[str, Reader] = {}
SCALE: Mapping[str, Reader] = {"replicas": values.count}
UNDO: Mapping[str, Reader] = {"to-revision": values.count}
PATCH: Mapping[str, Reader] = {"patch": lambda _: "", "type": values.one_of("strategic", "merge", "json")}
MARK: Mapping[str, Reader] = {"overwrite": values.switch}
ENV: Mapping[str, Reader] = {"containers": values.list_of(values.matches(values.CONTAINER, "a container's name")),
                             "overwrite": values.one_of("true")}  # fmt: skip
RESOURCES: Mapping[str, Reader] = {
    "containers": ENV["containers"], "limits": values.amounts,
    "requests": values.amounts,
}  # fmt: skip
DELETE: Mapping[str, Reader] = {
    "cascade": values.one_of("true", "background", "foreground", "orphan"), "grace-period": GRACE,
    "wait": values.switch, "timeout": values.duration,
}  # fmt: skip
JOB: Mapping[str, Reader] = {
    "from": values.matches(re.compile(r"(cronjobs?(\.batch)?|cj)/[a-z0-9][a-z0-9.-]{0,251}"), "cronjob/NAME")
}


def scale(line: Line) -> ChangeCommand:
    """`scale deploy/web --replicas=3`."""
    target, root = _target(line, Op.SCALE)
    replicas = line.value("replicas")
    if replicas is None:
        raise KubectlRefused(
            "scale needs --replicas", f"kubectl scale {(target.kind or '').lower()}/{target.name} --replicas=NUMBER"
        )
    paths = (Predicted("GET", root), *(Predicted(method, f"{root}/scale") for method in ("GET", "PATCH", "PUT")))
    return ChangeCommand(line.command.path, Scale(target, int(replicas)), paths)


def restart(line: Line) -> ChangeCommand:
    """`rollout restart deploy/web`."""
    target, root = _target(line, Op.RESTART)
    return patching(line, Restart(target), root)


def undo(line: Line) -> ChangeCommand:
    """`rollout undo deploy/web --to-revision=3`."""
    target, root = _target(line, Op.ROLLBACK)
    made = patching(line, Rollback(target, int(line.value("to-revision") or 0)), root)
    namespace = target.namespace or CONTEXT
    beside = tuple(
        Predicted("GET", known(kind).root(namespace)) for kind in ("ReplicaSet", "ControllerRevision", "Pod")
    )
    return ChangeCommand(made.verb, made.intent, (*made.requests, *beside))


def pause(line: Line) -> ChangeCommand:
    """`rollout pause deploy/web`."""
    target, root = _target(line, Op.PAUSE)
    return patching(line, Pause(target), root)


def resume(line: Line) -> ChangeCommand:
    """`rollout resume deploy/web`."""
    target, root = _target(line, Op.RESUME)
    return patching(line, Resume(target), root)


def set_image(line: Line) -> ChangeCommand:
    """`set image deploy/web web=repo/app:2`."""
    target, root, rest = _with_rest(line, Op.SET_IMAGE, "which container gets which image?")
    images = []
    for word in rest:
        container, equals, image = word.partition("=")
        if not equals or not values.CONTAINER.fullmatch(container) or not values.IMAGE.fullmatch(image):
            raise KubectlRefused(f"'{word[:80]}' is not CONTAINER=IMAGE with one container's name")
        images.append(ContainerImage(container, image))
    once([each.container for each in images], "container")
    return patching(line, SetImage(target, tuple(images)), root)


def set_env(line: Line) -> ChangeCommand:
    """`set env deploy/web LOG_LEVEL=debug OLD-`: literal values only."""
    target, root, rest = _with_rest(line, Op.SET_ENV, "which variable gets which value?")
    found = []
    for word in rest:
        name, equals, value = word.partition("=")
        removed = not equals and name.endswith("-")
        if not (_VARIABLE.fullmatch(name.removesuffix("-") if removed else name) and (equals or removed)):
            raise KubectlRefused(f"'{word[:80]}' is not NAME=VALUE or NAME-")
        if not _PLAIN_VALUE.fullmatch(value):
            raise KubectlRefused(f"the value of {name} holds a character that is not accepted here")
        found.append(EnvValue(name.removesuffix("-"), None) if removed else EnvValue(name, value))
    once([each.name for each in found], "variable")
    return patching(line, SetEnv(target, tuple(found), _containers(line)), root)


def set_resources(line: Line) -> ChangeCommand:
    """`set resources deploy/web -c web --limits=memory=1Gi`."""
    target, root = _target(line, Op.SET_RESOURCES)
    requests, limits = _amounts(line.value("requests")), _amounts(line.value("limits"))
    if not (requests or limits):
        raise KubectlRefused("set resources needs --requests or --limits")
    return patching(line, SetResources(target, _containers(line), requests, limits), root)


def patch(line: Line) -> ChangeCommand:
    """`patch deploy/web -p '{"spec":{"minReadySeconds":5}}'`."""
    named, rest = one_object(line.arguments)
    nothing_more(rest)
    text = line.value("patch")
    if text is None:
        raise KubectlRefused("patch needs -p with the patch itself")
    entry_of(named, "patched")
    target = target_of(line, named)
    intent = patched(target, text, line.value("type") or "strategic")
    return patching(line, intent, address(line, named))


def label(line: Line) -> ChangeCommand:
    """`label deploy/web tier=front old-`."""
    target, root, rest = _with_rest(line, Op.LABEL, "which label gets which value?")
    marks = tuple(_mark(word, values.LABEL_VALUE) for word in rest)
    once([mark.key for mark in marks], "key")
    return patching(line, Label(target, marks, line.on("overwrite")), root)


def annotate(line: Line) -> ChangeCommand:
    """`annotate deploy/web note=x old-`."""
    target, root, rest = _with_rest(line, Op.ANNOTATE, "which annotation gets which value?")
    marks = tuple(_mark(word, _PLAIN_VALUE) for word in rest)
    once([mark.key for mark in marks], "key")
    return patching(line, Annotate(target, marks, line.on("overwrite")), root)


def delete(line: Line) -> ChangeCommand:
    """`delete pod web-0` evicts the pod; of the other kinds only workloads and their configuration are deleted."""
    named, rest = one_object(line.arguments)
    nothing_more(rest)
    target = target_of(line, named)
    root = address(line, named)
    seen = tuple(Predicted(*each) for each in (("DELETE", root), ("GET", root), ("GET", root.rpartition("/")[0])))
    if named.kind.kind == "Pod":
        if line.value("cascade") is not None:
            raise KubectlRefused("--cascade has no meaning for a pod")
        return ChangeCommand(line.command.path, Evict(target, grace(line)), seen)
    able(named, Op.DELETE)
    cascade = {"foreground": Cascade.FOREGROUND, "orphan": Cascade.ORPHAN}.get(
        line.value("cascade") or "", Cascade.BACKGROUND
    )
    return ChangeCommand(line.command.path, Delete(target, cascade, grace(line)), seen)


def create_job(line: Line) -> ChangeCommand:
    """`create job NAME --from=cronjob/TARGET`."""
    source = line.value("from")
    if source is None or len(line.arguments) != 1:
        raise KubectlRefused("a Job is made only from a CronJob", "kubectl create job NAME --from=cronjob/NAME")
    wrong = values.name(line.arguments[0])
    if wrong:
        raise KubectlRefused(wrong)
    name = source.partition("/")[2]
    wrong = values.name(name)
    if wrong:
        raise KubectlRefused(wrong)
    target = Target(name, "CronJob", line.value("namespace"))
    where = target.namespace or CONTEXT
    requests = (Predicted("GET", f"{known('CronJob').root(where)}/{name}"), Predicted("POST", known("Job").root(where)))
    return ChangeCommand(line.command.path, CreateJob(target, line.arguments[0]), requests)


def _with_rest(line: Line, op: Op, question: str) -> tuple[Target, str, tuple[str, ...]]:
    named, rest = one_object(line.arguments)
    able(named, op)
    if not rest:
        raise KubectlRefused(question)
    return target_of(line, named), address(line, named), rest


def _target(line: Line, op: Op) -> tuple[Target, str]:
    named, rest = one_object(line.arguments)
    able(named, op)
    nothing_more(rest)
    return target_of(line, named), address(line, named)


def _containers(line: Line) -> tuple[str, ...]:
    given = line.value("containers")
    return tuple(given.split(",")) if given else ()


def _mark(word: str, value_shape: re.Pattern[str]) -> Mark:
    key, equals, value = word.partition("=")
    removed = not equals and key.endswith("-")
    key = key.removesuffix("-") if removed else key
    if not values.LABEL_KEY.fullmatch(key) or not (equals or removed):
        raise KubectlRefused(f"'{word[:80]}' is not KEY=VALUE or KEY-")
    if not value_shape.fullmatch(value):
        raise KubectlRefused(f"the value of {key} cannot be one")
    return Mark(key, None if removed else value)


def _amounts(value: str | None) -> tuple[Amount, ...]:
    pairs = [item.partition("=") for item in value.split(",")] if value else []
    return tuple(Amount(name, quantity) for name, _, quantity in pairs)
