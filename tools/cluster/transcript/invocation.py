"""Reads a shell line as what was run, where, and through which filters. A line it cannot make out is program ""."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import msgspec

from tools.cluster.transcript.wordlist import word_set

COMMAND_LIMIT = 8192  # characters: no shell line a person pastes is longer, and shlex is slow

KUBECTL = frozenset(
    {"kubectl", "k", "oc", "kubecolor", "kc", "kctl", "kubectl.exe", "kubecolor.exe", "oc.exe", "microk8s.kubectl"}
)
_WRAPS_KUBECTL = frozenset({"microk8s", "k3s", "minikube", "rke2", "sudo-k"})
KUBECTL_VERBS = word_set(
    """
    get describe logs log events event top auth rollout drain cordon uncordon taint apply create delete scale edit
    patch replace set expose run exec attach cp debug explain api-resources api-versions cluster-info version config
    label annotate autoscale certificate wait diff kustomize port-forward proxy plugin completion options alpha
    project adm login whoami status new-app import ns ctx tree neat node-shell rsh convert
    """
)
_ALIASES = {
    "kg": ("get",), "kgp": ("get", "pods"), "kgpo": ("get", "pods"), "kgpa": ("get", "pods", "--all-namespaces"),
    "kgpw": ("get", "pods", "-o", "wide"), "kgpwide": ("get", "pods", "-o", "wide"), "kgd": ("get", "deployment"),
    "kgdep": ("get", "deployment"), "kgs": ("get", "svc"), "kgsvc": ("get", "svc"), "kgi": ("get", "ingress"),
    "kgno": ("get", "nodes"), "kgns": ("get", "namespaces"), "kgcm": ("get", "configmaps"), "kgsec": ("get", "secret"),
    "kgrs": ("get", "rs"), "kgss": ("get", "statefulset"), "kgds": ("get", "daemonset"), "kgj": ("get", "job"),
    "kgcj": ("get", "cronjob"), "kgpvc": ("get", "pvc"), "kge": ("get", "events"), "kgev": ("get", "events"),
    "kga": ("get", "all"), "kgaa": ("get", "all", "--all-namespaces"), "kd": ("describe",), "kdp": ("describe", "pods"),
    "kdpo": ("describe", "pods"), "kdd": ("describe", "deployment"), "kds": ("describe", "svc"), "kdno": ("describe", "node"),
    "kl": ("logs",), "klo": ("logs",), "klf": ("logs", "-f"), "kubens": ("ns",), "kns": ("ns",),
}  # fmt: skip
_NODE_PROGRAMS = word_set(
    """
    systemctl journalctl crictl nc ncat netcat curl wget nslookup dig host getent ping telnet docker nerdctl ctr
    dmesg
    """
)
PROGRAMS = KUBECTL | _NODE_PROGRAMS | _ALIASES.keys() | _WRAPS_KUBECTL | {"ssh", "sudo", "watch", "chroot", "kubectx"}

_VALUE_FLAGS = word_set(
    """
    -n --namespace -l --selector -o --output -c --container --context --kubeconfig --tail --since --since-time
    --field-selector --sort-by -L --label-columns --filename -s --server --cluster --user --as --as-group --timeout
    --template --chunk-size --limit-bytes --for --image --profile --target --replicas --revision --to-revision
    --grace-period --subresource --max-log-requests --request-timeout --token --types --raw --requests --limits
    --from-literal --from-file --type --min --max --cpu-percent --show-managed-fields-value -v --v
    --image-pull-policy
    """
)
_LONG = {
    "-n": "--namespace", "-l": "--selector", "-o": "--output", "-c": "--container", "-A": "--all-namespaces",
    "-L": "--label-columns", "-p": "--previous", "-w": "--watch", "-f": "--filename",
}  # fmt: skip
_SSH_VALUE_FLAGS = word_set(
    """
    -i -p -l -o -F -J -L -R -D -b -c -E -e -m -O -Q -S -W -w -B -I
    """
)
_HARMLESS_FILTERS = frozenset(
    {"cat", "less", "more", "most", "bat", "tee", "sort", "column", "nl", "lolcat", "kubectl-neat"}
)
_PLAIN = re.compile(r"[\w ./:=,@%+~-]*$")  # no quoting and no operators: the shell would split at blanks
_MAX_WRAPPERS = 8  # ssh inside watch inside sudo … : more is no command a person types


class Invocation(msgspec.Struct, frozen=True):
    """One program and its arguments.

    `verb` and `args` are kubectl's; for other programs `args` holds everything. `origin` is the node (`worker-1`) or
    pod (`shop/web-0`) it ran in, "" for the outside. `filters` are the programs the output was piped through.
    """

    program: str = ""
    verb: str = ""
    args: tuple[str, ...] = ()
    flags: dict[str, str] = {}
    origin: str = ""
    filters: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        """The namespace flag, or ""."""
        return self.flags.get("--namespace", "")

    @property
    def all_namespaces(self) -> bool:
        """Whether `-A` was given."""
        return self.flags.get("--all-namespaces", "false") != "false"

    @property
    def output(self) -> str:
        """The `-o` flag, or ""."""
        return self.flags.get("--output", "")

    @property
    def filtered(self) -> bool:
        """Whether lines of the output may be missing."""
        return any(name not in _HARMLESS_FILTERS for name in self.filters)

    @property
    def selected(self) -> bool:
        """Whether a selector left objects out."""
        return any(name in self.flags for name in ("--selector", "--field-selector", "--for", "--types", "--since"))


def parse_command(line: str) -> tuple[Invocation, ...]:
    """The commands of one shell line, in order: `a | b && c` is a (filtered by b) and c."""
    found = []
    for pipeline in _pipelines(_words(line[:COMMAND_LIMIT])):
        first, *rest = pipeline
        invocation = _unwrap(first, "", 0)
        filters = tuple(_program(words) for words in rest if words)
        found.append(msgspec.structs.replace(invocation, filters=invocation.filters + filters))
    return tuple(found)


def _words(line: str) -> list[str]:
    if _PLAIN.match(line):
        return line.split()
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # an open quote: the line was cut
        return line.split()


def _pipelines(words: Sequence[str]) -> list[list[list[str]]]:
    pipelines: list[list[list[str]]] = [[[]]]
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in (";", "&&", "||", "&"):
            pipelines.append([[]])
        elif word in ("|", "|&"):
            pipelines[-1].append([])
        elif word[:1] in "<>" and set(word) <= set("<>&"):
            skip = word != ">&"
            if pipelines[-1][-1][-1:] in (["1"], ["2"]):
                pipelines[-1][-1].pop()
        elif not set(word) <= set("()"):
            pipelines[-1][-1].append(word)
    return [pipeline for pipeline in pipelines if pipeline[0]]


def _program(words: Sequence[str]) -> str:
    return words[0].replace("\\", "/").rpartition("/")[2].lower() if words else ""


def _unwrap(words: list[str], origin: str, depth: int) -> Invocation:
    """Peel sudo, watch, ssh, exec and the like off a command."""
    while words and "=" in words[0] and words[0].split("=", 1)[0].isidentifier():
        words = words[1:]
    program = _program(words)
    if depth > _MAX_WRAPPERS or not program:
        return Invocation(origin=origin)
    rest = words[1:]
    inner: list[str] | None = None
    match program:
        case "sudo" | "time" | "nohup" | "unbuffer" | "env" | "stdbuf" | "command" | "exec" | "doas" | "chronic":
            inner = _after_flags(rest, {"-u", "-g"})
        case "watch":
            inner = _after_flags(rest, {"-n", "--interval"})
            inner = inner[0].split() if len(inner) == 1 else inner
        case "timeout" | "nice":
            inner = [word for word in _after_flags(rest, {"-n", "-s", "-k"}) if not word[:1].isdigit()]
        case "bash" | "sh" | "zsh" | "ash" if origin and all(word.startswith("-") for word in rest if word != "-c"):
            return Invocation(program="ssh", args=(origin,), origin=origin)  # a shell to type in, as ssh opens one
        case "bash" | "sh" | "zsh" | "ash":
            inner = _words(rest[-1]) if len(rest) > 1 and rest[-2].startswith("-") and "c" in rest[-2] else None
        case "chroot":
            inner = rest[1:]
        case "nsenter":
            inner = rest[rest.index("--") + 1 :] if "--" in rest else _after_flags(rest, {"-t", "--target"})
        case "ssh" | "gcloud-ssh":
            return _ssh(rest, depth)
        case "docker" | "nerdctl" | "podman" if rest[:1] == ["exec"]:
            target = _after_flags(rest[1:], {"-u", "-w", "-e"})
            return _unwrap(target[1:], target[0] if target else "", depth + 1)
        case _ if program in _WRAPS_KUBECTL:
            inner = ["kubectl", *rest[1:]] if rest[:1] in (["kubectl"], ["k"]) else None
        case _:
            pass
    if inner is not None:
        return _unwrap(inner, origin, depth + 1)
    if program in _ALIASES:
        return _kubectl([*_ALIASES[program], *rest], origin, depth)
    if program in KUBECTL:
        return _kubectl(rest, origin, depth)
    return Invocation(program=program.removesuffix(".exe"), args=tuple(rest), origin=origin)


def _after_flags(words: Sequence[str], with_value: set[str]) -> list[str]:
    index = 0
    while index < len(words) and (words[index].startswith("-") or "=" in words[index]):
        if words[index] == "--":
            return list(words[index + 1 :])
        index += 2 if words[index] in with_value else 1
    return list(words[index:])


def _ssh(words: Sequence[str], depth: int) -> Invocation:
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in _SSH_VALUE_FLAGS else 1
    target = words[index].rpartition("@")[2] if index < len(words) else ""
    inner = list(words[index + 1 :])
    if len(inner) == 1:
        inner = _words(inner[0])
    if not inner:
        return Invocation(program="ssh", args=(target,), origin=target)
    parts = _pipelines(inner)
    if not parts:
        return Invocation(program="ssh", args=(target,), origin=target)
    found = _unwrap(parts[0][0], target, depth + 1)
    return msgspec.structs.replace(
        found, filters=tuple(_program(p) for p in parts[0][1:]), origin=found.origin or target
    )


def _kubectl(words: Sequence[str], origin: str, depth: int) -> Invocation:
    flags: dict[str, str] = {}
    args: list[str] = []
    tail: list[str] = []
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--":
            tail = list(words[index + 1 :])
            break
        if word.startswith("-") and len(word) > 1:
            index += _flag(words, index, flags, args[0] if args else "")
        else:
            args.append(word)
            index += 1
    verb, rest = (args[0], args[1:]) if args else ("", [])
    where = _shell_of(verb, rest, flags)
    if where:
        inner = tail or (rest[1:] if verb in ("exec", "rsh") else [])
        if inner:
            return _unwrap(inner, where, depth + 1)
        return Invocation(program="ssh", args=(where,), origin=where)
    verb = {"log": "logs", "event": "events"}.get(verb, verb)
    return Invocation(program="kubectl", verb=verb, args=tuple(rest), flags=flags, origin=origin)


def _shell_of(verb: str, args: Sequence[str], flags: dict[str, str]) -> str:
    """The pod or node that `exec`, `debug node/…` and their like open a shell in; "" for other commands."""
    if not args:
        return ""
    kind, _, name = args[0].rpartition("/")
    if verb in ("exec", "rsh"):
        return f"{flags.get('--namespace', '')}/{name}" if kind in ("", "pod", "pods", "po") else ""
    if verb == "debug" and kind in ("node", "nodes", "no"):
        return name
    return name if verb == "node-shell" else ""


def _flag(words: Sequence[str], index: int, flags: dict[str, str], verb: str) -> int:
    """Record the flag at `index`; return how many words it took."""
    word = words[index]
    name, equals, value = word.partition("=")
    if not word.startswith("--") and len(name) > 2 and name[:2] in ("-n", "-o", "-l", "-c", "-L"):
        name, value, equals = name[:2], (name[2:] + equals + value), "="
    logs = verb in ("logs", "log")
    takes_value = name in _VALUE_FLAGS or (name == "-f" and not logs)
    if name == "-p" and verb == "patch":
        takes_value = True
    long_name = "--follow" if name == "-f" and logs else _LONG.get(name, name)
    if equals:
        flags[long_name] = value
    elif takes_value and index + 1 < len(words):
        flags[long_name] = words[index + 1]
        return 2
    else:
        flags[long_name] = "true"
    return 1
