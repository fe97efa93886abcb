"""What `report` tells of the page that it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.core.report.blocks import Finding


@dataclass(frozen=True, slots=True)
class ReportWritten:
    """The file and its size, the tasks it is about, and what deserves a look, the worst first."""

    file: str
    bytes: int
    tasks: tuple[str, ...]
    findings: tuple[Finding, ...]
