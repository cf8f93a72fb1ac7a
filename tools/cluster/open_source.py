"""Opens recorded material of any kind as a Source: dump, must-gather, support bundle, manifests, transcript, or all mixed.

Reading never writes to disk and never asks the wall clock; "now" is the dump's own time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from copilot.model import InputError, Snapshot
from tools.cluster.archive import LimitError, Member, Skipped, members
from tools.cluster.files_gather import Gathering
from tools.cluster.files_read import read_member
from tools.cluster.source import LogRequest, LogsRead, Scope, Source

_LOOKED_FOR = (
    "Looked for: objects in JSON or YAML, a cluster-info dump, a must-gather or support bundle, container logs under"
    " logs/<namespace>/<pod>/, alerts.json, Prometheus results, and kubectl output in .txt files."
)


class FileSource:
    """One input on disk or standard input. It is read once; logs come from the same reading."""

    def __init__(self, path: str, skip: Callable[[str], bool] | None = None) -> None:
        self.path = path
        self._skip = skip
        self._seen: tuple[Scope, Snapshot] | None = None

    def snapshot(self, scope: Scope) -> Snapshot:
        """Read everything in scope.

        Raises:
            InputError: nothing in it can be read, or the only file in it is broken (the title names file and line).
        """
        if self._seen is None or self._seen[0] != scope:
            self._seen = scope, self._read(scope)
        return self._seen[1]

    def read_logs(self, requests: Sequence[LogRequest]) -> LogsRead:
        """The logs asked for, as far as the last snapshot has them: standard input cannot be read twice."""
        wanted = set(requests)
        seen = self._seen[1] if self._seen else self.snapshot(Scope())
        found = (log for log in seen.logs if LogRequest(log.namespace, log.pod, log.container, log.previous) in wanted)
        return LogsRead(tuple(found))

    def _read(self, scope: Scope) -> Snapshot:
        gathering = Gathering(scope)
        alone = self.path == "-" or not Path(self.path).is_dir()
        errors: list[InputError] = []
        count = self._gather(gathering, errors, alone=alone)
        if errors and (count <= 1 or not gathering.read_anything):
            raise errors[0]
        if not gathering.read_anything:
            files = "1 file" if count == 1 else f"{count:,} files"
            raise InputError(f"{self.path}: nothing in it could be read ({files})", _LOOKED_FOR)
        for error in errors:
            gathering.note(f"not read: {error.title}")
        return gathering.snapshot(_name(self.path))

    def _gather(self, gathering: Gathering, errors: list[InputError], *, alone: bool) -> int:
        """Read every member; what is broken goes to `errors`. Returns how many plain files there were."""
        count = 0
        root = "" if alone else Path(self.path).resolve().name
        try:
            for member in members(self.path):
                if isinstance(member, Skipped):
                    gathering.note(f"{member.name}: not read, {member.reason}")
                    continue
                if self._skip is not None and self._skip(member.name):
                    continue
                count += 1
                try:
                    read_member(member, gathering, alone=alone and _is_whole_input(member, self.path), root=root)
                except InputError as error:
                    errors.append(error)
        except InputError as error:
            if count == 0 or isinstance(error, LimitError):
                raise
            errors.append(error)
        return count


def _is_whole_input(member: Member, path: str) -> bool:
    """Tell a file given by itself from the member of an archive."""
    return member.name == ("stdin" if path == "-" else Path(path).name)


def _name(path: str) -> str:
    """What the input is called: the file's or folder's own name; a pipe has none."""
    whole = Path(path)
    return whole.resolve().name if path != "-" and (whole.is_dir() or whole.is_file()) else "stdin"


def open_path(path: str, skip: Callable[[str], bool] | None = None) -> Source:
    """Open a file, folder, archive, or "-" for standard input. Nothing is read before a snapshot is asked for.

    `skip` tells by a file's path below the root that it shall not be read.
    """
    return FileSource(path, skip)
