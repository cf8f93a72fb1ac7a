"""Images, versions, tags and registries: what a workload runs, and who runs a given one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.draft import MAX_NAMES, Draft, names
from copilot.agent.facts import TEMPLATED, containers
from copilot.agent.question import Question
from copilot.diagnosis.images import parse_image
from copilot.model import Resource, text

_ROOTS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
_LOOSE = ("Pod", "Job", "ReplicaSet", "ReplicationController")  # counted where nothing owns them
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+){0,3}[\w.-]*)(?= |$|\?)")
_FIELD = "spec.template.spec.containers[].image"


def answer_images(asking: Asking, question: Question, draft: Draft) -> None:
    """Say which images run, or who runs a given image, tag or registry."""
    if question.refs and question.refs[0].kind in TEMPLATED:
        for ref in question.refs[:3]:
            resource = asking.graph.get(ref)
            images = [text(c, "image") for c in containers(asking, resource, init=True)] if resource else []
            if resource is not None and images:
                shown = ", ".join(images)
                draft.say(f"{ref} runs {shown}.", draft.cite(resource, _FIELD, f"{ref}: {shown}"))
        return
    users = _users(asking, question.namespace)
    if not users and not asking.was_read("Pod", question.namespace):
        say_unread_kind(asking, question.namespace, draft, "Pod")
        return
    wanted, words = _wanted(question)
    chosen = {image: found for image, found in users.items() if wanted is None or wanted(image)}
    if not chosen:
        draft.say(f"Nothing that was read runs {words}." if words else "No images were read.")
        return
    if "registr" in question.lowered and wanted is None:
        chosen = _by_registry(chosen)
    _say(chosen, draft)


def _say(chosen: dict[str, list[Resource]], draft: Draft) -> None:
    for image, found in sorted(chosen.items())[:MAX_NAMES]:
        facts = [draft.cite(one, _FIELD, f"{one.ref} runs {image}") for one in found[:3]]
        draft.say(f"{image or '(no image)'}: {names(dict.fromkeys(one.ref for one in found))}", *facts)
    if len(chosen) > MAX_NAMES:
        draft.say(f"and {len(chosen) - MAX_NAMES} more: {', '.join(sorted(chosen)[MAX_NAMES : 4 * MAX_NAMES])}.")


def _users(asking: Asking, namespace: str | None) -> dict[str, list[Resource]]:
    """Every image with the workloads that run it; what a workload owns stands for it."""
    users: dict[str, list[Resource]] = defaultdict(list)
    for kind in (*_ROOTS, *_LOOSE):
        for resource in asking.members(kind, namespace):
            owners = asking.graph.owners(resource.ref) if kind in _LOOSE else []
            if any(asking.graph.get(owner) is not None and owner.kind != "Node" for owner in owners):
                continue
            for container in containers(asking, resource, init=True):
                users[text(container, "image")].append(resource)
    return users


def _by_registry(users: dict[str, list[Resource]]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = defaultdict(list)
    for image, resources in users.items():
        found[parse_image(image).registry] += resources
    return found


def _wanted(question: Question) -> tuple[Callable[[str], bool] | None, str]:
    """What the question says of an image: `:latest`, parts of its name, a version; None when it says nothing."""
    if re.search(r"\blatest\b", question.lowered):
        return _is_latest, ":latest"
    named = [word.lower().lstrip(":") for word in question.unknown if len(word) > 2 and not _VERSION.fullmatch(word)]
    match = _VERSION.search(question.lowered)
    if match is None and not named:
        return None, ""
    version = re.compile(rf"(?<![\d.])v?{re.escape(match[1])}(?!\d)") if match is not None else None

    def fits(image: str) -> bool:
        tag = image.rpartition("/")[2].partition(":")[2]
        registry = parse_image(image).registry
        return all(word in image.lower() or word == registry for word in named) and (
            version is None or bool(version.search(tag))
        )

    return fits, " ".join([*named, *([match[1]] if match is not None else [])])


def _is_latest(image: str) -> bool:
    """The tag `latest`, written or meant: an image without tag and digest."""
    parsed = parse_image(image)
    return parsed.tag == "latest" or (not parsed.tag and not parsed.digest)
