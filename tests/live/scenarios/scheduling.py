"""Pods that no node takes, and volumes that do not come."""

from .manifests import (
    backdrop,
    claim,
    deployment,
    mounted,
    node,
    service,
    statefulset,
    storage_class,
    volume,
)
from .scenario import Apply, Kubectl, Scenario, Seen, Truth

NO_NODE = "FailedScheduling"

CPU = Scenario(
    name="schedule-cpu-short",
    truth=Truth(
        ("Deployment", "textile", "loom"),
        "it asks for 3 CPUs and the freest of five nodes has less than 2 of 8 left",
        ("cpu",),
        must_not=(("Deployment", "textile", "carder"),),
    ),
    before=(
        *backdrop("laundry", "press-iron", work="starch-4"),
        deployment("textile", "carder", 5, cpu="6", memory="1Gi"),
    ),
    steps=(
        Apply((deployment("textile", "loom", 2, cpu="3", memory="1Gi"), service("textile", "loom"))),
        Seen("get events -n textile", rf"{NO_NODE} .*Insufficient cpu"),
    ),
    paste=("describe pod {pod:textile/loom} -n textile", "describe nodes"),
)

GPU = Scenario(
    name="schedule-gpu-short",
    truth=Truth(
        ("Deployment", "vision", "trainer"),
        "it asks for 2 GPUs; the only GPU node has 4 and labeller holds 3",
        ("gpu",),
        must_not=(("Node", "", "accel-1"),),
    ),
    before=(
        *backdrop("darkroom", "enlarger"),
        node("accel-1", "accel", nvidia_com__gpu="4"),
        deployment(
            "vision",
            "labeller",
            3,
            pod={"nodeSelector": {"corp.io/pool": "accel"}},
            resources={"limits": {"nvidia.com/gpu": "1"}},
        ),
    ),
    steps=(
        Apply((deployment("vision", "trainer", 1, resources={"limits": {"nvidia.com/gpu": "2"}}),)),
        Seen("get events -n vision", rf"{NO_NODE} .*Insufficient nvidia.com/gpu"),
    ),
    paste=("get pods -n vision -o wide", "describe pod {pod:vision/trainer} -n vision", "describe nodes"),
)

TAINT = Scenario(
    name="schedule-taint-not-tolerated",
    truth=Truth(
        ("Deployment", "print", "plates"),
        "the pool it selects is tainted corp.io/dedicated=print and it does not tolerate that",
        ("taint", "tolerat"),
        also_accept=(("Node", "", "pool-7"),),
    ),
    before=(*backdrop("studio", "easel"), node("pool-7", "print", taint="print"), deployment("print", "folder", 1)),
    steps=(
        Apply((deployment("print", "plates", 2, pod={"nodeSelector": {"corp.io/pool": "print"}}),)),
        Seen("get events -n print", rf"{NO_NODE} .*untolerated taint"),
    ),
    paste=("describe pod {pod:print/plates} -n print", "describe node pool-7"),
)

SELECTOR = Scenario(
    name="schedule-node-selector-typo",
    truth=Truth(
        ("StatefulSet", "granary", "silo"),
        "its node selector says corp.io/pool=storge; the label is corp.io/pool=storage",
        ("selector", "label", "storge"),
        must_not=(("Node", "", "bay-1"), ("Node", "", "bay-2")),
    ),
    before=(
        *backdrop("mill", "sieve"),
        node("bay-1", "storage"),
        node("bay-2", "storage"),
        deployment("granary", "hopper", 1),
        service("granary", "silo"),
    ),
    steps=(
        Apply((statefulset("granary", "silo", 2, pod={"nodeSelector": {"corp.io/pool": "storge"}}),)),
        Seen("get events -n granary", rf"{NO_NODE} .*node affinity/selector"),
    ),
    paste=("get nodes --show-labels", "describe pod silo-0 -n granary"),
)

SPREAD_RULE = {"labelSelector": {"matchLabels": {"app": "herald"}}, "topologyKey": "kubernetes.io/hostname"}
ANTI_AFFINITY = Scenario(
    name="schedule-anti-affinity",
    truth=Truth(
        ("Deployment", "castle", "herald"),
        "seven replicas may not share a node (required anti-affinity by host name) and there are five nodes",
        ("affinity",),
    ),
    before=(
        *backdrop("moat", "bridge"),
        deployment(
            "castle", "herald", 4,
            pod={"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [SPREAD_RULE]}}},
        ),
    ),
    steps=(Kubectl("scale deployment/herald -n castle --replicas=7"), Seen("get events -n castle", rf"{NO_NODE} .*anti-affinity")),
    paste=("get deployments -n castle", "get nodes", "describe pod {pod:castle/herald} -n castle"),
)  # fmt: skip

CORDON = Scenario(
    name="schedule-node-cordoned",
    truth=Truth(
        ("Node", "", "yard-1"),
        "the only node of the pool that crane selects is cordoned",
        ("cordon", "unschedulable"),
        also_accept=(("Deployment", "docks", "crane"),),
    ),
    before=(
        *backdrop("customs", "ledger-view", work="manifest-30"),
        node("yard-1", "yard"),
        deployment("docks", "crane", 1, pod={"nodeSelector": {"corp.io/pool": "yard"}}),
    ),
    steps=(
        Kubectl("cordon yard-1"),
        Kubectl("scale deployment/crane -n docks --replicas=3"),
        Seen("get events -n docks", rf"{NO_NODE} .*unschedulable"),
    ),
    paste=("get nodes", "describe pod {pod:docks/crane} -n docks", "describe node yard-1"),
)

TOO_MANY = Scenario(
    name="schedule-too-many-pods",
    truth=Truth(
        ("Deployment", "lighthouse", "beacon"),
        "its six replicas must run on edge-1, whose kubelet takes four pods at most",
        ("pods",),
        also_accept=(("Node", "", "edge-1"),),
    ),
    before=(
        *backdrop("jetty", "rope"),
        node("edge-1", "edge", pods="4"),
        deployment("lighthouse", "beacon", 3, pod={"nodeSelector": {"corp.io/pool": "edge"}}),
    ),
    steps=(
        Kubectl("scale deployment/beacon -n lighthouse --replicas=6"),
        Seen("get events -n lighthouse", rf"{NO_NODE} .*Too many pods"),
    ),
    paste=(
        "get deployments -n lighthouse",
        "describe pod {pod:lighthouse/beacon} -n lighthouse",
        "describe node edge-1",
    ),
)

NO_CLASS = Scenario(
    name="volume-storage-class-missing",
    truth=Truth(
        ("PersistentVolumeClaim", "library", "index-data"),
        "it names the StorageClass fast-nvme, which does not exist; there is fast-ssd",
        ("storageclass", "storage class", "fast-nvme"),
        also_accept=(("StorageClass", "", "fast-nvme"), ("Deployment", "library", "index")),
    ),
    before=(*backdrop("reading-room", "lamp"), storage_class("fast-ssd", waits=True), deployment("library", "loans", 2)),
    steps=(
        Apply(
            (
                claim("library", "index-data", "20Gi", "fast-nvme"),
                deployment(
                    "library", "index", 1, volumeMounts=[mounted("data", "/data")[1]],
                    pod={"volumes": [mounted("data", "", persistentVolumeClaim={"claimName": "index-data"})[0]]},
                ),
            )
        ),
        Seen("get events -n library", r"fast-nvme.* not found"),
        Seen("get events -n library", NO_NODE),
    ),
    paste=("get pvc -n library", "get storageclass", "describe pvc index-data -n library", "describe pod {pod:library/index} -n library"),
)  # fmt: skip

NO_CLAIM = Scenario(
    name="volume-claim-missing",
    truth=Truth(
        ("Deployment", "apiary", "combs"),
        "it mounts the claim combs-store, which does not exist; there is combs-data",
        ("combs-store", "claim", "pvc"),
        also_accept=(("PersistentVolumeClaim", "apiary", "combs-store"),),
    ),
    before=(
        *backdrop("clover", "field-notes"),
        volume("nfs-apiary-1", "8Gi"),
        claim("apiary", "combs-data", "8Gi", ""),
        deployment("apiary", "smoker", 1),
    ),
    steps=(
        Apply(
            (
                deployment(
                    "apiary", "combs", 1, volumeMounts=[mounted("data", "/data")[1]],
                    pod={"volumes": [mounted("data", "", persistentVolumeClaim={"claimName": "combs-store"})[0]]},
                ),
            )
        ),
        Seen("get events -n apiary", rf"{NO_NODE} .*combs-store"),
    ),
    paste=("get pvc -n apiary", "describe pod {pod:apiary/combs} -n apiary"),
)  # fmt: skip

BOUND_ELSEWHERE = Scenario(
    name="volume-bound-to-another-claim",
    truth=Truth(
        ("PersistentVolumeClaim", "journal", "press-data"),
        "it asks for the volume nfs-books by name, which is bound to the claim books of ledger-room",
        ("bound", "another claim", "nfs-books", "volume"),
        also_accept=(("PersistentVolume", "", "nfs-books"), ("StatefulSet", "journal", "presses")),
        must_not=(("PersistentVolumeClaim", "ledger-room", "books"),),
    ),
    before=(
        *backdrop("ledger-room", "abacus"),
        volume("nfs-books", "10Gi"),
        claim("ledger-room", "books", "10Gi", "", volumeName="nfs-books"),
        deployment("journal", "editor", 1),
        service("journal", "presses"),
    ),
    steps=(
        Apply(
            (
                claim("journal", "press-data", "10Gi", "", volumeName="nfs-books"),
                statefulset(
                    "journal", "presses", 1, volumeMounts=[mounted("data", "/data")[1]],
                    pod={"volumes": [mounted("data", "", persistentVolumeClaim={"claimName": "press-data"})[0]]},
                ),
            )
        ),
        Seen("get events -n journal", r"already bound to a different claim"),
        Seen("get events -n journal", NO_NODE),
    ),
    paste=("get pv", "get pvc -A", "describe pvc press-data -n journal", "describe pod presses-0 -n journal"),
)  # fmt: skip

STATEFULSET_VOLUME = Scenario(
    name="statefulset-ordinal-without-volume",
    truth=Truth(
        ("PersistentVolumeClaim", "parliament", "data-quorum-1"),
        "no volume of the class hand-made is left for the second ordinal",
        ("volume", "persistent"),
        also_accept=(("StatefulSet", "parliament", "quorum"), ("StorageClass", "", "hand-made")),
    ),
    before=(
        *backdrop("gallery", "ushers"),
        storage_class("hand-made"),
        volume("disk-a", "5Gi", "hand-made"),
        deployment("parliament", "speaker", 1),
        service("parliament", "quorum"),
    ),
    steps=(
        Apply(
            (
                statefulset(
                    "parliament", "quorum", 3, spec={"volumeClaimTemplates": [{
                        "metadata": {"name": "data"},
                        "spec": claim("", "data", "5Gi", "hand-made")["spec"],
                    }]},
                    volumeMounts=[mounted("data", "/data")[1]],
                ),
            )
        ),
        Seen("get events -n parliament", rf"{NO_NODE} .*pod/quorum-1"),
        Seen("get pvc -n parliament", r"data-quorum-1 +Pending"),
    ),
    paste=("get statefulsets,pvc -n parliament", "get pv", "describe pvc data-quorum-1 -n parliament", "describe pod quorum-1 -n parliament"),
)  # fmt: skip

SCHEDULING = (
    CPU, GPU, TAINT, SELECTOR, ANTI_AFFINITY, CORDON, TOO_MANY, NO_CLASS, NO_CLAIM, BOUND_ELSEWHERE, STATEFULSET_VOLUME
)  # fmt: skip
