"""What manifests would come to before anything is applied: refused, never ready, or sound. Pure; nothing is sent anywhere."""

from copilot.preflight.judge import judge

__all__ = ["judge"]
