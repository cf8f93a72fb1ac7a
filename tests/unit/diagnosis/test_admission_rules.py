"""Refused writes: quota, limits, security, webhooks, names that do not exist, rights; nothing that has been granted since."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.diagnosis.rules.admission import rbac as admission_rbac
from copilot.diagnosis.rules.admission import refused as admission
from copilot.diagnosis.rules.admission.message import Refusal, parse_refusal
from tests.unit.diagnosis.cluster import CONTAINER, Cluster, condition, ref

RULES = admission.RULES
FULL = 'Error creating: pods "web-abc-q" is forbidden: exceeded quota: compute, requested: {0}, used: {1}, limited: {2}'


def refused(message, app="web", **parts):
    """A Deployment whose ReplicaSet cannot make its pod."""
    return Cluster().deployment(app, **parts).event("ReplicaSet", f"{app}-abc", "shop", "FailedCreate", message)


def quota(cluster, hard, used, name="compute"):
    return cluster.add("ResourceQuota", name, "shop", spec={"hard": hard}, status={"hard": hard, "used": used})


def requests(**amounts):
    return {"containers": [{**CONTAINER, "resources": {"requests": amounts}}]}


@pytest.mark.parametrize(
    ("resource", "hard", "used", "more"),
    [
        ("pods", "6", "6", "1"),
        ("requests.cpu", "4", "3900m", "500m"),
        ("limits.memory", "8Gi", "8Gi", "512Mi"),
        ("services", "3", "3", "1"),
        ("count/jobs.batch", "2", "2", "1"),
        ("requests.storage", "10Gi", "10Gi", "1Gi"),
        ("requests.nvidia.com/gpu", "2", "2", "1"),
    ],
)
def test_a_full_quota_blames_the_quota_with_its_numbers(resource, hard, used, more):
    message = FULL.format(f"{resource}={more}", f"{resource}={used}", f"{resource}={hard}")
    found = quota(refused(message), {resource: hard}, {resource: used}).only(RULES)
    assert (found.cause, found.object) == ("quota.exceeded", ref("ResourceQuota", "shop/compute"))
    assert f"{resource} {used} of {hard} used, {more} more" in found.title
    assert ref("Deployment", "shop/web") in found.explains


def test_a_full_quota_names_who_holds_it():
    cluster = quota(
        refused(FULL.format("requests.cpu=1", "requests.cpu=4", "requests.cpu=4")),
        {"requests.cpu": "4"},
        {"requests.cpu": "4"},
    )
    cluster.node("n1").running("hog", "n1", spec=requests(cpu="4"))
    assert any("hog" in piece.text and "4" in piece.text for piece in cluster.only(RULES).evidence)


def test_a_quota_raised_since_is_told_with_doubt():
    found = quota(refused(FULL.format("pods=1", "pods=6", "pods=6")), {"pods": "20"}, {"pods": "6"}).only(RULES)
    assert found.weight < 0.5
    assert found.doubts


def test_a_quota_that_was_hit_once_is_no_fault_after_the_pods_were_made():
    cluster = quota(refused(FULL.format("pods=1", "pods=6", "pods=6"), have=1, ready=1), {"pods": "6"}, {"pods": "6"})
    assert cluster.find(RULES) == []


def test_a_full_quota_is_found_without_any_event():
    cluster = quota(Cluster().deployment("web", replicas=2), {"requests.cpu": "1"}, {"requests.cpu": "1"})
    assert cluster.find(RULES) == []  # the pods ask for no CPU
    cluster = quota(
        Cluster().deployment("web", replicas=2, spec=requests(cpu="1")), {"requests.cpu": "1"}, {"requests.cpu": "1"}
    )
    found = cluster.only(RULES)
    assert found.cause == "quota.exceeded"
    assert found.weight < 0.9


def test_a_quota_that_nobody_runs_into_is_healthy():
    assert quota(Cluster().deployment("web", have=1, ready=1), {"pods": "6"}, {"pods": "6"}).find(RULES) == []


def test_a_quota_that_demands_limits_blames_the_workload_that_sets_none():
    message = 'Error creating: pods "web-abc-q" is forbidden: failed quota: compute: must specify limits.cpu for: main; limits.memory for: main'
    found = quota(refused(message), {"limits.cpu": "4"}, {"limits.cpu": "0"}).only(RULES)
    assert (found.cause, found.object) == ("quota.must_specify", ref("Deployment", "shop/web"))
    assert "limits.cpu, limits.memory" in found.title
    assert "container main" in found.title


def test_a_quota_that_is_not_computed_is_uncertain():
    found = refused('pods "x" is forbidden: status unknown for quota: compute, resources: pods').only(RULES)
    assert found.cause == "quota.unknown"
    assert found.weight <= 0.6


@pytest.mark.parametrize(
    ("message", "cause", "field"),
    [
        ("maximum cpu usage per Container is 2, but limit is 3", "limitrange.max", {"max": {"cpu": "2"}}),
        (
            "minimum memory usage per Container is 128Mi, but request is 64Mi",
            "limitrange.min",
            {"min": {"memory": "128Mi"}},
        ),
        (
            "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
            "limitrange.ratio",
            {"maxLimitRequestRatio": {"cpu": "2"}},
        ),
    ],
)
def test_a_limit_range_names_the_bound_and_the_template_that_breaks_it(message, cause, field):
    cluster = refused(f'Error creating: pods "web-abc-q" is forbidden: {message}')
    found = cluster.add("LimitRange", "bounds", "shop", spec={"limits": [{"type": "Container", **field}]}).only(RULES)
    assert (found.cause, found.object) == (cause, ref("LimitRange", "shop/bounds"))
    assert "Deployment web" in found.title


def test_pod_security_blames_the_template_and_quotes_what_it_lacks():
    message = 'Error creating: pods "web-abc-q" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)'
    cluster = refused(message).add("Namespace", "shop", labels={"pod-security.kubernetes.io/enforce": "restricted"})
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("psa.denied", ref("Deployment", "shop/web"))
    assert "allowPrivilegeEscalation" in found.title
    assert any("enforces restricted" in piece.text for piece in found.evidence)


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            "unable to validate against any security context constraint: [provider restricted: runAsUser: Invalid value]",
            "psa.scc.denied",
        ),
        ("ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: images need a tag", "vap.denied"),
        (
            'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
            "api.invalid",
        ),
        ('no matches for kind "Widget" in version "example.com/v1"', "crd.missing"),
        ("conversion webhook for example.com/v1, Kind=Widget failed: connection refused", "crd.conversion"),
    ],
)
def test_other_refusals_blame_the_object_that_was_refused(message, cause):
    found = refused(f'Error creating: pods "web-abc-q" is forbidden: {message}').only(RULES)
    assert (found.cause, found.object) == (cause, ref("Deployment", "shop/web"))


@pytest.mark.parametrize(
    ("message", "cause", "kind", "path", "existing"),
    [
        (
            'error looking up service account shop/bulder: serviceaccount "bulder" not found',
            "sa.missing",
            "ServiceAccount",
            "shop",
            "builder",
        ),
        ("no PriorityClass with name hihg was found", "priorityclass.missing", "PriorityClass", "", "high"),
        ('pod rejected: RuntimeClass "gvsior" not found', "sandbox.runtimeclass.unknown", "RuntimeClass", "", "gvisor"),
    ],
)
def test_a_name_that_does_not_exist_blames_its_one_user_and_offers_the_nearest(message, cause, kind, path, existing):
    api = {"PriorityClass": "scheduling.k8s.io/v1", "RuntimeClass": "node.k8s.io/v1"}.get(kind, "v1")
    found = (
        refused(f'Error creating: pods "web-abc-" is forbidden: {message}')
        .add(kind, existing, path, api=api)
        .only(RULES)
    )
    assert (found.cause, found.object) == (cause, ref("Deployment", "shop/web"))
    assert f"there is {existing}" in found.title


def test_a_missing_account_that_several_name_is_itself_the_object():
    message = 'pods "x-" is forbidden: error looking up service account shop/ci: serviceaccount "ci" not found'
    cluster = refused(message).deployment("api").event("ReplicaSet", "api-abc", "shop", "FailedCreate", message)
    assert cluster.only(RULES).object == ref("ServiceAccount", "shop/ci")


def test_nothing_new_in_a_dying_namespace_blames_the_namespace():
    message = 'pods "x" is forbidden: unable to create new content in namespace shop because it is being terminated'
    found = refused(message).only(RULES)
    assert (found.cause, found.object) == ("namespace.terminating.create", ref("Namespace", "shop"))


CALL = 'Error creating: Internal error occurred: failed calling webhook "check.example.com": failed to call webhook: Post "https://guard.safe.svc:443/check?timeout=5s": {0}'
REFUSED = CALL.format("dial tcp 10.0.0.9:443: connect: connection refused")


def hooked(message, *, service=True, replicas=1, port=443, backend=True):
    cluster = refused(message).node("n1")
    client = {"service": {"name": "guard", "namespace": "safe", "port": port}}
    hooks = [{"name": "check.example.com", "failurePolicy": "Fail", "clientConfig": client}]
    cluster.add("ValidatingWebhookConfiguration", "guard", api="admissionregistration.k8s.io/v1", webhooks=hooks)
    if service:
        cluster.add("Service", "guard", "safe", spec={"selector": {"app": "guard"}, "ports": [{"port": 443}]})
    if backend:
        cluster.deployment("guard", "safe", replicas=replicas)
    return cluster


def test_a_webhook_whose_backend_is_scaled_to_zero_blames_that_deployment():
    found = hooked(REFUSED, replicas=0).only(RULES)
    assert (found.cause, found.object) == ("webhook.backend_scaled_down", ref("Deployment", "safe/guard"))
    assert "webhook check.example.com" in found.title


def test_a_webhook_whose_pods_are_not_ready_yields_to_what_ails_them():
    cluster = hooked(REFUSED).pod(
        "guard-abc-1", "safe", owner=("ReplicaSet", "guard-abc"), node="n1", waiting="CrashLoopBackOff"
    )
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("webhook.no_endpoints", ref("Deployment", "safe/guard"))
    assert ref("Pod", "safe/guard-abc-1") in found.points_to


def test_a_webhook_without_its_service_blames_the_configuration():
    found = hooked(CALL.format('service "guard" not found'), service=False, backend=False).only(RULES)
    assert found.cause == "webhook.service_missing"
    assert found.object == ref("ValidatingWebhookConfiguration", "guard")


def test_a_webhook_whose_service_selects_nothing_blames_the_service():
    assert hooked(REFUSED, backend=False).only(RULES).object == ref("Service", "safe/guard")


def test_a_webhook_called_on_a_port_the_service_lacks_blames_the_configuration():
    cluster = hooked(REFUSED, port=8443).pod("guard-abc-1", "safe", owner=("ReplicaSet", "guard-abc"), node="n1")
    found = cluster.only(RULES)
    assert found.object == ref("ValidatingWebhookConfiguration", "guard")
    assert "port 8443" in found.title


@pytest.mark.parametrize(
    ("why", "cause"),
    [
        ("context deadline exceeded", "webhook.timeout"),
        ("x509: certificate signed by unknown authority", "webhook.tls"),
    ],
)
def test_a_slow_or_untrusted_webhook_is_told_apart_from_an_absent_one(why, cause):
    cluster = hooked(CALL.format(why)).pod("guard-abc-1", "safe", owner=("ReplicaSet", "guard-abc"), node="n1")
    assert cluster.only(RULES).cause == cause


def test_one_webhook_with_victims_in_many_namespaces_is_one_finding():
    cluster = (
        hooked(REFUSED, replicas=0)
        .deployment("api", "other")
        .event("ReplicaSet", "api-abc", "other", "FailedCreate", REFUSED)
    )
    found = cluster.only(RULES)
    assert {ref("Deployment", "shop/web"), ref("Deployment", "other/api")} <= set(found.explains)


def test_a_policy_that_denies_one_workload_blames_the_workload():
    found = refused('admission webhook "policy.example.com" denied the request: image has no digest').only(RULES)
    assert (found.cause, found.object) == ("webhook.denied", ref("Deployment", "shop/web"))
    assert "image has no digest" in found.title


def test_a_refusal_in_the_status_of_a_custom_resource_is_explained():
    status = {
        "conditions": [condition("Ready", "False", "Failed", FULL.format("services=1", "services=3", "services=3"))]
    }
    cluster = quota(
        Cluster().add("Engine", "e", "shop", api="example.com/v1", status=status), {"services": "3"}, {"services": "3"}
    )
    found = cluster.only(RULES)
    assert found.object == ref("ResourceQuota", "shop/compute")
    assert ref("Engine", "shop/e", "example.com") in found.explains


def test_a_refusal_from_long_ago_about_an_unknown_object_is_left_alone():
    cluster = Cluster(unread=["Widget"]).event(
        "Widget", "w", "shop", "Failed", FULL.format("pods=1", "pods=6", "pods=6"), last=9000, first=9000
    )
    assert cluster.find(RULES) == []


def test_a_replica_set_that_is_gone_needs_no_explanation():
    assert (
        Cluster()
        .event("ReplicaSet", "old-abc", "shop", "FailedCreate", FULL.format("pods=1", "pods=6", "pods=6"))
        .find(RULES)
        == []
    )


@given(st.text(max_size=300))
def test_no_text_makes_the_parser_raise(text):
    quota = f"exceeded quota: {text}, requested: {text}, used: {text}, limited: {text}"
    assert all(isinstance(parse_refusal(said), Refusal | None) for said in (text, quota))


def test_an_ordinary_sentence_is_no_refusal():
    assert parse_refusal("Created pod: web-abc-q") is None
    assert parse_refusal("is forbidden") is None


ROLE = "rbac.authorization.k8s.io/v1"
FORBIDDEN = 'pods is forbidden: User "system:serviceaccount:shop:reader" cannot list resource "pods" in API group "" in the namespace "shop"'


def forbidden():
    """A crashing pod whose log holds the refusal."""
    cluster = Cluster().node("n1").deployment("web", have=1).add("ServiceAccount", "reader", "shop")
    cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", waiting="CrashLoopBackOff")
    return cluster.log("web-abc-1", f"starting\nE0301 reflector.go: {FORBIDDEN}\n")


def role(cluster, verbs, name="pods"):
    return cluster.add(
        "Role", name, "shop", api=ROLE, rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]
    )


def binding(cluster, subject, role_name="pods"):
    subjects = [{"kind": "ServiceAccount", "name": subject, "namespace": "shop"}]
    return cluster.add(
        "RoleBinding", "b", "shop", api=ROLE, subjects=subjects, roleRef={"kind": "Role", "name": role_name}
    )


def test_a_missing_verb_blames_the_role_that_is_bound():
    found = binding(role(forbidden(), ["get"]), "reader").only(admission_rbac.RULES)
    assert (found.cause, found.object) == ("rbac.forbidden", ref("Role", "shop/pods"))
    assert "list pods in namespace shop" in found.title


def test_a_binding_to_another_account_blames_the_binding():
    found = binding(role(forbidden(), ["list"]), "readr").only(admission_rbac.RULES)
    assert found.object == ref("RoleBinding", "shop/b")


def test_a_binding_to_a_role_that_does_not_exist_blames_the_binding():
    found = binding(forbidden(), "reader", "podz").only(admission_rbac.RULES)
    assert (found.cause, found.object) == ("rbac.binding_dangling", ref("RoleBinding", "shop/b"))


def test_an_account_without_any_role_is_named():
    assert forbidden().only(admission_rbac.RULES).object == ref("ServiceAccount", "shop/reader")


def test_a_healthy_pod_that_once_logged_a_refusal_is_left_alone():
    cluster = Cluster().node("n1").running("web", "n1").log("web-abc-n1", FORBIDDEN)
    assert cluster.find(admission_rbac.RULES) == []


def test_a_job_that_waits_for_quota_is_a_victim_and_a_finished_one_is_not():
    message = FULL.format("pods=1", "pods=6", "pods=6")
    job = Cluster().add(
        "Job", "j", "shop", api="batch/v1", spec={"parallelism": 2, "completions": 2}, status={"active": 1}
    )
    found = quota(job.event("Job", "j", "shop", "FailedCreate", message), {"pods": "6"}, {"pods": "6"}).only(RULES)
    assert ref("Job", "shop/j") in found.explains
    done = Cluster().add(
        "Job", "j", "shop", api="batch/v1", spec={}, status={"conditions": [condition("Complete", "True")]}
    )
    assert (
        quota(done.event("Job", "j", "shop", "FailedCreate", message), {"pods": "6"}, {"pods": "6"}).find(RULES) == []
    )
