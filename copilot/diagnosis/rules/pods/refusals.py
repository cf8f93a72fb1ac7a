"""Why a kubelet or a container runtime refuses to create or start a container, as data: cause, message, sentence.

Messages of runc, crun, containerd, CRI-O and the kubelet. The first that fits wins: a mount that fails also says
"no such file or directory", and is no missing command.
"""

from __future__ import annotations

import re

import msgspec

from copilot.diagnosis.cause import Cause

_FIELDS = (
    "status.containerStatuses[].state.waiting.message",
    "status.containerStatuses[].lastState.terminated.message",
)


def _cause(identity: str, title: str, step: str, citation: str, *, yields: bool = False, kind: str = "Pod") -> Cause:
    return Cause(id=identity, title=title, kind=kind, fields=_FIELDS, steps=(step,), citation=citation, yields=yields)


NON_ROOT = _cause(
    "pod.create.run_as_nonroot",
    "The image's user conflicts with runAsNonRoot",
    "Set runAsUser, or use an image with a numeric user",
    "kubernetes pkg/kubelet/kuberuntime/security_context_others.go",
)
SUB_PATH = _cause(
    "pod.create.subpath",
    "A subPath cannot be mounted",
    "Correct the subPath of the volume mount",
    "kubernetes pkg/kubelet/kubelet_pods.go",
)
APPARMOR = _cause(
    "pod.create.apparmor",
    "The AppArmor or seccomp profile is not on the node",
    "Load the profile or name another",
    "kubernetes pkg/security/apparmor/helpers.go",
)
MOUNT = _cause(
    "pod.create.mount",
    "A volume cannot be mounted at its path in the container",
    "Mount a file onto a file and a directory onto a directory; use subPath for one file of a volume",
    "opencontainers/runc libcontainer/rootfs_linux.go",
)
WORK_DIR = _cause(
    "pod.create.workdir",
    "The working directory cannot be entered",
    "Correct workingDir, or let the container's user enter it",
    "opencontainers/runc libcontainer/init_linux.go",
)
TOO_LONG = _cause(
    "pod.create.too_long",
    "Arguments and environment are larger than the kernel takes",
    "Mount large values as files instead of variables",
    "execve(2): E2BIG",
)
NO_USER = _cause(
    "pod.create.user_unknown",
    "The image has no such user",
    "Name a numeric user, or one that stands in the image's /etc/passwd",
    "containerd pkg/oci/spec_opts.go",
)
NO_COMMAND = _cause(
    "pod.create.no_command",
    "Neither the image nor the template says what to run",
    "Set command, or give the image an entrypoint",
    "containerd internal/cri/opts/spec_opts.go",
)
RESERVED = _cause(
    "pod.create.name_reserved",
    "The runtime still works on an earlier try of the same container",
    "Look at the node's disk and runtime: creating a container takes too long there",
    "containerd internal/registrar/registrar.go",
    yields=True,
)
NODE_DISK = _cause(
    "pod.create.node_disk",
    "The disk of the node's container runtime is full",
    "Free or enlarge it",
    "containerd core/snapshots",
    kind="Node",
)
INIT_OOM = _cause(
    "pod.create.memory_too_small",
    "The memory limit is too small to start any process",
    "Raise the memory limit",
    "opencontainers/runc libcontainer/process_linux.go",
)
EXEC_FORMAT = _cause(
    "pod.exec.format",
    "The file it starts is not for this CPU architecture, or a script without an interpreter line",
    "Compare node.status.nodeInfo.architecture with the image's platforms",
    "k8s.io/api/core/v1/well_known_labels.go",
)
EXIT_127 = _cause(
    "pod.crashloop.exit127",
    "The command is not in the image",
    "Compare command and args with what the image contains",
    "kubernetes pkg/kubelet/container/sync_result.go",
)
EXIT_126 = _cause(
    "pod.crashloop.exit126",
    "The command exists but may not be executed",
    "Check the file mode (defaultMode of a mounted script) and runAsUser",
    "kubernetes pkg/kubelet/kuberuntime/instrumented_services.go",
)
GENERIC = _cause(
    "pod.create.generic",
    "The runtime refuses to create the container",
    "Read the runtime's message",
    "kubernetes pkg/kubelet/container/sync_result.go",
    yields=True,
)
COMMANDS = frozenset({EXEC_FORMAT.id, EXIT_127.id, EXIT_126.id})
REFUSALS = (
    NON_ROOT, SUB_PATH, APPARMOR, MOUNT, WORK_DIR, TOO_LONG, NO_USER, NO_COMMAND, RESERVED, NODE_DISK, INIT_OOM, EXEC_FORMAT,
    EXIT_127, EXIT_126, GENERIC,
)  # fmt: skip

_KNOWN: tuple[tuple[Cause, re.Pattern[str], str], ...] = (
    (NON_ROOT, re.compile(r"runAsNonRoot|run as root|non-numeric user", re.IGNORECASE), "runAsNonRoot is set but the image runs as root or names no numeric user"),
    (APPARMOR, re.compile(r"seccomp profile|load seccomp|apparmor", re.IGNORECASE), "the AppArmor or seccomp profile it names is not loaded on the node"),
    (SUB_PATH, re.compile(r"subPath|lstat \S{1,300}/volumes/", re.IGNORECASE), "a subPath of a volume mount cannot be prepared"),
    (INIT_OOM, re.compile(r"container init was OOM-killed|memory limit too low|minimum memory limit allowed", re.IGNORECASE), "its memory limit is too small to start any process (the runtime's own init was OOM-killed)"),
    (NODE_DISK, re.compile(r"no space left on device", re.IGNORECASE), "the disk of the node's container runtime is full (no space left on device)"),
    (WORK_DIR, re.compile(r"chdir to cwd \(\\?\"(?P<path>[^\"\\]{1,300})\\?\"\)[^:]{0,80}: (?P<why>[\w ]{3,60})", re.IGNORECASE), "its working directory {path} cannot be entered ({why})"),
    (WORK_DIR, re.compile(r"\b(?:cwd|working ?dir(?:ectory)?)\b.{0,80}(?P<why>must be an absolute path|no such file|permission denied|not a directory)", re.IGNORECASE), "its working directory cannot be entered ({why})"),
    (MOUNT, re.compile(r"error mounting \\?\"[^\"\\]{1,400}\\?\" to rootfs at \\?\"(?P<path>[^\"\\]{1,300})\\?\"(?:.{0,600}?: )(?P<why>not a directory|is a directory|no such file or directory|read-only file system|permission denied|invalid argument|too many levels of symbolic links)", re.IGNORECASE | re.DOTALL), "a volume cannot be mounted at {path}: {why}"),
    (MOUNT, re.compile(r"mount(?:ing)? (?:a directory onto a file|\S{1,200} onto).{0,80}|create mount (?:destination|point|target) for (?P<path>/[^\s:\"]{1,300})", re.IGNORECASE), "a volume cannot be mounted at its path {path}"),
    (TOO_LONG, re.compile(r"argument list too long", re.IGNORECASE), "its arguments and environment together are larger than the kernel takes (argument list too long)"),
    (NO_USER, re.compile(r"unable to find (?P<what>user|group) (?P<path>[^\s:\"]{1,80})|no users found|no matching entries in (?:passwd|group)", re.IGNORECASE), "the image has no {what} {path} (it is not in /etc/passwd or /etc/group)"),
    (NO_COMMAND, re.compile(r"no command specified|no entrypoint specified", re.IGNORECASE), "neither the image nor the template says which command to run (no command specified)"),
    (RESERVED, re.compile(r"failed to reserve container name|name \S{1,300} is (?:reserved for|already in use)|The container name \S{1,300} is already in use", re.IGNORECASE), "the runtime still holds the name for an earlier try: creating a container takes too long on this node"),
    (EXEC_FORMAT, re.compile(r"exec format error", re.IGNORECASE), "the image is built for another CPU architecture than the node's, or its command is a script without an interpreter line (exec format error)"),
    (EXIT_127, re.compile(r"executable file (?:\S{1,200} )?not found|exec(?:utable)?\b.{0,300}: no such file or directory|starting container process.{0,300}no such file or directory", re.IGNORECASE), "its command is not in the image (executable file not found)"),
    (EXIT_126, re.compile(r"exec(?:utable)?\b.{0,300}: (?:permission denied|is a directory)|starting container process.{0,300}permission denied", re.IGNORECASE), "its command may not be executed (permission denied)"),
)  # fmt: skip


class Refusal(msgspec.Struct, frozen=True):
    """What a message means: the cause and the sentence that tells it."""

    cause: Cause
    sentence: str


def refusal(message: str) -> Refusal | None:
    """What a runtime's or kubelet's message means, or None when it is none of the known ones."""
    for cause, pattern, sentence in _KNOWN:
        found = pattern.search(message)
        if found:
            groups = {"path": "", "why": "", "what": "user", **{k: v for k, v in found.groupdict().items() if v}}
            return Refusal(cause, sentence.format(**groups))
    return None
