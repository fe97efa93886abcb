"""The page of `report` in a real browser: drawn, legible, quiet, and untouched by hostile texts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from browser import CHROMIUM, chromium
from reported_world import ATTACKS, reported_world

from kalm_data.api.report import ReportConfig, report
from kalm_data.workspace.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from browser import Tab

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: `make browser` installs Debian's"
)

LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]

COLLISIONS = """
[...document.querySelectorAll('svg.chart')].flatMap((svg) => {
  const box = (element) => element.getBoundingClientRect();
  const whole = box(svg);
  const texts = [...svg.querySelectorAll('text')];
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.5;
  const found = [];
  if (whole.width < 200 || whole.height < 80) found.push(`small: ${whole.width}`);
  texts.forEach((one, place) => {
    const own = box(one);
    if (own.left < whole.left - 1 || own.right > whole.right + 1 || own.top < whole.top - 1 ||
        own.bottom > whole.bottom + 1) found.push(`outside: ${one.textContent}`);
    for (const other of texts.slice(place + 1))
      if (meet(own, box(other))) found.push(`texts: ${one.textContent} / ${other.textContent}`);
    for (const bar of svg.querySelectorAll('rect'))
      if (bar.getBBox().height > 0 && meet(own, box(bar))) found.push(`bar: ${one.textContent}`);
    for (const line of svg.querySelectorAll('polyline')) {
      const length = line.getTotalLength(), matrix = line.getScreenCTM();
      for (let at = 0; at <= 400; at++) {
        const point = line.getPointAtLength(length * at / 400).matrixTransform(matrix);
        if (point.x > own.left && point.x < own.right &&
            point.y > own.top && point.y < own.bottom) {
          found.push(`line: ${one.textContent}`);
          break;
        }
      }
    }
  });
  return found;
})
"""
"""Labels of charts that meet one another, a bar or a line, or that leave their chart."""

UNDRAWN = """
[...document.querySelectorAll('svg.chart')].filter((svg) =>
  ![...svg.querySelectorAll('rect')].some((bar) => bar.getBBox().height > 0) &&
  ![...svg.querySelectorAll('polyline.curve')].some((line) => line.getTotalLength() > 10)
).map((svg) => svg.getAttribute('aria-label'))
"""

FAINT = """
(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!colour.startsWith('rgba(') || parse(colour)[3] > 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('p, td, th, a, dt, dd, span, figcaption, svg.chart text')]
    .filter((one) => one.textContent.trim()).map((one) => {
      const style = getComputedStyle(one);
      const [a, b] = [light(one.matches('text') ? style.fill : style.color), light(behind(one))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.className, style.color];
    }).filter(([contrast]) => contrast < 4.5).map(String);
})()
"""
"""Texts whose contrast is below that of WCAG 2.2, AA."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    database = Database(folder / "workspace")
    database.create()
    report(reported_world(database).folder, folder / "page.html", [], ReportConfig(sample=60))
    return folder / "page.html"


def seen(
    page: Path, *questions: str, width: int = 1280, scheme: str = "light"
) -> tuple[list[Any], Tab]:
    """The answers to expressions of JavaScript, and the tab that gave them."""

    async def visit() -> tuple[list[Any], Tab]:
        async with chromium() as tab:
            await tab.look(width, scheme)
            await tab.open(page)
            return [await tab.ask(question) for question in questions], tab

    return asyncio.run(visit())


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_charts_are_drawn_legibly_and_nothing_leaves_the_page(
    page: Path, width: int, scheme: str
) -> None:
    (charts, collisions, undrawn, wide, faint), tab = seen(
        page, "document.querySelectorAll('svg.chart').length", COLLISIONS, UNDRAWN,
        "document.documentElement.scrollWidth - innerWidth", FAINT, width=width, scheme=scheme,
    )  # fmt: skip
    assert charts >= 5
    assert collisions == []
    assert undrawn == []
    assert wide <= 0
    assert faint == []
    assert tab.complaints == []
    assert [url for url in tab.requests if url not in (page.as_uri(), "data:,")] == []


def test_hostile_texts_show_as_text(page: Path) -> None:
    (title, markup, shown), _ = seen(
        page,
        "document.title",
        'document.querySelectorAll(\'body script, img, iframe, a:not([href^="#"]), [onload], '
        "[onerror]').length",
        "document.body.textContent",
    )
    assert title == "workspace: a report of its data"
    assert markup == 1  # the page's own script
    for attack in ATTACKS:
        assert attack[:60].replace("\x00", "\ufffd") in shown
    assert "more characters" in shown


def test_dark_is_dark_and_paper_shows_every_row(page: Path) -> None:
    ask = "getComputedStyle(document.body).backgroundColor"
    (light,), _ = seen(page, ask)
    (dark,), _ = seen(page, ask, scheme="dark")
    assert light == "rgb(253, 253, 252)" and dark == "rgb(20, 23, 26)"
    opened = "dispatchEvent(new Event('beforeprint')); document.querySelector('details').open"
    ((is_open), *_), _ = seen(page, opened)
    assert is_open


def test_rows_can_be_browsed_by_state_and_words(page: Path) -> None:
    count = "[...document.querySelectorAll('.row')].filter((row) => !row.hidden).length"
    typed = (
        "(() => { const input = document.querySelector('input'); input.value = 'number 7 ';"
        "input.dispatchEvent(new Event('input')); })()"
    )
    (all_rows, _, rejected, _, matching, told), _ = seen(
        page, count, "document.querySelector('button[data-state=rejected]').click()", count, typed,
        count, "document.querySelector('output').textContent",
    )  # fmt: skip
    assert 0 < matching < rejected < all_rows
    assert told == f"{matching} of {all_rows}"
