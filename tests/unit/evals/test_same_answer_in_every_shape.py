"""The same incident gives the same answer as a List, a must-gather tree, a support bundle in a tar, and YAML documents."""

import gzip
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from copilot.app import open_copilot
from copilot.target import Target
from evals.case import load_cases
from evals.scorer import score
from evals.solver import Answer
from tests.shared import shared
from tools.cluster.transcript.kinds import plural

Objects = list[dict[str, Any]]
SAMPLE = 15  # every fifteenth incident: a few seconds; all 46 agree as well


def lists(objects: Objects) -> dict[tuple[str, str, str], Objects]:
    found: dict[tuple[str, str, str], Objects] = defaultdict(list)
    for one in objects:
        group = one["apiVersion"].rpartition("/")[0]
        found[(one["metadata"].get("namespace", ""), group, one["kind"])].append(one)
    return found


def must_gather(objects: Objects, root: Path) -> Path:
    for (namespace, group, kind), some in lists(objects).items():
        folder = (
            root
            / "quay-io-image"
            / (f"namespaces/{namespace}" if namespace else "cluster-scoped-resources")
            / (group or "core")
        )
        if namespace:
            folder.mkdir(parents=True, exist_ok=True)
            body = {"apiVersion": some[0]["apiVersion"], "kind": f"{kind}List", "items": some}
            (folder / f"{plural(kind.lower())}.yaml").write_text(json.dumps(body))
        for one in [] if namespace else some:
            (folder / plural(kind.lower())).mkdir(parents=True, exist_ok=True)
            (folder / plural(kind.lower()) / f"{one['metadata']['name']}.yaml").write_text(json.dumps(one))
    return root


def bundle(objects: Objects, root: Path) -> Path:
    path = root / "support-bundle.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for (namespace, group, kind), some in lists(objects).items():
            folder = (
                plural(kind.lower())
                if not group or "." not in group
                else f"custom-resources/{plural(kind.lower())}.{group}"
            )
            version = some[0]["apiVersion"]
            items = [{key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in some]
            body = json.dumps({"kind": f"{kind}List", "apiVersion": version, "items": items}).encode()
            info = tarfile.TarInfo(
                f"bundle/cluster-resources/{folder}" + (f"/{namespace}.json" if namespace else ".json")
            )
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return path


def documents(objects: Objects, root: Path) -> Path:
    path = root / "all.yaml"
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_bytes(yaml.dump({"apiVersion": "v1", "items": objects, "kind": "List"}, Dumper=dumper, encoding="utf-8"))
    return path


@pytest.mark.parametrize("shape", [must_gather, bundle, documents])
def test_every_shape_gives_the_same_answer(shape: Callable[[Objects, Path], Path], tmp_path: Path) -> None:
    for case in load_cases(shared("datasets", "incidents"))[::SAMPLE]:
        objects = json.loads(gzip.decompress((case.path / "objects.json.gz").read_bytes()))["items"]
        root = tmp_path / case.name
        root.mkdir()
        paths = [str(shape(objects, root))]
        if (case.path / "logs").exists():
            paths.append(str(case.path / "logs"))
        found = score(case, Answer(open_copilot(Target(paths=tuple(paths))).diagnose()))
        plain = score(
            case, Answer(open_copilot(Target(paths=(str(case.path / "objects.json.gz"), *paths[1:]))).diagnose())
        )
        assert (found.outcome, found.answered) == (plain.outcome, plain.answered), case.name
