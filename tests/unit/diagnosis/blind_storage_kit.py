"""Parts of the blind clusters about start-up, run time and storage: bystanders, claims, volumes, drivers, stuck pods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.diagnosis.unseen import Case, ago, condition, put, svc

Body = dict[str, Any]
EBS = "ebs.csi.aws.com"


def busy(*nodes: str, arch: str = "amd64", zones: Sequence[str] = ("eu-a", "eu-b")) -> Case:
    """A lived-in cluster: two nodes in two zones, DNS, other healthy apps with a past, and the usual noise of events."""
    made = Case()
    for index, name in enumerate(nodes or ("n1", "n2")):
        made.node(name, labels={"kubernetes.io/arch": arch, "topology.kubernetes.io/zone": zones[index % len(zones)]})
        made.lease(name)
    for name in ("shop", "platform", "kube-system", "default"):
        made.add("Namespace", name, status={"phase": "Active"})
    put(made, "coredns", ns="kube-system", labels={"k8s-app": "kube-dns"}, replicas=2)
    svc(made, "kube-dns", 53, ns="kube-system", selector={"k8s-app": "kube-dns"}, ip="10.96.0.10")
    put(made, "storefront", replicas=2, containers={"web": {"ports": [{"containerPort": 8080}], "resources": {"limits": {"memory": "256Mi"}}}}, states="restarted:1", nodes=("n1", "n2"))  # fmt: skip
    for body, _ in made.bodies:  # the restarts are an hour's past
        if body["kind"] == "Pod" and body["metadata"]["name"].startswith("storefront-"):
            status = body["status"]["containerStatuses"][0]
            status["state"]["running"]["startedAt"] = ago(2390)
            status["lastState"]["terminated"] |= {"startedAt": ago(2900), "finishedAt": ago(2400)}
    svc(made, "storefront", 80, 8080)
    put(made, "scraper", ns="platform", kind="DaemonSet", nodes=tuple(nodes or ("n1", "n2")))
    made.add("ConfigMap", "storefront-settings", "shop", data={"THEME": "dark", "CURRENCY": "EUR"})
    made.event("Pod", "storefront-abc-x0", "shop", "Unhealthy", 'Readiness probe failed: Get "http://10.244.1.20:8080/ready": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', count=1, first=3000, last=3000)  # fmt: skip
    made.event("Pod", "storefront-abc-y1", "shop", "Pulled", 'Container image "registry.example/storefront:1.4.2" already present on machine', type_="Normal", count=4, last=190)  # fmt: skip
    made.event("Node", "n1", "", "NodeHasSufficientMemory", "Node n1 status is now: NodeHasSufficientMemory", type_="Normal", count=1, first=3400, last=3400)  # fmt: skip
    made.event("Pod", "scraper-k0", "platform", "FailedScheduling", "0/2 nodes are available: 2 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.", count=1, first=3500, last=3500)  # fmt: skip
    return made


def pods_of(made: Case, name: str, ns: str = "shop") -> list[str]:
    """The pods of a workload made with `put`."""
    return [
        body["metadata"]["name"]
        for body, _ in made.bodies
        if body["kind"] == "Pod" and body["metadata"].get("namespace") == ns
        and body["metadata"].get("labels", {}).get("app") == name
    ]  # fmt: skip


def say(made: Case, name: str, reason: str, message: str, *, ns: str = "shop", type_: str = "Warning", count: int = 12, **more: Any) -> Case:  # fmt: skip
    """The same event for every pod of a workload; `{pod}` stands for its name."""
    for pod in pods_of(made, name, ns):
        made.event("Pod", pod, ns, reason, message.replace("{pod}", pod), type_=type_, count=count, **more)
    return made


def pull(made: Case, name: str, image: str, why: str, *, ns: str = "shop", state: str = "ImagePullBackOff", **more: Any) -> Case:  # fmt: skip
    """A workload whose image cannot be pulled, as containerd and the kubelet tell it."""
    policy = {"imagePullPolicy": more.pop("policy")} if "policy" in more else {}
    full = f'Back-off pulling image "{image}": ErrImagePull: {why}' if state == "ImagePullBackOff" else why
    put(made, name, ns=ns, containers={name: {"image": image, **policy}}, states=f"wait:{state}:{full}", **more)
    say(made, name, "Pulling", f'Pulling image "{image}"', ns=ns, type_="Normal", count=4)
    say(made, name, "Failed", f'Failed to pull image "{image}": {why}', ns=ns, count=4)
    say(made, name, "Failed", "Error: ErrImagePull", ns=ns, count=4)
    return say(made, name, "BackOff", f'Back-off pulling image "{image}"', ns=ns, type_="Normal", count=31)


def vol(name: str, **source: Any) -> Body:
    """One volume of a pod."""
    return {"name": name, **source}


def mounted(volume: str, path: str, **more: Any) -> Body:
    """One mount of a container."""
    return {"name": volume, "mountPath": path, **more}


def creating(made: Case, name: str, reason: str, message: str, *, ns: str = "shop", count: int = 14, **more: Any) -> Case:  # fmt: skip
    """A workload whose pods stand in ContainerCreating, with one warning that says why."""
    put(made, name, ns=ns, states="wait:ContainerCreating", pod_status={"podIP": ""}, **more)
    return say(made, name, reason, message, ns=ns, count=count)


def unscheduled(made: Case, name: str, message: str, *, ns: str = "shop", **more: Any) -> Case:
    """A workload the scheduler finds no node for."""
    put(made, name, ns=ns, nodes=("",), phase="Pending", states="wait:ContainerCreating",
        pod_status={"podIP": "", "containerStatuses": [], "conditions": [condition("PodScheduled", "False", "Unschedulable", message)]}, **more)  # fmt: skip
    return say(made, name, "FailedScheduling", message, ns=ns)


def sc(made: Case, name: str = "gp3", provisioner: str = EBS, *, default: bool = False, mode: str = "WaitForFirstConsumer", **more: Any) -> Case:  # fmt: skip
    """A StorageClass."""
    notes = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}} if default else {}
    return made.add("StorageClass", name, api="storage.k8s.io/v1", metadata=notes, provisioner=provisioner, reclaimPolicy="Delete",
                    volumeBindingMode=mode, **more)  # fmt: skip


def pvc(
    made: Case, name: str, *, ns: str = "shop", cls: str | None = "gp3", size: str = "20Gi", volume: str = "",
    phase: str = "", modes: Sequence[str] = ("ReadWriteOnce",), metadata: Body | None = None, status: Body | None = None,
    age: float = 3600, **spec: Any,
) -> Case:  # fmt: skip
    """A claim: Bound when it has a volume, unless told otherwise."""
    phase = phase or ("Bound" if volume else "Pending")
    bound = {"accessModes": list(modes), "capacity": {"storage": size}} if phase == "Bound" else {}
    body = {
        "accessModes": list(modes),
        "resources": {"requests": {"storage": size}},
        "volumeMode": "Filesystem",
        **spec,
    }
    if cls is not None:
        body["storageClassName"] = cls
    if volume:
        body["volumeName"] = volume
    return made.add("PersistentVolumeClaim", name, ns, metadata=metadata, age=age, spec=body, status={"phase": phase, **bound, **(status or {})})  # fmt: skip


def pv(
    made: Case, name: str, *, claim: str = "", ns: str = "shop", cls: str = "gp3", size: str = "20Gi", phase: str = "",
    modes: Sequence[str] = ("ReadWriteOnce",), source: Body | None = None, uid: str = "", zone: str = "", host: str = "",
    labels: Mapping[str, str] | None = None, message: str = "", policy: str = "Delete",
) -> Case:  # fmt: skip
    """A volume, of the EBS driver unless told otherwise."""
    spec: Body = {"capacity": {"storage": size}, "accessModes": list(modes), "storageClassName": cls,
                  "persistentVolumeReclaimPolicy": policy, **(source or {"csi": {"driver": EBS, "volumeHandle": f"vol-{name}"}})}  # fmt: skip
    if claim:
        spec["claimRef"] = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": ns, "name": claim,
                            "uid": uid or f"uid-PersistentVolumeClaim-{ns}-{claim}"}  # fmt: skip
    key = ("topology.kubernetes.io/zone", zone) if zone else ("kubernetes.io/hostname", host)
    if key[1]:
        term = {"matchExpressions": [{"key": key[0], "operator": "In", "values": [key[1]]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    status = {"phase": phase or ("Bound" if claim else "Available"), **({"message": message} if message else {})}
    return made.add("PersistentVolume", name, labels=labels, spec=spec, status=status)


def disk(made: Case, claim: str, *, ns: str = "shop", **more: Any) -> Case:
    """A bound claim with its volume."""
    volume = f"pvc-{claim}"
    cls = more.pop("cls", "gp3")
    zone, source = more.pop("zone", ""), more.pop("source", None)
    pvc(made, claim, ns=ns, volume=volume, cls=cls, **more)
    sizes = {key: more[key] for key in ("size", "modes") if key in more}
    return pv(made, volume, claim=claim, ns=ns, cls=cls, zone=zone, source=source, **sizes)


def claims(made: Case, name: str, template: str = "data", *, ns: str = "shop", cls: str | None = "gp3", size: str = "20Gi", path: str = "/data", **more: Any) -> Case:  # fmt: skip
    """A StatefulSet with a claim template; its pods mount their claims (the claims themselves are not made)."""
    asked: Body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if cls is not None:
        asked["storageClassName"] = cls
    containers = more.pop("containers", {name: {}})
    first = next(iter(containers))
    containers[first] = {"volumeMounts": [mounted(template, path)], **containers[first]}
    outer = {"serviceName": name, "volumeClaimTemplates": [{"metadata": {"name": template}, "spec": asked}]}
    make = more.pop("make", put)
    make(made, name, ns=ns, kind="StatefulSet", containers=containers, outer=outer, **more)
    wanted = set(pods_of(made, name, ns))
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"] in wanted and body["metadata"].get("namespace") == ns:
            claim = {"persistentVolumeClaim": {"claimName": f"{template}-{body['metadata']['name']}"}}
            body["spec"]["volumes"] = [*body["spec"].get("volumes", []), vol(template, **claim)]
    return made


def driver(
    made: Case, name: str = EBS, short: str = "ebs-csi", *, ns: str = "kube-system", nodes: Sequence[str] = ("n1", "n2"),
    on: Sequence[str] | None = None, controller: str | dict[str, str] = "ok", logs: Mapping[str, str] | str = "", node: str = "ok",
    count: int = 25, node_logs: str = "",
) -> Case:  # fmt: skip
    """A CSI driver: its object, what each node knows of it, controller and node plugin."""
    made.add("CSIDriver", name, api="storage.k8s.io/v1", spec={"attachRequired": True, "podInfoOnMount": False})
    for host in nodes:
        known = [{"name": name, "nodeID": f"i-{host}", "topologyKeys": ["topology.kubernetes.io/zone"], "allocatable": {"count": count}}]  # fmt: skip
        made.add("CSINode", host, api="storage.k8s.io/v1", spec={"drivers": known if host in (on if on is not None else nodes) else []})  # fmt: skip
    sidecars: dict[str, Body] = {f"{short}-plugin": {}, "csi-provisioner": {}, "csi-attacher": {}}
    put(made, f"{short}-controller", ns=ns, containers=sidecars, states=controller, logs=logs)
    return put(made, f"{short}-node", ns=ns, kind="DaemonSet", containers={f"{short}-plugin": {}, "node-driver-registrar": {}}, nodes=tuple(nodes), states=node, logs=node_logs)  # fmt: skip


__all__ = [
    "EBS", "ago", "busy", "claims", "creating", "disk", "driver", "mounted", "pods_of", "pull", "pv", "pvc", "say", "sc",
    "unscheduled", "vol",
]  # fmt: skip
