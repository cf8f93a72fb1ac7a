"""What would happen if: draining, deleting, scaling, restarting. Computed from the graph, budgets and room; nothing is changed."""

from __future__ import annotations

import re
from fractions import Fraction

from copilot.agent.answers.fit import answer_fit
from copilot.agent.answers.relations import answer_dependants
from copilot.agent.asking import Asking
from copilot.agent.draft import Draft, names
from copilot.agent.facts import replicas, services_of
from copilot.agent.question import Question
from copilot.model import Ref, Resource, children, mapping, number, text
from copilot.model.wording import listed, plural
from retrievers.graph import EdgeKind
from retrievers.graph.placement import pods_on, requests_of, shortfalls

_SCALE = re.compile(r"\bto (\d{1,6}|zero|none|nothing)\b|\b(?:down|away)\b")
_DRAIN = re.compile(r"\b(?:drain|cordon|evict|reboot|shut|los[et]|stop|kill|restart|remov|delet)\w*")
_MIRROR = "kubernetes.io/config.mirror"
_TOLD = 8


def answer_what_if(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the consequences for each object named."""
    for ref in question.refs[:2]:
        resource = asking.graph.get(ref)
        if resource is None:
            answer_dependants(asking, question, draft)
        elif ref.kind == "Node" and _DRAIN.search(question.lowered):
            _drain(asking, resource, draft)
        elif "scal" in question.lowered and _SCALE.search(question.lowered):
            _scale(asking, question, resource, draft)
        elif re.search(r"\b(?:restart|reboot|bounce)\w*", question.lowered):
            _restart(asking, resource, draft)
        else:
            _delete(asking, question, resource, draft)


# Draining a node


def _drain(asking: Asking, node: Resource, draft: Draft) -> None:
    stays, lost, moving = [], [], []
    for pod in pods_on(asking.graph, node.ref):
        owners = asking.graph.owners(pod.ref)
        if any(owner.kind == "DaemonSet" for owner in owners) or _MIRROR in pod.annotations or _is_static(owners):
            stays.append(pod)
        elif not owners:
            lost.append(pod)
        else:
            moving.append(pod)
    blocked = _budgets(asking, [*moving, *lost])
    homeless = _placed_elsewhere(asking, node, moving, draft)
    verdict = "can be drained" if not blocked and not homeless else "cannot be drained without harm"
    count = plural(len(moving) + len(lost), "pod")
    fact = draft.cite(node, "pods on node", f"{count} would be evicted from {node.ref.name}")
    draft.say(f"{node.ref} {verdict}: {count} would be evicted, {plural(len(stays), 'pod')} of DaemonSets and static pods stay.", fact)  # fmt: skip
    if moving:
        owners_ = list(dict.fromkeys(asking.graph.top_owner(pod.ref) for pod in moving))
        draft.say(f"It moves {names(pod.ref for pod in moving)} (of {names(owners_)}).", fact)
    for budget, pods in blocked:
        words = f"{budget.ref} allows {number(budget.status, 'disruptionsAllowed')} disruptions now"
        draft.say(
            f"{words}: the eviction of {names(pod.ref for pod in pods)} is refused until that changes.",
            draft.cite(budget, "status.disruptionsAllowed", words),
        )
    for pod, why in homeless[:_TOLD]:
        draft.say(f"{pod.ref} would have no other node: {why}.", draft.cite(pod, "spec", why))
    if lost:
        draft.say(f"{names(pod.ref for pod in lost)} would be gone: nothing makes it again.", *[draft.cite(pod, "metadata.ownerReferences", "no owner") for pod in lost[:3]])  # fmt: skip
    _local_data(moving, draft)
    draft.offer("Who depends on it", f"kubectl copilot graph {node.ref.argument} --blast-radius")


def _is_static(owners: list[Ref]) -> bool:
    return bool(owners) and owners[0].kind == "Node"


def _budgets(asking: Asking, pods: list[Resource]) -> list[tuple[Resource, list[Resource]]]:
    """The budgets that refuse to let these pods go: those that allow no disruption now."""
    under: dict[Ref, list[Resource]] = {}
    for pod in pods:
        for edge in asking.graph.into(pod.ref, EdgeKind.PROTECTS):
            under.setdefault(edge.source, []).append(pod)
    found = []
    for ref, mine in sorted(under.items()):
        budget = asking.graph.get(ref)
        if budget is not None and number(budget.status, "disruptionsAllowed") < 1:
            found.append((budget, mine))
    return found


def _placed_elsewhere(asking: Asking, node: Resource, pods: list[Resource], draft: Draft) -> list[tuple[Resource, str]]:
    """Place the pods on the other nodes one after another, largest first; those left over, with the nearest reason."""
    if not asking.nodes.known:
        draft.known = False
        return []
    taken: dict[str, dict[str, Fraction]] = {}
    homeless = []
    for pod in sorted(pods, key=lambda one: (-requests_of(one.spec).get("cpu", Fraction(0)), one.ref)):
        wanted = requests_of(pod.spec)
        fits = [fit for fit in asking.nodes.fits(pod) if fit.name != node.ref.name]
        for fit in fits:
            free = dict(asking.nodes.free(fit.name))
            for name, amount in taken.get(fit.name, {}).items():
                free[name] = free.get(name, Fraction(0)) - amount
            if not fit.failures and not shortfalls(wanted, free):
                mine = taken.setdefault(fit.name, {})
                for name, amount in (*wanted.items(), ("pods", Fraction(1))):
                    mine[name] = mine.get(name, Fraction(0)) + amount
                break
        else:
            reasons = [fit.why(next(iter(fit.failures))) for fit in fits if fit.failures]
            homeless.append((pod, listed(reasons, 3) or "the other nodes are full once the rest has moved"))
    return homeless


def _local_data(pods: list[Resource], draft: Draft) -> None:
    holding = [pod for pod in pods if any("emptyDir" in volume for volume in children(pod.spec, "volumes"))]
    if holding:
        facts = [draft.cite(pod, "spec.volumes", "emptyDir") for pod in holding[:3]]
        draft.say(f"{names(pod.ref for pod in holding)} would lose the data of emptyDir volumes.", *facts)


# Scaling


def _scale(asking: Asking, question: Question, workload: Resource, draft: Draft) -> None:
    match = _SCALE.search(question.lowered)
    word = (match[1] if match is not None else "") or "0"
    count = int(word) if word.isdigit() else 0
    if count > replicas(workload):
        answer_fit(asking, question, draft)
        return
    fact = draft.cite(workload, "spec.replicas", f"{replicas(workload)} replicas now")
    if count:
        draft.say(f"{workload.ref} would go from {replicas(workload)} to {plural(count, 'replica')}; its Services keep an endpoint.", fact)  # fmt: skip
    else:
        draft.say(f"{workload.ref} would stop: its {plural(replicas(workload), 'replica')} would end.", fact)
        services = services_of(asking, workload)
        for service in services:
            others = [pod for pod in _selected(asking, service) if asking.graph.top_owner(pod) != workload.ref]
            left = f"keeps {plural(len(others), 'pod')} of others" if others else "would have no endpoints"
            draft.say(f"{service.ref} {left}.", draft.cite(service, "spec.selector", f"{service.ref} selects its pods"))
        _say_sufferers(asking, workload, services, draft)
    for edge in asking.graph.into(workload.ref, EdgeKind.SCALES):
        scaler = asking.graph.get(edge.source)
        if scaler is not None:
            words = "an HPA does not scale a workload of 0 replicas" if not count else f"{scaler.ref} sets the replicas itself"  # fmt: skip
            draft.say(f"{scaler.ref} governs it: {words}.", draft.cite(scaler, "spec.scaleTargetRef", f"{scaler.ref} scales it"))  # fmt: skip
    draft.offer("Plan it, with its card", f'kubectl copilot do "scale {workload.ref.argument} in {workload.ref.namespace} to {count}"')  # fmt: skip


def _selected(asking: Asking, service: Resource) -> list[Ref]:
    return [edge.target for edge in asking.graph.out(service.ref, EdgeKind.SELECTS)]


def _say_sufferers(asking: Asking, workload: Resource, services: list[Resource], draft: Draft) -> None:
    own = {workload.ref, *(service.ref for service in services), *asking.graph.children(workload.ref)}
    own |= {pod.ref for pod in asking.view.pods_of(workload.ref)}
    tops = dict.fromkeys(asking.graph.top_owner(ref) for ref in asking.graph.blast_radius(workload.ref))
    far = [ref for ref in tops if ref not in own and ref.kind not in _BOOKKEEPING]
    if far:
        draft.say(f"{names(far)} would suffer too.", draft.cite(workload, "graph", f"{len(far)} objects depend on it"))


_BOOKKEEPING = frozenset({"EndpointSlice", "Endpoints", "HorizontalPodAutoscaler", "PodDisruptionBudget"})


# Deleting and restarting


def _delete(asking: Asking, question: Question, resource: Resource, draft: Draft) -> None:
    ref = resource.ref
    if ref.kind == "PersistentVolumeClaim":
        _say_volume(asking, resource, draft)
    elif ref.kind == "Namespace":
        members = [member for member in asking.graph.members(ref.name) if member.kind != "Event"]
        fact = draft.cite(resource, "metadata.name", f"{len(members)} objects were read in it")
        draft.say(f"All {len(members)} objects in it would be deleted.", fact)
    elif ref.kind == "Pod":
        owner = asking.graph.top_owner(ref)
        words = f"{owner} makes a new one" if owner != ref else "nothing makes it again"
        draft.say(f"{ref} would end; {words}.", draft.cite(resource, "metadata.ownerReferences", words))
    elif asking.graph.children(ref):
        below = asking.graph.children(ref)
        pods = [pod.ref for pod in asking.view.pods_of(ref)]
        fact = draft.cite(resource, "metadata.uid", f"{ref} owns {names(below)}")
        draft.say(f"What it owns would be deleted with it: {names(pods or below)}.", fact)
    single = Question(text=question.text, intent=question.intent, refs=(ref,), namespace=question.namespace)
    answer_dependants(asking, single, draft)


def _say_volume(asking: Asking, claim: Resource, draft: Draft) -> None:
    name = text(claim.spec, "volumeName")
    volume = asking.graph.find("PersistentVolume", "", name) if name else None
    users = [edge.source for edge in asking.graph.into(claim.ref, EdgeKind.MOUNTS)]
    if users:
        draft.say(
            f"{claim.ref} would stay Terminating while {names(users)} mounts it.",
            draft.cite(claim, "metadata.finalizers", "kubernetes.io/pvc-protection holds a claim in use"),
        )
    if volume is None:
        return
    policy = text(volume.spec, "persistentVolumeReclaimPolicy") or "Delete"
    fate = "its data is deleted with it" if policy == "Delete" else "its data is kept, the volume becomes Released"
    draft.say(
        f"{volume.ref} behind it has reclaim policy {policy}: {fate}.",
        draft.cite(volume, "spec.persistentVolumeReclaimPolicy", f"reclaim policy {policy}"),
    )


def _restart(asking: Asking, workload: Resource, draft: Draft) -> None:
    strategy = mapping(workload.spec, "strategy") or mapping(workload.spec, "updateStrategy")
    kind = text(strategy, "type") or ("OnDelete" if workload.ref.kind == "Pod" else "RollingUpdate")
    fact = draft.cite(workload, "spec.strategy", f"strategy {kind}")
    count = replicas(workload)
    if kind == "Recreate" or count == 1:
        why = "it has one replica" if count == 1 else "its strategy is Recreate"
        surge = kind == "RollingUpdate" and workload.ref.kind == "Deployment"
        gap = "the new pod starts before the old one ends" if surge else "there is a gap until the new pod is ready"
        draft.say(f"{workload.ref} would be replaced; {why}: {gap}.", fact)
    else:
        draft.say(f"{workload.ref} would replace its {count} pods one after another ({kind}).", fact)
    services = services_of(asking, workload)
    if services:
        draft.say(f"{names(one.ref for one in services)} sends traffic to it.", *[draft.cite(one, "spec.selector", f"{one.ref} selects it") for one in services[:3]])  # fmt: skip
