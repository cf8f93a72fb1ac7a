"""Reads connectivity tests: `nc`, `curl`, `wget`, `nslookup`, `dig`, `getent`, `ping`, `telnet`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from copilot.model import Probe
from tools.cluster.transcript.facts import Context
from tools.cluster.transcript.invocation import Invocation
from tools.cluster.transcript.wordlist import word_set

PROGRAMS = frozenset({"nc", "ncat", "netcat", "curl", "wget", "nslookup", "dig", "host", "getent", "ping", "telnet"})
_TEXT_LIMIT = 600  # characters of output that are quoted
_SCAN_LIMIT = 20_000  # characters of output searched: a body may be long, what went wrong stands at its start or end

# What an output says, in order of certainty: the first that occurs is the outcome.
_OUTCOMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "not-resolved",
        re.compile(
            r"Could not resolve host|bad address|Name or service not known|Temporary failure in name resolution|NXDOMAIN"
            r"|server can't find|Name does not resolve|unable to resolve host|getaddrinfo|no servers could be reached"
            r"|nodename nor servname|unknown host",
            re.IGNORECASE,
        ),
    ),
    ("refused", re.compile(r"Connection refused|ECONNREFUSED", re.IGNORECASE)),
    (
        "no-route",
        re.compile(
            r"No route to host|Network is unreachable|Host is unreachable|Destination (?:Host|Net) Unreachable",
            re.IGNORECASE,
        ),
    ),
    (
        "tls-error",
        re.compile(
            r"curl: \((?:35|51|53|54|58|59|60|64|66|77|80|83|90|91)\)|SSL certificate problem|certificate (?:has expired|verify failed)"
            r"|TLS handshake|tlsv1 alert|unable to establish SSL|x509:|bad certificate",
            re.IGNORECASE,
        ),
    ),
    (
        "timeout",
        re.compile(r"timed out|timeout|curl: \(28\)|100(?:\.0)?% packet loss|EHOSTDOWN", re.IGNORECASE),
    ),
)
_HTTP_STATUS = re.compile(
    r"(?:^|[<\s*])(?:< )?HTTP/[\d.]+ (\d{3})\b|returned error: (\d{3})|server returned error: HTTP/[\d.]+ (\d{3})|awaiting response\.\.\. (\d{3})"
)
_OPEN = re.compile(
    r"succeeded!|\bopen\b|Connected to|bytes from|0(?:\.0)?% packet loss|saved \[|Escape character", re.IGNORECASE
)
_RESOLVED = re.compile(
    r"(?:^Name:|^Address(?: \d+)?:|ANSWER SECTION|has address|\bIN\s+(?:A|AAAA|CNAME|SRV)\b|^\d{1,3}(?:\.\d{1,3}){3})",
    re.MULTILINE,
)
_CURL_ERROR = re.compile(r"curl: \((\d+)\)")
_VALUE_FLAGS: dict[str, frozenset[str]] = {
    "curl": word_set(
        """
    -o -m --max-time --connect-timeout -H --header -X --request -d --data -u --user -w --write-out --cacert --cert
    --key --resolve -A -e -b -c -x --proxy --retry --data-raw -F --interface --output -T --connect-to
    """
    ),
    "wget": frozenset(["-O", "-T", "-t", "--timeout", "--tries", "-o", "--header", "-P", "--post-data", "-U"]),
    "nc": frozenset(["-w", "-i", "-p", "-s", "-q", "-X", "-x"]),
    "ping": frozenset(["-c", "-W", "-w", "-i", "-s", "-I", "-t"]),
    "dig": frozenset(["-p", "-t", "-b", "-f", "-k"]),
    "nslookup": frozenset(),
}


def read_probe(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Probe]:
    """One connectivity test, when its target can be told from the command."""
    program = {"ncat": "nc", "netcat": "nc", "telnet": "nc", "host": "nslookup"}.get(
        invocation.program, invocation.program
    )
    host, port, scheme = _target(program, invocation.args)
    if not host:
        return
    text = "\n".join(lines)
    seen = text if len(text) <= _SCAN_LIMIT else text[: _SCAN_LIMIT // 2] + "\n" + text[-_SCAN_LIMIT // 2 :]
    outcome, status = _outcome(program, seen, invocation.args)
    if outcome is None:
        return
    yield Probe(
        origin=invocation.origin or context.origin,
        host=host,
        port=port if port is not None else {"http": 80, "https": 443}.get(scheme),
        outcome=outcome,
        status=status,
        text=_quote(lines),
        source=context.at(first if lines else first - 1),
    )


def _quote(lines: Sequence[str]) -> str:
    kept = [line.strip() for line in lines if line.strip()]
    text = "\n".join(kept)
    return (
        text
        if len(text) <= _TEXT_LIMIT
        else "\n".join(kept[:3])[: _TEXT_LIMIT // 2] + "\n…\n" + kept[-1][-_TEXT_LIMIT // 2 :]
    )


def _positional(program: str, words: Sequence[str]) -> list[str]:
    with_value = _VALUE_FLAGS.get(program, frozenset())
    found = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-") and len(word) > 1:
            skip = word in with_value or (program == "nc" and word.startswith("-") and word.endswith("w"))
        elif not word.startswith(("+", "@")):
            found.append(word)
    return found


def _target(program: str, words: Sequence[str]) -> tuple[str, int | None, str]:
    """Host, port and scheme of a test."""
    positional = _positional(program, words)
    if program == "getent":
        positional = positional[1:]
    if not positional:
        return "", None, ""
    if program in ("curl", "wget"):
        return _url(positional[0])
    host = positional[0]
    if program == "nc":
        port = positional[1] if len(positional) > 1 else host.rpartition(":")[2]
        return (
            host.partition(":")[0] if len(positional) == 1 else host,
            int(port) if port.isdigit() and len(port) < 6 else None,
            "",
        )
    if program == "dig":
        host = next((word for word in positional if "." in word or len(positional) == 1), positional[0])
    return host.rstrip("."), None, ""


def _url(text: str) -> tuple[str, int | None, str]:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        return "", None, ""
    return parts.hostname or "", port, parts.scheme


_TOOL_LINE = re.compile(
    r"(?:curl: |wget: |\* |< |HTTP/|  HTTP/|Connecting to|Resolving |ERROR |.*awaiting response|.*saved \[)"
)
_PROXY_BODY = re.compile(
    r"<title>(\d{3})\b|upstream connect error|no healthy upstream|default backend - (\d{3})|^(\d{3}) page not found"
)


def _outcome(program: str, text: str, words: Sequence[str]) -> tuple[str | None, int | None]:
    if program not in ("curl", "wget"):
        return _told(program, text)
    spoken = "\n".join(line for line in text.split("\n") if _TOOL_LINE.match(line))
    outcome, status = _told(program, spoken)
    if status is None and any("http_code" in word for word in words):
        code = (re.findall(r"\b([1-5]\d\d)\b", text) or [""])[-1]
        if code:
            return ("http-error" if int(code) >= 400 else "ok"), int(code)
    body = _PROXY_BODY.search(text) if status is None and outcome in (None, "ok") else None
    if body:
        code = next((int(group) for group in body.groups() if group), 503)
        return ("http-error" if code >= 400 else "ok"), code
    return ("ok" if outcome is None and text.strip() else outcome), status


def _told(program: str, text: str) -> tuple[str | None, int | None]:
    status = next((int(code) for match in _HTTP_STATUS.finditer(text) for code in match.groups() if code), None)
    if status is not None and status >= 100:
        return ("http-error" if status >= 400 else "ok"), status
    if program in ("nslookup", "dig", "getent") and _RESOLVED.search(text) and not _OUTCOMES[0][1].search(text):
        return "ok", None
    for outcome, pattern in _OUTCOMES:
        if pattern.search(text):
            return outcome, None
    if _OPEN.search(text):
        return "ok", None
    if _CURL_ERROR.search(text) or re.search(r"(?:^|\n)(?:wget|nc|ping|telnet): ", text):
        return "error", None
    return None, None
