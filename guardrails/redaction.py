"""Takes secrets out of text and API objects before anything is stored, shown or sent. Idempotent, linear time.

A secret becomes `<secret:kind:7f3a>`: the four digits are a keyed hash of the value, so equal secrets can be seen
to be equal while neither the value nor its hash can be looked up without the installation's key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from guardrails.redaction_entropy import random_spans
from guardrails.redaction_key import ProcessKey, install_key, process_key
from guardrails.redaction_memory import Memory
from guardrails.redaction_names import SECRET_FLAG, is_secret_field, is_secret_name, kind_of
from guardrails.redaction_rules import PLACEHOLDER, Compiled, may_apply
from guardrails.redaction_text import clean_text, without_invisible
from guardrails.redaction_values import never_harmless, not_a_word
from guardrails.redaction_views import behind_encodings

__all__ = ["Redactor", "clean_text", "install_key", "learn", "redact", "redact_body"]

_PASSES = 16  # a replacement may complete the context of another rule; real text needs two passes
_DEPTH = 100  # levels: the deepest real schema is below 60, and Python's own limit must not be met
_LAYERS = 3  # encodings in one another: a Secret in base64 in a JSON log line has two
_CACHED = 512  # characters: longer strings repeat too rarely to be worth keeping
_SHORTEST = 6  # characters: nothing shorter matches any rule
_LAST_APPLIED = "last-applied-configuration"
_HELM_NAME = "sh.helm.release.v1."
_WHOLE_TEXTS = frozenset({"last-applied", "helm-release"})  # dropped as a whole; nobody repeats them elsewhere
_LONG_RUN = re.compile(r"[A-Za-z0-9+/_~\-]{11}")  # nothing shorter is base64 of a secret, or random
_DONE = re.compile(f"(?:{PLACEHOLDER})+")


class Redactor:
    """Replaces secrets by placeholders keyed with this installation's key.

    Args:
        key: 16 bytes or more that stay on this machine, or what gives them when the first secret is found; the same key
            gives the same placeholders.
    """

    def __init__(self, key: bytes | Callable[[], bytes]) -> None:
        self._key = key if callable(key) else lambda: key
        self._memory = Memory(self._key)
        self._short = lru_cache(maxsize=1 << 16)(self._redact)

    def text(self, text: str) -> str:
        """Return the text, made safe to print, with every recognised secret replaced."""
        if len(text) < _SHORTEST:
            return clean_text(text)
        known = self._memory.generation  # what was said of a text before a value was known is said anew
        return self._short(text, known) if len(text) <= _CACHED else self._redact(text, known)

    def body(self, body: Any) -> Any:
        """Return a copy of a decoded API object (or any JSON value) without its secrets.

        Secret `data` values become placeholders, last-applied annotations and Helm payloads go, environment values
        whose name speaks of a secret are replaced, and every other string is treated as text.
        """
        known = self._memory.generation
        redacted = self._value(body, "", 0)
        # A value may stand without context before the place that gives it away.
        return redacted if known == self._memory.generation else self._value(redacted, "", 0)

    def learn(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Remember the secret environment values and arguments of pods and pod templates, and redact nothing yet.

        What a container was given is what its log repeats; a face that quotes a log has not read the container.
        """
        for body in bodies:
            for container in containers_of(body):
                self._learn_container(container)

    def _learn_container(self, container: Mapping[str, Any]) -> None:
        entries = container.get("env")
        for entry in entries if isinstance(entries, list) else ():
            name, value = (entry.get("name"), entry.get("value")) if isinstance(entry, Mapping) else (None, None)
            if isinstance(name, str) and isinstance(value, str) and value:
                if is_secret_name(name):
                    self._secret(value, name)
                else:
                    self.text(value)
        for field in ("command", "args"):
            words = container.get(field)
            if isinstance(words, list):
                self._list(words, _DEPTH - 1)

    def placeholder(self, kind: str, value: str, *, sure: bool = False) -> str:
        """The stand-in for one secret. From now on this redactor knows the value wherever it stands.

        `sure`: a typed field gave the value away, so that even what looks like a name is remembered.
        """
        digest = hmac.new(self._key(), value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        stand_in = f"<secret:{kind}:{digest[:4]}>"
        if kind not in _WHOLE_TEXTS:
            self._memory.learn(value, stand_in, sure=sure)
        return stand_in

    def _redact(self, text: str, known: int) -> str:
        """Clean, then run the rules; what hides behind invisible characters counts as well."""
        del known  # only tells apart what is kept
        cleaned, bare = clean_text(text), without_invisible(text)
        redacted = self._apply(bare, _LAYERS)
        return self._apply(cleaned, _LAYERS) if redacted == bare and bare != cleaned else redacted

    def _apply(self, text: str, layers: int) -> str:
        """Run all rules until nothing changes: shapes, known values, encodings, and what is random in an error."""
        for _ in range(_PASSES):
            before = text
            for step in may_apply(text):
                text = self._run(step, text)
            text = self._memory.replaced(text)
            is_long = _LONG_RUN.search(text) is not None
            if layers and (is_long or "%" in text or "\\u00" in text):
                text = behind_encodings(text, lambda plain: self._apply(plain, layers - 1), self._encoded)
            text = self._random(text) if is_long else text
            if text == before:
                return text
        return text

    def _encoded(self, run: str, redacted: str) -> str:
        """What stands for base64: the secret's own placeholder where there is nothing else behind it."""
        return redacted if _DONE.fullmatch(redacted) else self.placeholder("encoded", run)

    def _random(self, text: str) -> str:
        """Replace what only its randomness gives away, in error lines."""
        for start, end in reversed(random_spans(text)):
            text = text[:start] + self.placeholder("random", text[start:end]) + text[end:]
        return text

    def _run(self, step: Compiled, text: str) -> str:
        """Run one rule over the text."""
        done = [found.span() for found in _DONE.finditer(text)] if "<secret:" in text else []
        starts = [start for start, _ in done]

        def replace(match: Any) -> str:
            """Put the placeholder in the place of the value, and keep its context."""
            whole: str = match.group()
            if "digest" in step.program.groupindex and match.group("digest"):
                return whole
            for group in step.groups:
                value = match.group(group)
                if value is not None:
                    if _cuts(done, starts, match.span(group)) or not step.rule.counts(value):
                        return whole
                    start = match.start(group) - match.start()
                    stand_in = self.placeholder(step.rule.kind_for(value), value)
                    return whole[:start] + stand_in + whole[start + len(value) :]
            return whole

        result: str = step.program.sub(replace, text)
        return result

    def _value(self, value: Any, name: str, depth: int) -> Any:
        """Redact one JSON value that stands under the key `name`."""
        if isinstance(value, str):
            return self._secret(value, name) if name and is_secret_field(name, value) else self.text(value)
        if depth >= _DEPTH:
            return "<too deep>" if isinstance(value, (dict, list, tuple)) else value
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple)):
            return self._list(list(value), depth)
        return value

    def _secret(self, value: str, name: str) -> str:
        """The placeholder of a value that its name gives away; templates and empty values stay."""
        return (
            self.placeholder(kind_of(name), value, sure=True)
            if not_a_word(value) and not _DONE.fullmatch(value)
            else value
        )

    def _mapping(self, body: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        """Redact an object; Secrets, environment entries and annotations have their own rules."""
        is_secret = body.get("kind") == "Secret" or str(body.get("type", "")).startswith("helm.sh/release")
        is_release = _is_helm_release(body)
        env_name = body.get("name") if isinstance(body.get("name"), str) and "value" in body else None
        redacted: dict[Any, Any] = {}
        for key, value in body.items():
            name = key if isinstance(key, str) else ""
            if name.endswith(_LAST_APPLIED):
                continue
            if is_secret and name in {"data", "stringData"}:
                redacted[key] = self._secret_data(value, encoded=name == "data")
            elif is_release and name in {"data", "binaryData"}:
                redacted[key] = dict.fromkeys(value, "<dropped>") if isinstance(value, Mapping) else None
            elif env_name and name == "value" and isinstance(value, str) and is_secret_name(env_name):
                redacted[key] = self._secret(value, env_name)
            elif isinstance(value, str) and name in {"key", "name", "kind"}:
                redacted[key] = self.text(value)
            else:
                redacted[key] = self._value(value, name, depth + 1)
        return redacted

    def _list(self, items: list[Any], depth: int) -> list[Any]:
        """Redact a list; in a command line, the word after `--password` is one."""
        redacted, after_flag = [], False
        for item in items:
            if after_flag and isinstance(item, str) and not item.startswith("-") and not _DONE.fullmatch(item):
                redacted.append(self.placeholder("password", item) if never_harmless(item) else item)
            else:
                redacted.append(self._value(item, "", depth + 1))
            after_flag = isinstance(item, str) and SECRET_FLAG.match(item) is not None
        return redacted

    def _secret_data(self, data: Any, *, encoded: bool) -> Any:
        """Keep the keys of a Secret; its values go, whatever they look like."""
        if not isinstance(data, Mapping):
            return None
        kept: dict[Any, Any] = {}
        for key, value in data.items():
            if not isinstance(value, str) or not value or _DONE.fullmatch(value):
                kept[key] = value if isinstance(value, str) or value is None else "<dropped>"
            else:
                kept[key] = self.placeholder("data", _decoded(value) if encoded else value, sure=True)
        return kept


def _cuts(done: list[tuple[int, int]], starts: list[int], span: tuple[int, int]) -> bool:
    """Whether a value is a placeholder already, or begins or ends inside one."""
    start, end = span
    at = bisect_right(starts, start) - 1
    if at >= 0:
        first, last = done[at]
        if end <= last or first < start < last:
            return True
    at = bisect_left(starts, end) - 1
    return at >= 0 and done[at][0] < end < done[at][1]


def containers_of(body: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The containers of a pod, or of the pod template of a workload; of anything else none."""
    spec = body.get("spec")
    for step in (
        "jobTemplate",
        "spec",
        "template",
        "spec",
    ):  # CronJob → Job → template → pod, each as far as it is there
        inner = spec.get(step) if isinstance(spec, Mapping) else None
        spec = inner if isinstance(inner, Mapping) else spec
    if not isinstance(spec, Mapping):
        return
    for field in ("containers", "initContainers", "ephemeralContainers"):
        found = spec.get(field)
        yield from (each for each in found if isinstance(each, Mapping)) if isinstance(found, list) else ()


def _is_helm_release(body: Mapping[Any, Any]) -> bool:
    """Whether an object is a release as Helm stores it, whichever kind holds it: all values of the chart are in it."""
    about = body.get("metadata")
    return isinstance(about, Mapping) and str(about.get("name", "")).startswith(_HELM_NAME)


def _decoded(value: str) -> str:
    """The text behind base64, so that a Secret's value and its plain copy get the same placeholder."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return value


@lru_cache(maxsize=8)  # one a process; tests have several
def _redactor_with(key: ProcessKey) -> Redactor:
    return Redactor(key)


def redact(text: str) -> str:
    """Redact text with the key of this process: the installation's, once `keep_key_in` has said where that is."""
    return _redactor_with(process_key()).text(text)


def redact_body(body: Any) -> Any:
    """Redact an API object with the key of this process."""
    return _redactor_with(process_key()).body(body)


def learn(bodies: Iterable[Mapping[str, Any]]) -> None:
    """Remember what pods and pod templates are given, for all that this process redacts from now on."""
    _redactor_with(process_key()).learn(bodies)
