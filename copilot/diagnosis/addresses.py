"""Which servers a container is told to talk to, and what each address means in this cluster. Pure.

Literal variables, ConfigMap values where they were read, arguments, and mounted configuration files are read alike; every
address keeps the field and the object that a person would change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum

import msgspec

from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, mapping, number, text, texts
from retrievers.graph.hosts import candidates

MAX_VALUE = 60_000  # characters of one value that are read: an ordinary configuration file
MAX_ADDRESSES = 400  # addresses of one value: a longer list is data
_DEFAULT_PORT = {
    "http": 80, "https": 443, "ws": 80, "wss": 443, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379, "rediss": 6379,
    "mongodb": 27017, "amqp": 5672, "amqps": 5671, "nats": 4222, "ldap": 389, "ldaps": 636, "smtp": 25,
}  # fmt: skip
_URL = re.compile(
    r"\b(?P<scheme>[a-z][a-z0-9+]{1,20})://(?:[^\s/@\"']{1,200}@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252})(?::(?P<port>\d{1,5}))?(?![\w.-])"
)
_PAIR = re.compile(
    r"(?<![\w./:@-])(?P<host>[A-Za-z][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){0,6}):(?P<port>\d{2,5})(?![\w.])"
)
_SVC = re.compile(r"(?<![\w.-])(?P<host>[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}\.svc(?:\.[a-z0-9.-]{1,80})?)(?![\w-])")
_KEYWORD = re.compile(  # ADO.NET and libpq connection strings
    r"(?:^|[;\s])(?:host|server|data source|addr(?:ess)?|network address)\s*=\s*(?:tcp:)?(?P<host>[A-Za-z0-9][\w.-]{0,252})(?:[,:](?P<port>\d{2,5}))?(?=[;\s]|$)",
    re.IGNORECASE,
)
_LINES = re.compile(  # `x.host=db` with `x.port=5432` beside it in properties, INI and YAML files
    r"^(?P<stem>[ \t]*[\w.\-]{0,80}?)(?:host(?:name)?|server|addr(?:ess)?)[ \t]*[=:][ \t]*[\"']?(?P<host>[A-Za-z0-9][\w.-]{0,252})[\"']?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_NEAR = 200  # characters after a host in which its port is looked for
_KEYWORD_PORT = re.compile(r"(?:^|[;\s])port\s*=\s*(\d{2,5})(?=[;\s]|$)", re.IGNORECASE)
_DRIVER = re.compile(
    r"\b(?:tcp|udp)\((?P<host>[A-Za-z0-9][\w.-]{0,252})(?::(?P<port>\d{2,5}))?\)"
)  # user:password@tcp(db:3306)/name
_TOOL = re.compile(
    r"\b(?:nc|ncat|telnet|netcat)\b(?: +-\w+(?: +\d+)?){0,4} +(?P<host>[A-Za-z][\w.-]{0,252}) +(?P<port>\d{2,5})\b"
    r"|(?: -h| --host)[ =](?P<host2>[A-Za-z][\w.-]{0,252})(?:[^|;&\n]{0,80}?(?: -p| --port|-P)[ =]?(?P<port2>\d{2,5})\b)?"
    r"|\b(?:nslookup|getent hosts|dig|host) +(?P<host3>[A-Za-z][\w.-]{0,252})"
)
_HOST_NAME = re.compile(
    r"(?:^|_)(?:HOST(?:NAME)?|ADDR(?:ESS)?|SERVER|ENDPOINT|MASTER|UPSTREAM|SERVICE)$|^PGHOST$|HOST$", re.IGNORECASE
)
_PLAIN_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")
_LOCAL = ("localhost", "0.0.0.0", "::1")  # noqa: S104 - compared with, never bound


class Setting(msgspec.Struct, frozen=True):
    """One value a container is given. `holder` is the object a person would change; `path` is the field there."""

    name: str
    value: str
    path: str
    holder: Ref


class Address(msgspec.Struct, frozen=True):
    """A host and port (0 when not said) that a setting names."""

    host: str
    port: int
    setting: Setting


class Meaning(Enum):
    """What an address leads to, as far as the objects tell."""

    SERVED = "served"  # a Service with that port
    NO_SERVICE = "no service"  # the cluster would have to have this Service, and has not
    NO_PORT = "no port"  # the Service exists and has not that port
    OUTSIDE = "outside"  # a name or address outside the cluster, or nothing is known


class Target(msgspec.Struct, frozen=True):
    """An address resolved. `service` is the Service it means, present or not; None for outside."""

    meaning: Meaning
    service: Ref | None = None


def settings_of(view: View, pod: PodFact, container: ContainerFact) -> list[Setting]:
    """Every value of the container's variables, arguments and mounted ConfigMap files that could be read."""
    found = [*_variables(view, pod, container), *_arguments(pod, container), *_files(view, pod, container)]
    values = {setting.name: setting.value for setting in found if setting.name}
    return [_expanded(setting, values) for setting in found]


def _expanded(setting: Setting, values: Mapping[str, str]) -> Setting:
    if "$(" not in setting.value or len(setting.value) > 2000:
        return setting
    value = re.sub(r"\$\((\w{1,100})\)", lambda m: values.get(m[1], m[0]), setting.value)
    return msgspec.structs.replace(setting, value=value)


def _variables(view: View, pod: PodFact, container: ContainerFact) -> Iterator[Setting]:
    where = f"spec.containers[{container.name}]"
    for source in children(container.spec, "envFrom"):
        name, prefix = text(source, "configMapRef", "name"), text(source, "prefix")
        held = view.graph.find("ConfigMap", pod.ref.namespace, name) if name else None
        if held is not None:
            for key, value in mapping(held.body, "data").items():
                if isinstance(value, str):
                    yield Setting(prefix + key, value[:MAX_VALUE], f"data.{key}", held.ref)
    for entry in children(container.spec, "env"):
        name, value = text(entry, "name"), text(entry, "value")
        if value:
            yield Setting(name, value[:MAX_VALUE], f"{where}.env[{name}].value", pod.owner)
            continue
        wanted = mapping(entry, "valueFrom", "configMapKeyRef")
        held = view.graph.find("ConfigMap", pod.ref.namespace, text(wanted, "name")) if wanted else None
        if held is not None and (told := text(held.body, "data", text(wanted, "key"))):
            yield Setting(name, told[:MAX_VALUE], f"data.{text(wanted, 'key')}", held.ref)


def _arguments(pod: PodFact, container: ContainerFact) -> Iterator[Setting]:
    for field in ("command", "args"):
        for index, word in enumerate(texts(container.spec, field)[:100]):
            yield Setting("", word[:MAX_VALUE], f"spec.containers[{container.name}].{field}[{index}]", pod.owner)


def _files(view: View, pod: PodFact, container: ContainerFact) -> Iterator[Setting]:
    mounted = {text(mount, "name") for mount in children(container.spec, "volumeMounts")}
    for volume in children(pod.resource.spec, "volumes"):
        if text(volume, "name") not in mounted:
            continue
        for name in config_maps_of(volume):
            held = view.graph.find("ConfigMap", pod.ref.namespace, name)
            if held is not None and name != "kube-root-ca.crt":
                for key, value in mapping(held.body, "data").items():
                    if isinstance(value, str):
                        yield Setting("", value[:MAX_VALUE], f"data.{key}", held.ref)


def config_maps_of(volume: Mapping[str, object]) -> list[str]:
    """The ConfigMaps a volume shows, projected ones included."""
    names = [text(volume, "configMap", "name")]
    names += [text(source, "configMap", "name") for source in children(volume, "projected", "sources")]
    return [name for name in names if name]


def addresses_in(setting: Setting, siblings: Mapping[str, str] | None = None) -> list[Address]:
    """The hosts a setting names. `siblings` are the other variables: `DB_PORT` belongs to `DB_HOST`."""
    value = setting.value
    found: dict[tuple[str, int], None] = {}
    for match in _URL.finditer(value):
        port = int(match["port"]) if match["port"] else _DEFAULT_PORT.get(match["scheme"], 0)
        found[match["host"], port] = None
    rest = _URL.sub(" ", value)
    for match in _PAIR.finditer(rest):
        found[match["host"], int(match["port"])] = None
    for match in _DRIVER.finditer(rest):
        found[match["host"], int(match["port"] or 3306)] = None
    for match in _KEYWORD.finditer(rest) if "=" in rest else ():
        said = _KEYWORD_PORT.search(rest)
        found[match["host"], int(match["port"] or (said[1] if said else 0))] = None
    for match in _LINES.finditer(rest) if "\n" in rest else ():
        beside = re.search(rf"^{re.escape(match['stem'])}port[ \t]*[=:][ \t]*[\"']?(\d{{2,5}})\b", rest[match.end() : match.end() + _NEAR], re.MULTILINE | re.IGNORECASE)  # fmt: skip
        if beside:
            found[match["host"], int(beside[1])] = None
    for match in _SVC.finditer(rest):
        if not any(host == match["host"] for host, _ in found):
            found[match["host"], 0] = None
    for match in _TOOL.finditer(rest) if setting.path.startswith("spec.") else ():
        host = match["host"] or match["host2"] or match["host3"]
        found[host, int(match["port"] or match["port2"] or 0)] = None
    if not found and setting.name and _HOST_NAME.search(setting.name) and _PLAIN_HOST.match(value):
        found[value, _sibling_port(setting.name, siblings or {})] = None
    return [
        Address(host.lower().rstrip("."), port, setting)
        for host, port in list(found)[:MAX_ADDRESSES]
        if host.lower() not in _LOCAL and not host.startswith("127.") and port < 65536
    ]


def _sibling_port(name: str, siblings: Mapping[str, str]) -> int:
    stem = _HOST_NAME.sub("", name)
    for candidate in (f"{stem}_PORT", f"{stem}PORT", f"{stem.upper()}_PORT"):
        value = siblings.get(candidate, "")
        if value.isdigit() and len(value) < 6:
            return int(value)
    return 0


def addresses_of(view: View, pod: PodFact, container: ContainerFact) -> list[Address]:
    """Every address in everything the container is given."""
    settings = settings_of(view, pod, container)
    named = {setting.name: setting.value for setting in settings if setting.name}
    return [address for setting in settings for address in addresses_in(setting, named)]


def target_of(view: View, host: str, port: int, namespace: str) -> Target:
    """What a host and port mean for a pod of a namespace."""
    service = service_of(view, host, namespace)
    if service is not None:
        return Target(Meaning.SERVED if serves(service, port) else Meaning.NO_PORT, service.ref)
    wanted = wanted_service(view, host, namespace)
    return Target(Meaning.NO_SERVICE, wanted) if wanted is not None else Target(Meaning.OUTSIDE)


def service_of(view: View, host: str, namespace: str) -> Resource | None:
    """The Service a host means: by any of its DNS names, or by cluster IP."""
    if host.replace(".", "").isdigit():
        return _by_address(view).get(host)
    for ref in candidates(host, namespace):
        found = view.graph.get(ref)
        if found is not None:
            return found
    return None


def _by_address(view: View) -> Mapping[str, Resource]:
    def read() -> dict[str, Resource]:
        found: dict[str, Resource] = {}
        for service in view.graph.of_kind("Service", group=""):
            for ip in {text(service.spec, "clusterIP"), *texts(service.spec, "clusterIPs")}:
                if ip not in ("", "None"):
                    found[ip] = service
        return found

    return view.once("services by address", read)


def pod_at(view: View, address: str) -> Resource | None:
    """The pod that has an address; pods in their node's network share the node's, and the first stands for it."""

    def read() -> dict[str, Resource]:
        found: dict[str, Resource] = {}
        for pod in view.graph.of_kind("Pod", group=""):
            ip = text(pod.status, "podIP")
            if ip:
                found.setdefault(ip, pod)
        return found

    return view.once("pods by address", read).get(address)


def wanted_service(view: View, host: str, namespace: str) -> Ref | None:
    """The Service that would have to exist for the host to resolve inside the cluster; None where it may be outside."""
    labels = host.split(".")
    possible = candidates(host, namespace)
    if not possible or host.replace(".", "").isdigit():
        return None
    explicit = "svc" in labels[2:]
    first = possible[0]
    if len(labels) == 1 or explicit or view.graph.find("Namespace", "", first.namespace) is not None:
        return first if view.was_read("Service", first.namespace) else None
    return None


def serves(service: Resource, port: int) -> bool:
    """Whether a Service has the port; unknown (0), headless, outside or portless Services are taken to have it."""
    if not port or text(service.spec, "clusterIP") == "None" or text(service.spec, "type") == "ExternalName":
        return True
    ports = {number(entry, "port") for entry in children(service.spec, "ports")} - {0}
    return not ports or port in ports


def ports_of(service: Resource) -> str:
    """The ports of a Service in a sentence."""
    return ", ".join(text(entry, "port") for entry in children(service.spec, "ports")) or "none"
