"""How the guarded door says no. Each refusal names the reason and what to try; nothing was sent."""

from __future__ import annotations

from copilot.model.errors import EXIT_UNAVAILABLE, CopilotError, DeniedError, UsageError


class IntentError(UsageError):
    """The words do not name one accepted change."""


class ChangeRefused(DeniedError):  # noqa: N818 - it is an answer, not a malfunction
    """A rule, the cluster or a person said no."""


class PlanChanged(DeniedError):  # noqa: N818 - it is an answer, not a malfunction
    """The object or the server's answer changed since the plan was made; a new plan is needed."""


class ApprovalError(DeniedError):
    """The approval is not good for this plan: forged, used, expired, or somebody else's."""


class JournalError(CopilotError):
    """The journal cannot be written or its chain is broken. Without a journal nothing is sent."""

    exit_code = EXIT_UNAVAILABLE
