"""Conversations that outlive the process: kept per cluster and user, redacted, resumable, exportable, deletable."""

from copilot.agent.session.proposals import Offer, Proposals, ProposalsInMemory, Proposed
from copilot.agent.session.store import Session, Sessions, Turn, every_session

__all__ = ["Offer", "Proposals", "ProposalsInMemory", "Proposed", "Session", "Sessions", "Turn", "every_session"]
