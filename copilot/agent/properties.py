"""What people ask of one object, by the words they use: `env`, `ip`, `taints`, `min replicas`. A table from words to a reading and its field.

A reading answers in words, or with nothing where the object does not say; it never computes what was not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state, metrics_text, ports_text
from copilot.agent.facts import (
    REPLICATED,
    SCALED,
    TEMPLATED,
    containers,
    devices_of,
    job_times,
    published_devices,
    replicas,
    storage_of,
)
from copilot.agent.patterns import compiled
from copilot.agent.property_readings import (
    env_names,
    node_condition_texts,
    probes_text,
    resources_text,
    storage_text,
    taints_text,
    template_setting,
)
from copilot.diagnosis.pods import condition
from copilot.model import Resource, age_text, children, mapping, number, text, texts
from copilot.model.moment import stamp
from copilot.model.quantity import format_amount, format_bytes
from retrievers.graph.placement import allocatable_of

Reading = Callable[[Asking, Resource], str]


class Property(msgspec.Struct, frozen=True):
    """One thing to ask of an object. `kinds` are those that have it (none means all), `field` where it stands."""

    name: str
    pattern: str
    kinds: tuple[str, ...]
    read: Reading
    field: str


def _field(*path: str) -> Reading:
    return lambda _, resource: text(resource.body, *path)


def _labels(_: Asking, resource: Resource) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(resource.labels.items())) or "none"


def _annotations(_: Asking, resource: Resource) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(resource.annotations.items())) or "none"


def _capacity(name: str) -> Reading:
    return lambda _, node: format_amount(name, allocatable_of(node)[name]) if name in allocatable_of(node) else ""


def _gpus(asking: Asking, node: Resource) -> str:
    shown = [f"{format_amount(name, amount)} {name}" for name, amount in sorted(devices_of(node).items())]
    published = [device for _, place, device in published_devices(asking) if place == node.ref.name]
    shown += [f"{len(published)} published devices"] if published else []
    models = sorted({str(v) for k, v in node.labels.items() if k.endswith("gpu.product")})
    return (", ".join(shown) + (f" ({', '.join(models)})" if models else "")) if shown else "none"


def _age(asking: Asking, resource: Resource) -> str:
    if resource.created is None:
        return ""
    return f"{age_text((asking.now - resource.created).total_seconds())} (created {stamp(resource.created)})"


def _job_end(asking: Asking, job: Resource) -> str:
    _, end = job_times(job)
    return stamp(end) if end else f"not yet ({describe_state(asking.view, job)})"


def _job_start(_: Asking, job: Resource) -> str:
    start, __ = job_times(job)
    return stamp(start) if start else ""


def _took(asking: Asking, job: Resource) -> str:
    start, end = job_times(job)
    if start is None:
        return ""
    return (
        age_text((end - start).total_seconds())
        if end
        else f"{age_text((asking.now - start).total_seconds())} so far, not ended"
    )


def _containers(asking: Asking, resource: Resource) -> str:
    names = [text(container, "name") for container in containers(asking, resource)]
    first = [text(c, "name") for c in children(asking.view.template(resource.ref), "initContainers")]
    return f"{len(names)} ({', '.join(names)})" + (f", {len(first)} init ({', '.join(first)})" if first else "")


def _own_conditions(_: Asking, resource: Resource) -> str:
    return ", ".join(f"{text(c, 'type')}={text(c, 'status')}" for c in children(resource.status, "conditions"))


def _ip(_: Asking, resource: Resource) -> str:
    if resource.ref.kind == "Node":
        return ", ".join(f"{text(a, 'address')} ({text(a, 'type')})" for a in children(resource.status, "addresses"))
    return text(resource.status, "podIP") or text(resource.spec, "clusterIP")


def _selector(_: Asking, resource: Resource) -> str:
    pairs = mapping(resource.spec, "selector", "matchLabels") or mapping(resource.spec, "podSelector", "matchLabels")
    pairs = pairs or {k: v for k, v in mapping(resource.spec, "selector").items() if isinstance(v, str)}
    return ", ".join(f"{key}={value}" for key, value in pairs.items())


def _claim_of(_: Asking, volume: Resource) -> str:
    owner = mapping(volume.spec, "claimRef")
    return f"PersistentVolumeClaim {text(owner, 'namespace')}/{text(owner, 'name')}" if owner else "none"


def _hosts(_: Asking, ingress: Resource) -> str:
    return ", ".join(text(rule, "host") or "*" for rule in children(ingress.spec, "rules"))


def _backends(_: Asking, ingress: Resource) -> str:
    names = dict.fromkeys(
        f"Service {ingress.ref.namespace}/{text(path, 'backend', 'service', 'name')}"
        for rule in children(ingress.spec, "rules")
        for path in children(rule, "http", "paths")
    )
    return ", ".join(names)


def _min_available(_: Asking, budget: Resource) -> str:
    field = "minAvailable" if "minAvailable" in budget.spec else "maxUnavailable"
    return f"{field} {text(budget.spec, field)}"


_PVC = ("PersistentVolumeClaim",)
_HPA = ("HorizontalPodAutoscaler",)
_PDB = ("PodDisruptionBudget",)
_JOB = ("Job",)

PROPERTIES: tuple[Property, ...] = tuple(
    Property(name, pattern, kinds, read, field)
    for name, pattern, kinds, read, field in (
        ("environment variables", r"\benv(?:ironment)?(?: variables?| vars?)?\b", TEMPLATED, env_names, "spec.containers[].env"),
        ("readiness probe", r"\breadiness\b", TEMPLATED, probes_text("readinessProbe"), "spec.containers[].readinessProbe"),
        ("liveness probe", r"\bliveness\b", TEMPLATED, probes_text("livenessProbe"), "spec.containers[].livenessProbe"),
        ("startup probe", r"\bstartup probe\b", TEMPLATED, probes_text("startupProbe"), "spec.containers[].startupProbe"),
        ("probes", r"\b(?:health ?checks?|probes)\b|(?<!readiness )(?<!liveness )(?<!startup )\bprobe\b", TEMPLATED, probes_text("livenessProbe", "readinessProbe", "startupProbe"), "spec.containers[]"),
        ("limits", r"\blimits?\b(?! ranges?)", TEMPLATED, resources_text("limits"), "spec.containers[].resources.limits"),
        ("requests", r"\brequests?\b|\brequested\b", TEMPLATED, resources_text("requests"), "spec.containers[].resources.requests"),
        ("containers", r"\bcontainers?\b(?! port)", TEMPLATED, _containers, "spec.containers"),
        ("service account", r"\bservice ?account\b|\bruns? as\b", TEMPLATED, template_setting("serviceAccountName", "default"), "spec.serviceAccountName"),
        ("priority class", r"\bpriority ?class\b", TEMPLATED, template_setting("priorityClassName", "none"), "spec.priorityClassName"),
        ("node selector", r"\bnode ?selectors?\b", TEMPLATED, template_setting("nodeSelector", "none"), "spec.nodeSelector"),
        ("tolerations", r"\btolerat\w+\b", TEMPLATED, template_setting("tolerations", "none"), "spec.tolerations"),
        ("storage", r"\bstorage\b(?! ?class)|\bvolumes?\b|\bdisks?\b|\bpvcs?\b", TEMPLATED, storage_text, "spec.volumes"),
        ("restart policy", r"\brestart ?policy\b", TEMPLATED, template_setting("restartPolicy", "Always"), "spec.restartPolicy"),
        ("grace period", r"\bgrace ?period\b|\btermination\w*\b", TEMPLATED, template_setting("terminationGracePeriodSeconds", "30"), "spec.terminationGracePeriodSeconds"),
        ("priority", r"\bpriority\b(?! ?class)", ("Workload", "Pod", "PriorityClass"), lambda _, r: text(r.spec, "priority") or text(r.body, "value"), "spec.priority"),
        ("strategy", r"\b(?:update |rollout |deployment )?strategy\b", ("Deployment", "StatefulSet", "DaemonSet"), lambda _, r: text(r.spec, "strategy", "type") or text(r.spec, "updateStrategy", "type"), "spec.strategy"),
        ("minimum replicas", r"\bmin(?:imum)?\b", _HPA, lambda _, r: text(r.spec, "minReplicas") or "1", "spec.minReplicas"),
        ("maximum replicas", r"\bmax(?:imum)?\b", _HPA, _field("spec", "maxReplicas"), "spec.maxReplicas"),
        ("target", r"\btargets?\b|\bthreshold\b|\bmetrics?\b|\butili[sz]ation\b", _HPA, lambda _, r: metrics_text(r), "spec.metrics"),
        ("replicas", r"\breplicas?\b|\bscaled?\b|\binstances\b|\bcopies\b", (*REPLICATED, *SCALED), lambda a, r: f"{replicas(r)} wanted, {describe_state(a.view, r)}", "spec.replicas"),
        ("current replicas", r"\breplicas?\b", _HPA, lambda _, r: f"{number(r.status, 'currentReplicas')} now, {number(r.status, 'desiredReplicas')} desired", "status.currentReplicas"),
        ("allowed disruptions", r"\bdisruptions?\b(?! budget)|\bevictions?\b|\bevict\w*\b", _PDB, lambda _, r: f"{number(r.status, 'disruptionsAllowed')} ({number(r.status, 'currentHealthy')} healthy, {number(r.status, 'desiredHealthy')} wanted)", "status.disruptionsAllowed"),
        ("requirement", r"\brequir\w+\b|\bmin ?available\b|\bmax ?unavailable\b|\bminimum\b|\bneed\b", _PDB, _min_available, "spec"),
        ("taints", r"\btaint\w*\b", ("Node",), taints_text, "spec.taints"),
        ("conditions", r"\bconditions?\b", ("Node",), node_condition_texts, "status.conditions"),
        ("conditions", r"\bconditions?\b", (), _own_conditions, "status.conditions"),
        ("pressure", r"\bpressure\b", ("Node",), node_condition_texts, "status.conditions"),
        ("allocatable CPU", r"\bcpus?\b|\bcores?\b", ("Node",), _capacity("cpu"), "status.allocatable.cpu"),
        ("allocatable memory", r"\bmemory\b|\bram\b", ("Node",), _capacity("memory"), "status.allocatable.memory"),
        ("accelerators", r"\bgpus?\b|\baccelerators?\b", ("Node",), _gpus, "status.allocatable"),
        ("pod slots", r"\b(?:max|maximum|how many) pods\b.*\b(?:can|max|hold|limit|run at most)\b|\bmax ?pods\b", ("Node",), _capacity("pods"), "status.allocatable.pods"),
        ("kubelet version", r"\bversion\b|\bkubelet\b", ("Node",), _field("status", "nodeInfo", "kubeletVersion"), "status.nodeInfo.kubeletVersion"),
        ("operating system", r"\bos\b|\boperating system\b|\bdistro\b", ("Node",), _field("status", "nodeInfo", "osImage"), "status.nodeInfo.osImage"),
        ("container runtime", r"\bruntime\b|\bcontainerd\b", ("Node",), _field("status", "nodeInfo", "containerRuntimeVersion"), "status.nodeInfo.containerRuntimeVersion"),
        ("architecture", r"\barch(?:itecture)?\b", ("Node",), _field("status", "nodeInfo", "architecture"), "status.nodeInfo.architecture"),
        ("IP address", r"\bips?\b|\bip ?address(?:es)?\b|\bcluster ?ip\b", ("Pod", "Service", "Node"), _ip, "status.podIP"),
        ("selector", r"(?<!node )\bselectors?\b|\bselects?\b", ("Service", *REPLICATED, *_PDB, "NetworkPolicy"), _selector, "spec.selector"),
        ("type", r"\btype\b", ("Service", "Secret"), lambda _, r: text(r.spec, "type") or text(r.body, "type"), "spec.type"),
        ("ports", r"\bports?\b", ("Service",), lambda _, r: ports_text(list(children(r.spec, "ports"))), "spec.ports"),
        ("size", r"\bsiz\w+\b|\bbig\b|\blarge\b|\bcapacity\b|\bhow much storage\b|\bgb\b", (*_PVC, "PersistentVolume"), lambda _, r: format_bytes(storage_of(r)), "status.capacity.storage"),
        ("storage class", r"\bclass\b|\bstorage ?class\b", (*_PVC, "PersistentVolume"), lambda _, r: text(r.spec, "storageClassName") or "none", "spec.storageClassName"),
        ("access modes", r"\baccess ?modes?\b", (*_PVC, "PersistentVolume"), lambda _, r: ", ".join(texts(r.spec, "accessModes")), "spec.accessModes"),
        ("volume", r"\bvolume\b|\bback(?:s|ed)\b|\bbound to\b|\bpv\b", _PVC, lambda _, r: text(r.spec, "volumeName") or "none yet", "spec.volumeName"),
        ("reclaim policy", r"\breclaim\b", ("PersistentVolume", "StorageClass"), lambda _, r: text(r.spec, "persistentVolumeReclaimPolicy") or text(r.body, "reclaimPolicy") or "Delete", "spec.persistentVolumeReclaimPolicy"),
        ("claim", r"\bclaim(?:ed)?\b|\bbound to\b|\bpvc\b|\bwho uses\b", ("PersistentVolume",), _claim_of, "spec.claimRef"),
        ("provisioner", r"\bprovisioner\b|\bdriver\b", ("StorageClass",), _field("provisioner"), "provisioner"),
        ("binding mode", r"\bbinding ?mode\b", ("StorageClass",), lambda _, r: text(r.body, "volumeBindingMode") or "Immediate", "volumeBindingMode"),
        ("keys", r"\bkeys?\b|\bentries\b|\bdata\b|\bcontains?\b", ("ConfigMap", "Secret"), lambda a, r: describe_state(a.view, r).removeprefix("keys "), "data"),
        ("hosts", r"\bhosts?\b|\burls?\b|\bdomains?\b|\bhostnames?\b", ("Ingress",), _hosts, "spec.rules[].host"),
        ("backends", r"\bservices?\b|\bbackends?\b|\broutes?\b|\bpoints?\b", ("Ingress",), _backends, "spec.rules[].http.paths[].backend"),
        ("end", r"\b(?:finish\w*|end(?:ed)?|complete[ds]?|done)\b", _JOB, _job_end, "status.completionTime"),
        ("start", r"\b(?:start\w*|began|begin)\b", _JOB, _job_start, "status.startTime"),
        ("duration", r"\b(?:take|took|duration|how long)\b", _JOB, _took, "status"),
        ("schedule", r"\bschedule\b|\bhow often\b|\bcron expression\b", ("CronJob",), lambda a, r: describe_state(a.view, r), "spec.schedule"),
        ("concurrency policy", r"\bconcurrency\b|\boverlap\w*\b", ("CronJob",), lambda _, r: text(r.spec, "concurrencyPolicy") or "Allow", "spec.concurrencyPolicy"),
        ("attempts", r"\battempts?\b|\btries\b|\btried\b|\bretries\b", _JOB, lambda _, r: f"{number(r.status, 'failed')} failed, {number(r.status, 'succeeded')} succeeded, {number(r.status, 'active')} active", "status"),
        ("backoff limit", r"\bbackoff\b|\bretr(?:y|ies)\b", _JOB, _field("spec", "backoffLimit"), "spec.backoffLimit"),
        ("parallelism", r"\bparallel\w*\b", _JOB, _field("spec", "parallelism"), "spec.parallelism"),
        ("revision", r"\brevision\b", ("Deployment", "ReplicaSet"), lambda _, r: text(r.annotations, "deployment.kubernetes.io/revision"), "metadata.annotations"),
        ("labels", r"\blabels\b|\blabel(?:l?ed)?$", (), _labels, "metadata.labels"),
        ("annotations", r"\bannotations?\b", (), _annotations, "metadata.annotations"),
        ("finalizers", r"\bfinalizers?\b", (), lambda _, r: ", ".join(texts(r.metadata, "finalizers")) or "none", "metadata.finalizers"),
        ("uid", r"\buid\b", (), _field("metadata", "uid"), "metadata.uid"),
        ("age", r"\bhow (?:old|young)\b|\bage\b|\bwhen (?:was|were) .*\b(?:created|made|deployed|started)\b|\bhow long (?:has|have|is|are|was|did)\b|\bsince when\b|\bcreated\b", (), _age, "metadata.creationTimestamp"),
        ("scaling", r"\bactive\b|\bable to scale\b|\bwork(?:s|ing)\b", _HPA, lambda _, r: f"ScalingActive={text(condition(r, 'ScalingActive'), 'status') or 'unknown'} {text(condition(r, 'ScalingActive'), 'reason')}".strip(), "status.conditions[ScalingActive]"),
    )
)  # fmt: skip


def properties_in(lowered: str, kind: str) -> Iterator[Property]:
    """The things a question asks of an object of this kind; the first reading of a name wins."""
    told: set[str] = set()
    for one in PROPERTIES:
        if (not one.kinds or kind in one.kinds) and one.name not in told and compiled(one.pattern).search(lowered):
            told.add(one.name)
            yield one
