"""Words for people, on stderr: wrapped between words on a terminal, one line each elsewhere."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text


def people_console() -> Console:
    """Of stderr as it is now. A file or pipe gets each line whole, for who reads it by the line."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def wrapped(line: str) -> str:
    """The line as that console breaks it, for who prints without it."""
    console = people_console()
    if console.soft_wrap:
        return line
    parts = Text(line).wrap(console, console.width)
    return "\n".join(part.plain.rstrip() for part in parts)
