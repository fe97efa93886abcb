"""What a machine can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and how to get what is `absent` or mend what is
    `broken`; every command needs what is broken, some need what is absent.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """All that was looked at, in order."""

    checks: tuple[Check, ...]

    @property
    def is_sound(self) -> bool:
        return not any(check.state == "broken" for check in self.checks)
