"""The manifests of deploy/ and the program say the same: what is read, what is sent, which namespaces are protected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from copilot.cli.main import COMMANDS
from copilot.model.kinds import BUILT_IN
from guardrails.kinds import CHANGEABLE
from guardrails.operations.op import Op
from guardrails.rules.circumstances import PROTECTED_NAMESPACES
from tools.cluster.discovery_known import NEVER_LISTED, WELL_KNOWN
from tools.cluster.transport import Review

DEPLOY = Path(__file__).parents[3] / "deploy"
LOOK = frozenset({"get", "list", "watch"})
RIGHTS_THAT_GIVE_RIGHTS = frozenset({"*", "escalate", "bind", "approve", "sign", "deletecollection", "update"})
Right = tuple[str, str, str]  # verb, group, resource


@cache
def objects() -> tuple[dict[str, Any], ...]:
    """Every object of every manifest."""
    files = sorted(path for path in DEPLOY.rglob("*.yaml") if path.name != "kustomization.yaml")
    return tuple(each for path in files for each in yaml.safe_load_all(path.read_text()))


def named(kind: str, name: str) -> dict[str, Any]:
    """The one object of this kind and name."""
    (found,) = [each for each in objects() if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def rights(role: dict[str, Any]) -> set[Right]:
    """A role, right by right."""
    return {
        (verb, group, resource)
        for rule in role.get("rules", [])
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def operations() -> Iterator[tuple[str, str, str]]:
    """What the typed operations ask of admission: operation, group, resource with its part."""
    for kind in CHANGEABLE:
        yield "UPDATE", kind.group, kind.resource
        if Op.SCALE in kind.ops:
            yield "UPDATE", kind.group, f"{kind.resource}/scale"
        if Op.APPLY in kind.ops:
            yield "CREATE", kind.group, kind.resource
        if Op.DELETE in kind.ops:
            yield "DELETE", kind.group, kind.resource
        if Op.EVICT in kind.ops:
            yield "CREATE", kind.group, f"{kind.resource}/eviction"
        if Op.CREATE_JOB in kind.ops:
            yield "CREATE", "batch", "jobs"


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The pod specs of the manifests."""
    for each in objects():
        if each["kind"] == "CronJob":
            yield each["metadata"]["name"], each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        elif each["kind"] == "Deployment":
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def test_the_reader_may_look_at_exactly_the_kinds_that_the_program_lists() -> None:
    listed = {(kind.group, kind.plural) for kind in (*BUILT_IN, *WELL_KNOWN)}
    listed = {(group, plural) for group, plural in listed if not {(group, plural), (group, "*")} & NEVER_LISTED.keys()}
    given = rights(named("ClusterRole", "cluster-copilot-reader-built-in"))
    looked_at = {(group, resource) for verb, group, resource in given if verb == "watch"}
    assert looked_at == listed
    assert {right for right in given if (right[1], right[2]) in listed} == {
        (verb, *kind) for kind in listed for verb in LOOK
    }


def test_beside_that_the_reader_may_read_logs_and_usage_and_ask_about_itself_only() -> None:
    given = rights(named("ClusterRole", "cluster-copilot-reader-built-in"))
    kinds = {(group, resource) for verb, group, resource in given if verb == "watch"}
    rest = {right for right in given if (right[1], right[2]) not in kinds}
    reviews = {("create", review.group.partition("/")[0], f"{review.value.lower()}s") for review in Review}
    usage = {(verb, "metrics.k8s.io", resource) for verb in ("get", "list") for resource in ("nodes", "pods")}
    assert rest == {("get", "", "pods/log"), *reviews, *usage}


def test_the_executor_may_send_exactly_what_the_typed_operations_send() -> None:
    verbs = {"UPDATE": "patch", "CREATE": "create", "DELETE": "delete"}
    wanted = {(verbs[operation], group, resource) for operation, group, resource in operations()}
    assert rights(named("ClusterRole", "cluster-copilot-executor")) == wanted


def test_the_admission_policy_lets_exactly_those_operations_through() -> None:
    (validation, *_) = named("ValidatingAdmissionPolicy", "cluster-copilot-executor")["spec"]["validations"]
    listed = re.findall(r"'([A-Z]+ [a-z0-9.]*/[a-z/]+)'", validation["expression"])
    assert len(listed) == len(set(listed))
    assert set(listed) == {f"{operation} {group}/{resource}" for operation, group, resource in operations()}


def test_the_policy_and_the_program_protect_the_same_namespaces() -> None:
    validation = named("ValidatingAdmissionPolicy", "cluster-copilot-executor")["spec"]["validations"][1]
    lists = re.findall(r"\[([^\]]+)\]", validation["expression"])
    assert [set(re.findall(r"'([^']+)'", each)) for each in lists] == [PROTECTED_NAMESPACES] * 2


@pytest.mark.parametrize("role", [each["metadata"]["name"] for each in objects() if each["kind"] == "ClusterRole"])
def test_no_role_reaches_secrets_shells_proxies_or_rights(role: str) -> None:
    for verb, group, resource in rights(named("ClusterRole", role)):
        assert verb not in RIGHTS_THAT_GIVE_RIGHTS
        assert (group, resource) not in (("", "secrets"), ("", "*"), ("*", "*"))
        assert resource.partition("/")[2] not in (
            "exec",
            "attach",
            "portforward",
            "proxy",
            "token",
            "ephemeralcontainers",
            "*",
        )
        assert group not in ("rbac.authorization.k8s.io", "admissionregistration.k8s.io") or verb in LOOK


def test_only_named_users_that_exist_by_impersonation_can_be_impersonated() -> None:
    rules = named("ClusterRole", "cluster-copilot-impersonation")["rules"]
    assert all(rule["verbs"] == ["impersonate"] for rule in rules)
    people = [rule for rule in rules if rule["resources"] != ["userextras/copilot.dev/plan"]]
    assert all(name.startswith("copilot:") for rule in people for name in rule["resourceNames"])
    assert {resource for rule in people for resource in rule["resources"]} == {"users", "groups"}


@pytest.mark.parametrize(("name", "spec"), list(pods()), ids=[name for name, _ in pods()])
def test_every_pod_is_as_the_restricted_standard_wants_it_and_writes_no_root(name: str, spec: dict[str, Any]) -> None:
    assert spec["serviceAccountName"] == name
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["image"] == "cluster-copilot"


@pytest.mark.parametrize(("name", "spec"), list(pods()), ids=[name for name, _ in pods()])
def test_every_pod_runs_a_command_and_options_that_the_program_has(name: str, spec: dict[str, Any]) -> None:
    (container,) = spec["containers"]
    assert container["command"] == ["kubectl-copilot"]
    command, *options = container["args"]
    assert command in COMMANDS
    module = import_module(f"copilot.cli.{command}")
    known = {option for parameter in module.COMMAND.params for option in parameter.opts}
    assert {option for option in options if option.startswith("-")} <= known


def test_every_manifest_is_part_of_an_overlay_and_every_namespaced_object_names_its_namespace() -> None:
    for path in DEPLOY.rglob("*.yaml"):
        if path.name != "kustomization.yaml":
            overlay = yaml.safe_load((path.parent / "kustomization.yaml").read_text())
            assert path.name in overlay["resources"], path
    spaceless = (
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    )
    homes = {each["metadata"].get("namespace") for each in objects() if each["kind"] not in spaceless}
    assert homes == {"cluster-copilot", "default"}  # the second: the example of an operators' RoleBinding


def test_every_policy_is_bound_denies_and_fails_closed() -> None:
    policies = [each for each in objects() if each["kind"] == "ValidatingAdmissionPolicy"]
    for policy in policies:
        binding = named("ValidatingAdmissionPolicyBinding", policy["metadata"]["name"])["spec"]
        assert policy["spec"]["failurePolicy"] == "Fail"
        assert (binding["policyName"], binding["validationActions"]) == (policy["metadata"]["name"], ["Deny"])
        assert "namespaceSelector" not in str(policy["spec"]) + str(binding)
