"""Reads one example with all that was measured and decided of it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.by_hand import BY_HAND
from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.explanation import (
    ExplainedDecision,
    ExplainedExample,
    ExplainedNegative,
    ExplainedPositive,
    ExplainedRank,
    ExplainedText,
    PassedGates,
    Said,
)
from kalm_data.core.mining import DRAW
from kalm_data.core.records import Example, Judgement
from kalm_data.core.tasks import Task
from kalm_data.core.text import words
from kalm_data.workspace.explained_texts import explain_texts
from kalm_data.workspace.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

_EXAMPLE = f"SELECT {TABLES[Example].names} FROM examples WHERE example_id = ?"

_TASK = "SELECT definition FROM current_tasks WHERE task = ?"

_HEADS = """
SELECT kind, name, sequence, basis, run_id FROM current_heads WHERE task = ? AND run_id <> ''
"""

_JUDGEMENTS = f"""
SELECT {TABLES[Judgement].names} FROM judgements WHERE example_id = ?
ORDER BY text_hash, label, origin, origin_key, run_id
"""

# of several rankings by one ranker the one on the pool of the draw in force, else the latest
_RANKS = """
SELECT k.text_hash, k.ranker, k.rank, k.score, k.pool_size, k.no_evidence, k.run_id
FROM rankings k JOIN runs r ON r.run_id = k.run_id
WHERE k.example_id = $example
QUALIFY row_number() OVER (
    PARTITION BY k.text_hash, k.ranker ORDER BY k.pool = $basis DESC, r.sequence DESC, k.pool,
        k.positives
) = 1
ORDER BY k.text_hash, k.ranker
"""

_DECISIONS = """
SELECT d.text_hash, d.rule, d.run_id, d.verdict, d.reason, d.numbers, d.cause
FROM decisions d JOIN runs r ON r.run_id = d.run_id
WHERE d.example_id = ? ORDER BY d.text_hash, r.sequence, d.rule
"""

_CONFIGURATION = "SELECT command, configuration FROM runs WHERE run_id = ?"


@dataclass(frozen=True, slots=True)
class _InForce:
    """Of one task: rule → (basis, run), and sequence, basis and run of the draw, if any."""

    rules: Mapping[str, tuple[str, str]]
    latest_rule: int
    draw: tuple[int, str, str]


def read_example(connection: duckdb.DuckDBPyConnection, example_id: str) -> ExplainedExample | None:
    """None where the workspace has no such example."""
    rows = connection.execute(_EXAMPLE, [example_id]).fetchall()
    if not rows:
        return None
    example = Example(*rows[0])
    ((definition,),) = connection.execute(_TASK, [example.task]).fetchall()
    task = Task.model_validate_json(definition)
    found = connection.execute(_JUDGEMENTS, [example_id]).fetchall()
    judgements = [Judgement(*row) for row in found]
    in_force = _in_force(connection, example.task)
    hashes = {one.text_hash for one in judgements if _is_shown(one, in_force)}
    texts = explain_texts(connection, hashes | {example.query_hash})
    query = texts[example.query_hash].text
    positives = _positives(connection, example_id, judgements, in_force, texts)
    return ExplainedExample(
        example_id=example_id,
        task=task.name,
        task_type=task.type,
        instruction=example.instruction or task.instruction,
        query=query,
        query_hash=example.query_hash,
        language=example.language,
        split=example.split,
        origin=example.origin,
        origin_key=example.origin_key,
        source=example.source,
        line=example.line,
        run_id=example.run_id,
        licence=task.licence,
        stands=any(one.stands for one in positives),
        positives=positives,
        negatives=_negatives(judgements, in_force, texts),
        negatives_stale=bool(in_force.draw[2]) and in_force.latest_rule > in_force.draw[0],
        gates=_gates(connection, example, query),
    )


def _is_shown(judgement: Judgement, in_force: _InForce) -> bool:
    """A positive, or of the draw in force."""
    return judgement.label == "positive" or judgement.run_id == in_force.draw[2]


def _in_force(connection: duckdb.DuckDBPyConnection, task: str) -> _InForce:
    rules, latest, draw = {}, 0, (0, "", "")
    for kind, name, sequence, basis, run_id in connection.execute(_HEADS, [task]).fetchall():
        if kind == "rule":
            rules[name] = (basis, run_id)
            latest = max(latest, sequence)
        elif name == DRAW:
            draw = (sequence, basis, run_id)
    return _InForce(rules, latest, draw)


def _positives(
    connection: duckdb.DuckDBPyConnection,
    example_id: str,
    judgements: Sequence[Judgement],
    in_force: _InForce,
    texts: Mapping[str, ExplainedText],
) -> tuple[ExplainedPositive, ...]:
    asked = {"example": example_id, "basis": in_force.draw[1]}
    ranks: defaultdict[str, list[ExplainedRank]] = defaultdict(list)
    for text_hash, *rest in connection.execute(_RANKS, asked).fetchall():
        ranks[text_hash].append(_rank(*rest))
    decided: defaultdict[str, list[Sequence[str]]] = defaultdict(list)
    for text_hash, *decision in connection.execute(_DECISIONS, [example_id]).fetchall():
        decided[text_hash].append(decision)
    said: defaultdict[str, list[Said]] = defaultdict(list)
    for one in judgements:
        if one.label == "positive":
            said[one.text_hash].append(Said(one.label, one.origin, one.origin_key, one.run_id))
    found = []
    for text_hash, sayings in said.items():
        decisions = _decisions(decided[text_hash], in_force)
        found.append(
            ExplainedPositive(
                document=texts[text_hash],
                said=tuple(sayings),
                ranks=tuple(ranks[text_hash]),
                decisions=decisions,
                stands=_stands(decisions, sayings, in_force),
            )
        )
    return tuple(found)


def _rank(
    ranker: str, rank: int, score: float, pool_size: int, no_evidence: bool, run_id: str
) -> ExplainedRank:
    return ExplainedRank(ranker, rank, score, pool_size, no_evidence, run_id)


def _decisions(rows: Sequence[Sequence[str]], in_force: _InForce) -> tuple[ExplainedDecision, ...]:
    """In the order in which they were made."""

    def holds(rule: str, run_id: str) -> bool:
        return in_force.rules.get(rule, ("", ""))[1] == run_id

    by_hand = any(rule == BY_HAND and holds(rule, run_id) for rule, run_id, *_ in rows)
    return tuple(
        ExplainedDecision(
            rule=rule,
            run_id=run_id,
            verdict="drop" if verdict == "drop" else "keep",
            reason=reason,
            numbers=json.loads(numbers),
            cause=cause,
            in_force=holds(rule, run_id),
            overruled=by_hand and verdict == "drop" and holds(rule, run_id),
        )
        for rule, run_id, verdict, reason, numbers, cause in rows
    )


def _stands(
    decisions: Sequence[ExplainedDecision], said: Sequence[Said], in_force: _InForce
) -> bool:
    """As the view `current_drops` has it: a rule without a basis takes back what single requests
    said, and the positive stays where anybody else says the same.
    """
    drops = [one for one in decisions if one.verdict == "drop" and one.in_force]
    if any(one.overruled for one in drops):
        return True
    if any(in_force.rules[one.rule][0] for one in drops):
        return False
    return bool({one.origin_key for one in said} - {one.cause for one in drops})


def _negatives(
    judgements: Sequence[Judgement], in_force: _InForce, texts: Mapping[str, ExplainedText]
) -> tuple[ExplainedNegative, ...]:
    """Those of the draw in force, by ranker and rank."""
    given = {
        one.text_hash for one in judgements if one.label == "negative" and one.origin != "miner"
    }
    drawn = [one for one in judgements if one.origin == "miner" and _is_shown(one, in_force)]
    return tuple(
        ExplainedNegative(
            document=texts[one.text_hash],
            ranker=one.ranker,
            rank=one.rank,
            score=one.score,
            positive_score=one.positive_score,
            given=one.text_hash in given,
            padding=one.padding,
            run_id=one.run_id,
        )
        for one in sorted(drawn, key=lambda one: (one.ranker, one.rank, one.text_hash))
    )


def _gates(
    connection: duckdb.DuckDBPyConnection, example: Example, query: str
) -> PassedGates | None:
    """Those of the run that accepted the query; None where it was imported."""
    rows = connection.execute(_CONFIGURATION, [example.run_id]).fetchall()
    if not example.origin_key or not rows or rows[0][0] != "synth":
        return None
    config = SynthConfig.model_validate(json.loads(rows[0][1])["settings"])
    return PassedGates(
        words=len(words(query)),
        min_words=config.min_words,
        max_words=config.max_words,
        max_verbatim=config.verbatim_words,
        run_id=example.run_id,
    )
