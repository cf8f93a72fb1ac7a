"""Under an answer each fact says where it stands; what is not known of its place leaves no trace."""

from __future__ import annotations

import pytest

from copilot.agent.events import Answer, Citation
from copilot.model import Ref
from tui.answer import render_answer
from tui.console import make_console


@pytest.mark.parametrize(
    ("citation", "shown"),
    [
        (Citation(1, "it waits", Ref("Pod", "shop", "web"), "status", "api"), "[1] it waits  (Pod shop/web status, api)"),
        (Citation(1, "it waits", None, "", "reader"), "[1] it waits  (reader)"),
        (Citation(1, "it waits", None, "status", ""), "[1] it waits  (status)"),
        (Citation(1, "it waits", None, "", ""), "[1] it waits"),
    ],
    ids=["whole", "source alone", "path alone", "nothing"],
)  # fmt: skip
def test_a_citation_shows_what_is_known_of_its_place(citation, shown, capsys: pytest.CaptureFixture[str]) -> None:
    render_answer(Answer("q", "all", "text", citations=(citation,)), make_console())
    assert shown in [line.strip() for line in capsys.readouterr().out.split("\n")]
