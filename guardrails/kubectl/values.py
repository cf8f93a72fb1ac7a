"""What the values of flags and arguments may look like. Each reader tells what is wrong with a value, or nothing.

Promise: a value that passes holds no path to a file, no URL, and nothing that another program would be asked to run.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from guardrails.display import visible

Reader = Callable[[str], str]  # what is wrong with the value; "" when nothing is

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")  # RFC 1123 subdomain
_LOOSE_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([-A-Za-z0-9._:]*[A-Za-z0-9])?")  # roles such as system:node
_NAMESPACE = re.compile(_LABEL)
_KEY = rf"({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
LABEL_KEY = re.compile(rf"(?=.{{1,317}}\Z){_KEY}")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_VALUE = r"[A-Za-z0-9]?[-A-Za-z0-9_.]{0,62}"
_SET = rf"{_KEY} (not)?in ?\( ?{_VALUE}( ?, ?{_VALUE})* ?\)"
_SELECTOR = re.compile(rf"{_SET}|!?{_KEY}|{_KEY}\s?(=|==|!=)\s?{_VALUE}", re.ASCII)
_FIELD = re.compile(r"[a-zA-Z][a-zA-Z0-9.]{0,120}(=|==|!=)[A-Za-z0-9_.:-]{0,253}")
# An image by OCI's own grammar (distribution/reference): host and port, path, tag, digest. No scheme, no "//".
IMAGE = re.compile(
    r"(?=.{1,500}\Z)[a-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5}(?=/))?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?"
)
CONTAINER = re.compile(_LABEL)
_DURATION = re.compile(r"0|([0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h))+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_WHOLE = re.compile(r"[0-9]{1,10}")
_QUANTITY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
_RESOURCE = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
# jsonpath, custom columns and Go templates print fields: words, dots, brackets, quotes, braces. No parentheses but
# those of a filter, and no function that reads anything but the objects exists in them.
_TEMPLATE = re.compile(r"([][{}A-Za-z0-9_.:,=*@ '\"/%+?!-]|\\[nt.]|\?\(@[A-Za-z0-9_.@='\" /!:-]*\))*")
_SORT = re.compile(r"\{?\.?[A-Za-z0-9_.\[\]*/@='\"?(){}-]{1,200}(\\\.[A-Za-z0-9_./\[\]-]*)*\}?")
_FORMATS_WITH = ("jsonpath=", "jsonpath-as-json=", "custom-columns=", "go-template=")
_PLAIN = ("wide", "yaml", "json", "name", "kyaml")


def matches(pattern: re.Pattern[str], what: str) -> Reader:
    """A reader for one shape."""

    def read(value: str) -> str:
        return "" if pattern.fullmatch(value) else f"'{visible(value[:80])}' is not {what}"

    return read


def one_of(*words: str) -> Reader:
    """A reader for a few words."""

    def read(value: str) -> str:
        return "" if value in words else f"'{visible(value[:80])}' is not one of {', '.join(words)}"

    return read


def list_of(read_one: Reader) -> Reader:
    """A reader for a comma list."""

    def read(value: str) -> str:
        return next((wrong for item in value.split(",") if (wrong := read_one(item))), "")

    return read


def whole(least: int, most: int) -> Reader:
    """A reader for a whole number."""

    def read(value: str) -> str:
        fits = re.fullmatch(r"-?[0-9]{1,11}", value) and least <= int(value) <= most
        return "" if fits else f"'{visible(value[:80])}' is not a whole number from {least} to {most}"

    return read


def selector(value: str) -> str:
    """A label selector: `app=web`, `tier!=front`, `env in (a,b)`, `!legacy`, joined by commas."""
    parts = re.split(r",(?![^(]*\))", value)
    if all(_SELECTOR.fullmatch(part.strip(" ")) for part in parts):
        return ""
    return f"'{visible(value[:80])}' is not a label selector"


def field_selector(value: str) -> str:
    """A field selector: `status.phase=Running,spec.nodeName!=n1`."""
    return (
        ""
        if all(_FIELD.fullmatch(part) for part in value.split(","))
        else f"'{visible(value[:80])}' is no field selector"
    )


def output(*formats: str) -> Reader:
    """A reader for `-o`. Formats with a template print fields; those that open a file are refused."""

    def read(value: str) -> str:
        head, equals, rest = value.partition("=")
        if head.endswith("-file") or head in ("templatefile", "jsonpathfile"):
            return f"-o {visible(head[:40])} opens a file; write the template itself"
        if not equals:
            return one_of(*formats)(value)
        if f"{head}=" not in formats:
            return f"'{visible(head[:40])}=' is not an output format here"
        return "" if _TEMPLATE.fullmatch(rest) else "the template holds a character that is not accepted here"

    return read


def amounts(value: str) -> str:
    """Resources with quantities: `cpu=200m,memory=1Gi`."""
    pairs = [item.partition("=") for item in value.split(",")]
    if len({name for name, _, _ in pairs}) < len(pairs):
        return "a resource is named twice"
    return next((wrong for name, _, amount in pairs if (wrong := resource_name(name) or quantity(amount))), "")


name = matches(NAME, "an object's name")
loose_name = matches(_LOOSE_NAME, "an object's name")
namespace = matches(_NAMESPACE, "a namespace's name")
duration = matches(_DURATION, "a duration such as 30s or 5m")
time = matches(_TIME, "a time such as 2026-01-02T15:04:05Z")
label_keys = list_of(matches(LABEL_KEY, "a label's key"))
quantity = matches(_QUANTITY, "a quantity such as 500m or 1Gi")
resource_name = matches(_RESOURCE, "a resource such as cpu or memory")
sort_key = matches(_SORT, "a field such as .metadata.creationTimestamp")
switch = one_of("true", "false")
count = whole(0, 2**31 - 1)
api_version = matches(
    re.compile(rf"({_LABEL}(\.{_LABEL})*/)?v[0-9]+((alpha|beta)[0-9]+)?"), "a version such as apps/v1"
)
get_output = output(*_PLAIN, *_FORMATS_WITH)
structured = output("yaml", "json", "kyaml", "name", *_FORMATS_WITH)
plain_output = output("yaml", "json", "kyaml")
