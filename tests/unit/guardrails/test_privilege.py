"""What a pod template gains: every power by name, and nothing for what stays or goes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.privilege import dropped_guards, registry_of, template_change

_APP = {"name": "app", "image": "nginx"}


def _with(**container: Any) -> dict[str, Any]:
    return {"containers": [{**_APP, **container}]}


def _secure(**context: Any) -> dict[str, Any]:
    return _with(securityContext=context)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"hostNetwork": True}, "shares the node's Network"),
        ({"hostPID": True}, "shares the node's PID"),
        ({"hostIPC": True}, "shares the node's IPC"),
        ({"serviceAccountName": "admin"}, "service account admin"),
        ({"automountServiceAccountToken": True}, "token"),
        ({"nodeName": "n1"}, "past the scheduler"),
        ({"priorityClassName": "system-node-critical"}, "priority"),
        ({"runtimeClassName": "runc-root"}, "runtime class"),
        ({"shareProcessNamespace": True}, "processes"),
        ({"tolerations": [{"operator": "Exists"}]}, "every taint"),
        ({"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}, "control-plane"),
        ({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "mounts / of the node"),
        ({"volumes": [{"name": "x", "nfs": {"server": "x"}}]}, "volume of type nfs"),
        ({"volumes": [{"name": "x", "csi": {"driver": "d.io"}}]}, "driver d.io"),
        ({"volumes": [{"name": "x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}, "token for"),
        ({"securityContext": {"runAsUser": 0}}, "the pod runs as root"),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, "sysctls"),
        (_secure(privileged=True), "privileged"),
        (_secure(allowPrivilegeEscalation=True), "gain privileges"),
        (_secure(runAsUser=0), "runs as root"),
        (_secure(runAsNonRoot=False), "let run as root"),
        (_secure(procMount="Unmasked"), "/proc"),
        (_secure(seccompProfile={"type": "Unconfined"}), "unconfined"),
        (_secure(windowsOptions={"hostProcess": True}), "host process"),
        (_secure(capabilities={"add": ["SYS_ADMIN"]}), "SYS_ADMIN"),
        (_secure(capabilities={"add": ["CAP_NET_RAW"]}), "CAP_NET_RAW"),
        (_with(ports=[{"containerPort": 80, "hostPort": 80}]), "port 80 on the node"),
        (_with(volumeDevices=[{"name": "x", "devicePath": "/dev/x"}]), "raw block"),
        (_with(volumeMounts=[{"name": "x", "mountPath": "/x", "mountPropagation": "Bidirectional"}]), "into the node"),
        ({"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]}, "container i is privileged"),
        ({"ephemeralContainers": [{"name": "e", "securityContext": {"privileged": True}}]}, "container e"),
    ],
)  # fmt: skip
def test_an_added_power_is_named_and_one_that_was_there_is_not(after: dict[str, Any], said: str) -> None:
    assert any(said in power for power in template_change(_with(), after).powers)
    assert template_change(after, after).powers == ()
    assert template_change(after, _with()).powers == ()


def test_what_keeps_a_pod_small_is_no_power() -> None:
    context = {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}, "runAsNonRoot": True, "runAsUser": 1000}
    spec = {"serviceAccountName": "default", "volumes": [{"name": "x", "emptyDir": {}}], **_secure(**context)}
    assert template_change({}, spec).powers == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (_secure(runAsNonRoot=True), _secure(), "runAsNonRoot"),
        (_secure(allowPrivilegeEscalation=False), _secure(), "allowPrivilegeEscalation"),
        (_secure(readOnlyRootFilesystem=True), _secure(readOnlyRootFilesystem=False), "readOnlyRootFilesystem"),
        (_secure(capabilities={"drop": ["ALL"]}), _secure(), "drops capability ALL"),
        (_secure(seccompProfile={"type": "RuntimeDefault"}), _secure(), "seccompProfile"),
        ({"automountServiceAccountToken": False}, {}, "token is mounted again"),
        ({"hostUsers": False}, {}, "users"),
    ],
)
def test_a_limit_that_is_dropped_is_as_good_as_a_power(
    before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    assert any(said in each for each in dropped_guards(before, after))
    assert dropped_guards(after, before) == ()
    assert dropped_guards(before, before) == ()


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "docker.io"), ("library/nginx:1", "docker.io"), ("quay.io/a/b", "quay.io"), ("localhost/x", "localhost"),
        ("reg:5000/x@sha256:0", "reg:5000"), ("a/b/c", "docker.io"), ("REG/x", "REG"),
    ],
)  # fmt: skip
def test_the_registry_of_an_image_is_read_as_the_runtimes_read_it(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def test_new_registries_and_secrets_are_named() -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}]
    after = {
        "containers": [{"name": "app", "image": "quay.io/x", "env": env, "envFrom": [{"secretRef": {"name": "all"}}]}],
        "volumes": [{"name": "v", "secret": {"secretName": "tls"}}],
        "imagePullSecrets": [{"name": "pull"}],
    }
    change = template_change(_with(), after)
    assert change.registries == ("quay.io",)
    assert change.secrets == ("all", "keys", "pull", "tls")


_JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["containers", "securityContext", "volumes", "hostPath", "csi", "env", "capabilities", "add", "tolerations", "ports",
                 "hostPort", "image", "name", "projected", "sources", "envFrom", "seccompProfile"]
            ),
            inner, max_size=4,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@given(_JUNK, _JUNK)
def test_nothing_a_template_may_hold_makes_the_scanner_crash(before: Any, after: Any) -> None:
    one, two = (side if isinstance(side, dict) else {} for side in (before, after))
    assert template_change(one, one).powers == ()
    template_change(one, two)
    dropped_guards(one, two)
