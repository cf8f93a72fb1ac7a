"""Who owns it, what it needs, who needs it: answers from the edges of the graph, each with the field that says so."""

from __future__ import annotations

from copilot.agent.asking import Asking
from copilot.agent.draft import Draft, names
from copilot.agent.events import Citation
from copilot.agent.question import Question
from copilot.model import Ref, children, text
from copilot.model.moment import stamp
from copilot.model.wording import listed
from retrievers.graph import Edge, NodeState, Reached, dependants, dependencies
from retrievers.graph.phrases import phrase

_PEOPLE = frozenset({"team", "owner", "owned-by", "contact", "maintainer", "squad", "email", "slack", "responsible"})
_TOLD = 10  # direct relations told one by one


def answer_owner(asking: Asking, question: Question, draft: Draft) -> None:
    """Say who owns an object: the whole chain."""
    for ref in question.refs[:3]:
        resource = asking.graph.get(ref)
        owners = asking.graph.owners(ref)
        if resource is None:
            continue
        _say_people(asking, ref, draft)
        if owners:
            fact = draft.cite(resource, "metadata.ownerReferences", f"{ref} is owned by {owners[0]}")
            draft.say(f"{ref} is owned by {', which is owned by '.join(str(owner) for owner in owners)}.", fact)
            continue
        managers = [
            str(entry.get("manager")) for entry in resource.metadata.get("managedFields", ()) if isinstance(entry, dict)
        ]
        note = f"; it was written by {', '.join(dict.fromkeys(managers))}" if managers else ""
        draft.say(
            f"No other object owns {ref}{note}.",
            draft.cite(resource, "metadata.ownerReferences", "no owner references"),
        )


def _say_people(asking: Asking, ref: Ref, draft: Draft) -> None:
    """Labels and annotations that name a team or a contact, of the object or of what owns it."""
    for one in (ref, *asking.graph.owners(ref)):
        resource = asking.graph.get(one)
        for key, value in (*resource.labels.items(), *resource.annotations.items()) if resource is not None else ():
            if resource is not None and key.rpartition("/")[2].lower() in _PEOPLE:
                draft.say(f"{one}: {key}={value}.", draft.cite(resource, "metadata", f"{key}={value}"))


def answer_dependencies(asking: Asking, question: Question, draft: Draft) -> None:
    """Say what an object needs: directly, then what that rests on."""
    for ref in question.refs[:2]:
        reached = dependencies(asking.graph, ref)
        if question.kind and question.kind != ref.kind:
            _of_kind(question.kind, ref, reached, draft)
            continue
        if not reached:
            draft.say(f"{ref} depends on nothing that was read.")
            continue
        near = [one for one in reached if one.distance == 1]
        draft.say(
            f"{ref} depends directly on {names(one.ref for one in near)}.",
            *[_cite(draft, one.path[-1]) for one in near[:_TOLD]],
        )
        far = [one.ref for one in reached if one.distance > 1]
        if far:
            draft.say(f"Through these it rests on {names(far)}.")
        lost = [one for one in reached if asking.graph.state(one.ref) is NodeState.DANGLING]
        for one in lost[:4]:
            draft.say(f"{one.ref} does not exist.", _cite(draft, one.path[-1]))
        draft.offer("The whole tree", f"kubectl copilot graph {ref.argument}{ref.flags}")


def _of_kind(kind: str, ref: Ref, reached: list[Reached], draft: Draft) -> None:
    """Only what it needs of one kind: "which Secret does web use"."""
    found = [one for one in reached if one.ref.kind == kind]
    near = [one for one in found if one.distance == min(each.distance for each in found)]
    if not near:
        draft.say(f"{ref} uses no {kind} that was read.", draft.cite_ref(ref, "graph", f"no way to a {kind}", "graph"))
    else:
        draft.say(
            f"{ref} uses {names(one.ref for one in near)}.", *[_cite(draft, one.path[-1]) for one in near[:_TOLD]]
        )


def answer_author(asking: Asking, question: Question, draft: Draft) -> None:
    """Say who made an object, as far as its field managers tell; people are known to the audit log alone."""
    for ref in question.refs[:2]:
        resource = asking.graph.get(ref)
        if resource is None:
            continue
        owners = asking.graph.owners(ref)
        if owners:
            draft.say(
                f"{owners[0]} created {ref}.", draft.cite(resource, "metadata.ownerReferences", f"owned by {owners[0]}")
            )
            continue
        tools = [text(entry, "manager") for entry in children(resource.metadata, "managedFields")]
        managers = listed(tool for tool in tools if tool)
        draft.known = bool(managers)
        written = f"; its fields were written by {managers}" if managers else ""
        when = f" It was created at {stamp(resource.created)}." if resource.created else ""
        draft.say(
            f"An object does not record which person created it{written}.{when} The API server's audit log would tell.",
            draft.cite(resource, "metadata.managedFields", managers or "no field managers were read"),
        )


def answer_dependants(asking: Asking, question: Question, draft: Draft) -> None:
    """Say who suffers when an object is ill, and who uses it."""
    for ref in question.refs[:2]:
        reached = dependants(asking.graph, ref)
        near = [one for one in reached if one.distance == 1]
        if not reached:
            draft.say(
                f"Nothing that was read depends on {ref}.",
                draft.cite_ref(ref, "graph", f"no edge leads to {ref}", "graph"),
            )
            continue
        users = _owners(asking, [one.ref for one in near], ref)
        if users:
            facts = [_cite(draft, one.path[-1]) for one in near if asking.graph.top_owner(one.ref) in users]
            draft.say(f"{names(users)} {'depends' if len(users) == 1 else 'depend'} on {ref} directly.", *facts[:_TOLD])
        far = [
            one for one in _owners(asking, [one.ref for one in reached if one.distance > 1], ref) if one not in users
        ]
        if far:
            draft.say(f"{'Through these, ' if users else ''}{names(far)} would suffer too.")
        draft.offer("The blast radius", f"kubectl copilot graph {ref.argument}{ref.flags} --blast-radius")


def _owners(asking: Asking, refs: list[Ref], ref: Ref) -> list[Ref]:
    """The objects a person thinks in: a pod and its ReplicaSet stand for their Deployment, a slice for its Service."""
    own = {ref, *asking.graph.owners(ref), *asking.graph.children(ref)}
    tops = (asking.graph.top_owner(one) for one in refs)
    return [top for top in dict.fromkeys(tops) if top not in own and top.kind not in ("EndpointSlice", "Endpoints")]


def _cite(draft: Draft, edge: Edge) -> Citation:
    words = f"{edge.source} {phrase(edge.kind, from_source=True)} {edge.target}"
    return draft.cite_ref(edge.source, edge.field, words, "graph")
