"""Questions with exact facts: asked of the program as a user would, judged by what the answer states.

A fact is right when its words are in the answer; a `never` that is in it is a wrong fact stated, and nothing makes up for it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path

import msgspec

from copilot.agent.conversation import Conversation
from copilot.agent.conversation.writer import Writer
from copilot.agent.events import Answered, Refused, StreamEvent
from copilot.app import Copilot
from copilot.model import CopilotError, InputError
from copilot.settings import Settings
from copilot.target import Target
from tools.cluster.open_source import open_path

QUESTIONS = Path(__file__).parent / "questions"
_CLUSTERS = "clusters"  # the folder of recordings beside the questions
_OR = "|"  # between words of which one is enough


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question about one recorded cluster.

    `facts` must all be in the answer (of `a|b` one is enough), none of `never` may be. `known` False means that the data
    cannot tell, `refused` that the question asks for a change. `topic` groups questions in the report.
    """

    cluster: str
    question: str
    topic: str = ""
    namespace: str | None = None
    facts: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    known: bool | None = None
    refused: bool = False


class Mark(Enum):
    """What came of a question, best first."""

    RIGHT = "right"  # every fact, no wrong one, known or not as expected
    PARTLY = "partly"  # some facts are missing
    MISSED = "missed"  # no fact, nothing wrong either
    WRONG = "wrong"  # states what is not so, or does what must be refused


class Marked(msgspec.Struct, frozen=True):
    """One question, judged. `missing` are the facts left out, `wrong` the false ones stated."""

    asked: Asked
    mark: Mark
    text: str
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    milliseconds: float = 0.0


class Said(msgspec.Struct, frozen=True):
    """What the program said: its text, whether it says that it knows, whether it refused."""

    text: str
    known: bool = True
    refused: bool = False


def load_questions(folder: Path) -> tuple[Asked, ...]:
    """Read every `*.jsonl` of a folder, in the order of the files.

    Raises:
        InputError: there is none, or a line is not a question.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise InputError(f"{folder}: no *.jsonl file of questions in it", "docs/ask.md describes the format.")
    return tuple(asked for file in files for asked in _lines(file))


def _lines(file: Path) -> Iterator[Asked]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=Asked)
        except msgspec.DecodeError as error:
            raise InputError(f"{file}:{number}: {error}", "docs/ask.md describes the format.") from error


Answering = Callable[[Copilot, str], Iterator[StreamEvent]]


def by_reader(copilot: Copilot, question: str) -> Iterator[StreamEvent]:
    """The program's own reader answers."""
    return copilot.ask(question)


def by_model(writer: Writer) -> Answering:
    """A model answers, each question in a conversation of its own."""
    return lambda copilot, question: Conversation(copilot, writer).ask(question)


class Clusters:
    """The recorded clusters, each read once for each namespace that is asked about."""

    def __init__(self, folders: Sequence[Path], data_dir: Path, answering: Answering = by_reader) -> None:
        self._folders = folders
        self._answering = answering
        self._settings = Settings(data_dir=data_dir)
        self._open: dict[tuple[str, str | None], Copilot] = {}

    def ask(self, asked: Asked) -> Said:
        """Put one question to the program.

        Raises:
            CopilotError: the cluster is not there or cannot be read.
        """
        key = (asked.cluster, asked.namespace)
        if key not in self._open:
            path = self._find(asked.cluster)
            source = open_path(str(path), skip=lambda name: name in ("truth.json", "transcript.txt"))
            self._open[key] = Copilot(source, Target(paths=(str(path),)), self._settings, asked.namespace)
        for event in self._answering(self._open[key], asked.question):
            match event:
                case Answered(answer):
                    return Said(answer.text, answer.known)
                case Refused(reason, nearest):
                    return Said(f"{reason} {nearest}".strip(), refused=True)
        raise AssertionError("the stream ends with an answer or a refusal")

    def _find(self, name: str) -> Path:
        for folder in self._folders:
            if "/" not in name and name not in ("", "..") and (folder / name).is_dir():
                return folder / name
        places = ", ".join(str(folder) for folder in self._folders)
        raise InputError(f"No recorded cluster {name!r} in {places}.", "Give its folder with --clusters.")


def judge(asked: Asked, said: Said, milliseconds: float = 0.0) -> Marked:
    """Judge one answer; letters' case does not matter."""
    words = said.text.lower()
    missing = tuple(fact for fact in asked.facts if not any(one.lower() in words for one in fact.split(_OR)))
    wrong = tuple(fact for fact in asked.never if fact.lower() in words)
    if asked.refused or said.refused:
        mark = Mark.RIGHT if asked.refused and said.refused else Mark.WRONG if asked.refused else Mark.MISSED
        return Marked(asked, mark, said.text, missing, wrong, milliseconds)
    as_expected = asked.known in (None, said.known)
    if wrong:
        mark = Mark.WRONG
    elif not missing and as_expected:
        mark = Mark.RIGHT
    else:
        mark = Mark.PARTLY if len(missing) < len(asked.facts) else Mark.MISSED
    return Marked(asked, mark, said.text, missing, wrong, milliseconds)


def run_questions(
    questions: Sequence[Asked], folders: Sequence[Path], answering: Answering = by_reader
) -> tuple[Marked, ...]:
    """Ask and judge every question; a cluster that cannot be read is an answer that misses everything."""
    with tempfile.TemporaryDirectory() as data_dir:
        clusters = Clusters(folders, Path(data_dir), answering)
        return tuple(_one(clusters, asked) for asked in questions)


def _one(clusters: Clusters, asked: Asked) -> Marked:
    started = time.perf_counter()
    try:
        said = clusters.ask(asked)
    except CopilotError as error:
        said = Said(f"error: {error.title}", known=False)
    return judge(asked, said, (time.perf_counter() - started) * 1e3)


def cluster_folders(questions: Path, more: Path | None) -> tuple[Path, ...]:
    """Where recorded clusters are looked for: the folder given, then those beside the questions, then the shipped ones."""
    shipped = (questions / _CLUSTERS, QUESTIONS / _CLUSTERS, QUESTIONS.parent / "recordings")
    return tuple(dict.fromkeys((*((more,) if more else ()), *shipped)))
