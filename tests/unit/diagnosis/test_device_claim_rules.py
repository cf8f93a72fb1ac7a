"""Device claims against published devices: the test that fails is named; what cannot be read decides nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.diagnosis.rules.scheduling import devices as scheduling_devices
from copilot.diagnosis.rules.scheduling.cel import Device, evaluate, failing
from tests.unit.diagnosis.cluster import Cluster, owned, ref

RULES = scheduling_devices.RULES
API = "resource.k8s.io/v1"
SAID = "0/1 nodes are available: 1 cannot allocate all claims."
BIG = 'device.capacity["gpu.example.com"].memory.compareTo(quantity("80Gi")) >= 0'


def gpus(count=2, memory="40Gi", cluster=None):
    devices = [
        {
            "name": f"gpu-{i}",
            "attributes": {"model": {"string": "A100"}, "index": {"int": i}, "ecc": {"bool": True}},
            "capacity": {"memory": {"value": memory}},
        }
        for i in range(count)
    ]
    spec = {
        "driver": "gpu.example.com",
        "nodeName": "n1",
        "pool": {"name": "n1", "generation": 1, "resourceSliceCount": 1},
        "devices": devices,
    }
    cluster = (cluster or Cluster()).node("n1").add("ResourceSlice", "n1", api=API, spec=spec)
    selector = {"selectors": [{"cel": {"expression": 'device.driver == "gpu.example.com"'}}]}
    return cluster.add("DeviceClass", "gpu", api=API, spec=selector)


def asking(cluster, *expressions, count=1, device_class="gpu", template=True):
    exactly = {
        "deviceClassName": device_class,
        "count": count,
        "selectors": [{"cel": {"expression": e}} for e in expressions],
    }
    requests = {"devices": {"requests": [{"name": "g", "exactly": exactly}]}}
    if template:
        cluster.add("ResourceClaimTemplate", "big", "ml", api=API, spec={"spec": requests})
    return cluster.pending(
        "train",
        SAID,
        "ml",
        spec={"containers": [{"name": "m"}], "resourceClaims": [{"name": "g", "resourceClaimTemplateName": "big"}]},
    )


def test_a_selector_that_no_device_satisfies_blames_the_template_with_the_nearest():
    found = asking(gpus(), BIG).only(RULES)
    assert (found.cause, found.object) == ("dra.nofit", ref("ResourceClaimTemplate", "ml/big"))
    assert "memory >= 80Gi (it has 40Gi)" in found.title


def test_more_devices_than_there_are_do_not_fit():
    assert "only 2 devices of the class exist" in asking(gpus(), count=3).only(RULES).title


def test_devices_in_use_name_their_holders():
    cluster = asking(gpus(1))
    results = {"results": [{"driver": "gpu.example.com", "pool": "n1", "device": "gpu-0"}]}
    cluster.add("ResourceClaim", "other", "ml", api=API, spec={}, status={"allocation": {"devices": results}})
    found = cluster.only(RULES)
    assert found.cause == "dra.devices_in_use"
    assert "ResourceClaim ml/other" in found.title


def test_a_class_and_a_template_that_do_not_exist_are_named_with_the_nearest():
    found = asking(gpus(), device_class="gpuu").only(RULES)
    assert found.cause == "dra.class_missing"
    assert "there is gpu" in found.title
    missing = asking(gpus(), template=False).only(RULES)
    assert (missing.cause, missing.object) == ("dra.claim_missing", ref("Deployment", "ml/train"))


def test_an_allocated_claim_is_healthy():
    cluster = asking(gpus(), BIG)
    cluster.add(
        "ResourceClaim",
        "c",
        "ml",
        api=API,
        metadata=owned("Pod", "train-abc-x", "ml"),
        spec={},
        status={"allocation": {"devices": {}}},
    )
    assert cluster.find(RULES) == []


def test_devices_of_an_older_pool_generation_do_not_count():
    stale = {
        "driver": "gpu.example.com",
        "nodeName": "n1",
        "pool": {"name": "n1", "generation": 0},
        "devices": [{"name": "old", "capacity": {"memory": {"value": "99Gi"}}}],
    }
    assert asking(gpus().add("ResourceSlice", "n1-old", api=API, spec=stale), BIG).only(RULES).cause == "dra.nofit"


def test_a_driver_that_cannot_prepare_a_claim_blames_the_node():
    cluster = (
        Cluster()
        .node("n1")
        .deployment("web", have=1)
        .pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", phase="Pending", waiting="ContainerCreating")
    )
    found = cluster.event(
        "Pod", "web-abc-1", "shop", "FailedPrepareDynamicResources", "NodePrepareResources failed: no device"
    ).only(RULES)
    assert (found.cause, found.object) == ("dra.prepare", ref("Node", "n1"))


DEVICE = Device(
    "d.io",
    "p",
    "x",
    "n1",
    {
        "attributes": {"model": {"string": "A100"}, "index": {"int": 3}, "ecc": {"bool": True}},
        "capacity": {"memory": {"value": "40Gi"}},
    },
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('device.driver == "d.io"', True),
        ('device.driver != "d.io"', False),
        ('device.attributes["d.io"].model == "A100"', True),
        ('device.attributes["d.io"].index > 5', False),
        ('device.attributes["d.io"].ecc', True),
        ('!device.attributes["d.io"].ecc', False),
        ('device.attributes["d.io"].model.startsWith("A")', True),
        ('device.capacity["d.io"].memory.isGreaterThan(quantity("32Gi"))', True),
        ('device.capacity["d.io"].memory.compareTo(quantity("80Gi")) >= 0', False),
        ('device.driver == "d.io" && device.attributes["d.io"].index == 3', True),
        ('device.attributes["d.io"].absent == "x"', None),
        ('device.attributes["d.io"].model.matches("(a+)+$")', None),
        ("cel.bind(x, device, x.allowed)", None),
    ],
)
def test_expressions_are_read_or_left_undecided(expression, value):
    assert evaluate(expression, DEVICE) is value


@given(st.text(max_size=200))
def test_no_expression_makes_the_reader_raise(expression):
    assert evaluate(expression, DEVICE) in (True, False, None)
    assert all("(it has " in part for part in failing(expression, DEVICE))
