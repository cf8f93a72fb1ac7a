"""May A reach B: every network policy of both directions, the Service between them, and what cannot be told. Pure.

It judges what the API objects say; no packet is sent.
"""

from copilot.diagnosis.reach.answer import Group, Reachability, reach, reach_between
from copilot.diagnosis.reach.judge import State, judge
from copilot.diagnosis.reach.party import Party, party_of, read_party
from copilot.diagnosis.reach.wanted import Wanted, read_wanted

__all__ = [
    "Group",
    "Party",
    "Reachability",
    "State",
    "Wanted",
    "judge",
    "party_of",
    "reach",
    "reach_between",
    "read_party",
    "read_wanted",
]
