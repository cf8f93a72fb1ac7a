"""Words that mean no object: the error offers what is near, and says where nobody was allowed to look."""

from __future__ import annotations

import msgspec
import pytest

from copilot.model import Coverage, Reading, ReadState, UsageError
from retrievers.graph import build_graph
from retrievers.graph.resolve import resolve_object
from tests.unit.diagnosis.cluster import Cluster

READ, REFUSED = ReadState.READ, ReadState.REFUSED


def graph(*readings: Reading):
    """The shop, with a Deployment `web`, and this account of what was read."""
    snapshot = Cluster().add("Namespace", "shop").add("Deployment", "web", "shop").snapshot()
    return build_graph(msgspec.structs.replace(snapshot, coverage=Coverage(readings)))


def error(words: str, *readings: Reading, namespace: str | None = "shop") -> UsageError:
    with pytest.raises(UsageError) as raised:
        resolve_object(graph(*readings), words, namespace)
    return raised.value


def test_an_object_of_a_kind_that_was_read_is_not_there():
    told = error("deploy/webb", Reading("Deployment", "apps"))
    assert told.title == "No object 'deploy/webb' was read in namespace shop."
    assert told.hint == "Did you mean deployment/web -n shop?"


@pytest.mark.parametrize("place", ["*", "shop"])
def test_an_object_of_a_refused_kind_may_be_there(place):
    told = error("cm/settings", Reading("ConfigMap", "", place, REFUSED), Reading("Pod", "", place, REFUSED))
    assert "ConfigMap objects were refused, so it may be there" in told.title
    assert "Pod" not in told.title
    assert "right to list" in told.hint


def test_a_bare_name_may_be_of_any_kind_that_was_refused():
    told = error("settings", Reading("ConfigMap", "", "*", REFUSED), Reading("Pod", "", "shop", REFUSED))
    assert "Pod, ConfigMap objects were refused" in told.title


@pytest.mark.parametrize(
    "readings",
    [
        (Reading("ConfigMap", "", "bazaar", REFUSED),),
        (Reading("ConfigMap", "", "*", REFUSED), Reading("ConfigMap", "", "shop", READ)),
    ],
)
def test_what_was_refused_elsewhere_or_read_here_after_all_is_not_mentioned(readings):
    assert "refused" not in error("cm/settings", *readings).title
