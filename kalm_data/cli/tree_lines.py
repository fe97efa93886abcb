"""Lines of a tree: a bold name, and what users wrote without its power over the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from kalm_data.cli.visible import in_line, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

START = 200
"""Characters shown of a text, prompt or reply."""
TITLE = 40


@dataclass(frozen=True, slots=True)
class Lines:
    """How texts are shown: `most` characters in one line, or whole."""

    most: int | None

    def labelled(self, name: str, text: str) -> Text:
        return Text.assemble((f"{name}: ", "bold"), self.shown(text))

    def shown(self, text: str) -> Text:
        return Text(visible(text)) if self.most is None else in_line(text, self.most)


def line(name: str, text: str) -> Text:
    """A short line, never cut."""
    return Text.assemble((f"{name}: ", "bold"), in_line(text))


def title_or_text(title: str, text: str) -> Text:
    """What names a document among others."""
    return in_line(title or text, TITLE)


def listed(numbers: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in numbers.items())


def _value(value: object) -> str:
    if isinstance(value, dict):
        return f"({listed(value)})"
    return str(round(value, 4)) if isinstance(value, float) else str(value)


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def place(source: str, number: int) -> str:
    """File and line, where there is one."""
    return f"{source}:{number}" if number else source
