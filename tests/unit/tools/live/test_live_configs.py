"""The values of a few named ConfigMaps are read one by one; what cannot be read is a note."""

from __future__ import annotations

from copilot.model import Ref
from tests.unit.tools.live.api_server import ApiServer, reply, status
from tools.cluster.live import LiveSource
from tools.cluster.source import ConfigReader

EDGE = Ref("ConfigMap", "shop", "edge")
PATH = "/api/v1/namespaces/shop/configmaps/edge"


def held(name: str = "edge") -> dict[str, object]:
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "shop"},
        "data": {"a.conf": "x"},
    }


def test_the_values_of_a_named_config_map_are_read(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: reply(held())
    read = live.read_configs([EDGE, EDGE])
    assert isinstance(live, ConfigReader)
    assert [(one.ref, one.body["data"]) for one in read.resources] == [(EDGE, {"a.conf": "x"})]
    assert read.notes == ()
    assert sum(request.path == PATH for request in server.seen) == 1


def test_a_refusal_or_another_object_is_a_note(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: status(403, "may not")
    server.special[PATH.replace("edge", "other")] = lambda _: reply(held("edge"))
    read = live.read_configs([EDGE, Ref("ConfigMap", "shop", "other")])
    assert read.resources == ()
    assert "HTTP 403" in read.notes[0]
    assert "another object came" in read.notes[1]
