"""Reads containers as `describe` prints them, in pods and in pod templates: image, command, state, probes, environment, mounts."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tools.cluster.transcript.describe.common import quantities_of
from tools.cluster.transcript.describe.lexer import Entry
from tools.cluster.transcript.values import bracketed, count, int_or_text, truth, when, without_nothing, words


def container_of(entry: Entry) -> dict[str, Any]:
    """`spec.containers[]` of one container."""
    spec: dict[str, Any] = {
        "name": entry.key,
        "image": entry.word("Image"),
        "ports": _ports(entry),
        "command": _arguments(entry.get("Command")),
        "args": _arguments(entry.get("Args")),
        "resources": without_nothing(
            {"limits": quantities_of(entry.get("Limits")), "requests": quantities_of(entry.get("Requests"))}
        ),
        "livenessProbe": probe_of(entry.word("Liveness")),
        "readinessProbe": probe_of(entry.word("Readiness")),
        "startupProbe": probe_of(entry.word("Startup")),
        "envFrom": _env_from(entry.get("Environment Variables from")),
        "env": _env(entry.get("Environment")),
        "volumeMounts": _mounts(entry.get("Mounts")),
        "volumeDevices": _devices(entry.get("Devices")),
    }
    profile = entry.word("SeccompProfile")
    if profile:
        spec["securityContext"] = {"seccompProfile": {"type": profile}}
    return without_nothing(spec)


def status_of(entry: Entry) -> dict[str, Any] | None:
    """`status.containerStatuses[]` of one container; None when the text shows no state."""
    if entry.get("State", "Container ID", "Restart Count") is None:
        return None
    state = entry.get("State")
    last = entry.get("Last State")
    return without_nothing(
        {
            "name": entry.key,
            "imageID": entry.word("Image ID"),
            "containerID": entry.word("Container ID"),
            "ready": truth(entry.word("Ready")),
            "restartCount": count(entry.word("Restart Count")),
            "state": _state(state) if state is not None else {},
            "lastState": _state(last) if last is not None else {},
        }
    )


def _state(entry: Entry) -> dict[str, Any]:
    fields = {
        "reason": entry.word("Reason"),
        "message": _message(entry.get("Message")),
        "exitCode": count(entry.word("Exit Code")),
        "signal": count(entry.word("Signal")),
        "startedAt": when(entry.word("Started")),
        "finishedAt": when(entry.word("Finished")),
    }
    name = {"Running": "running", "Waiting": "waiting", "Terminated": "terminated"}.get(entry.value)
    return {name: without_nothing(fields)} if name else {}


def _message(entry: Entry | None) -> str:
    return entry.value if entry is not None else ""


_PORT = re.compile(r"(\d{1,5})/(\w+)(?: \(([\w-]+)\))?$")


def _ports(entry: Entry) -> list[dict[str, Any]]:
    found = []
    hosts = words(entry.word("Host Ports", "Host Port"))
    for index, text in enumerate(words(entry.word("Ports", "Port"))):
        match = _PORT.match(text)
        if match is None:
            continue
        host = _PORT.match(hosts[index]) if index < len(hosts) else None
        found.append(
            without_nothing(
                {
                    "containerPort": int(match[1]),
                    "protocol": match[2],
                    "name": match[3],
                    "hostPort": int(host[1]) if host is not None and int(host[1]) else None,
                }
            )
        )
    return found


_SCRIPT_FLAG = re.compile(r"-[a-z]*c$")


def _arguments(entry: Entry | None) -> list[str]:
    """The words of a command. After a shell's `-c`, the remaining lines are one script, as kubectl split it."""
    if entry is None:
        return []
    lines = entry.block(entry.indent + 2)
    for index, line in enumerate(lines[:4]):
        if _SCRIPT_FLAG.match(line) and len(lines) > index + 2:
            return [*lines[: index + 1], "\n".join(lines[index + 1 :])]
    return lines


# -- probes ------------------------------------------------------------------------------------------------------------

_NUMBERS = {
    "delay": "initialDelaySeconds",
    "timeout": "timeoutSeconds",
    "period": "periodSeconds",
    "#success": "successThreshold",
    "#failure": "failureThreshold",
    "successThreshold": "successThreshold",
    "failureThreshold": "failureThreshold",
}
_NUMBER = re.compile(r"(#?\w+)=(\d{1,9})s?(?=\s|$)")
_NUMBERS_START = re.compile(r"\sdelay=\d")
_URL = re.compile(r"(?P<scheme>\w+)://(?P<host>[^/]*?)(?::(?P<port>[\w-]+))?(?P<path>/.*)?$")


def probe_of(text: str) -> dict[str, Any]:
    """`http-get http://:8080/healthz delay=0s timeout=1s period=5s #success=1 #failure=3` as a probe."""
    cut = _NUMBERS_START.search(text)
    head, tail = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
    probe: dict[str, Any] = {}
    for match in _NUMBER.finditer(tail):
        field = _NUMBERS.get(match[1])
        if field and int(match[2]):
            probe[field] = int(match[2])
    kind, _, target = head.strip().partition(" ")
    match kind:
        case "http-get":
            probe["httpGet"] = _http(target)
        case "tcp-socket":
            host, _, port = target.rpartition(":")
            probe["tcpSocket"] = without_nothing({"host": host, "port": int_or_text(port)})
        case "exec":
            probe["exec"] = {"command": bracketed(target) if target.startswith("[") else [target]}
        case "grpc":
            port, _, service = target.removeprefix("<pod>:").partition(" ")
            probe["grpc"] = without_nothing({"port": count(port), "service": service})
        case _:
            pass
    return probe


def _http(target: str) -> dict[str, Any]:
    match = _URL.match(target)
    if match is None:
        return {}
    return without_nothing(
        {
            "scheme": match["scheme"].upper(),
            "host": match["host"].strip("[]"),
            "port": int_or_text(match["port"] or ""),
            "path": unquote(match["path"] or ""),
        }
    )


# -- environment -------------------------------------------------------------------------------------------------------

_SECRET_KEY = re.compile(r"<set to the key '([^']*)' in secret '([^']*)'>(?:\s+Optional: (\w+))?$")
_CONFIG_KEY = re.compile(r"<set to the key '([^']*)' of config map '([^']*)'>(?:\s+Optional: (\w+))?$")
_FIELD = re.compile(r".*?\s*\((v\d\w*):([\w.\[\]'/-]+)\)$", re.DOTALL)
_RESOURCE = re.compile(r".*?\s*\(((?:limits|requests)\.[\w./-]+)\)$")


def _env(entry: Entry | None) -> list[dict[str, Any]]:
    if entry is None or entry.value == "<none>":
        return []
    found: list[dict[str, Any]] = []
    for child in entry.children:
        name, value = (child.key, child.value) if child.key else (child.text.rstrip(":"), "")
        more = [line.text for line in child.descendants()]
        found.append(_variable(name, "\n".join([value, *more])))
    return found


def _variable(name: str, value: str) -> dict[str, Any]:
    for pattern, field in ((_SECRET_KEY, "secretKeyRef"), (_CONFIG_KEY, "configMapKeyRef")):
        match = pattern.match(value)
        if match:
            source: dict[str, Any] = {"key": match[1], "name": match[2]}
            if match[3] == "true":
                source["optional"] = True
            return {"name": name, "valueFrom": {field: source}}
    match = _FIELD.match(value)
    if match:
        return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": match[1], "fieldPath": match[2]}}}
    match = _RESOURCE.match(value)
    if match:
        return {"name": name, "valueFrom": {"resourceFieldRef": {"resource": match[1]}}}
    return {"name": name, "value": value} if value else {"name": name}


_FROM = re.compile(r"(\S+)\s+(ConfigMap|Secret)(?: with prefix '([^']*)')?(?:\s+Optional: (\w+))?$")


def _env_from(entry: Entry | None) -> list[dict[str, Any]]:
    found = []
    for line in entry.lines() if entry is not None else ():
        match = _FROM.match(line)
        if match is None:
            continue
        source: dict[str, Any] = {"name": match[1]}
        if match[4] == "true":
            source["optional"] = True
        item: dict[str, Any] = {"configMapRef" if match[2] == "ConfigMap" else "secretRef": source}
        if match[3]:
            item["prefix"] = match[3]
        found.append(item)
    return found


_MOUNT = re.compile(r'(.+) from (\S+) \((r[ow])(?:,path="([^"]*)")?\)$')
_DEVICE = re.compile(r"(.+) from (\S+)$")


def _mounts(entry: Entry | None) -> list[dict[str, Any]]:
    found = []
    for line in entry.lines() if entry is not None else ():
        match = _MOUNT.match(line)
        if match:
            mount: dict[str, Any] = {"mountPath": match[1], "name": match[2], "subPath": match[4]}
            if match[3] == "ro":
                mount["readOnly"] = True
            found.append(without_nothing(mount))
    return found


def _devices(entry: Entry | None) -> list[dict[str, Any]]:
    matches = (_DEVICE.match(line) for line in (entry.lines() if entry is not None else ()))
    return [{"devicePath": match[1], "name": match[2]} for match in matches if match]
