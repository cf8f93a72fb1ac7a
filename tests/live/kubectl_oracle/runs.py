"""Runs one kubectl against the recorder and says which requests our grammar did not foretell."""

import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guardrails.kubectl.commands import Accepted, ChangeCommand, ReadCommand, is_discovery
from guardrails.kubectl.compiling import compiled
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.kubectl.tokens import checked

from .recorder import Api, Seen

HOME_NAMESPACE = "home"  # the context's; no generated command names it
SECONDS = 20  # a command that still runs then is stuck; its case proves nothing
_WATCHING = 3  # seconds for a command that watches until it is ended
STUCK, WATCHED = -1, -2  # exit codes of runs that were ended
_CONFIG = """apiVersion: v1
kind: Config
current-context: here
clusters: [{{name: here, cluster: {{server: "{address}"}}}}]
contexts: [{{name: here, context: {{cluster: here, user: me, namespace: {namespace}}}}}]
users: [{{name: me, user: {{tokenFile: {token_file}}}}}]
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
    token_file = folder / "token"
    config.write_text(
        _CONFIG.format(address=address, namespace=HOME_NAMESPACE, token_file=token_file), encoding="utf-8"
    )
    return {"HOME": str(folder), "KUBECONFIG": str(config), "PATH": os.defpath, "EDITOR": "/bin/false"}


def run_kubectl(kubectl: str, words: Sequence[str], environment: dict[str, str], api: Api) -> Run:
    """Run `kubectl` with these words (the first, its name, is left out).

    Each run has a token of its own, and only requests with it count: what an ended kubectl still had under way when the
    next one starts is not the next one's.
    """
    run_token = secrets.token_hex(8)
    Path(environment["HOME"], "token").write_text(run_token, encoding="utf-8")
    api.expect(run_token)
    seconds = _WATCHING if _watches(words) else SECONDS
    try:
        done = subprocess.run(
            [kubectl, *words[1:]],
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
        code, said = done.returncode, (done.stderr or done.stdout).decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        code, said = WATCHED if _watches(words) else STUCK, "still running"
    with api.lock:
        seen = tuple(one for one in api.seen if not is_discovery(one.method, one.path))
    return Run(seen, code, said)


def _watches(words: Sequence[str]) -> bool:
    read = accepted(words)
    flags = {"-w", "--watch", "--watch-only", "--watch=true", "--watch-only=true", "-f", "--follow", "--follow=true"}
    return isinstance(read, ReadCommand) and bool(flags & set(words))


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
