"""What commands that are no runs say at their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.api.diff import Difference
from kalm_data.api.report import ReportWritten
from kalm_data.api.verify import VerifyResult
from kalm_data.cli.tree_lines import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 5


def last_lines(result: object) -> Iterator[str]:
    """Nothing of a run, whose counts are told elsewhere."""
    match result:
        case ReportWritten():
            yield from _report(result)
        case VerifyResult():
            yield _verify(result)
        case Difference():
            yield _diff(result)


def _report(result: ReportWritten) -> Iterator[str]:
    found = len(result.findings)
    yield f"report: {result.file}, {result.bytes / 1e6:.1f} MB; {found} to look at"
    for one in result.findings[:_SHOWN]:
        yield f"  {one.number}  {one.line}"
    if found > _SHOWN:
        yield f"  and {found - _SHOWN} more"


def _verify(result: VerifyResult) -> str:
    parts = [counted(result.rows, "training row"), counted(result.dev_rows, "dev row")]
    if result.scored_pairs:
        parts.append(counted(result.scored_pairs, "scored pair"))
    files = counted(result.files, "file")
    return (
        f"verify: {', '.join(parts)} in {files}: {'is' if result.files == 1 else 'all are'} whole"
    )


def _diff(result: Difference) -> str:
    rows, shown = result.differing_rows, len(result.rows)
    more = "" if rows == shown else f", {shown:,} are shown: --limit or --rows FILE gives all"
    return f"diff: {rows:,} rows differ{more}"
