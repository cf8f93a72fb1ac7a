"""Fetches the server's jars once and keeps them in the cache.

Promise: the same pom.xml is never resolved twice, and two builders at once do not race.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.live.testbed.errors import TestbedError
from tests.live.testbed.paths import LIVE, cache

POM = LIVE / "neo4j" / "pom.xml"
BUILD_COMMAND = "make test-deps"
OLDEST_JAVA = 17  # what 5.26 needs; Maven needs it too
NEEDS = "install Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jdk-headless maven)"


def home() -> Path:
    """Folder of the jars: its name changes when the pom does."""
    text = POM.read_text()
    version = re.search(r"<neo4j.version>(.+?)<", text)
    assert version is not None
    return cache() / "neo4j" / f"{version[1]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def require() -> list[Path]:
    """Return the jars, in a fixed order; raises TestbedError naming the one command where they are missing."""
    if not home().is_dir():
        raise TestbedError(f"the jars of Neo4j {home().name} are not here", BUILD_COMMAND)
    java()
    return sorted(home().glob("*.jar"))


def build() -> list[Path]:
    """Fetch what is missing; raises TestbedError."""
    target = home()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _fetch(target)
    return require()


def java() -> str:
    """Path of a Java that is new enough; raises TestbedError."""
    found = shutil.which("java")
    if found is None:
        raise TestbedError("Java is not on PATH", NEEDS)
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise TestbedError(f"Java is too old: {said.splitlines()[:1]}", NEEDS)
    return found


def _fetch(target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise TestbedError("Maven is not on PATH", NEEDS)
    print(f"fetching the jars of Neo4j {target.name} (123 MB)", file=sys.stderr, flush=True)
    partial = target.with_suffix(".new")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        maven,
        "-q",
        "-B",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={partial}",
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise TestbedError(
            f"Maven could not fetch Neo4j: {outcome.stdout.strip()[-400:]}",
            "check the way to Maven Central, then " + BUILD_COMMAND,
        )
    partial.rename(target)
