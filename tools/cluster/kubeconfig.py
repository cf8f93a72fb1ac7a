"""Turns a kubeconfig, a context's name or a pod's service account into an authenticated client. Sends nothing itself."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from copilot.model import CopilotError, InputError, UsageError
from copilot.model.fields import children, mapping, text, texts
from copilot.model.likeness import alike
from copilot.model.wording import listed

POOL_SIZE = 16  # kept connections: 8 list workers, log readers and a few watches, without a new handshake each
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_BROKEN = (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError)  # what the loader raises


class Connection(msgspec.Struct, frozen=True, eq=False):
    """An authenticated way to one API server.

    `name` is the context's name, `namespace` the context's own namespace, `headers` the impersonation the user entry
    asks for (kubeconfig `as`, `as-groups` …), which the official client leaves out.
    """

    client: ApiClient
    name: str
    server: str
    namespace: str = "default"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """The cluster as an answer names it."""
        return f"{self.name} ({self.server})" if self.name else self.server


class _Context(msgspec.Struct, frozen=True):
    name: str
    namespace: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]
    folder: Path  # relative paths of the user entry start here


def connect(
    kubeconfig: str | None = None, context: str | None = None, *, environ: Mapping[str, str] | None = None
) -> Connection:
    """Find the cluster as kubectl does: the given file, else $KUBECONFIG, else ~/.kube/config, else in-cluster.

    Raises:
        InputError: A kubeconfig cannot be read, or names a cluster it does not define.
        UsageError: The context does not exist.
        CopilotError: There is no kubeconfig, or the credentials cannot be obtained.
    """
    environment = os.environ if environ is None else environ
    wanted = _wanted_files(kubeconfig, environment)
    files = [path for path in wanted if path.is_file()]
    if not files:
        if kubeconfig is None and context is None and environment.get("KUBERNETES_SERVICE_HOST"):
            return _in_cluster()
        raise CopilotError(
            f"No kubeconfig found: {', '.join(str(path) for path in wanted)} does not exist.",
            "Give one with --kubeconfig or $KUBECONFIG, or read recorded material with --from.",
        )
    chosen = _choose([(path, _read(path)) for path in files], context)
    _check_plugin(chosen)
    return _load(files, chosen)


def _wanted_files(kubeconfig: str | None, environ: Mapping[str, str]) -> list[Path]:
    if kubeconfig is not None:
        return [Path(kubeconfig).expanduser()]
    listed = [part for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return [Path(part).expanduser() for part in listed]
    return [Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a kubeconfig: it is not text.", "Check the path.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(
            f"{path}{line} is not valid YAML.", "Check the kubeconfig with kubectl config view."
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    if not isinstance(document, dict):
        raise InputError(f"{path} is not a kubeconfig: it holds no mapping.", "Check the path.")
    for section in ("clusters", "contexts", "users"):
        entries = document.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(e, dict) and text(e, "name") for e in entries):
            raise InputError(
                f"{path} is not a kubeconfig: {section} must be a list of named entries.", "Check the path."
            )
    return document


def _entries(documents: list[tuple[Path, Mapping[str, Any]]], section: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path, document in documents:
        for entry in children(document, section):
            yield path, entry


def _choose(documents: list[tuple[Path, Mapping[str, Any]]], context: str | None) -> _Context:
    contexts = {
        text(entry, "name"): mapping(entry, "context") for _, entry in reversed([*_entries(documents, "contexts")])
    }
    name = context or next((current for _, doc in documents if (current := text(doc, "current-context"))), "")
    if not name:
        raise UsageError("The kubeconfig sets no current context.", f"Choose one with --context: {_listed(contexts)}.")
    if name not in contexts:
        near = alike(name, contexts)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"The kubeconfig has: {_listed(contexts)}."
        raise UsageError(f"The kubeconfig has no context {name!r}.", hint)
    cluster_name, user_name = text(contexts[name], "cluster"), text(contexts[name], "user")
    cluster = next((mapping(e, "cluster") for _, e in _entries(documents, "clusters") if e["name"] == cluster_name), {})
    if not text(cluster, "server"):
        raise InputError(
            f"Context {name!r} names cluster {cluster_name!r}, for which the kubeconfig has no server.",
            "Check the kubeconfig with kubectl config view.",
        )
    users = [(path, mapping(e, "user")) for path, e in _entries(documents, "users") if e["name"] == user_name]
    path, user = users[0] if users else (documents[0][0], {})
    return _Context(name, text(contexts[name], "namespace") or "default", cluster, user, path.resolve().parent)


def _listed(contexts: Mapping[str, Any]) -> str:
    return listed(sorted(contexts), 8) or "none"


def _check_plugin(chosen: _Context) -> None:
    """Name a missing credential plugin before the client tries it: the client only logs that, then asks as nobody."""
    command = text(chosen.user, "exec", "command")
    if not command:
        return
    found = (chosen.folder / command).exists() if os.sep in command else shutil.which(command)
    if not found:
        install = text(chosen.user, "exec", "installHint").strip().splitlines()
        raise CopilotError(
            f"Context {chosen.name!r} gets its credentials from the program {command!r}, which is not installed.",
            install[0] if install else f"Install {command} and make sure it is on your PATH.",
        )


class _Collected(logging.Handler):
    """Keeps what the client's loader logs instead of raising."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.lines.append(record.getMessage())


def _load(files: list[Path], chosen: _Context) -> Connection:
    configuration = Configuration()
    collected = _Collected()
    root = logging.getLogger()
    root.addHandler(collected)
    try:
        # A refreshed OIDC token is written back, as kubectl does: the old refresh token is void from then on.
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=os.pathsep.join(str(path) for path in files),
            context=chosen.name,
            client_configuration=configuration,
            persist_config=True,
        )
    except _BROKEN as error:
        raise InputError(
            f"The credentials of context {chosen.name!r} cannot be loaded: {_one_line(str(error))}.",
            "Check the context with kubectl config view --minify.",
        ) from error
    finally:
        root.removeHandler(collected)
    plugin = text(chosen.user, "exec", "command")
    if plugin and not configuration.api_key and not configuration.cert_file:
        said = _one_line(" ".join(collected.lines)) or "it gave no reason"
        raise CopilotError(
            f"The program {plugin!r} gave no credentials for context {chosen.name!r}: {said}.",
            "Log in again with your provider's tool, then check with kubectl get nodes.",
        )
    return _connection(configuration, chosen.name, chosen.namespace, _impersonation(chosen.user))


def _one_line(message: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in message).split())[:300].rstrip(".")


def _impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = [("Impersonate-User", text(user, "as")), ("Impersonate-Uid", text(user, "as-uid"))]
    headers += [("Impersonate-Group", group) for group in texts(user, "as-groups")]
    for key in mapping(user, "as-user-extra"):
        headers += [(f"Impersonate-Extra-{key}", value) for value in texts(user, "as-user-extra", key)]
    return tuple((name, value) for name, value in headers if value)


def _in_cluster() -> Connection:
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        namespace = _NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except _BROKEN as error:
        raise CopilotError(
            f"This pod's service account cannot be used: {_one_line(str(error))}.",
            "Check that automountServiceAccountToken is not false, or give --kubeconfig.",
        ) from error
    return _connection(configuration, "in-cluster", namespace or "default", ())


def _connection(
    configuration: Configuration, name: str, namespace: str, headers: tuple[tuple[str, str], ...]
) -> Connection:
    configuration.connection_pool_maxsize = POOL_SIZE
    configuration.keep_alive = True  # a silent load balancer must not leave a watch hanging for ever
    client = ApiClient(configuration)
    client.user_agent = "kubectl-copilot"
    return Connection(client, name, configuration.host, namespace, headers)
