"""Makes a case out of a scenario that plays: what the product's recorder saves, the truth, and what a person would paste.

Promise: nothing in a case tells how the test bed plays a failure, and a kind from which objects were left out says so.
"""

import gzip
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.live.built.chosen import CLASS_OF
from tests.live.scenarios.player import with_names
from tests.live.scenarios.scenario import Kubectl, Scenario, Seen
from tests.live.testbed import binaries
from tests.live.testbed.cluster import Cluster
from tests.live.testbed.errors import TestbedError

BED = "testbed/"
BED_MARKS = ("metrics.k8s.io/resource-metrics-path",)
BED_GROUPS = ("kwok.x-k8s.io",)
BUILT_IN = "kubernetes.io/bootstrapping"  # the label of the roles that every cluster has
BOOKKEEPING = ("ClusterTrustBundle", "IPAddress", "ServiceCIDR")  # what the API server notes for itself
LEFT_OUT = "those that every cluster has are left out"
_NAMESPACE = re.compile(r"(?:^| )-n (\S+)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=(?:\.\d+)?Z)")
_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?= \+0000)")
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?= \+0000 UTC)")
_PLAIN_FORMAT = "%Y-%m-%d %H:%M:%S"
_DATE_FORMAT = "%a, %d %b %Y %H:%M:%S"
_MOMENT_FORMAT = "%Y-%m-%dT%H:%M:%S"


def save_case(scenario: Scenario, cluster: Cluster, folder: Path) -> None:
    """Write the case of a scenario that plays on the cluster; an older one is replaced."""
    work = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(work, ignore_errors=True)
    record(cluster.kubeconfig, work)
    pasted = transcript(scenario, cluster)
    tidy(work)
    name_cluster(work / "recording.json", scenario.cluster)
    (work / "transcript.txt").write_text(pasted)
    kept = {"class": CLASS_OF.get(scenario.name, ""), "written_before_rule": False}
    truth = scenario.truth.document(scenario.innocents) | kept
    (work / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    if scenario.clock:
        _set_clock(work, scenario.clock)
    compress(work / "objects.json")
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)


def record(kubeconfig: Path, folder: Path, *more: str) -> None:
    """Let the program record a cluster; raises TestbedError."""
    command = ["record", "-o", str(folder), "-A", "--kubeconfig", str(kubeconfig), *filter(None, more)]
    outcome = subprocess.run(
        [sys.executable, "-m", "copilot.cli.main", *command], capture_output=True, text=True, check=False
    )
    if outcome.returncode != 0:
        raise TestbedError(f"kubectl copilot record: {outcome.stderr.strip()}", "run it by hand")


def transcript(scenario: Scenario, cluster: Cluster) -> str:
    """What a person would paste: each command with what it printed, errors included."""
    namespace = main_namespace(scenario)
    first, last = f"get pods -n {namespace} -o wide", f"get events -n {namespace}"
    said = []
    for command in (first, *scenario.paste, last):
        named = with_names(command, cluster)
        said.append(f"$ kubectl {named}\n{without_bed(_print(named, cluster))}")
    return "\n".join(said)


def main_namespace(scenario: Scenario) -> str:
    """The namespace that the story is about: the last one that a step or a pasted command looks at."""
    commands = [step.command for step in reversed(scenario.steps) if isinstance(step, Seen | Kubectl)]
    for command in (*commands, *scenario.paste):
        if match := _NAMESPACE.search(command):
            return match[1]
    return scenario.namespaces[0]


def _print(command: str, cluster: Cluster) -> str:
    kubectl = [str(binaries.require() / "kubectl"), f"--kubeconfig={cluster.kubeconfig}", *shlex.split(command)]
    both = subprocess.run(kubectl, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return both.stdout


def without_bed(text: str) -> str:
    """Printed text without the annotations and labels by which the test bed plays."""
    return "\n".join(_lines(text.split("\n")))


def _lines(lines: Iterable[str]) -> Iterator[str]:
    """Drop marks of the bed; the first of a described list stands on its heading's line."""
    heading = ""
    for line in lines:
        mark = re.match(r"^( *(?:Annotations|Labels): +)(\S.*)$", line)
        if heading and (mark or not re.match(rf"^ {{{len(heading)}}}\S", line)):
            yield f"{heading}<none>"
            heading = ""
        if mark and _of_bed(mark[2]):
            heading = mark[1]
        elif heading and not _of_bed(line.strip()):
            yield heading + line.strip()
            heading = ""
        elif not _of_bed(line.strip().strip('"')):
            yield re.sub(r",?testbed/[\w-]+=[\w-]+", "", line)
    if heading:
        yield f"{heading}<none>"


def _of_bed(text: str) -> bool:
    return text.startswith((BED, *BED_MARKS))


def tidy(folder: Path, unused: frozenset[tuple[str, str]] = frozenset()) -> None:
    """Take out what belongs to the bed, the kinds (group, kind) it has for others, and what every cluster has."""
    path = folder / "objects.json"
    items: list[dict[str, Any]] = json.loads(path.read_text())["items"]
    mine = [item for item in items if not _is_of_bed(item) and not _defines(item, unused)]
    kept = [_bare(item) for item in mine if not _is_built_in(item)]
    lines = ",\n".join(json.dumps(item, sort_keys=True, separators=(",", ":")) for item in kept)
    path.write_text(f'{{"apiVersion":"v1","kind":"List","items":[\n{lines}\n]}}\n')
    partial = {(item["kind"], _group(item)) for item in items if _is_built_in(item)}
    _tidy_coverage(folder / "coverage.json", partial, unused)


def _defines(item: dict[str, Any], kinds: frozenset[tuple[str, str]]) -> bool:
    spec = item.get("spec", {})
    return item["kind"] == "CustomResourceDefinition" and (spec["group"], spec["names"]["kind"]) in kinds


def name_cluster(path: Path, name: str) -> None:
    """Write what the recording calls its cluster."""
    path.write_text(json.dumps(json.loads(path.read_text()) | {"cluster": name}, indent=1) + "\n")


def _tidy_coverage(path: Path, partial: set[tuple[str, str]], unused: frozenset[tuple[str, str]]) -> None:
    coverage = json.loads(path.read_text())
    readings = [
        reading
        for reading in coverage["readings"]
        if reading["group"] not in BED_GROUPS and (reading["group"], reading["kind"]) not in unused
    ]
    for reading in readings:
        if (reading["kind"], reading["group"]) in partial:
            reading.update(state="partial", detail=LEFT_OUT)
    lines = ",\n  ".join(json.dumps(reading, sort_keys=True) for reading in readings)
    rest = {key: value for key, value in coverage.items() if key != "readings"}
    path.write_text(json.dumps(rest, indent=1)[:-2] + f',\n "readings": [\n  {lines}\n ]\n}}\n')


def _group(item: dict[str, Any]) -> str:
    return str(item["apiVersion"]).rpartition("/")[0]


def _is_of_bed(item: dict[str, Any]) -> bool:
    return _group(item) in BED_GROUPS or str(item["metadata"]["name"]).endswith(BED_GROUPS)


def _is_built_in(item: dict[str, Any]) -> bool:
    local_api = item["kind"] == "APIService" and not item.get("spec", {}).get("service")
    return BUILT_IN in item["metadata"].get("labels", {}) or local_api or item["kind"] in BOOKKEEPING


def _bare(item: dict[str, Any]) -> dict[str, Any]:
    """The object without the bed's marks, in its pod template too; what kwok wrote, a kubelet would have written."""
    for metadata in _metadata(item):
        for field in ("annotations", "labels"):
            marks = metadata.get(field) or {}
            metadata[field] = {key: value for key, value in marks.items() if not _of_bed(key)}
            if not metadata[field]:
                del metadata[field]
        for entry in metadata.get("managedFields", []):
            if "kwok" in entry.get("manager", ""):
                entry["manager"] = "kubelet"
    return item


def _metadata(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("metadata"), dict):
            yield value["metadata"]
        for child in value.values():
            yield from _metadata(child)


def _set_clock(folder: Path, clock: str) -> None:
    """Move every time of the case alike, so that it was recorded at this time of day."""
    observed = datetime.fromisoformat(json.loads((folder / "recording.json").read_text())["observed_at"])
    hour, minute = (int(part) for part in clock.split(":"))
    by = observed.replace(hour=hour, minute=minute) - observed

    for path in (*folder.glob("*.json"), folder / "transcript.txt"):
        path.write_text(shifted_text(path.read_text(), by))


def shifted_text(text: str, by: timedelta) -> str:
    """The text with every time in it moved, those of the API and those of kubectl."""
    text = _MOMENT.sub(lambda match: _moved(match[0], _MOMENT_FORMAT, by), text)
    text = _PLAIN.sub(lambda match: _moved(match[0], _PLAIN_FORMAT, by), text)
    return _DATE.sub(lambda match: _moved(match[0], _DATE_FORMAT, by), text)


def shifted(value: Any, by: timedelta) -> Any:
    """A JSON value with every time in it moved."""
    return json.loads(shifted_text(json.dumps(value, ensure_ascii=False), by))


def _moved(moment: str, form: str, by: timedelta) -> str:
    try:
        found = datetime.strptime(moment, form).replace(tzinfo=UTC)
    except ValueError:  # only looks like a time
        return moment
    return moment if found.year == 1 else (found + by).strftime(form)  # the year 1 is how Go says "never"


def compress(path: Path) -> None:
    """Put the file's gzip, always the same bytes, in its place."""
    path.with_suffix(".json.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()
