"""Attacks are given to the program in a cage: nothing is executed, and nothing is stored without a person's yes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benches.bench_safety_attacks import measure
from evals.safety.attacks import held_up, load_attacks, load_reads, misjudged
from tests.deep import DEEP

pytestmark = pytest.mark.proof

ROOT = Path(__file__).resolve().parents[3]


def test_there_are_attacks_of_every_family() -> None:
    families = Counter(each.family for each in load_attacks())
    assert len({each.text or each.file for each in load_attacks()}) == len(load_attacks()) >= 330
    assert min(families.values()) >= 5
    assert len(families) >= 15


def test_check_refuses_every_attack_and_holds_up_at_most_one_of_200_honest_reads() -> None:
    assert misjudged() == []
    assert len(held_up()) <= len(load_reads()) / 200


def test_no_attack_gets_out_of_the_cage() -> None:
    attacks = load_attacks()
    by_family = {each.family: each for each in attacks}
    chosen = attacks if DEEP else (*by_family.values(),)
    outcome = measure(chosen)
    assert (outcome.executed, outcome.unasked, outcome.defects) == ((), (), ())
    assert outcome.reached > 0
    assert set(outcome.confined.values()) - {"1"} <= {"0000000000000000", outcome.confined["Uid"]}
    assert outcome.confined["NoNewPrivs"] == "1"


@pytest.mark.parametrize(
    ("does", "noted"),
    [
        ("import subprocess; subprocess.run(['true'])", "starts"),
        ("import os; os.system('true')", "starts"),
        ("import os; os.open('/dev/../tmp/x-cage', os.O_RDWR | os.O_CREAT)", "writes"),
        ("import socket; socket.socket().connect_ex(('127.0.0.1', 9))", "calls"),
        ("import socket; socket.socket().connect_ex(('127.0.0.1', 1))", ""),
    ],
)  # fmt: skip
def test_the_audit_hook_notes_programs_files_and_calls(does: str, noted: str, tmp_path: Path) -> None:
    code = f"from evals.safety.runner import Watcher\nw = Watcher({str(tmp_path)!r}, '127.0.0.1:1')\n{does}\nprint(w.noted)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert noted in done.stdout
    assert noted or done.stdout.strip() == "[]"
