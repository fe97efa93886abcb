"""What every api function returns and raises."""

from kalm_data.core.errors import GateMissed, InputError, Interrupted, KalmError
from kalm_data.core.summary import Outcome, Progress, RunSummary

__all__ = [
    "GateMissed",
    "InputError",
    "Interrupted",
    "KalmError",
    "Outcome",
    "Progress",
    "RunSummary",
]
