"""Drawings in units of a viewBox; labels have rows of their own, where no mark can reach them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kalm_data.core.report.blocks import Chart, Label, Line, Rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.report.figures import RankCurve, ScoreFigures

WIDTH = 360
_LEFT, _RIGHT = 40, 348
_CURVE_TOP, _CURVE_BOTTOM = 30, 186


def rank_chart(curve: RankCurve) -> Chart:
    """The share of positives at rank ≤ k over k, log scale, with the chosen k."""
    most = math.log10(max(curve.pool_size, 10))

    def x(k: int) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * math.log10(k) / most, 1)

    def y(share: float) -> float:
        return round(_CURVE_BOTTOM - (_CURVE_BOTTOM - _CURVE_TOP) * share, 1)

    points = " ".join(f"{x(k)},{y(share)}" for k, share in curve.points)
    lines = [Line(f"{_LEFT},{y(at)} {_RIGHT},{y(at)}", "grid") for at in (0, 0.25, 0.5, 0.75, 1)]
    labels = [Label(_LEFT - 6, y(at) + 4, f"{at:.0%}", "end") for at in (0, 0.5, 1)]
    powers = range(int(most) + 1)
    labels += [Label(x(10**one), _CURVE_BOTTOM + 16, _short(10**one)) for one in powers]
    labels.append(Label((_LEFT + _RIGHT) / 2, 222, "k (log scale)", kind="axis"))
    lines.append(Line(points, "curve"))
    if curve.k:
        at = x(min(curve.k, curve.pool_size))
        lines.append(Line(f"{at},{_CURVE_TOP - 8} {at},{_CURVE_BOTTOM}", "mark"))
        told = f"k = {curve.k} keeps {curve.k_share:.1%}"
        labels.append(_above(at, told))
    return Chart(
        f"{curve.task} by {short_ranker(curve.ranker)}",
        f"Share of {curve.positives:,} positives at rank k or better, "
        f"of {curve.pool_size:,} documents.",
        WIDTH,
        228,
        tuple(labels),
        lines=tuple(lines),
    )  # fmt: skip


def _above(at: float, told: str) -> Label:
    """A label over the plot, set so that it stays inside the drawing."""
    half = 3.2 * len(told)
    if at + half > _RIGHT:
        return Label(_RIGHT, _CURVE_TOP - 14, told, "end", "note")
    if at - half < _LEFT:
        return Label(_LEFT, _CURVE_TOP - 14, told, "start", "note")
    return Label(at, _CURVE_TOP - 14, told, "middle", "note")


def score_chart(scores: ScoreFigures) -> Chart:
    """Positives above the line, negatives below it, on one scale of scores."""
    labels = [
        Label(_LEFT, 14, f"positives ({sum(scores.positives):,})", "start", "note"),
    ]
    if scores.negative_count:
        told = f"negatives ({scores.negative_count:,})"
        labels.append(Label(_LEFT, 225, told, "start", "note"))
    middle, height = 110, 84
    rects = _bars(scores.positives, scores.low, scores.high, middle - 2, -height, "positive")
    if scores.negative_count:
        rects += _bars(scores.negatives, scores.low, scores.high, middle + 14, height, "negative")
    labels += _scale(scores.low, scores.high, middle + 9)
    return Chart(
        f"{scores.task} by {short_ranker(scores.ranker)}",
        "How often a score occurs; each side has its own height.",
        WIDTH, 232 if scores.negative_count else 128, tuple(labels), tuple(rects),
    )  # fmt: skip


def gap_chart(scores: ScoreFigures) -> Chart:
    """How far the negatives score below the lowest positive of their row."""
    bottom, height = 130, 110
    rects = _bars(scores.gap_bins, scores.gap_low, scores.gap_high, bottom, -height, "negative")
    labels = _scale(scores.gap_low, scores.gap_high, bottom + 14)
    labels.append(Label((_LEFT + _RIGHT) / 2, bottom + 32, "positive − negative", kind="axis"))
    return Chart(
        f"Gap, {scores.task} by {short_ranker(scores.ranker)}",
        "How far negatives score below the lowest positive of their row.",
        WIDTH, 168, tuple(labels), tuple(rects),
    )  # fmt: skip


def count_chart(
    title: str, summary: str, counts: Sequence[int], ticks: Sequence[str], axis: str
) -> Chart:
    """Bars side by side, every second one with its tick."""
    bottom, height = 130, 110
    width = (_RIGHT - _LEFT) / len(counts)
    highest = max([*counts, 1])
    rects = [
        Rect(round(_LEFT + place * width + 0.5, 1), round(bottom - height * count / highest, 1),
             round(width - 1, 1), round(height * count / highest, 1), "positive",
             f"{tick}: {count:,}")
        for place, (count, tick) in enumerate(zip(counts, ticks, strict=True))
    ]  # fmt: skip
    labels = [
        Label(round(_LEFT + place * width, 1), bottom + 14, tick)
        for place, tick in enumerate(ticks)
        if place % 2 == 0
    ]
    labels.append(Label((_LEFT + _RIGHT) / 2, bottom + 32, axis, kind="axis"))
    return Chart(title, summary, WIDTH, 168, tuple(labels), tuple(rects))


def cosine_chart(title: str, counts: Sequence[int]) -> Chart:
    """A histogram of cosines from 0 to 1."""
    bottom = 130
    rects = _bars(counts, 0.0, 1.0, bottom, -110, "positive")
    labels = _scale(0.0, 1.0, bottom + 14)
    labels.append(
        Label((_LEFT + _RIGHT) / 2, bottom + 32, "cosine of the nearest other one", kind="axis")
    )
    summary = "How near each text's nearest neighbour in the sample is."
    return Chart(title, summary, WIDTH, 168, tuple(labels), tuple(rects))


def _bars(
    counts: Sequence[int], low: float, high: float, base: float, height: float, kind: str
) -> list[Rect]:
    """Bars of a histogram from `base`, upwards where `height` is negative."""
    width, highest = (_RIGHT - _LEFT) / len(counts), max([*counts, 1])
    step = (high - low) / len(counts)
    rects = []
    for place, count in enumerate(counts):
        tall = abs(height) * count / highest
        top = base - tall if height < 0 else base
        told = f"{_number(low + place * step)} to {_number(low + (place + 1) * step)}: {count:,}"
        left = _LEFT + place * width
        rects.append(Rect(round(left + 0.4, 1), round(top, 1), round(width - 0.8, 1),
                          round(tall, 1), kind, told))  # fmt: skip
    return rects


def _scale(low: float, high: float, y: float) -> list[Label]:
    """Ends and middle of a scale."""
    return [
        Label(_LEFT, y, _number(low), "start"),
        Label((_LEFT + _RIGHT) / 2, y, _number((low + high) / 2)),
        Label(_RIGHT, y, _number(high), "end"),
    ]


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _short(number: int) -> str:
    """1,000,000 as 1M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number // size}{letter}"
    return str(number)


def short_ranker(ranker: str) -> str:
    """Without the digest of what it is made from."""
    return ranker.partition("@")[0]
