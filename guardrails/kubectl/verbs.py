"""The commands that are taken, each with the flags it may have; and those that never are, each with its reason.

What stands in neither table is refused too: a new command of kubectl is unknown until someone has judged it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from guardrails.kubectl import changes, node_changes, reads, values
from guardrails.kubectl.commands import Accepted
from guardrails.kubectl.grammar import Line
from guardrails.kubectl.values import Reader


class Verb(msgspec.Struct, frozen=True):
    """One command that is taken. `form` shows how it is written."""

    form: str
    flags: Mapping[str, Reader]
    build: Callable[[Line], Accepted]


class Never(msgspec.Struct, frozen=True):
    """One command that is not taken. `tier4` says that no agreement would change that."""

    reason: str
    nearest: str
    tier4: bool = False


EVERYWHERE: Mapping[str, Reader] = {"namespace": values.namespace, "request-timeout": values.duration}

VERBS: Mapping[str, Verb] = {
    "get": Verb("kubectl get KIND [NAME] [-n NAMESPACE] [-o wide|yaml|json]", reads.GET, reads.get),
    "describe": Verb("kubectl describe KIND NAME [-n NAMESPACE]", reads.DESCRIBE, reads.describe),
    "logs": Verb("kubectl logs POD [-c CONTAINER] [--previous] [--tail=N]", reads.LOGS, reads.logs),
    "top pod": Verb("kubectl top pod [NAME]", reads.TOP_POD, reads.top_pod),
    "top node": Verb("kubectl top node [NAME]", reads.TOP_NODE, reads.top_node),
    "events": Verb("kubectl events [--for KIND/NAME]", reads.EVENTS, reads.events),
    "explain": Verb("kubectl explain KIND.FIELD", reads.EXPLAIN, reads.explain),
    "api-resources": Verb("kubectl api-resources", reads.API_RESOURCES, reads.nothing),
    "api-versions": Verb("kubectl api-versions", {}, reads.nothing),
    "version": Verb("kubectl version", reads.VERSION, reads.nothing),
    "cluster-info": Verb("kubectl cluster-info", {}, reads.cluster_info),
    "rollout status": Verb("kubectl rollout status KIND/NAME [--timeout=60s]", reads.STATUS, reads.status),
    "rollout history": Verb("kubectl rollout history KIND/NAME [--revision=N]", reads.HISTORY, reads.history),
    "wait": Verb("kubectl wait --for=condition=Ready KIND/NAME [--timeout=60s]", reads.WAIT, reads.wait),
    "auth can-i": Verb("kubectl auth can-i VERB KIND", reads.CAN_I, reads.can_i),
    "auth whoami": Verb("kubectl auth whoami", reads.WHOAMI, reads.whoami),
    "scale": Verb("kubectl scale KIND/NAME --replicas=N", changes.SCALE, changes.scale),
    "rollout restart": Verb("kubectl rollout restart KIND/NAME", changes.NO_FLAGS, changes.restart),
    "rollout undo": Verb("kubectl rollout undo KIND/NAME [--to-revision=N]", changes.UNDO, changes.undo),
    "rollout pause": Verb("kubectl rollout pause KIND/NAME", changes.NO_FLAGS, changes.pause),
    "rollout resume": Verb("kubectl rollout resume KIND/NAME", changes.NO_FLAGS, changes.resume),
    "set image": Verb("kubectl set image KIND/NAME CONTAINER=IMAGE", changes.NO_FLAGS, changes.set_image),
    "set env": Verb("kubectl set env KIND/NAME VARIABLE=VALUE", changes.ENV, changes.set_env),
    "set resources": Verb(
        "kubectl set resources KIND/NAME -c CONTAINER --requests=cpu=100m --limits=memory=1Gi",
        changes.RESOURCES, changes.set_resources,
    ),
    "patch": Verb("""kubectl patch KIND/NAME --type=merge -p '{"spec":{"FIELD":VALUE}}'""", changes.PATCH, changes.patch),
    "label": Verb("kubectl label KIND/NAME KEY=VALUE", changes.MARK, changes.label),
    "annotate": Verb("kubectl annotate KIND/NAME KEY=VALUE", changes.MARK, changes.annotate),
    "cordon": Verb("kubectl cordon NODE", changes.NO_FLAGS, node_changes.cordon),
    "uncordon": Verb("kubectl uncordon NODE", changes.NO_FLAGS, node_changes.uncordon),
    "drain": Verb("kubectl drain NODE --ignore-daemonsets", node_changes.DRAIN, node_changes.drain),
    "taint": Verb("kubectl taint nodes NODE KEY=VALUE:NoSchedule", changes.MARK, node_changes.taint),
    "delete": Verb("kubectl delete KIND/NAME", changes.DELETE, changes.delete),
    "create job": Verb("kubectl create job NAME --from=cronjob/NAME", changes.JOB, changes.create_job),
}  # fmt: skip

_INSIDE = "it reaches into a running container or the network"
_FILE = "kubectl text names no files here: one object is applied from a file by its own option"
_BY_FILE = "kubectl copilot do --file FILE"
_WHOSE = "it changes who may do what"
_LOCAL = "it works on this machine's files, not on the cluster"

NEVER: Mapping[str, Never] = {
    "exec": Never(f"exec runs a program: {_INSIDE}", "kubectl logs POD -c CONTAINER", tier4=True),
    "attach": Never(f"attach: {_INSIDE}", "kubectl logs POD -c CONTAINER", tier4=True),
    "cp": Never(f"cp: {_INSIDE}", "kubectl get configmap NAME -o yaml", tier4=True),
    "port-forward": Never(f"port-forward: {_INSIDE}", "kubectl get endpointslices", tier4=True),
    "proxy": Never("proxy opens the whole API to every program on this machine", "kubectl get KIND", tier4=True),
    "debug": Never("debug adds a container with rights of its own", "kubectl describe pod NAME", tier4=True),
    "run": Never("run starts a pod that nothing owns", _BY_FILE, tier4=True),
    "edit": Never("edit opens an editor: what it would send cannot be seen before", VERBS["patch"].form),
    "replace": Never("replace overwrites, and may delete, what is there", _BY_FILE),
    "apply": Never(_FILE, _BY_FILE),
    "apply edit-last-applied": Never("it opens an editor", _BY_FILE),
    "apply set-last-applied": Never("it rewrites what others compare with", _BY_FILE),
    "apply view-last-applied": Never("the last applied text is dropped wherever objects are read", "kubectl get KIND NAME -o yaml"),
    "create": Never(_FILE, _BY_FILE),
    "create token": Never("create token makes a credential", "kubectl get serviceaccount NAME", tier4=True),
    "autoscale": Never("an autoscaler is applied as an object", _BY_FILE),
    "expose": Never("a Service is applied as an object", _BY_FILE),
    "diff": Never(_FILE, "kubectl copilot do --file FILE (without --allow-changes it only shows the difference)"),
    "kustomize": Never(_LOCAL, _BY_FILE),
    "auth reconcile": Never(f"auth reconcile: {_WHOSE}", "kubectl auth can-i --list", tier4=True),
    "certificate approve": Never("approving a certificate gives someone an identity", "kubectl get csr", tier4=True),
    "certificate deny": Never("certificates are judged elsewhere", "kubectl get csr", tier4=True),
    "set selector": Never("a selector decides whose pods they are", "kubectl get KIND NAME -o yaml"),
    "set serviceaccount": Never(f"set serviceaccount: {_WHOSE}", "kubectl get KIND NAME -o yaml", tier4=True),
    "set subject": Never(f"set subject: {_WHOSE}", "kubectl get rolebindings -o wide", tier4=True),
    "cluster-info dump": Never("it reads everything at once, onto files", "kubectl copilot record FILE"),
    "plugin list": Never("plugins are programs: none is ever run", "kubectl copilot --help"),
    "completion": Never("it prints a shell program", "kubectl copilot --help"),
    "options": Never("it prints kubectl's own help", "kubectl copilot --help"),
}  # fmt: skip
_GROUPS: Mapping[str, Never] = {
    "config": Never("config is about this machine's credentials", "kubectl copilot doctor", tier4=True),
    "alpha": Never("alpha commands change from version to version", "kubectl copilot --help"),
    "kuberc": Never(_LOCAL, "kubectl copilot doctor", tier4=True),
    "create": Never("objects are made from a file, one at a time", _BY_FILE),
}
_MAKES_RIGHTS = frozenset(
    {"create role", "create rolebinding", "create clusterrole", "create clusterrolebinding", "create secret"}
)

# Flags that no command may have, whatever it is.
FLAGS_NEVER: Mapping[str, str] = {
    **dict.fromkeys(("kubeconfig", "context", "cluster", "server", "proxy-url", "tls-server-name"),
                    "the cluster is chosen by this program's own options, never inside a command"),
    **dict.fromkeys(("token", "user", "username", "password", "client-certificate", "client-key"),
                    "no command brings a credential of its own"),
    **dict.fromkeys(("as", "as-group", "as-uid", "as-user-extra"), "no command acts as somebody else"),
    **dict.fromkeys(("insecure-skip-tls-verify", "certificate-authority", "insecure-skip-tls-verify-backend"),
                    "whom to trust is not for a command to say"),
    **dict.fromkeys(("cache-dir", "profile", "profile-output", "log-flush-frequency", "v", "vmodule", "kuberc"),
                    "it is about kubectl's own files and logs"),
    "raw": "a raw address goes round every check",
    "filename": _FILE,
    "kustomize": _FILE,
    "recursive": _FILE,
    "template": "write the template after -o, as in -o go-template=…",
    "dry-run": "every change is rehearsed on the server first, and `do` without --allow-changes only shows the card",
    "force": "force goes round the safeguards of the cluster",
    "now": "a pod gets its own time to end",
    "disable-eviction": "plain deletion goes round disruption budgets",
    "local": "it works on files",
    "all": "a change is for one object, by its name",
    "prune": "it deletes what it does not find",
    "overwrite": "a value that is there is replaced only by its own word",
    "resolve": "it reads Secrets",
    "field-manager": "changes carry this program's own name",
    "save-config": "the last applied text may hold secrets",
    "validate": "every object is checked strictly",
}  # fmt: skip


def never(path: str) -> Never | None:
    """Why a command is never taken; None when that is not known."""
    if path in NEVER:
        return NEVER[path]
    if any(path == one or path.startswith(f"{one} ") for one in _MAKES_RIGHTS):
        return Never("it makes rights or secrets", "kubectl auth can-i --list", tier4=True)
    return _GROUPS.get(path.partition(" ")[0])
