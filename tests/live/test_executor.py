"""The executor as a process of its own against a real API server: two accounts of this machine, and kill -9 of either side."""

import contextlib
import json
import os
import pwd
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from copilot.changing.history import PlanState, records
from copilot.changing.opening import utc_now
from copilot.model import CopilotError
from guardrails.errors import JournalError
from guardrails.journal import Journal, Kind
from tests.live.deployed import Deployed
from tests.live.test_change import _workload
from tests.small_api import deployment, serve
from tools.change import frames
from tools.change.remote import RemoteExecutor

ROOT = Path(__file__).parents[2]
GROUP, ALICE, BOB = "games", "daemon", "bin"  # every Linux has them
CODE = re.compile(r"types its code: (\w{6})")
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="taking two accounts needs root and setpriv"
)


class Executor:
    """One executor, and commands that people run against it, each at a terminal and under their own account."""

    def __init__(self, folder: Path, kubeconfig: Path, **users: str) -> None:
        self.folder = folder
        self.kubeconfig = kubeconfig
        self.socket = folder / "run" / "x.sock"
        self.users = folder / "users.yaml"
        self.users.write_text(
            "".join(f"{name}: {{user: '{user}', groups: ['copilot:operators']}}\n" for name, user in users.items())
        )
        self.start()

    def start(self) -> None:
        """Start it and wait until it listens."""
        arguments = ["executor", "--kubeconfig", str(self.kubeconfig), "--socket", str(self.socket), "--group", GROUP]
        arguments += ["--as-users", str(self.users)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "copilot.cli.main", *arguments],
            env={**os.environ, "COPILOT_DATA_DIR": str(self.folder / "data")}, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert "Listening at" in said, said

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End it; with SIGKILL without a chance to tidy up."""
        self.process.send_signal(how)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def journal(self) -> Journal:
        """Its journal, read straight from the file."""
        return Journal(self.folder / "data" / "changes.sqlite3", utc_now)

    def run(
        self,
        who: str,
        *arguments: str,
        reading: Path,
        type_: Callable[[str], str] | None = None,
        at: str = "",
        then: Any = None,
    ) -> tuple[int, str]:
        """Run one command at a terminal; `then(pid, seen)` happens when `at` appears."""
        ours, theirs = os.openpty()
        about = pwd.getpwnam(who)
        caps = "+dac_override,+dac_read_search"  # the interpreter may lie in a folder that is root's alone
        command = [
            "setpriv", f"--reuid={about.pw_uid}", f"--regid={about.pw_gid}", f"--groups={pwd.getpwnam(GROUP).pw_gid}",
            f"--inh-caps={caps}", f"--ambient-caps={caps}", sys.executable, "-m", "copilot.cli.main", *arguments,
        ]  # fmt: skip
        own = {
            "COPILOT_EXECUTOR": str(self.socket),
            "COPILOT_DATA_DIR": str(self.folder / who),
            "KUBECONFIG": str(reading),
        }
        child = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={**os.environ, **own},
            start_new_session=True,
        )
        os.close(theirs)
        seen = ""
        with contextlib.suppress(OSError):  # the terminal closes with its last user
            while select.select([ours], [], [], 90)[0] and (part := os.read(ours, 4096).decode("utf-8", "replace")):
                seen += part
                if type_ and "leave it: " in seen:
                    os.write(ours, type_(seen).encode() + b"\n")
                    type_ = None
                if at and at in seen:
                    at = ""
                    then(child.pid, seen)
        os.close(ours)
        return child.wait(), seen


def _code(seen: str) -> str:
    return CODE.findall(seen)[-1]


@pytest.fixture
def shared(deployed: Deployed, namespace: str, tmp_path: Path) -> Iterator[Executor]:
    """An executor with the service account of the manifests, which acts as two operators of one namespace."""
    body = _workload("web")
    body["metadata"]["namespace"] = namespace
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "operators", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-copilot-executor"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "copilot:operators"}],
    }  # fmt: skip
    deployed.cluster.apply(body, role)
    deployed.cluster.wait_for(
        lambda: deployed.cluster.get("deployment", "web", "-n", namespace)["status"].get("readyReplicas") == 2,
        90,
        "web",
    )
    with deployed.as_shipped():
        executor = Executor(tmp_path, deployed.executor.kubeconfig, daemon="copilot:alice", bin="copilot:bob")
        try:
            yield executor
        finally:
            executor.kill(signal.SIGTERM)


def test_two_people_delete_through_it_in_the_name_of_who_asked_and_the_servers_log_has_the_plan(
    shared: Executor, deployed: Deployed, namespace: str
) -> None:
    reading = deployed.reader.kubeconfig

    def bob(_pid: int, _seen: str) -> None:
        (waiting,) = RemoteExecutor(shared.socket).waiting()
        code, said = shared.run(BOB, "approve", waiting.plan.id, reading=reading, type_=lambda _: "web")
        assert (code, "Not agreed" in said) == (77, True), said
        code, said = shared.run(BOB, "approve", waiting.plan.id, reading=reading, type_=_code)
        assert (code, "All have agreed" in said) == (0, True), said

    command = ("do", "delete deploy/web", "-n", namespace, "--soak", "0")
    code, said = shared.run(ALICE, *command, reading=reading, type_=_code, at="stops waiting", then=bob)
    assert (code, "is gone" in said) == (0, True), said
    (record,) = records(shared.journal)
    assert record.state is PlanState.APPLIED
    assert (record.plan.requester.sub, record.plan.requester.k8s_user) == (ALICE, "copilot:alice")
    lines = (json.loads(line) for line in deployed.cluster.audit_log.read_text().splitlines() if record.plan.id in line)
    done = [each for each in lines if each.get("stage") == "ResponseComplete" and each["verb"] == "delete"]
    real = [each for each in done if record.plan.id[:8] in each["userAgent"] and "dry-run" not in each["userAgent"]]
    assert len(real) == 1
    assert real[0]["impersonatedUser"]["username"] == "copilot:alice"
    assert real[0]["impersonatedUser"]["extra"] == {"copilot.dev/plan": [record.plan.id]}
    assert shared.journal.verify().problems == ()


def test_a_killed_executor_and_a_killed_client_leave_a_plan_that_is_carried_on(
    shared: Executor, deployed: Deployed, namespace: str
) -> None:
    reading = deployed.reader.kubeconfig
    command = ("do", "delete deploy/web", "-n", namespace, "--soak", "0")
    code, said = shared.run(
        ALICE,
        *command,
        reading=reading,
        type_=_code,
        at="stops waiting",
        then=lambda pid, _: os.kill(pid, signal.SIGKILL),
    )
    assert code == -signal.SIGKILL, said
    shared.kill()
    shared.start()
    (waiting,) = RemoteExecutor(shared.socket).waiting()
    assert waiting.agreed == (ALICE,)
    code, said = shared.run(BOB, "approve", waiting.plan.id, reading=reading, type_=_code)
    assert code == 0, said
    code, said = shared.run(ALICE, "approve", waiting.plan.id, "--soak", "0", reading=reading)
    assert (code, "is gone" in said) == (0, True), said
    kinds = [entry.kind for entry in shared.journal.entries(waiting.plan.id)]
    assert (kinds.count(Kind.INTENT), kinds.count(Kind.RESULT)) == (1, 1)


def _small(api: Any, folder: Path) -> Executor:
    api.denied |= {("impersonate", "groups"), ("impersonate:user-info", "groups")}
    return Executor(folder, api.kubeconfig(folder), daemon="alice", bin="bob")


@pytest.mark.parametrize("lost", ["before the server stored it", "after the server stored it"])
def test_an_executor_that_is_killed_while_it_sends_leaves_an_unknown_outcome_that_is_read_back(
    tmp_path: Path, lost: str
) -> None:
    with serve(deployment(), deployment("db")) as api:
        executor = _small(api, tmp_path)
        reading = api.kubeconfig(tmp_path)

        def kill() -> None:
            api.before_send = None
            executor.kill()
            api.drop_before = lost.startswith("before")

        api.before_send = kill
        executor.run(
            ALICE, "do", "scale deploy/web to 3", "-n", "shop", "--soak", "0", reading=reading, type_=lambda _: "yes"
        )
        (record,) = records(executor.journal)
        assert record.state is PlanState.UNKNOWN
        assert len(api.writes()) == 1
        api.drop_before = False
        executor.start()
        _, said = executor.run(ALICE, "do", "scale deploy/db to 3", "-n", "shop", reading=reading, type_=lambda _: "no")
        assert f"Plan {record.plan.id} had no known outcome" in said
        assert len(api.writes()) == 1, "it was sent again"
        assert Kind.SETTLED in [entry.kind for entry in executor.journal.entries(record.plan.id)]
        executor.kill(signal.SIGTERM)


def test_a_full_disk_stops_the_yes_and_nothing_is_sent(tmp_path: Path) -> None:
    with serve(deployment()) as api:
        executor = _small(api, tmp_path)
        reading = api.kubeconfig(tmp_path)

        def fill(_seen: str) -> str:
            size = executor.journal.path.stat().st_size
            resource.prlimit(executor.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            return "yes"

        code, said = executor.run(ALICE, "do", "scale deploy/web to 3", "-n", "shop", reading=reading, type_=fill)
        assert (code, "cannot be written" in said) == (JournalError.exit_code, True), said
        assert api.writes() == []
        resource.prlimit(executor.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        (waiting,) = RemoteExecutor(executor.socket).waiting()
        code, said = executor.run(
            ALICE, "approve", waiting.plan.id, "--soak", "0", reading=reading, type_=lambda _: "yes"
        )
        assert (code, api.objects[WEB]["spec"]["replicas"]) == (0, 3), said
        assert executor.journal.verify().problems == ()
        executor.kill(signal.SIGTERM)


def test_an_account_outside_the_group_cannot_connect_and_one_outside_the_mapping_is_nobody(tmp_path: Path) -> None:
    with serve(deployment()) as api:
        executor = _small(api, tmp_path)
        code = (
            "import os, socket, sys\n"
            "end = socket.socket(socket.AF_UNIX)\n"
            "os.setgroups([]); os.setgid(3); os.setuid(3)\n"  # sys
            "end.connect(sys.argv[1])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(executor.socket)], capture_output=True, text=True, check=False
        )
        assert "Permission denied" in done.stderr, done
        with pytest.raises(CopilotError, match="root may not ask"):
            RemoteExecutor(executor.socket).review(())
        assert not RemoteExecutor(executor.socket).ask(frames.Status(), frames.Standing).may_approve
        executor.kill(signal.SIGTERM)
        assert not executor.socket.exists()
