"""Who may speak to the cluster: the users, their tokens and the kubeconfig that holds a context for each.

Promise: tokens are random, made per cluster, and stand only in files readable by the owner.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLUSTER_NAME = "testbed"


@dataclass(frozen=True)
class User:
    """A person or program the API server knows by a static token."""

    name: str
    groups: tuple[str, ...] = ()


ADMIN = User("admin", ("system:masters",))
OPERATOR = User("operator", ("testbed:operators",))  # may do everything, and each request is in the audit log
READER = User("reader", ("testbed:readers",))  # may look at everything but Secrets
POWERLESS = User("powerless")  # may do nothing
CONTEXTS = (ADMIN, OPERATOR, READER, POWERLESS)
# The service accounts of deploy/: each of their requests is in the audit log, as those of people are.
COPILOT_ACCOUNTS = tuple(f"system:serviceaccount:cluster-copilot:{name}" for name in ("executor", "reader"))
COMPONENTS = tuple(
    User(name, ("system:masters",)) for name in ("controller-manager", "scheduler", "kubelets", "metrics-server")
)


def new_tokens() -> dict[str, str]:
    """A fresh random token for every user."""
    return {user.name: secrets.token_urlsafe(24) for user in (*CONTEXTS, *COMPONENTS)}


def write_token_file(path: Path, tokens: dict[str, str]) -> None:
    """Write the API server's static token file (token,user,uid,"groups")."""
    lines = [
        f'{tokens[user.name]},{user.name},{user.name},"{",".join(user.groups)}"' for user in (*CONTEXTS, *COMPONENTS)
    ]
    _write_private(path, "\n".join(lines) + "\n")


def write_kubeconfig(path: Path, server: str, authority: Path, tokens: dict[str, str], users: tuple[User, ...]) -> None:
    """Write a kubeconfig with one context per user, named as the user; the first is the current one."""
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": users[0].name,
        "clusters": [{"name": CLUSTER_NAME, "cluster": {"server": server, "certificate-authority": str(authority)}}],
        "users": [{"name": user.name, "user": {"token": tokens[user.name]}} for user in users],
        "contexts": [{"name": user.name, "context": {"cluster": CLUSTER_NAME, "user": user.name}} for user in users],
    }
    _write_private(path, json.dumps(config, indent=1))  # JSON is YAML


def grants() -> list[tuple[str, dict[str, Any]]]:
    """Return the (API path, object) pairs that give operator and reader their rights."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    look = ["get", "list", "watch"]
    groups = {
        "": ["nodes", "persistentvolumes", "namespaces", "events"],
        "storage.k8s.io": ["*"],
        "scheduling.k8s.io": ["*"],
        "coordination.k8s.io": ["*"],
        "apiextensions.k8s.io": ["*"],
        "admissionregistration.k8s.io": ["*"],
        "rbac.authorization.k8s.io": ["*"],
        "metrics.k8s.io": ["*"],
        "events.k8s.io": ["*"],
        "discovery.k8s.io": ["*"],
        "resource.k8s.io": ["*"],
        "flowcontrol.apiserver.k8s.io": ["*"],
        "apiregistration.k8s.io": ["*"],
    }
    rules = [{"apiGroups": [group], "resources": names, "verbs": look} for group, names in groups.items()]
    role = {"metadata": {"name": "testbed-reader"}, "rules": rules}
    return [
        (f"{rbac}/clusterroles", role),
        (f"{rbac}/clusterrolebindings", _binding("testbed-operators", "cluster-admin", OPERATOR)),
        (f"{rbac}/clusterrolebindings", _binding("testbed-readers", "testbed-reader", READER)),
        (f"{rbac}/clusterrolebindings", _binding("testbed-readers-view", "view", READER)),
    ]


def _binding(name: str, role: str, user: User) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": user.groups[0]}],
    }


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
