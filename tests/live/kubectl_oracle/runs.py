"""Runs one kubectl against the recorder and says which requests our grammar did not foretell."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guardrails.kubectl.commands import Accepted, ChangeCommand, is_discovery
from guardrails.kubectl.compiling import compiled
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.kubectl.tokens import checked

from .recorder import Api, Seen

HOME_NAMESPACE = "home"  # the context's; no generated command names it
SECONDS = 4  # a command that still runs then has sent what it sends
_CONFIG = """apiVersion: v1
kind: Config
current-context: here
clusters: [{{name: here, cluster: {{server: "{address}"}}}}]
contexts: [{{name: here, context: {{cluster: here, user: me, namespace: {namespace}}}}}]
users: [{{name: me, user: {{token: scratch}}}}]
"""


@dataclass(frozen=True)
class Run:
    """One kubectl run: the requests it sent apart from discovery, and what it said."""

    requests: tuple[Seen, ...]
    code: int
    said: str


def scratch_home(folder: Path, address: str) -> dict[str, str]:
    """The environment of a kubectl that knows nothing but the recorder."""
    config = folder / "config"
    config.write_text(_CONFIG.format(address=address, namespace=HOME_NAMESPACE), encoding="utf-8")
    return {"HOME": str(folder), "KUBECONFIG": str(config), "PATH": os.defpath, "EDITOR": "/bin/false"}


def run_kubectl(kubectl: str, words: Sequence[str], environment: dict[str, str], api: Api) -> Run:
    """Run `kubectl` with these words (the first, its name, is left out)."""
    api.forget()
    try:
        done = subprocess.run(
            [kubectl, *words[1:]],
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
        code, said = done.returncode, (done.stderr or done.stdout).decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        code, said = -1, "still running"
    with api.lock:
        seen = tuple(one for one in api.seen if not is_discovery(one.method, one.path))
    return Run(seen, code, said)


def accepted(words: Sequence[str]) -> Accepted | None:
    """The typed command, or None where it is refused."""
    try:
        return compiled(checked(words))
    except KubectlRefused:
        return None


def unforetold(command: Accepted, requests: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The requests that the command does not foretell, and the writes of what was called a read."""
    return [
        (method, path)
        for method, path in requests
        if not any(each.covers(method, path, HOME_NAMESPACE) for each in command.requests)
        or (method not in ("GET", "POST") and not isinstance(command, ChangeCommand))
    ]
