"""The Pod Security Standards, asked of a pod spec: which controls of a level it breaks, in the admission plugin's words.

Upstream: k8s.io/pod-security-admission/policy. Windows pods are exempt from nothing here: they are rare, and named as broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.model import Resource, children, mapping, text, texts

LABEL = "pod-security.kubernetes.io/enforce"
_BASELINE_CAPABILITIES = frozenset({"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
                                    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"})  # fmt: skip
_SAFE_SYSCTLS = frozenset({"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
                           "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
                           "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
                           "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"})  # fmt: skip
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_RESTRICTED_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "image",
    }
)
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def level_of(space: Resource | None) -> str:
    """The level that a namespace enforces; `privileged` where none is set."""
    level = text(space.labels, LABEL) if space is not None else ""
    return level if level in ("baseline", "restricted") else "privileged"


def violations(spec: Mapping[str, Any], level: str, annotations: Mapping[str, Any]) -> list[str]:
    """The controls of the level that a pod breaks; none at level `privileged`."""
    if level == "privileged":
        return []
    found = list(_baseline(spec, annotations))
    return [*found, *_restricted(spec)] if level == "restricted" else found


def _all(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*children(spec, "initContainers"), *children(spec, "containers"), *children(spec, "ephemeralContainers")]


def _security(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(body, "securityContext")


def _named(containers: list[Mapping[str, Any]]) -> str:
    names = ", ".join(f'"{text(container, "name")}"' for container in containers)
    return f"container{'s' if len(containers) > 1 else ''} {names}"


def _baseline(spec: Mapping[str, Any], annotations: Mapping[str, Any]) -> Iterator[str]:
    containers = _all(spec)
    shared = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name) is True]
    if shared:
        yield f"host namespaces ({', '.join(f'{name}=true' for name in shared)})"
    if bad := [c for c in containers if _security(c).get("privileged") is True]:
        yield f"privileged ({_named(bad)} must not set securityContext.privileged=true)"
    if bad := [c for c in containers if set(texts(_security(c), "capabilities", "add")) - _BASELINE_CAPABILITIES]:
        added = sorted(
            {name for c in bad for name in texts(_security(c), "capabilities", "add")} - _BASELINE_CAPABILITIES
        )
        listed = ", ".join(f'"{name}"' for name in added)
        yield f"non-default capabilities ({_named(bad)} must not include {listed} in securityContext.capabilities.add)"
    if paths := [text(volume, "name") for volume in children(spec, "volumes") if "hostPath" in volume]:
        yield f"hostPath volumes (volume {', '.join(paths)})"
    if bad := [c for c in containers if any(port.get("hostPort") for port in children(c, "ports"))]:
        yield f"hostPort ({_named(bad)} uses hostPort)"
    if bad := [c for c in containers if text(_security(c), "procMount") not in ("", "Default")]:
        yield f"procMount ({_named(bad)} must not set securityContext.procMount)"
    holders = [spec, *containers]
    if any(text(_security(holder), "seccompProfile", "type") == "Unconfined" for holder in holders):
        yield "seccompProfile (must not set securityContext.seccompProfile.type to Unconfined)"
    unconfined = any(text(_security(holder), "appArmorProfile", "type") == "Unconfined" for holder in holders)
    if unconfined or any(key.startswith(_APPARMOR) and value == "unconfined" for key, value in annotations.items()):
        yield "forbidden AppArmor profile (unconfined)"
    if any(_odd_selinux(mapping(_security(holder), "seLinuxOptions")) for holder in holders):
        yield "seLinuxOptions (must not set user, role or an unusual type)"
    if unsafe := sorted({text(entry, "name") for entry in children(_security(spec), "sysctls")} - _SAFE_SYSCTLS):
        yield f"forbidden sysctls ({', '.join(unsafe)})"


def _odd_selinux(options: Mapping[str, Any]) -> bool:
    return text(options, "type") not in _SELINUX or bool(options.get("user") or options.get("role"))


def _restricted(spec: Mapping[str, Any]) -> Iterator[str]:
    containers = _all(spec)
    pod = _security(spec)
    if bad := [c for c in containers if _security(c).get("allowPrivilegeEscalation") is not False]:
        yield f"allowPrivilegeEscalation != false ({_named(bad)} must set securityContext.allowPrivilegeEscalation=false)"
    if bad := [c for c in containers if "ALL" not in texts(_security(c), "capabilities", "drop")]:
        yield f'unrestricted capabilities ({_named(bad)} must set securityContext.capabilities.drop=["ALL"])'
    if bad := [c for c in containers if set(texts(_security(c), "capabilities", "add")) - {"NET_BIND_SERVICE"}]:
        yield f"unrestricted capabilities ({_named(bad)} may add NET_BIND_SERVICE only)"
    if bad := [c for c in containers if _security(c).get("runAsNonRoot", pod.get("runAsNonRoot")) is not True]:
        yield f"runAsNonRoot != true (pod or {_named(bad)} must set securityContext.runAsNonRoot=true)"
    if pod.get("runAsUser") == 0 or any(_security(c).get("runAsUser") == 0 for c in containers):
        yield "runAsUser=0 (pod or containers must not set runAsUser=0)"
    allowed = ("RuntimeDefault", "Localhost")
    own = text(pod, "seccompProfile", "type")
    if bad := [c for c in containers if (text(_security(c), "seccompProfile", "type") or own) not in allowed]:
        yield f'seccompProfile (pod or {_named(bad)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    odd = [text(v, "name") for v in children(spec, "volumes") if set(v) - {"name", "hostPath"} - _RESTRICTED_VOLUMES]
    if odd:
        yield f"restricted volume types (volume {', '.join(odd)})"
