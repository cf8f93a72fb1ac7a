"""The causes that only manifests have: what the API server would refuse before any of it runs. All others are the catalogue's."""

from __future__ import annotations

from copilot.diagnosis.cause import Cause, Severity


def _cause(
    name: str, title: str, *fields: str, kind: str = "Deployment", severity: Severity = Severity.OUTAGE, step: str = "Correct the manifest",
    citation: str = "k8s.io/kubernetes pkg/apis validation",
) -> Cause:  # fmt: skip
    return Cause(
        id=f"manifest.{name}",
        title=title,
        kind=kind,
        fields=fields,
        severity=severity,
        steps=(step,),
        citation=citation,
    )


SELECTOR = _cause(
    "selector_mismatch", "The selector does not match the labels of the template",
    "spec.selector", "spec.template.metadata.labels", citation="pkg/apis/apps/validation/validation.go",
)  # fmt: skip
DUPLICATE = _cause("duplicate", "Two manifests are the same object", "metadata.name", kind="any", step="Keep one of them",
                   citation="kubectl apply: the last one wins")  # fmt: skip
API_REMOVED = _cause("api_removed", "The API version is no longer served", "apiVersion", kind="any", step="Use the version that replaced it",
                     citation="kubernetes.io/docs/reference/using-api/deprecation-guide")  # fmt: skip
API_DEPRECATED = _cause("api_deprecated", "The API version is deprecated", "apiVersion", kind="any", severity=Severity.NOTICE,
                        step="Use the version that replaces it", citation="kubernetes.io/docs/reference/using-api/deprecation-guide")  # fmt: skip
PORT_CONFLICT = _cause("port_conflict", "Two containers of a pod want the same port", "spec.template.spec.containers[].ports",
                       step="Give each container a port of its own")  # fmt: skip
PROBE_PORT = _cause("probe_port", "A probe asks a port that its container does not declare", "spec.template.spec.containers[].livenessProbe",
                    step="Correct the port of the probe", citation="pkg/probe ResolveContainerPort")  # fmt: skip
NAME_TWICE = _cause(
    "name_twice",
    "Two items of a list have the same name",
    "spec.template.spec.containers[].name",
    step="Rename one of them",
)
VOLUME = _cause("volume_missing", "A mount names a volume that the pod does not have", "spec.template.spec.containers[].volumeMounts",
                step="Add the volume or correct the name")  # fmt: skip
IMMUTABLE = _cause("immutable", "A field is changed that cannot be changed on the existing object", "spec", kind="any",
                   step="Keep the field, or delete and create the object anew")  # fmt: skip
NAMESPACE = _cause("namespace_missing", "The namespace does not exist", "metadata.namespace", kind="any", step="Create the namespace first",
                   citation="plugin/pkg/admission/namespace/lifecycle")  # fmt: skip
REFERENCE = _cause(
    "reference_missing",
    "An object that a manifest names does not exist",
    "spec",
    kind="any",
    step="Add it to the manifests",
)
BUDGET = _cause("budget_blocks_all", "A PodDisruptionBudget allows no pod to be evicted", "spec.minAvailable", "spec.maxUnavailable",
                kind="PodDisruptionBudget", severity=Severity.DEGRADED, step="Leave room for one pod", citation="pkg/controller/disruption")  # fmt: skip
BOUNDS = _cause("bounds", "A lower bound is above its upper bound", "spec.minReplicas", "spec.template.spec.containers[].resources",
                kind="any", step="Correct the bounds")  # fmt: skip
RESTART_POLICY = _cause("restart_policy", "The restart policy is not allowed for this kind", "spec.template.spec.restartPolicy", kind="Job",
                        step="Set a restart policy that the kind allows")  # fmt: skip

ALL: tuple[Cause, ...] = (
    SELECTOR, DUPLICATE, API_REMOVED, API_DEPRECATED, PORT_CONFLICT, PROBE_PORT, NAME_TWICE, VOLUME, IMMUTABLE, NAMESPACE, REFERENCE,
    BUDGET, BOUNDS, RESTART_POLICY,
)  # fmt: skip
