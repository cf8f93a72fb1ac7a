"""Containers that end: out of memory, a command that cannot start, an exit code, what the application printed last.

One finding per container: the hardest evidence first (kernel, runtime, log), the exit code alone last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.log_causes import LOG_CAUSES, from_logs, mount_mode, mounted
from copilot.diagnosis.log_lines import bare, most_telling, tail
from copilot.diagnosis.log_patterns import match_line
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.rules.pods.refusals import (
    COMMANDS,
    EXIT_126,
    EXIT_127,
    GENERIC,
    NODE_DISK,
    REFUSALS,
    refusal,
)
from copilot.diagnosis.steps import change, describe, logs_step
from copilot.diagnosis.view import View, logged, said, told
from copilot.model import Evidence, Finding, Ref, format_bytes, mapping, parse_quantity, text, texts

_KUBELET = "kubernetes pkg/kubelet/kuberuntime/helpers.go"

OOM_LIMIT = Cause(
    id="pod.oomkilled.limit", title="Container exceeded its own memory limit", kind="Pod",
    fields=("status.containerStatuses[].lastState.terminated.reason", "spec.containers[].resources.limits.memory"),
    steps=("Compare peak use with the limit", "Raise the limit or lower the program's use"), citation=_KUBELET,
)  # fmt: skip
OOM_NODE = Cause(
    id="pod.oomkilled.node", title="The node ran out of memory and the kernel chose this process", kind="Pod",
    fields=("status.containerStatuses[].lastState.terminated", "event SystemOOM"),
    steps=("List the node's pods by use minus request",), citation="kubernetes pkg/kubelet/oom/oom_watcher_linux.go",
)  # fmt: skip
EXIT_0 = Cause(
    id="pod.exit0.restart", title="A program that finishes runs under a controller that restarts it", kind="Pod",
    fields=("status.containerStatuses[].lastState.terminated.exitCode", "spec.restartPolicy"),
    steps=("Run it as a Job, or keep the process in the foreground",), citation="kubernetes pkg/kubelet/kubelet_pods.go",
)  # fmt: skip
SEGV = Cause(
    id="pod.exit139.segv", title="The program crashed on an invalid memory access (SIGSEGV)", kind="Pod",
    fields=("status.containerStatuses[].lastState.terminated.exitCode",), steps=("Read the last lines and the kernel log",),
    citation="gpud components/accelerator/nvidia/nccl/kmsg_matcher.go",
)  # fmt: skip
ABORT = Cause(
    id="pod.exit134.abort", title="The program aborted itself (SIGABRT)", kind="Pod",
    fields=("status.containerStatuses[].lastState.terminated.exitCode",), steps=("Read the last lines on stderr",),
    citation="NVIDIA/nccl docs troubleshooting/logging.rst",
)  # fmt: skip
POST_START = Cause(
    id="pod.hook.poststart", title="The postStart hook failed, so the container was killed", kind="Pod",
    fields=("event FailedPostStartHook", "spec.containers[].lifecycle.postStart"), steps=("Repair the hook's command",),
    citation="kubernetes pkg/kubelet/events/event.go",
)  # fmt: skip
APP_EXIT = Cause(
    id="pod.crashloop.app_log", title="The application ends with an error of its own", kind="Pod", yields=True,
    fields=("status.containerStatuses[].lastState.terminated.exitCode", "log"),
    steps=("Read the log of the previous run",), citation="kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go",
)  # fmt: skip

_REFUSED_FILE = re.compile(r"(?P<path>/[^\s:'\"]{1,300}): [Pp]ermission denied")


def crashed(pod: PodFact, container: ContainerFact) -> bool:
    """Whether the container ended or was ended, and that matters: it is down now, or ended again recently."""
    if container.state == "terminated":
        failed = container.exit_code not in (0, None) or (container.exit_code is None and container.reason == "Error")
        return failed or _endless(pod, container)  # a row of `kubectl get pods` shows the reason and no code
    waiting = container.reason in ("CrashLoopBackOff", "RunContainerError", "CreateContainerError", "StartError")
    again = container.restarts > 0 and container.exit_code is not None
    return waiting or (again and not (container.init and container.exit_code == 0))  # init: a new sandbox runs it anew


def _endless(pod: PodFact, container: ContainerFact) -> bool:
    always = text(pod.resource.spec, "restartPolicy") in ("", "Always")
    return always and not container.init and container.restarts > 0


def find_crashes(view: View) -> Iterator[Finding]:
    """One finding for each container that keeps ending."""
    for pod in view.placed:
        if pod.failed and (view.superseded(pod) or pod.status_reason):
            continue
        init = pod.blocking_init()
        for container in pod.containers:
            if init is not None and container is not init:
                continue
            if crashed(pod, container) and not killed_by_probe(view, pod, container):
                finding = _explain(view, pod, container)
                if finding is not None:
                    yield finding


def killed_by_probe(view: View, pod: PodFact, container: ContainerFact) -> bool:
    """Whether the kubelet ended the container after a failed liveness or startup probe (the probe rules explain it)."""
    if container.exit_code == 1 and container.last_reason == "OOMKilled":
        return False
    return any(
        f"ontainer {container.name} failed" in event.message and "probe" in event.message
        for event in view.events(pod.ref, "Killing")
    )


def _explain(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    return (
        _out_of_memory(view, pod, container)
        or _start_failure(view, pod, container)
        or _hook(view, pod, container)
        or (None if container.exit_code == 126 else _agreed(from_logs(view, pod, container), container))
        or _exit_code(view, pod, container)
    )


_CODES = {EXIT_127.id: 127, SEGV.id: 139, ABORT.id: 134}
_TWO_SIGNS = 0.86  # the log says it and the exit code says it


def _agreed(found: Finding | None, container: ContainerFact) -> Finding | None:
    """What the log names, surer where the exit code means the same."""
    if found is None or _CODES.get(found.cause, -1) != container.exit_code:
        return found
    return msgspec.structs.replace(found, weight=max(found.weight, _TWO_SIGNS))


def _named(pod: PodFact, container: ContainerFact) -> str:
    """How a sentence names the container: with its init role where it has one."""
    role = "init container" if container.init else "container"
    return f"{pod.owner.kind} {pod.owner.path}: {role} {container.name}"


def _ended(pod: PodFact, container: ContainerFact) -> Evidence:
    reason = f" ({container.last_reason})" if container.last_reason else ""
    now = f"; now {container.reason}" if container.state == "waiting" and container.reason else ""
    code = f"exit code {container.exit_code}" if container.exit_code is not None else "an error"
    return said(
        pod.resource,
        f"{container.path}.lastState.terminated.exitCode",
        f"container {container.name} ended with {code}{reason}, {container.restarts} restarts{now}",
    )


def _finding(pod: PodFact, container: ContainerFact, cause: Cause, sentence: str, weight: float) -> Finding:
    return Finding(
        cause=cause.id,
        object=pod.owner,
        title=f"{_named(pod, container)}: {sentence}",
        evidence=(_ended(pod, container),),
        explains=(pod.ref,),
        weight=weight,
        since=container.finished,
        steps=(logs_step(pod, container), describe(pod.ref)),
    )


def _out_of_memory(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    if "OOMKilled" not in (container.last_reason, container.reason):
        return _node_out_of_memory(view, pod, container)
    limit = parse_quantity(mapping(container.spec, "resources", "limits").get("memory"))
    if limit is None:
        return _node_out_of_memory(view, pod, container) or _finding(
            pod,
            container,
            OOM_NODE,
            "the kernel killed it for lack of memory (OOMKilled) though it sets no memory limit",
            0.7,
        )
    sentence = f"it was OOMKilled: it needs more than its memory limit of {format_bytes(limit)}"
    finding = _finding(pod, container, OOM_LIMIT, sentence, 0.93)
    amount = text(container.spec, "resources", "limits", "memory")
    proof = said(
        pod.resource, f"spec.containers[{container.name}].resources.limits.memory", f"its memory limit is {amount}"
    )
    steps = (
        change(f"Raise the memory limit of container {container.name}, or lower what the program uses", pod.owner),
        *finding.steps,
    )
    return msgspec.structs.replace(finding, evidence=(*finding.evidence, proof), steps=steps)


def _node_out_of_memory(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    if container.exit_code != 137 or not pod.node:
        return None
    node = Ref("Node", "", pod.node)
    killings = view.events(node, "SystemOOM", "OOMKilling")
    if not killings:
        return None
    sentence = f"node {pod.node} ran out of memory and the kernel killed it (SystemOOM)"
    finding = _finding(pod, container, OOM_NODE, sentence, 0.8)
    return msgspec.structs.replace(finding, object=node, evidence=(*finding.evidence, told(killings[-1])))


_REFUSED = frozenset({"RunContainerError", "CreateContainerError", "StartError", "ContainerCannotRun"})


def _start_failure(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    """A container that the runtime could not create or start: its own message says why, in the status or in an event."""
    if container.reason not in _REFUSED and container.last_reason not in _REFUSED:
        return None
    events = view.events(pod.ref, "Failed", "BackOff")
    said_of_it = [e.message for e in events if container.name in e.message or e.container == container.name]
    own = [message for message in (container.message, container.last_message) if message.strip()]
    messages = own + (said_of_it or ([] if own else [e.message for e in events]))
    known = next((found for message in messages if (found := refusal(message)) is not None), None)
    if known is None:
        return _refused_start(pod, container, messages[-1]) if messages else None
    if known.cause is EXIT_126:
        return _not_executable(view, pod, container, "")
    command = " ".join(_command(container)) if known.cause.id in COMMANDS else ""
    finding = _finding(pod, container, known.cause, f"{known.sentence}: {command}" if command else known.sentence, 0.92)
    quote = next((message for message in messages if refusal(message) is not None), messages[0])
    proof = said(pod.resource, f"{container.path}.message", f"the runtime says: {quote[:400]}")
    place = Ref("Node", "", pod.node) if known.cause is NODE_DISK and pod.node else pod.owner
    return msgspec.structs.replace(
        finding, object=place, evidence=(*finding.evidence, proof), steps=_command_steps(pod, container)
    )


def _refused_start(pod: PodFact, container: ContainerFact, message: str) -> Finding:
    """The runtime could not create or start the container, for a reason of its own: its last words are quoted."""
    known = match_line(message)
    cause = next((c for c in LOG_CAUSES if known is not None and c.id == known.pattern.cause), GENERIC)
    words = message.partition("unable to start container process: ")[2] or message
    sentence = (
        known.pattern.sentence.format(**known.groups)
        if known is not None and cause is not GENERIC
        else "the runtime cannot start it"
    )
    finding = _finding(pod, container, cause, f"{sentence}: {words[-240:]}", 0.72)
    proof = said(pod.resource, f"{container.path}.message", f"the runtime says: {message[:400]}")
    return msgspec.structs.replace(finding, evidence=(*finding.evidence, proof))


def _command(container: ContainerFact) -> list[str]:
    return [*texts(container.spec, "command"), *texts(container.spec, "args")][:6]


def _command_steps(pod: PodFact, container: ContainerFact) -> tuple[msgspec.Struct, ...]:
    return (describe(pod.ref), change(f"Correct the command of container {container.name}", pod.owner))


def _hook(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    failures = [
        event
        for event in view.events(pod.ref, "FailedPostStartHook")
        if event.container == container.name
        or mapping(container.spec, "lifecycle", "postStart")
        or sum(not other.init for other in pod.containers) == 1  # a pasted description does not show hooks
    ]
    if not failures:
        return None
    finding = _finding(pod, container, POST_START, "its postStart hook fails, so the kubelet kills it", 0.85)
    return msgspec.structs.replace(finding, evidence=(*finding.evidence, told(failures[-1])))


def _exit_code(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    code = container.exit_code
    last = _last_line(view, pod, container)
    quoted = f": {bare(last.text)[:160]}" if last else ""
    command = " ".join(_command(container))
    match code:
        case 0:
            sentence = "the program finishes with exit code 0 and is restarted for ever: a Job would fit, or its command must stay in the foreground"
            finding = _finding(pod, container, EXIT_0, sentence, 0.8)
        case 126:
            finding = _not_executable(view, pod, container, quoted)
        case 127:
            finding = _finding(
                pod,
                container,
                EXIT_127,
                f"its command is not in the image (not found, exit 127): {command or bare(last.text) if last else command}",
                0.85,
            )
        case 139:
            finding = _finding(
                pod, container, SEGV, f"it crashes on an invalid memory access (exit 139, SIGSEGV){quoted}", 0.75
            )
        case 134:
            finding = _finding(pod, container, ABORT, f"it aborts itself (exit 134, SIGABRT){quoted}", 0.7)
        case 137 | 143:
            signal = "SIGKILL" if code == 137 else "SIGTERM"
            words = f"it was ended from outside (exit {code}, {signal}): by the kernel for lack of memory, by a failed liveness probe, or by a person"
            finding = _finding(pod, container, APP_EXIT, f"{words}{quoted}", 0.5 if last else 0.4)
        case None:
            return None
        case _:
            finding = _finding(
                pod, container, APP_EXIT, f"the application ends with exit code {code}{quoted}", 0.6 if last else 0.4
            )
    doubts = () if last else (f"no log of container {container.name} was read",)
    evidence = (*finding.evidence, last) if last else finding.evidence
    return msgspec.structs.replace(finding, evidence=evidence, doubts=doubts)


def _not_executable(view: View, pod: PodFact, container: ContainerFact, quoted: str) -> Finding:
    """Exit 126: the shell or the runtime found the command and may not execute it. A mounted script lacks the mode bit."""
    script = _refused_file(view, pod, container)
    holder = mounted(pod, container, script) if script else None
    if holder is None:
        sentence = f"its command may not be executed (permission denied, exit 126){quoted}"
        return _finding(pod, container, EXIT_126, sentence, 0.85)
    kind, name, mode = *holder, mount_mode(pod, *holder)
    sentence = (
        f"its command {script} may not be executed (permission denied, exit 126): it is mounted from {kind} {name} "
        f"with mode {mode:04o}, without the execute bit"
    )
    finding = _finding(pod, container, EXIT_126, sentence, 0.93)
    proof = said(pod.resource, "spec.volumes[].defaultMode", f"the volume of {kind} {name} has file mode {mode:04o}")
    steps = (
        change(f"Set defaultMode 0755 on the volume of {kind} {name}, or start it through its interpreter", pod.owner),
        *finding.steps,
    )
    return msgspec.structs.replace(finding, evidence=(*finding.evidence, proof), steps=steps)


def _refused_file(view: View, pod: PodFact, container: ContainerFact) -> str:
    """The file that a log line or the command names as the one that may not be executed."""
    for log in view.logs(pod.ref, container.name):
        for line in tail(log):
            match = _REFUSED_FILE.search(line.said)
            if match:
                return match["path"]
    command = _command(container)
    return next((word for part in reversed(command) for word in part.split() if word.startswith("/")), "")


def _last_line(view: View, pod: PodFact, container: ContainerFact) -> Evidence | None:
    for log in view.logs(pod.ref, container.name):
        line = most_telling(log)
        if line is not None:
            return logged(log, *line)
    return None


RULES = (
    Rule(
        find=find_crashes,
        causes=(OOM_LIMIT, OOM_NODE, EXIT_0, SEGV, ABORT, POST_START, APP_EXIT, *REFUSALS, *LOG_CAUSES),
    ),
)

__all__ = ["RULES", "Severity", "crashed", "find_crashes", "killed_by_probe"]
