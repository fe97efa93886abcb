"""Progress for people, on stderr: a bar where that is a terminal, else one line now and then."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from kalm_data.cli.people import wrapped

if TYPE_CHECKING:
    from tqdm import tqdm

    from kalm_data.api.outcome import Progress

LINE_EVERY_S = 30.0


class ProgressLine:
    """Shows the progress reports of one command."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._bar: tqdm[None] | None = None
        self._said_at = time.monotonic()

    def show(self, progress: Progress) -> None:
        if progress.warning:
            self._say(f"{self._command}: warning: {progress.warning}")
        elif sys.stderr.isatty():
            self._draw(progress)
        elif time.monotonic() - self._said_at >= LINE_EVERY_S:
            self._said_at = time.monotonic()
            self._say(_line(progress))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, progress: Progress) -> None:
        if self._bar is None:
            from tqdm import tqdm  # `--help` does without it

            self._bar = tqdm(
                desc=self._command, unit="", leave=False, dynamic_ncols=True,
                bar_format="{desc}: {n_fmt}/{total_fmt} [{elapsed}]{postfix}",
            )  # fmt: skip
        self._bar.total = progress.total
        self._bar.n = progress.done
        counts = f"{progress.kept} kept, {progress.rejected} rejected"
        activity = f", {progress.activity}" if progress.activity else ""
        self._bar.set_postfix_str(counts + activity + _left(progress))

    def _say(self, line: str) -> None:
        line = wrapped(line)
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            sys.stderr.write(line + "\n")


def _line(progress: Progress) -> str:
    activity = f"; {progress.activity}" if progress.activity else ""
    return (
        f"{progress.command}: {progress.done} of {progress.total} "
        f"({progress.kept} kept, {progress.rejected} rejected){activity}{_left(progress)}"
    )


def _left(progress: Progress) -> str:
    """The time left; not while something goes on of which nobody knows what it amounts to."""
    left_s = progress.seconds_left
    if left_s is None or (progress.activity and not progress.under_way):
        return ""
    return f", about {left_s:.0f} s left"
