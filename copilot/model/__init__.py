"""The nouns all rooms share. Pure data: nothing here reads a file, a socket or a clock."""

from copilot.model.coverage import Coverage, Reading, ReadState
from copilot.model.diagnosis import (
    ChainLink,
    Diagnosis,
    Evidence,
    Finding,
    Gap,
    GapKind,
    NextStep,
    Remembered,
    RootCause,
    StepKind,
    Verdict,
)
from copilot.model.errors import CopilotError, InputError, UsageError
from copilot.model.fields import child, children, dig, mapping, number, text, texts
from copilot.model.moment import age_text, instant, parse_time
from copilot.model.observation import (
    Alert,
    Command,
    ContainerLog,
    NodeService,
    Probe,
    Series,
    Usage,
)
from copilot.model.quantity import Quantity, format_bytes, format_cpu, parse_quantity
from copilot.model.ref import Ref
from copilot.model.resource import Detail, Resource
from copilot.model.snapshot import Snapshot

__all__ = [
    "Alert",
    "ChainLink",
    "Command",
    "ContainerLog",
    "CopilotError",
    "Coverage",
    "Detail",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Gap",
    "GapKind",
    "InputError",
    "NextStep",
    "NodeService",
    "Probe",
    "Quantity",
    "ReadState",
    "Reading",
    "Ref",
    "Remembered",
    "Resource",
    "RootCause",
    "Series",
    "Snapshot",
    "StepKind",
    "Usage",
    "UsageError",
    "Verdict",
    "age_text",
    "child",
    "children",
    "dig",
    "format_bytes",
    "format_cpu",
    "instant",
    "mapping",
    "number",
    "parse_quantity",
    "parse_time",
    "text",
    "texts",
]
