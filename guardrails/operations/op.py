"""The operations there are. What is not in this list cannot be planned, approved or sent."""

from __future__ import annotations

from enum import Enum


class Op(Enum):
    """One operation of a step."""

    SCALE = "scale"
    RESTART = "restart"
    ROLLBACK = "rollback"
    SET_IMAGE = "set_image"
    SET_RESOURCES = "set_resources"
    SET_ENV = "set_env_literal"
    PATCH = "patch_fields"
    LABEL = "label"
    ANNOTATE = "annotate"
    CORDON = "cordon"
    UNCORDON = "uncordon"
    DRAIN = "drain"  # what a person asks for; its steps are one CORDON and many EVICT
    EVICT = "evict"
    TAINT = "taint"
    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete_workload"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    CREATE_JOB = "create_job_from"
    APPLY = "apply_object"
    RESTORE = "restore"  # only as the way back of an apply: the fields as they were
