from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from kalm_data.cli.tables import evaluation
from kalm_data.core.eval_result import (
    Against,
    Difference,
    DimResult,
    EvalResult,
    Figures,
    Headline,
    MtebScore,
    Regression,
    Slice,
    TaskResult,
    Verdict,
)

MEASURES = ("ndcg@10", "mrr@10", "recall@10", "recall@100")
GAIN = dict.fromkeys(MEASURES, Difference(0.0812, (0.0601, 0.1012), 0.0001))


def means(value: float, queries: int = 1234) -> Figures:
    return dict.fromkeys(MEASURES, value) | {"queries": queries}


SYSTEMS = {
    "bm25": means(0.41),
    "base": means(0.40),
    "trained": means(0.48),
    "base+bm25": means(0.45),
    "trained+bm25": means(0.5),
}
RESULT = EvalResult(
    task="python-standard-library",
    model="adapted",
    pool_size=123_456,
    origins={"extractive": 234, "import": 1000},
    cut={"base": 0, "trained": 17},
    training="/a/long/path/to/the/shards",
    metrics=SYSTEMS["trained"],
    against=Against("base-model", SYSTEMS["base"], GAIN),
    systems=SYSTEMS,
    headline=Headline("trained", "base+bm25", GAIN, "better"),
    slices={
        "documents": {"seen": Slice(1234, SYSTEMS, GAIN), "unseen": Slice(0, {}, {})},
        "overlap": {part: Slice(400, SYSTEMS, GAIN) for part in ("low", "middle", "high")},
    },
)


def shown(result: EvalResult, width: int = 80) -> str:
    out = StringIO()
    console = Console(file=out, width=width, color_system=None)
    for item in evaluation(result):
        console.print(item)
    return out.getvalue()


def test_tables_fit_into_80_columns_with_every_figure() -> None:
    text = shown(RESULT)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    row = next(line for line in text.splitlines() if line.strip().startswith("document seen"))
    figures = "1,234 0.4100 0.4000 0.4800 0.4500 0.5000 +0.0812 0.0001"
    assert row.split()[2:] == figures.split()


def test_an_empty_part_has_no_figures() -> None:
    row = next(line for line in shown(RESULT).splitlines() if "unseen" in line)
    assert row.split() == ["document", "unseen", "0", *"–" * 7]


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("better", "trained (0.4800) beats base+bm25 (0.4500)"),
        ("worse", "trained (0.4800) loses to base+bm25 (0.4500)"),
        ("undecided", "cannot tell trained (0.4800) from base+bm25 (0.4500)"),
    ],
)
def test_the_headline_says_who_won(verdict: Verdict, words: str) -> None:
    text = shown(replace(RESULT, headline=Headline("trained", "base+bm25", GAIN, verdict)), 200)
    assert words in text
    assert "p 0.0001" in text
    assert "Best of all: trained+bm25, nDCG@10 0.5000." in text


def test_what_people_would_not_expect_is_said() -> None:
    text = shown(RESULT, 200)
    assert "234 extractive, 1,000 import" in text
    assert "trained read 17 texts in part" in text
    assert "base read" not in text


def test_a_model_alone_is_shown_without_differences() -> None:
    systems = {"bm25": means(0.41), "model": means(0.4), "model+bm25": means(0.42)}
    slices = {"overlap": {"low": Slice(9, systems, {})}}
    alone = replace(
        RESULT,
        against=None,
        systems=systems,
        training="",
        headline=Headline("model", "bm25", GAIN, "undecided"),
        slices=slices,
    )
    text = shown(alone, 200)
    assert "base" not in text
    assert "cannot tell model (0.4000) from bm25 (0.4100)" in text


AGAINST = Against("base-model", SYSTEMS["base"], GAIN)
TASK = TaskResult(
    pool_size=9, origins={}, cut={}, training="", metrics=SYSTEMS["trained"], against=AGAINST,
    systems=SYSTEMS, headline=RESULT.headline, slices={},
)  # fmt: skip


@pytest.mark.parametrize("width", [80, 200])
def test_what_is_asked_for_beside_stands_in_tables_of_its_own(width: int) -> None:
    long_name = "a-task-whose-name-is-" + "very-" * 8 + "long"
    result = replace(
        RESULT,
        tasks={"docs": TASK, long_name: TASK},
        dims={"256": DimResult(SYSTEMS["trained"], AGAINST), "64": DimResult(means(0.3), AGAINST)},
        regress={
            "../somewhere/far/away/beir-set": Regression(
                100, {}, SYSTEMS["trained"], AGAINST, 0.01, dropped=True
            )
        },
        mteb={"SciFact": MtebScore("ndcg_at_10", 0.61, 0.65, -0.04)},
    )
    text = shown(result, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "mean over 2 tasks" in text and "of 2 tasks" in text
    lines = [line.split() for line in text.splitlines()]
    figures = "1,234 0.4100 0.4000 0.4800 0.4500 0.5000 +0.0812 0.0001"
    assert ["docs", *figures.split()] in lines
    assert ["64", "0.4000", "0.3000", "+0.0812", "+0.0601", "to", "+0.1012", "0.0001"] in lines
    assert ["SciFact", "ndcg_at_10", "0.6500", "0.6100", "-0.0400"] in lines
    assert any(line[-1:] == ["dropped"] for line in lines)
