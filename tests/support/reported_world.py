"""A workspace with something of all that a report shows, and with texts that attack the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mined_world import MINE, TASK, dig, fill, sift

from kalm_data.core.eval_result import Against, Difference, EvalResult, Headline
from kalm_data.core.records import (
    Decision,
    Document,
    Example,
    Generation,
    Head,
    Judgement,
    Reject,
    TaskRow,
    Text,
    example_id,
)
from kalm_data.workspace.results import keep_result
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from kalm_data.core.records import Record, Split
    from kalm_data.workspace.database import Database

ATTACKS = (
    "<script>document.title = 'taken'</script>",
    "</script><img src=x onerror=\"document.title='taken'\">",
    "<a href=\"javascript:document.title='taken'\">javascript:alert(1)</a>",
    "\u202eright to left\u202c \u2067שלום עולם\u2069 مرحبا",
    "w" * 100_000,
    "{{ 7 * 7 }} {% raw %} & &amp; \u2028 \x00 ' \" --> ]]>",
    "<svg onload=\"fetch('http://example.com/')\"><style>*{display:none}</style>",
)
TOPICS = ("river", "stone", "bread", "paper", "glass", "wind")


def text(i: int) -> str:
    attack = ATTACKS[i % len(ATTACKS)] if i < 2 * len(ATTACKS) else ""
    return f"{TOPICS[i % 6]} {TOPICS[i // 6 % 6]} number {i} {attack}"


def query(i: int) -> str:
    return f"number {i} {TOPICS[i % 6]} {ATTACKS[i % len(ATTACKS)]}"


def _document(i: int) -> list[Record]:
    known = Text.of(text(i))
    return [
        known,
        Document(
            "docs", f"d{i}", 1, known.text_hash, ATTACKS[i % 4], (), "", 0, "", "en", "", "", "{}",
            "train", False, "r",
        ),
    ]  # fmt: skip


def _example(asked: str, positive: int, split: Split = "train", key: str = "") -> list[Record]:
    id_, known, origin = example_id("t", asked), Text.of(asked), "llm" if key else "import"
    return [
        known,
        Example(id_, "t", known.text_hash, "", "en", split, origin, key, "<b>q.jsonl</b>", 3, "r"),
        Judgement(id_, Text.of(text(positive)).text_hash, "positive", origin, "r", origin_key=key),
    ]


def _generation(i: int) -> Generation:
    return Generation(
        f"key{i}", 0, "t", "openai", ("keywords", "summary<b>")[i % 2], ATTACKS[i % 3], "p.md", "",
        "prompt", "{}", 0, "", i, "plan", query(i), 100, 10, 0.5, "stop",
        "" if i % 4 else "server_error", "0002-synth",
    )  # fmt: skip


def reported_world(database: Database) -> Database:
    """Imported, asked, mined by words and by vectors, filtered, searched for tests, evaluated."""
    rows: list[list[Record]] = [[TaskRow("t", 1, TASK.model_dump_json(), "r")]]
    rows += [_document(i) for i in range(60)]
    rows += [_example(query(i), i, key=f"key{i}") for i in range(30)]
    rows += [_example(query(30), 31), _example(f"  {query(30).upper()}", 30, "test")]
    fill(database, rows)
    with running(database, "synth", json.dumps({"tasks": ["t"]})) as run:
        run.plan(len(ATTACKS))
        run.append([_generation(i) for i in range(40)])
        run.reject(
            [Reject(run.run_id, "synth", "too_short", str(i), json.dumps({"words": attack[:99]}),
                    attack[:99], i, attack) for i, attack in enumerate(ATTACKS)]
        )  # fmt: skip
        run.warn(ATTACKS[0])
    dig(database, MINE)
    sift(database, 3)
    _exclude(database)
    with running(database, "eval", json.dumps({"task": "t"})) as run:
        keep_result(database.folder, run.run_id, _evaluated())
    return database


def _exclude(database: Database) -> None:
    """Verdicts of rule exclude on one positive."""
    numbers = {"criterion": "overlap", "share": 0.75, "matched": ATTACKS[1]}
    with running(database, "filter", json.dumps({"tasks": ["t"]})) as run:
        run.append([
            Decision("t", "exclude", example_id("t", query(1)), Text.of(text(1)).text_hash, "drop",
                     "contaminated_query", json.dumps(numbers), f"{ATTACKS[2]}:1", run.run_id),
            Head("rule", "t", "exclude", run.sequence, "{}", "basis", run.run_id),
        ])  # fmt: skip


def _evaluated() -> EvalResult:
    figures = {"ndcg@10": 0.5, "mrr@10": 0.4, "recall@10": 0.6, "queries": 9.0}
    gain = {"ndcg@10": Difference(-0.1, (-0.2, 0.0), 0.04)}
    systems = {"bm25": figures, "base": figures, "trained": figures}
    return EvalResult(
        "t", ATTACKS[0], 60, {"import": 9}, {}, "", figures, Against("base", figures, gain),
        systems, Headline("trained", "base", gain, "worse"), {},
    )  # fmt: skip
