"""Refusals by PodSecurity, policies, missing accounts and classes: which object must change and what it lacks.

Names that do not exist are compared with those that do; nothing is called missing that could not be listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.rules.admission.api_versions import REMOVED, gone, sentence
from copilot.diagnosis.rules.admission.message import Denial, Refusal
from copilot.diagnosis.rules.admission.record import Denied, evidence_of, explained, since_of
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, read
from copilot.model import Evidence, Finding, NextStep, Ref, mapping, text
from copilot.model.likeness import nearest


def _cause(
    denial: Denial, title: str, kind: str, fields: tuple[str, ...], *, yields: bool = False, citation: str = ""
) -> Cause:
    return Cause(
        id=denial.value,
        title=title,
        kind=kind,
        fields=fields,
        yields=yields,
        steps=("Read the refusal", "Change the object that it names"),
        citation=citation,
    )


_POD = ("spec.template.spec", "event FailedCreate")
CAUSES: Mapping[Denial, Cause] = {
    Denial.POD_SECURITY: _cause(
        Denial.POD_SECURITY, "A pod breaks the PodSecurity level of its namespace", "Deployment",
        ("Namespace.metadata.labels[pod-security.kubernetes.io/enforce]", *_POD),
        citation="staging/src/k8s.io/pod-security-admission/admission/admission.go",
    ),
    Denial.SCC: _cause(
        Denial.SCC, "No security context constraint allows the pod", "Deployment", _POD,
        citation="OpenShift SCC admission",
    ),
    Denial.POLICY: _cause(
        Denial.POLICY, "A ValidatingAdmissionPolicy refuses the object", "Deployment",
        ("ValidatingAdmissionPolicy.spec.validations[]", "event FailedCreate"),
        citation="staging/src/k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go",
    ),
    Denial.POLICY_BROKEN: _cause(
        Denial.POLICY_BROKEN, "A ValidatingAdmissionPolicy cannot be evaluated, so it refuses everything", "ValidatingAdmissionPolicyBinding",
        ("ValidatingAdmissionPolicyBinding.spec.paramRef", "ValidatingAdmissionPolicy.spec", "event FailedCreate"),
        citation="staging/src/k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go",
    ),
    Denial.QUOTA_SCOPE: _cause(
        Denial.QUOTA_SCOPE, "A priority class may only be used where a ResourceQuota covers it", "Deployment",
        ("spec.template.spec.priorityClassName", "ResourceQuota.spec.scopeSelector", "event FailedCreate"),
        citation="staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go",
    ),
    Denial.NODE_SELECTOR: _cause(
        Denial.NODE_SELECTOR, "A pod's node selector contradicts that of its namespace", "Deployment",
        ("Namespace.metadata.annotations[scheduler.alpha.kubernetes.io/node-selector]", *_POD),
        citation="plugin/pkg/admission/podnodeselector/admission.go",
    ),
    Denial.PLUGIN: _cause(
        Denial.PLUGIN, "An admission plugin refuses the object", "Deployment", _POD,
        citation="staging/src/k8s.io/apiserver/pkg/admission/errors.go NewForbidden",
    ),
    Denial.SERVICE_ACCOUNT: _cause(
        Denial.SERVICE_ACCOUNT, "Pods name a ServiceAccount that does not exist", "Deployment",
        ("spec.template.spec.serviceAccountName", "event FailedCreate"),
        citation="plugin/pkg/admission/serviceaccount/admission.go",
    ),
    Denial.PRIORITY_CLASS: _cause(
        Denial.PRIORITY_CLASS, "Pods name a PriorityClass that does not exist", "Deployment",
        ("spec.template.spec.priorityClassName", "event FailedCreate"),
        citation="plugin/pkg/admission/priority/admission.go",
    ),
    Denial.RUNTIME_CLASS: _cause(
        Denial.RUNTIME_CLASS, "Pods name a RuntimeClass that does not exist", "Deployment",
        ("spec.template.spec.runtimeClassName", "event FailedCreate"),
        citation="plugin/pkg/admission/runtimeclass/admission.go",
    ),
    Denial.TERMINATING: _cause(
        Denial.TERMINATING, "A namespace is being deleted, so nothing can be created in it", "Namespace",
        ("Namespace.metadata.deletionTimestamp", "event FailedCreate"), yields=True,
        citation="staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go",
    ),
    Denial.CONVERSION: _cause(
        Denial.CONVERSION, "A custom resource's conversion webhook fails", "CustomResourceDefinition",
        ("CustomResourceDefinition.spec.conversion",),
        citation="staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go",
    ),
    Denial.NO_KIND: _cause(
        Denial.NO_KIND, "A kind is used that the cluster does not serve", "CustomResourceDefinition",
        ("CustomResourceDefinition.spec.names.kind",),
        citation="staging/src/k8s.io/apimachinery/pkg/api/meta/errors.go",
    ),
    Denial.INVALID: _cause(
        Denial.INVALID, "The API server refuses a field of the object", "Deployment", _POD,
        citation="staging/src/k8s.io/apimachinery/pkg/util/validation/field/errors.go",
    ),
}  # fmt: skip
POLICY_CAUSES = tuple(CAUSES.values())

_VERSION = re.compile(r"in version \"([\w.\-/]{1,140})\"")
_POLICIES = "admissionregistration.k8s.io"
_NODE_SELECTOR = "scheduler.alpha.kubernetes.io/node-selector"
# denial → (kind, group, namespaced, field of the pod spec that names it)
_NAMED = {
    Denial.SERVICE_ACCOUNT: ("ServiceAccount", "", True, "serviceAccountName"),
    Denial.PRIORITY_CLASS: ("PriorityClass", "scheduling.k8s.io", False, "priorityClassName"),
    Denial.RUNTIME_CLASS: ("RuntimeClass", "node.k8s.io", False, "runtimeClassName"),
}


def explain_policy(view: View, group: Sequence[Denied]) -> Iterator[Finding]:
    """Explain refusals of one kind that name the same thing."""
    denial = group[0].refusal.denial
    if denial in _NAMED:
        yield _missing_name(view, group)
        return
    if denial is Denial.TERMINATING:
        yield _terminating(group)
        return
    if denial is Denial.POLICY_BROKEN:
        yield _broken_policy(view, group)
        return
    if denial in CAUSES:
        for owner in dict.fromkeys(denied.owner for denied in group):
            yield _by_object(view, owner, [denied for denied in group if denied.owner == owner])


def _missing_name(view: View, group: Sequence[Denied]) -> Finding:
    refusal = group[0].refusal
    kind, api, namespaced, field = _NAMED[refusal.denial]
    space = group[0].namespace if namespaced else ""
    missing = Ref(kind, space, refusal.name, api)
    owners = list(dict.fromkeys(denied.owner for denied in group))
    ref = owners[0] if len(owners) == 1 else missing
    others = [item.ref.name for item in view.graph.of_kind(kind, space or None, group=api)]
    near = nearest(refusal.name, others)
    proof: list[Evidence] = list(evidence_of(group, 2))
    for owner in owners[:2]:
        workload = view.graph.get(owner)
        if workload is not None:
            proof.append(said(workload, f"spec.template.spec.{field}", f"{owner} names {field} {refusal.name}"))
    back = view.graph.get(missing) is not None
    return Finding(
        cause=refusal.denial.value,
        object=ref,
        title=f"{kind} {missing.path} does not exist, but {listed([f'{o.kind} {o.name}' for o in owners])} names it"
        + (f" (there is {near})" if near else ""),
        evidence=tuple(proof),
        explains=explained(group) + ((missing,) if ref != missing else ()),
        weight=0.45 if back else 0.95,
        since=since_of(group),
        steps=(
            read(f"List what exists of kind {kind}", f"kubectl get {kind.lower()}{missing.flags}"),
            change(f"Create it, or correct {field} in {owners[0]}", owners[0]),
        ),
        doubts=(f"{kind} {refusal.name} exists by now",) if back else (),
    )


def _terminating(group: Sequence[Denied]) -> Finding:
    ref = Ref("Namespace", "", group[0].refusal.name or group[0].namespace)
    return Finding(
        cause=Denial.TERMINATING.value,
        object=ref,
        title=f"Namespace {ref.name} is being terminated, so nothing new can be created in it",
        evidence=evidence_of(group),
        explains=explained(group),
        weight=0.8,
        since=since_of(group),
        steps=(describe(ref),),
    )


def _broken_policy(view: View, group: Sequence[Denied]) -> Finding:
    """The policy or its binding is at fault, whatever it refuses: one finding for all its victims."""
    refusal = group[0].refusal
    policy = Ref("ValidatingAdmissionPolicy", "", refusal.name, _POLICIES)
    binding = Ref("ValidatingAdmissionPolicyBinding", "", refusal.resource, _POLICIES)
    lacks_params = "param" in refusal.detail and bool(refusal.resource)
    ref = binding if lacks_params else policy
    found = view.graph.get(binding)
    wanted = mapping(found.spec, "paramRef") if found is not None else {}
    named = "/".join(part for part in (text(wanted, "namespace"), text(wanted, "name")) if part)
    why = (
        f"binding {binding.name} names parameters{f' {named}' if named else ''} that do not exist"
        if lacks_params
        else f"its expression fails: {refusal.detail[:200]}"
    )
    proof = list(evidence_of(group, 2))
    if found is not None and named:
        proof.append(said(found, "spec.paramRef", f"paramRef names {named}"))
    owners = list(dict.fromkeys(denied.owner for denied in group))
    return Finding(
        cause=refusal.denial.value,
        object=ref,
        title=f"ValidatingAdmissionPolicy {policy.name} cannot be evaluated: {why}, so {listed([f'{o.kind} {o.path}' for o in owners], 3)} is refused",
        evidence=tuple(proof),
        explains=explained(group),
        weight=0.92,
        since=since_of(group),
        steps=(
            read("Read the binding", f"kubectl get validatingadmissionpolicybinding {refusal.resource} -o yaml"),
            read("Read the policy", f"kubectl get validatingadmissionpolicy {policy.name} -o yaml"),
            change("Create the parameters, or correct the binding", ref),
        ),
    )


def _selectors(view: View, owner: Ref) -> Iterator[Evidence]:
    """Both selectors that contradict each other."""
    space, workload = view.graph.get(Ref("Namespace", "", owner.namespace)), view.graph.get(owner)
    notes = mapping(space.metadata, "annotations") if space is not None else {}
    wanted = text(notes, _NODE_SELECTOR)
    if space is not None and wanted:
        yield said(space, f"metadata.annotations[{_NODE_SELECTOR}]", f"namespace {owner.namespace} selects {wanted}")
    asked = mapping(view.template(owner), "nodeSelector")
    if workload is not None and asked:
        pairs = [f"{key}={text(value)}" for key, value in asked.items()]
        yield said(workload, "spec.template.spec.nodeSelector", f"{owner} selects {listed(pairs)}")


def _removed(refusal: Refusal) -> str | None:
    """What to say of a built-in kind in a version that is not served any more."""
    version = next(iter(_VERSION.findall(refusal.detail)), "")
    known = gone(refusal.name, version) if version else None
    return sentence(refusal.name, version, known) if known is not None else None


def _by_object(view: View, owner: Ref, group: Sequence[Denied]) -> Finding:
    refusal = group[0].refusal
    proof, cause = list(evidence_of(group, 1)), refusal.denial.value
    steps: list[NextStep] = [describe(owner)]
    match refusal.denial:
        case Denial.POD_SECURITY:
            title = f"{owner.kind} {owner.name} violates PodSecurity {refusal.name} of namespace {owner.namespace}: {refusal.detail[:220]}"
            space = view.graph.get(Ref("Namespace", "", owner.namespace))
            label = "pod-security.kubernetes.io/enforce"
            if space is not None and space.labels.get(label):
                proof.append(
                    said(
                        space,
                        f"metadata.labels[{label}]",
                        f"namespace {owner.namespace} enforces {space.labels[label]}",
                    )
                )
        case Denial.SCC:
            title = f"No SecurityContextConstraints allow the pods of {owner.kind} {owner.name}: {refusal.detail[:200]}"
        case Denial.POLICY:
            title = f"ValidatingAdmissionPolicy {refusal.name} denies {owner.kind} {owner.name}: {refusal.detail[:200]}"
            steps.append(read("Read the policy", f"kubectl get validatingadmissionpolicy {refusal.name} -o yaml"))
        case Denial.QUOTA_SCOPE:
            title = f"{owner.kind} {owner.name} uses a priority class that no ResourceQuota of namespace {owner.namespace} allows: no quota matches the scope {refusal.name}"
            steps.append(read("See the quotas there", f"kubectl get resourcequota -n {owner.namespace} -o yaml"))
        case Denial.NODE_SELECTOR:
            title = f"{owner.kind} {owner.name} has a nodeSelector that contradicts the node selector of namespace {owner.namespace}"
            proof += _selectors(view, owner)
        case Denial.PLUGIN:
            title = f"An admission plugin refuses {owner.kind} {owner.name}: {refusal.detail[:240]}"
        case Denial.CONVERSION:
            title = f"The conversion webhook for {refusal.name} fails: {refusal.detail[:200]}"
        case Denial.NO_KIND if (found := _removed(refusal)) is not None:
            cause, title = REMOVED.id, f"{owner.kind} {owner.name} uses {found}"
        case Denial.NO_KIND:
            title = f"{owner.kind} {owner.name} needs kind {refusal.name}, which the cluster does not serve (CRD missing or API version removed)"
        case _:
            title = f"The API server refuses an object of {owner.kind} {owner.name} as invalid: {refusal.detail[:220]}"
    steps.append(change(f"Correct {owner}", owner))
    return Finding(
        cause=cause,
        object=owner,
        title=title,
        evidence=tuple(proof),
        explains=explained(group),
        weight=0.9,
        since=since_of(group),
        steps=tuple(steps),
    )
