"""Starts one Neo4j server and says when it answers.

Promise: loopback only, no HTTP, no usage report; ready means that `RETURN 1` was answered.
"""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.testbed.errors import TestbedError
from tests.live.testbed.keeper import READY_FILE, keeper_facts, start_keeper
from tests.live.testbed.paths import cache, module_environment
from tests.live.testbed.processes import ProcessName, free_ports, require_running, spawn
from tests.live.testbed.waiting import until

from . import jars

READY_WITHIN = 120.0  # seconds; 6-10 when idle
USER = "neo4j"
HEAP = "512m"
ENTRY_POINT = "org.neo4j.server.CommunityEntryPoint"
ADMIN_COMMAND = "org.neo4j.server.startup.Neo4jAdminCommand"
ARCHIVE = "classes.jsa"  # class-data archive: halves the memory and takes seconds off the start
OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch", "java.base/java.util.concurrent")


def default_state() -> Path:
    """State folder of the server that `make neo4j` starts."""
    return cache() / "neo4j" / "servers" / "default"


def settings(port: int, password: str | None, *, wide_open: bool = False) -> dict[str, str]:
    """Every setting that differs from the defaults; an unknown one would abort the start.

    `wide_open` leaves LOAD CSV and memory as a fresh installation has them, to show what holds without the server's help.
    """
    closed = {
        # LOAD CSV is the hole that a READ session does not close
        "dbms.security.allow_csv_import_from_file_urls": "false",
        "internal.dbms.cypher_ip_blocklist": "0.0.0.0/0,::/0",
        "db.memory.transaction.max": "256m",
    }
    return {
        "server.default_listen_address": "127.0.0.1",
        "server.bolt.listen_address": f"127.0.0.1:{port}",
        "server.bolt.advertised_address": f"127.0.0.1:{port}",
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "server.memory.pagecache.size": "64m",
        "dbms.usage_report.enabled": "false",
        "dbms.security.auth_enabled": "false" if password is None else "true",
        # 517 MB of empty transaction log otherwise
        "db.tx_log.preallocate": "false",
        # ends in 0.5 s instead of 10
        "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
        **({} if wide_open else closed),
    }


@dataclass(frozen=True)
class Neo4jServer:
    """A server, named by its state folder."""

    state: Path

    def facts(self) -> dict[str, Any]:
        """Return the server's address and processes; empty where none runs."""
        return keeper_facts(self.state)

    def start(
        self, password: str | None = None, owner: int | None = None, port: int | None = None, *, wide_open: bool = False
    ) -> str:
        """Start the server, empty, or find it running, and return its bolt address; raises TestbedError."""
        jars.require()
        if not self.facts():
            arguments = ["--password", password] if password else []
            arguments += ["--owner", str(owner)] if owner else []
            arguments += ["--port", str(port)] if port else []
            arguments += ["--wide-open"] if wide_open else []
            package = __package__ or "tests.live.neo4j_server"
            start_keeper(package, arguments, self.state, module_environment(package), READY_WITHIN)
        return str(self.facts()["url"])

    def stop(self) -> bool:
        """End the server; False where none ran."""
        facts = self.facts()
        if not facts:
            return False
        java = ProcessName(*facts["java"])
        ProcessName(*facts["keeper"]).stop()
        java.stop()
        (self.state / READY_FILE).unlink(missing_ok=True)
        return True


def launch(
    state: Path, password: str | None, port: int | None = None, learn: bool = False, *, wide_open: bool = False
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server with empty data as a child of this process; returns it and its address once it answers."""
    class_path = jars.require()
    chosen = port or free_ports(1)[0]
    shutil.rmtree(state / "home", ignore_errors=True)
    conf = state / "home" / "conf"
    conf.mkdir(parents=True)
    lines = settings(chosen, password, wide_open=wide_open).items()
    (conf / "neo4j.conf").write_text("".join(f"{name}={value}\n" for name, value in lines))
    if password is not None:
        _set_password(state, class_path, password)
    process = spawn(_command(state, class_path, learn), state / "neo4j.log")
    url = f"bolt://127.0.0.1:{chosen}"
    _until_answering(process, url, password, state / "neo4j.log")
    return process, url


def make_archive(state: Path) -> None:
    """Run a server once so that Java keeps its loaded classes for faster starts; nothing where that was done."""
    archive = jars.home() / ARCHIVE
    if not archive.exists():
        process, _ = launch(state, None, learn=True)
        process.terminate()
        process.wait(READY_WITHIN)
        shutil.rmtree(state / "home", ignore_errors=True)


def _command(state: Path, class_path: list[Path], learn: bool) -> list[str]:
    archive = jars.home() / ARCHIVE
    sharing = [f"-XX:ArchiveClassesAtExit={archive}"] if learn else []
    sharing += [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
    home = state / "home"
    return [
        jars.java(),
        f"-Xmx{HEAP}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        *sharing,
        *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED),
        "-cp",
        os.pathsep.join(str(jar) for jar in class_path),
        ENTRY_POINT,
        f"--home-dir={home}",
        f"--config-dir={home / 'conf'}",
    ]


def _set_password(state: Path, class_path: list[Path], password: str) -> None:
    home = state / "home"
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    command = [
        jars.java(),
        "-cp",
        os.pathsep.join(str(jar) for jar in class_path),
        ADMIN_COMMAND,
        "dbms",
        "set-initial-password",
        password,
    ]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise TestbedError(
            f"the password was refused: {(outcome.stderr or outcome.stdout).strip()[-300:]}", "use 8 or more characters"
        )


def _until_answering(process: subprocess.Popen[bytes], url: str, password: str | None, log: Path) -> None:
    import neo4j
    from neo4j.exceptions import DriverError, Neo4jError

    auth = None if password is None else (USER, password)

    def answers() -> bool:
        require_running(process, "Neo4j", log)
        try:
            with neo4j.GraphDatabase.driver(
                url, auth=auth, connection_timeout=2.0, max_transaction_retry_time=0.0
            ) as driver:
                return bool(driver.execute_query("RETURN 1 AS one").records[0]["one"] == 1)
        except (DriverError, Neo4jError, OSError):
            return False

    began = time.monotonic()
    if not until(answers, READY_WITHIN):
        process.kill()
        process.wait()
        raise TestbedError(f"Neo4j did not answer after {time.monotonic() - began:.0f} s", f"read {log}")
