"""Where text and the arguments of a plan come from: plain words for it, and nothing that decides. A plan carries these."""

from __future__ import annotations

from enum import Enum

import msgspec


class Source(Enum):
    """Who wrote a piece of text."""

    OPERATOR = "operator"  # the person who asks
    POLICY = "policy"  # the site's own policy
    RUNBOOK = "signed runbook"
    K8S_STRUCTURED = "k8s-structured"  # fields that the API server checks and controllers keep: names, uids, numbers
    K8S_FREETEXT = "k8s-freetext"  # fields that hold whatever somebody writes into them
    LOG = "log"
    EXTERNAL = "external"  # metrics labels, pasted text, unsigned pages, anything else

    @property
    def trusted(self) -> bool:
        """Tell whether what stands in it may be an argument of a plan."""
        return self in (Source.OPERATOR, Source.POLICY, Source.RUNBOOK, Source.K8S_STRUCTURED)


class Chunk(msgspec.Struct, frozen=True):
    """A piece of text with its source. `title` says in words what it is; `uid` is the object's, `sha` the text's SHA-256."""

    text: str
    source: Source
    title: str = ""
    uid: str = ""
    time: str = ""
    sha: str = ""


class Role(Enum):
    """What an argument is for."""

    OPERATION = "operation"
    NAME = "name"
    NAMESPACE = "namespace"
    CONTAINER = "container"
    NEW_NAME = "new name"
    NUMBER = "number"
    KEY = "key"
    FIELD = "field"
    OPTION = "option"
    VALUE = "value"
    IMAGE = "image"
    REGISTRY = "registry"
    URL = "URL"
    COMMAND = "command"
    ENV_VALUE = "environment value"


# What must never be chosen by text that anybody may write: it runs code, reaches out, or leads to another tenant.
NEVER_TAINTED = frozenset({Role.IMAGE, Role.REGISTRY, Role.URL, Role.COMMAND, Role.ENV_VALUE, Role.NAMESPACE})


class Origin(Enum):
    """Where an argument comes from."""

    OPERATOR = "the operator's words"
    TYPED = "typed fields of the cluster"
    RUNBOOK = "a signed runbook"
    SUGGESTED = "typed fields of the cluster, and named by untrusted text"
    TAINTED = "untrusted text only"
    UNEXPLAINED = "nowhere that was read"

    @property
    def tainted(self) -> bool:
        """Tell whether no trusted source holds it. What is found nowhere counts as tainted."""
        return self in (Origin.TAINTED, Origin.UNEXPLAINED)


class ArgOrigin(msgspec.Struct, frozen=True):
    """One argument with its origin; `where` names the text that it was found in."""

    role: Role
    value: str
    origin: Origin
    where: str = ""


class Label(Enum):
    """What is to be known about how a plan came about."""

    UNTRUSTED_READ = "untrusted text was read in this session before it was proposed"
    NOT_ASKED = "no words of the operator ask for this operation on this object"
    UNSOLICITED = "no message of the operator asks for a change"
    NEVER_SEEN = "this investigation never looked at the object"
    TAINTED = "an argument comes from untrusted text only"
    UNEXPLAINED = "an argument is found nowhere that was read"


class Taint(msgspec.Struct, frozen=True):
    """How a plan came about, as far as a model proposed it."""

    labels: tuple[Label, ...] = ()
    origins: tuple[ArgOrigin, ...] = ()

    @property
    def banner(self) -> bool:
        """Tell whether the person must be warned: text, not they, may have chosen what the plan does."""
        loud = {Label.NOT_ASKED, Label.UNSOLICITED, Label.TAINTED, Label.UNEXPLAINED}
        return bool(loud & set(self.labels)) or any(each.origin is Origin.SUGGESTED for each in self.origins)
