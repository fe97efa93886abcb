"""Reads what `mine` and `filter` need: judged examples, rankings, hits, decisions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kalm_data.core.config.mine import MineConfig
from kalm_data.core.mining import Hits, Measured, MiningExample, RankedKey
from kalm_data.workspace.arrow_columns import to_lists
from kalm_data.workspace.labels import read_class_texts
from kalm_data.workspace.pools import PoolStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

_FIRST_IDS = """
SELECT example_id FROM (
    SELECT example_id, row_number() OVER (ORDER BY example_id) - 1 AS place
    FROM examples WHERE task = $task AND split = 'train'
) WHERE place % $size = 0 ORDER BY example_id
"""

# lists are sorted, and made of distinct texts, where they are read: DuckDB takes longer
_EXAMPLES = """
WITH judged AS (
    SELECT example_id,
        list(text_hash) FILTER (label = 'positive') AS positives,
        list(text_hash) FILTER (label = 'negative' AND origin = 'import') AS negatives,
        list(text_hash) FILTER (label = 'negative' AND origin <> 'import') AS generated
    FROM judgements
    WHERE origin <> 'miner' AND example_id >= $first AND ($end IS NULL OR example_id < $end)
    GROUP BY example_id
)
SELECT e.example_id, t.text, e.instruction, e.source, e.line, positives, negatives, generated
FROM examples e JOIN judged USING (example_id) JOIN texts t ON t.text_hash = e.query_hash
WHERE e.task = $task AND e.split = 'train' AND positives IS NOT NULL
ORDER BY e.example_id
"""

_TAKEN_BACK = """
SELECT DISTINCT example_id, text_hash FROM current_drops WHERE task = ? AND basis = '' ORDER BY 1, 2
"""

_MEASURED = """
SELECT example_id, text_hash, positives, rank, score, no_evidence
FROM rankings WHERE ranker = ? AND pool = ? AND example_id BETWEEN ? AND ?
"""

_HITS = """
SELECT example_id, positives, keys, scores
FROM hits WHERE ranker = ? AND pool = ? AND example_id BETWEEN ? AND ?
"""

_RANKERS = """
SELECT k.ranker
FROM rankings k
JOIN examples e ON e.example_id = k.example_id
JOIN runs r ON r.run_id = k.run_id
WHERE e.task = ?
GROUP BY k.ranker
ORDER BY k.ranker IN (
    SELECT unnest(json_extract_string(settings, '$.rankers[*]')) FROM current_heads
    WHERE kind = 'draw' AND task = any_value(e.task)
) DESC, max(r.sequence) DESC, k.ranker
"""

# a ranking without a draw is left where the run that made it was stopped
_CONFIGURATION = """
SELECT configuration FROM (
    SELECT h.sequence, json_extract(h.settings, '$.config') AS configuration
    FROM heads h
    WHERE h.kind = 'draw' AND h.task = $task
        AND list_contains(json_extract_string(h.settings, '$.rankers[*]'), $ranker)
    UNION ALL
    SELECT 0, json_extract(r.configuration, '$.settings')
    FROM rankings k
    JOIN examples e ON e.example_id = k.example_id
    JOIN runs r ON r.run_id = k.run_id AND r.command = 'mine'
    WHERE e.task = $task AND k.ranker = $ranker
)
ORDER BY sequence DESC, configuration LIMIT 1
"""

_NAMES = """
SELECT doc_id, min(text_hash), count(DISTINCT text_hash) FROM current_documents
WHERE collection IN (SELECT unnest(?))
GROUP BY doc_id ORDER BY doc_id
"""

_RULE_SETTINGS = """
SELECT name, settings FROM current_heads
WHERE kind = 'rule' AND task = ? AND run_id <> '' ORDER BY name
"""

_DROPPED_BY = """
SELECT DISTINCT rule, example_id, text_hash FROM current_drops WHERE task = ? ORDER BY 1, 2, 3
"""

_KEPT_BY_HAND = """
SELECT example_id, text_hash FROM kept_by_hand WHERE task = ? ORDER BY 1, 2
"""

_OVERRULED = """
SELECT DISTINCT v.rule, v.example_id, v.text_hash
FROM current_verdicts v SEMI JOIN kept_by_hand USING (example_id, text_hash)
WHERE v.task = ? AND v.verdict = 'drop' ORDER BY 1, 2, 3
"""

_DROPPED = """
SELECT DISTINCT example_id, text_hash FROM current_drops WHERE task = ? ORDER BY 1, 2
"""


_EXAMPLES_AT_ONCE = 65_536


class RankingStore:
    """The examples of a workspace, where their positives rank, and what was decided."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pool(self, task: Task) -> Pool:
        return PoolStore(self._database).pool(task)

    def labelled(self, task: str) -> ClassTexts | None:
        """The labelled texts of the train split; None where the task has no labels."""
        return read_class_texts(self._database, task)

    def mining_examples(self, task: str) -> list[MiningExample]:
        """The examples of the train split that have a positive, in order of id."""
        return [one for block in self._read_examples(task) for one in block]

    def example_blocks(self, task: str, size: int) -> Iterator[list[MiningExample]]:
        """The same, at most `size` at a time."""
        for block in self._read_examples(task):
            for start in range(0, len(block), size):
                yield block[start : start + size]

    def _read_examples(self, task: str) -> Iterator[list[MiningExample]]:
        with self._database.read() as connection:
            asked = {"task": task, "size": _EXAMPLES_AT_ONCE}
            firsts = [row[0] for row in connection.execute(_FIRST_IDS, asked).fetchall()]
            taken_back = set(connection.execute(_TAKEN_BACK, [task]).fetchall())
        for first, end in zip(firsts, [*firsts, None][1:], strict=True):
            asked = {"task": task, "first": first, "end": end}
            with self._database.read() as connection:
                rows = connection.execute(_EXAMPLES, asked).fetchall()
            found = [_example(*row) for row in rows]
            yield [one for one in found if not _is_taken_back(one, taken_back)]

    def measured(
        self, ranker: str, basis: str, first: str, last: str
    ) -> dict[RankedKey, dict[str, Measured]]:
        """By text hash what is known of the positives of the examples in a range of ids."""
        with self._database.read() as connection:
            rows = connection.execute(_MEASURED, [ranker, basis, first, last]).fetchall()
        found: defaultdict[RankedKey, dict[str, Measured]] = defaultdict(dict)
        for example_id, text_hash, positives, rank, score, no_evidence in rows:
            found[example_id, positives][text_hash] = Measured(rank, score, no_evidence)
        return dict(found)

    def hits(self, ranker: str, hits_basis: str, first: str, last: str) -> dict[RankedKey, Hits]:
        """The stored hits of the examples in a range of ids, in any order."""
        with self._database.read() as connection:
            asked = [ranker, hits_basis, first, last]
            table = connection.sql(_HITS, params=asked).to_arrow_table().combine_chunks()
        if not table.num_rows:
            return {}
        names = zip(table["example_id"].to_pylist(), table["positives"].to_pylist(), strict=True)
        keys, scores = (to_lists(table[name].chunk(0)) for name in ("keys", "scores"))
        return dict(zip(names, map(Hits, keys, scores), strict=True))

    def rankers(self, task: str) -> list[str]:
        """Who ranked examples of the task: who made the draw in force, then the latest first."""
        with self._database.read() as connection:
            return [row[0] for row in connection.execute(_RANKERS, [task]).fetchall()]

    def mine_config(self, task: str, ranker: str) -> MineConfig:
        """The settings with which the task was last mined by this ranker; the default ones where
        its ranks came from elsewhere.
        """
        asked = {"task": task, "ranker": ranker}
        with self._database.read() as connection:
            rows = connection.execute(_CONFIGURATION, asked).fetchall()
        return MineConfig.model_validate_json(rows[0][0]) if rows else MineConfig()

    def document_names(self, task: Task) -> dict[str, str]:
        """Document id → text hash, in the task's collections; ids of several texts are missing."""
        with self._database.read() as connection:
            rows = connection.execute(_NAMES, [list(task.pool)]).fetchall()
        return {doc_id: text_hash for doc_id, text_hash, texts in rows if texts == 1}

    def rule_settings(self, task: str) -> dict[str, str]:
        """The settings of the rules in force, by name."""
        with self._database.read() as connection:
            return dict(connection.execute(_RULE_SETTINGS, [task]).fetchall())

    def dropped_by(self, task: str) -> dict[str, set[tuple[str, str]]]:
        """Rule → (example id, text hash) of what it drops."""
        return self._by_rule(_DROPPED_BY, task)

    def overruled(self, task: str) -> dict[str, set[tuple[str, str]]]:
        """Rule → (example id, text hash) of what it would drop and is kept by hand."""
        return self._by_rule(_OVERRULED, task)

    def kept_by_hand(self, task: str) -> set[tuple[str, str]]:
        """(Example id, text hash) of the positives that stay whatever rules say."""
        with self._database.read() as connection:
            return set(connection.execute(_KEPT_BY_HAND, [task]).fetchall())

    def _by_rule(self, query: str, task: str) -> dict[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        with self._database.read() as connection:
            rows = connection.execute(query, [task]).fetchall()
        for rule, *row in rows:
            found.setdefault(rule, set()).add(tuple(row))
        return found

    def dropped(self, task: str) -> set[tuple[str, str]]:
        """(Example id, text hash) of the positives that some rule in force dropped."""
        with self._database.read() as connection:
            return set(connection.execute(_DROPPED, [task]).fetchall())


def _example(
    id_: str,
    query: str,
    instruction: str,
    source: str,
    line: int,
    positives: list[str],
    negatives: list[str] | None,
    generated: list[str] | None,
) -> MiningExample:
    """A row of `_EXAMPLES`, whose lists may name a text twice."""
    return MiningExample(
        id_,
        query,
        instruction,
        source,
        line,
        tuple(sorted({*positives})),
        _without(negatives or (), positives),
        _without(generated or (), positives),
    )


def _is_taken_back(example: MiningExample, taken_back: AbstractSet[tuple[str, str]]) -> bool:
    """Whether nobody says any more that anything answers it."""
    if not taken_back:
        return False
    return all((example.example_id, one) in taken_back for one in example.positives)


def _without(hashes: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Sorted."""
    return tuple(sorted({*hashes}.difference(others))) if hashes else ()
