"""Pods that no node takes: the one constraint to relax is named with its numbers; transient waits are not faults."""

import pytest

from copilot.diagnosis.rules.scheduling import unschedulable as scheduling
from copilot.model import Detail
from tests.unit.diagnosis.cluster import CONTAINER, Cluster, ago, condition, ref

RULES = scheduling.RULES
SELECTOR = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
GPU = "nvidia.com/gpu"


def asks(**requests):
    names = {"gpu": GPU}
    amounts = {names.get(name, name): value for name, value in requests.items()}
    return {"containers": [{**CONTAINER, "resources": {"requests": amounts}}]}


def test_a_request_larger_than_every_node_blames_the_workload_and_gives_the_largest_size():
    cluster = (
        Cluster()
        .node("n1")
        .node("n2", cpu="8")
        .pending("web", "0/2 nodes are available: 2 Insufficient cpu.", spec=asks(cpu="16"))
    )
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("sched.insufficient.cpu", ref("Deployment", "shop/web"))
    assert "16 cpu" in found.title
    assert "n2" in found.title
    assert "8" in found.title
    assert found.weight >= 0.9


def test_a_pod_that_fits_an_empty_node_is_short_by_what_others_hold():
    cluster = Cluster().node("n1").running("hog", "n1", spec=asks(memory="7Gi"))
    found = cluster.pending("web", "0/1 nodes are available: 1 Insufficient memory.", spec=asks(memory="2Gi")).only(
        RULES
    )
    assert found.cause == "sched.insufficient.memory"
    assert "1Gi of 8Gi" in found.title
    assert any("ReplicaSet shop/hog-abc 7Gi" in piece.text for piece in found.evidence)


def test_a_shortage_of_local_disk_is_its_own_cause():
    cluster = Cluster().node("n1", capacity={"ephemeral-storage": "10Gi"})
    spec = asks(**{"ephemeral-storage": "20Gi"})
    assert (
        cluster.pending("web", "0/1 nodes are available: 1 Insufficient ephemeral-storage.", spec=spec)
        .only(RULES)
        .cause
        == "sched.insufficient.ephemeral"
    )


def test_devices_spread_over_nodes_are_called_fragmented():
    cluster = Cluster().node("g1", capacity={GPU: "4"}).node("g2", capacity={GPU: "4"}).node("c1")
    cluster.running("a", "g1", spec=asks(gpu="2")).running("b", "g2", spec=asks(gpu="2"))
    found = cluster.pending(
        "train", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", spec=asks(gpu="4")
    ).only(RULES)
    assert found.cause == "sched.insufficient.extended"
    assert "spread over several nodes" in found.title


def test_a_device_that_no_node_offers_is_said_to_be_unadvertised():
    found = (
        Cluster()
        .node()
        .pending("train", "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", spec=asks(gpu="1"))
        .only(RULES)
    )
    assert "no node advertises nvidia.com/gpu" in found.title


def test_a_selector_that_matches_no_node_offers_the_nearest_existing_value():
    cluster = Cluster().node("n1", labels={"disk": "ssd"}).control_plane()
    found = cluster.pending("web", SELECTOR, spec={"nodeSelector": {"disk": "sdd"}}).only(RULES)
    assert (found.cause, found.object) == ("sched.nodeaffinity", ref("Deployment", "shop/web"))
    assert "nearest value is ssd (node n1)" in found.title


def test_a_wrong_label_key_in_an_affinity_offers_the_nearest_key():
    term = {"matchExpressions": [{"key": "topology.kubernetes.io/zon", "operator": "In", "values": ["a"]}]}
    spec = {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    }
    cluster = Cluster().node(labels={"topology.kubernetes.io/zone": "a"}).pending("web", SELECTOR, spec=spec)
    assert "nearest label key is topology.kubernetes.io/zone" in cluster.only(RULES).title


def test_labels_that_exist_only_apart_are_told_as_a_combination():
    cluster = Cluster().node("n1", labels={"disk": "ssd"}).node("n2", labels={"pool": "x"})
    found = cluster.pending("web", SELECTOR, spec={"nodeSelector": {"disk": "ssd", "pool": "x"}}).only(RULES)
    assert "no node has all of them" in found.title


def test_a_taint_on_the_only_selected_node_is_the_cause_not_the_selector():
    cluster = (
        Cluster()
        .node("n1")
        .node("n2", labels={"zone": "b"}, taints=[{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}])
    )
    said = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s)."
    found = cluster.pending("web", said, spec={"nodeSelector": {"zone": "b"}}).only(RULES)
    assert (found.cause, found.object) == ("sched.taint", ref("Deployment", "shop/web"))
    assert "dedicated=ml:NoSchedule" in found.title
    assert "n2" in found.title


def test_a_wording_that_nobody_knows_is_still_recomputed_from_the_nodes():
    cluster = Cluster().node("n1", taints=[{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}])
    found = cluster.pending("web", "0/1 nodes are available: 1 node(s) said no in a new way.").only(RULES)
    assert found.cause == "sched.taint"


def test_a_control_plane_taint_does_not_compete_with_a_shortage_on_the_workers():
    said = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s)."
    cluster = Cluster().control_plane("cp1").control_plane("cp2").node("n1").pending("web", said, spec=asks(cpu="5"))
    assert cluster.only(RULES).cause == "sched.insufficient.cpu"


def test_nodes_kept_for_devices_do_not_compete_for_pods_that_ask_for_none():
    cluster = Cluster().node("n1")
    for name in ("g1", "g2"):
        cluster.node(name, capacity={GPU: "8"}, taints=[{"key": GPU, "value": "present", "effect": "NoSchedule"}])
    said = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s)."
    assert cluster.pending("web", said, spec=asks(cpu="6")).only(RULES).cause == "sched.insufficient.cpu"


def test_the_only_node_of_a_pool_being_cordoned_blames_the_node():
    cluster = Cluster().node("n1").node("n2", labels={"pool": "x"}, cordoned=True)
    said = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable."
    found = cluster.pending("web", said, spec={"nodeSelector": {"pool": "x"}}).only(RULES)
    assert (found.cause, found.object) == ("sched.unschedulable", ref("Node", "n2"))


def test_a_cordoned_node_with_room_is_nearer_than_a_full_one():
    cluster = Cluster().node("n1", cpu="1").node("n2", cordoned=True).running("hog", "n1", spec=asks(cpu="1"))
    said = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable."
    assert cluster.pending("web", said, spec=asks(cpu="1")).only(RULES).object == ref("Node", "n2")


def test_a_node_tainted_by_its_own_illness_points_to_the_node_and_yields():
    cluster = Cluster().node("n1", taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}])
    found = cluster.pending("web", "0/1 nodes are available: 1 node(s) had untolerated taint(s).").only(RULES)
    assert (found.cause, found.object) == ("sched.taint.condition", ref("Node", "n1"))
    assert found.points_to == (ref("Node", "n1"),)


def test_nodes_with_few_pod_slots_are_the_object_to_change():
    cluster = Cluster().node("n1", pods="1").running("hog", "n1")
    found = cluster.pending("web", "0/1 nodes are available: 1 Too many pods.").only(RULES)
    assert (found.cause, found.object) == ("sched.toomany", ref("Node", "n1"))
    assert "n1 1/1" in found.title


def anti_affinity(app):
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def test_required_anti_affinity_with_more_replicas_than_nodes_names_the_pod_in_the_way():
    cluster = Cluster().node("n1").running("web", "n1", spec=anti_affinity("web"))
    said = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."
    found = cluster.pending("web", said, spec=anti_affinity("web"), replicas=2).only(RULES)
    assert (found.cause, found.object) == ("sched.podaffinity", ref("Deployment", "shop/web"))
    assert "2 replicas" in found.title
    assert "web-abc-n1" in found.title


def test_the_anti_affinity_of_a_pod_that_runs_keeps_others_out():
    cluster = Cluster().node("n1").running("db", "n1", spec=anti_affinity("web"))
    said = "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules."
    found = cluster.pending("web", said).only(RULES)
    assert found.cause == "sched.podaffinity"
    assert "Pod shop/db-abc-n1" in found.title


def test_pod_affinity_to_something_that_does_not_run_leaves_no_node():
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "cache"}}}
    spec = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    found = (
        Cluster()
        .node()
        .pending("web", "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.", spec=spec)
        .only(RULES)
    )
    assert found.cause == "sched.podaffinity"
    assert "app=cache" in found.title


def spread(skew=1):
    constraint = {
        "maxSkew": skew,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    return {"topologySpreadConstraints": [constraint]}


def test_a_spread_over_a_zone_without_room_gives_the_counts():
    cluster = (
        Cluster()
        .node("n1", labels={"zone": "a"})
        .node("n2", labels={"zone": "b"}, cpu="1")
        .running("hog", "n2", spec=asks(cpu="1"))
    )
    cluster.running("web", "n1")
    said = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints."
    found = cluster.pending("web", said, spec={**spread(), **asks(cpu="1")}).only(RULES)
    assert found.cause in ("sched.spread", "sched.insufficient.cpu")
    cluster = (
        Cluster()
        .node("n1")
        .pending(
            "web",
            "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).",
            spec=spread(),
        )
    )
    assert "no label zone" in cluster.only(RULES).title


def test_a_host_port_that_is_taken_names_its_holder():
    port = {"containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 8080}]}]}
    cluster = Cluster().node("n1").running("old", "n1", spec=port)
    found = cluster.pending(
        "web", "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", spec=port
    ).only(RULES)
    assert found.cause == "sched.hostports"
    assert "8080/TCP" in found.title
    assert "Pod shop/old-abc-n1" in found.title


def volume_cluster(node_labels):
    claim = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}
    cluster = Cluster().add(
        "PersistentVolumeClaim", "data", "shop", spec={"volumeName": "pv1"}, status={"phase": "Bound"}
    )
    cluster.add("PersistentVolume", "pv1", spec={"nodeAffinity": {"required": required}}, status={"phase": "Bound"})
    for number, labels in enumerate(node_labels):
        cluster.node(f"n{number}", labels=labels)
    return cluster, claim


def test_a_volume_whose_node_is_gone_is_the_object():
    cluster, claim = volume_cluster([{"zone": "b"}])
    found = cluster.pending(
        "web", "0/1 nodes are available: 1 node(s) had volume node affinity conflict.", spec=claim
    ).only(RULES)
    assert (found.cause, found.object) == ("sched.volume.nodeaffinity", ref("PersistentVolume", "pv1"))


def test_a_selector_that_contradicts_the_volume_blames_the_workload():
    cluster, claim = volume_cluster([{"zone": "a"}, {"zone": "b"}])
    said = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had volume node affinity conflict."
    found = cluster.pending("web", said, spec={**claim, "nodeSelector": {"zone": "b"}}).only(RULES)
    assert (found.cause, found.object) == ("sched.volume.nodeaffinity", ref("Deployment", "shop/web"))
    assert "only usable on n0" in found.title


def test_a_volume_in_another_zone_is_told_by_zone():
    claim = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    zone = "topology.kubernetes.io/zone"
    cluster = Cluster().add(
        "PersistentVolumeClaim", "data", "shop", spec={"volumeName": "pv1"}, status={"phase": "Bound"}
    )
    cluster.add("PersistentVolume", "pv1", labels={zone: "a"}, spec={}).node("n1", labels={zone: "b"})
    found = cluster.pending("web", "0/1 nodes are available: 1 node(s) had no available volume zone.", spec=claim).only(
        RULES
    )
    assert found.cause == "sched.volume.zone"


def test_a_claim_that_does_not_exist_is_named_with_the_nearest():
    spec = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "dta"}}]}
    cluster = Cluster().node().add("PersistentVolumeClaim", "data", "shop", spec={}, status={"phase": "Bound"})
    found = cluster.pending("web", 'persistentvolumeclaim "dta" not found', spec=spec).only(RULES)
    assert (found.cause, found.object) == ("sched.volume.pvc_missing", ref("Deployment", "shop/web"))
    assert "there is data" in found.title


def test_an_exclusive_volume_names_the_pod_that_holds_it():
    spec = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    cluster = (
        Cluster()
        .node("n1")
        .add(
            "PersistentVolumeClaim",
            "data",
            "shop",
            spec={"accessModes": ["ReadWriteOncePod"]},
            status={"phase": "Bound"},
        )
    )
    cluster.running("old", "n1", spec=spec)
    said = "0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod."
    found = cluster.pending("web", said, spec=spec).only(RULES)
    assert found.cause == "sched.volume.rwop"
    assert "old-abc-n1" in found.title


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("1 node(s) exceed max volume count", "sched.volume.limit"),
        ("1 node(s) didn't find available persistent volumes to bind", "sched.volume.nopv"),
    ],
)
def test_what_only_the_scheduler_can_know_is_taken_from_its_words(said, cause):
    assert Cluster().node().pending("web", f"0/1 nodes are available: {said}.").only(RULES).cause == cause


def test_an_unbound_claim_is_only_a_link_to_the_claim():
    spec = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    cluster = Cluster().node().add("PersistentVolumeClaim", "data", "shop", spec={}, status={"phase": "Pending"})
    found = cluster.pending(
        "web", "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found", spec=spec
    ).only(RULES)
    assert found.cause == "sched.volume.unbound"
    assert found.points_to == (ref("PersistentVolumeClaim", "shop/data"),)
    secondary = {cause.id for rule in RULES for cause in rule.causes if cause.secondary}
    assert found.cause in secondary


def test_a_scheduling_gate_is_named():
    found = Cluster().node().pending("web", "", spec={"schedulingGates": [{"name": "example.com/wait"}]}).only(RULES)
    assert found.cause == "sched.gated"
    assert "example.com/wait" in found.title


def test_the_autoscaler_refusal_is_added_as_proof():
    cluster = Cluster().node().pending("web", "0/1 nodes are available: 1 Insufficient cpu.", spec=asks(cpu="9"))
    cluster.event(
        "Pod", "web-abc-x", "shop", "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached"
    )
    assert any("max node group size" in piece.text for piece in cluster.only(RULES).evidence)


def test_a_pod_of_a_few_seconds_is_not_a_fault():
    cluster = (
        Cluster()
        .node()
        .lease("n1")
        .pending("web", "0/1 nodes are available: 1 Insufficient cpu.", spec=asks(cpu="9"), age=4)
    )
    assert cluster.find(RULES) == []


def test_a_pod_for_which_a_node_was_just_ordered_is_not_a_fault():
    cluster = Cluster().node().pending("web", "0/1 nodes are available: 1 Insufficient cpu.", spec=asks(cpu="9"))
    cluster.event(
        "Pod",
        "web-abc-x",
        "shop",
        "TriggeredScaleUp",
        "pod triggered scale-up: [{pool 1->2 (max: 5)}]",
        type_="Normal",
        last=30,
    )
    assert cluster.find(RULES) == []


def test_a_pod_that_preemption_makes_room_for_is_not_a_fault():
    cluster = Cluster().node().deployment("web", have=1)
    status = {
        "nominatedNodeName": "n1",
        "conditions": [
            condition(
                "PodScheduled", "False", "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.", since=20
            )
        ],
    }
    cluster.pod("web-abc-x", owner=("ReplicaSet", "web-abc"), phase="Pending", status=status)
    assert cluster.find(RULES) == []


def test_a_running_workload_beside_a_cordoned_node_is_healthy():
    assert Cluster().node("n1").node("n2", cordoned=True).running("web", "n1").find(RULES) == []


def test_a_pod_that_would_fit_by_now_is_told_with_doubt():
    found = (
        Cluster().node().pending("web", "0/1 nodes are available: 1 Insufficient cpu.", spec=asks(cpu="1")).only(RULES)
    )
    assert found.weight < 0.6
    assert any("could take the pod now" in doubt for doubt in found.doubts)


def test_many_pods_of_one_workload_are_one_finding_that_explains_them_all():
    cluster = Cluster().node().pending("web", "0/1 nodes are available: 1 Insufficient cpu.", spec=asks(cpu="9"))
    said = condition("PodScheduled", "False", "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.")
    cluster.pod(
        "web-abc-y", owner=("ReplicaSet", "web-abc"), phase="Pending", spec=asks(cpu="9"), status={"conditions": [said]}
    )
    found = cluster.only(RULES)
    assert {ref("Pod", "shop/web-abc-x"), ref("Pod", "shop/web-abc-y")} <= set(found.explains)


def rows(*nodes):
    cluster = Cluster()
    for name, labels in nodes:
        cluster.add("Node", name, labels=labels, status={"conditions": [condition("Ready", "True")]}, detail=Detail.ROW)
    return cluster


def test_without_node_objects_a_taint_beside_a_selector_is_the_nearer_obstacle():
    said = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {dedicated: ml}."
    found = rows(("n1", {}), ("n2", {})).pending("web", said, spec={"nodeSelector": {"zone": "b"}}).only(RULES)
    assert found.cause == "sched.taint"
    assert "dedicated: ml" in found.title
    assert found.doubts
    assert found.weight <= 0.7


def test_without_node_objects_the_control_plane_taint_is_taken_off_the_count():
    said = "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector."
    key = "node-role.kubernetes.io/control-plane"
    found = (
        rows(("cp", {key: ""}), ("n1", {}), ("n2", {}))
        .pending("web", said, spec={"nodeSelector": {"zone": "b"}})
        .only(RULES)
    )
    assert found.cause == "sched.nodeaffinity"


def test_without_node_objects_the_full_nodes_are_found_by_elimination():
    cluster = rows(("n1", {})).running("hog", "n1")
    found = cluster.pending("web", "0/1 nodes are available: 1 Too many pods.").only(RULES)
    assert found.object == ref("Node", "n1")
    assert "n1 runs 1" in found.title


def test_garbage_in_every_field_the_rules_read_changes_nothing():
    cluster = Cluster().node("n1", spec={"taints": "x"}).node("n2", allocatable={"cpu": "lots"})
    cluster.pod(
        "p",
        phase="Pending",
        spec={
            "nodeSelector": [1],
            "affinity": 7,
            "tolerations": {},
            "topologySpreadConstraints": "x",
            "schedulingGates": 3,
        },
        status={
            "conditions": [condition("PodScheduled", "False", "x", "0/2 nodes are available: 2 Insufficient cpu.")]
        },
    )
    assert cluster.only(RULES).cause == "sched.insufficient.cpu"


def test_the_wait_began_when_the_pod_was_made():
    found = (
        Cluster()
        .node()
        .pending("web", "0/1 nodes are available: 1 Insufficient cpu.", spec=asks(cpu="9"), age=900)
        .only(RULES)
    )
    assert found.since is not None
    assert found.since.isoformat().startswith(ago(900)[:19])
