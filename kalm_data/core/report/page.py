"""Writes the page: one file of HTML that asks for nothing else.

Texts of users and models are escaped where they stand, and stand in no script and no style. The
policy in the page's head forbids every request, and runs the page's own script by its digest alone.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kalm_data.core.report import data_sections, trust_sections
from kalm_data.core.report.blocks import Bar, Page, Quote
from kalm_data.core.report.findings import find_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.report.blocks import Row
    from kalm_data.core.report.figures import Figures

_FOLDER = Path(__file__).parent / "templates"

_SECTIONS = (
    data_sections.funnel, data_sections.sizes, trust_sections.ranks, trust_sections.scores,
    trust_sections.false_negatives, trust_sections.contamination, trust_sections.repeats,
    trust_sections.diversity, trust_sections.agreement, data_sections.lengths,
    data_sections.coverage, trust_sections.gain, data_sections.shards, data_sections.runs,
    data_sections.sample,
)  # fmt: skip


def make_page(figures: Figures, version: str) -> Page:
    """The page of the figures: facts, findings, sections."""
    sizes = figures.sizes
    facts = (
        (f"{len(sizes):,}", "tasks"),
        (f"{sum(one.documents for one in sizes):,}", "documents"),
        (f"{sum(one.train for one in sizes):,}", "training examples"),
        (f"{sum(one.kept for one in sizes):,}", "positives kept"),
        (f"{sum(one.negatives for one in sizes):,}", "negatives"),
        (f"{sum(one.test for one in sizes):,}", "test queries"),
    )
    return Page(
        figures.workspace, facts, find_problems(figures),
        tuple(make(figures) for make in _SECTIONS), f"kalm-data {version}",
    )  # fmt: skip


def render_page(page: Page) -> str:
    """The page as HTML, the same bytes for the same page."""
    style, script = (_read(name) for name in ("style.css", "script.js"))
    html = _environment().get_template("page.html.jinja").render(
        page=page, style=style, script=script, style_digest=_digest(style),
        script_digest=_digest(script),
    )  # fmt: skip
    return html.replace("\0", "\ufffd")  # browsers leave it out, and nobody would see it


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["kind"] = _kind
    environment.filters["states"] = _states
    return environment


def _kind(cell: object) -> str:
    return "bar" if isinstance(cell, Bar) else "quote" if isinstance(cell, Quote) else "text"


def _states(rows: Sequence[Row]) -> list[tuple[str, int]]:
    """The states of the sample's rows and how many there are, in order of appearance."""
    states = [row.state for row in rows]
    return [(state, states.count(state)) for state in dict.fromkeys(states)]


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """As a content security policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
