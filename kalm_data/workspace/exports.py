"""Reads what an export of a task needs: its pool, the names of documents, the judged queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.exports.beir import AskedQuery
from kalm_data.workspace.pools import PoolStore
from kalm_data.workspace.rankings import RankingStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.pool import Pool
    from kalm_data.core.records import Split
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

# mined negatives are a draw, no judgement: the shards hold them
_ASKED = """
WITH judged AS (
    SELECT example_id, text_hash, label FROM judgements
    ANTI JOIN current_drops USING (example_id, text_hash)
    WHERE origin <> 'miner'
)
SELECT e.example_id, t.text, e.instruction, e.language, e.split, e.source, e.line,
    coalesce(list_sort(list(DISTINCT j.text_hash) FILTER (j.label = 'positive')), []) AS yes,
    coalesce(list_sort(list(DISTINCT j.text_hash) FILTER (j.label = 'negative')), []) AS no
FROM examples e
JOIN texts t ON t.text_hash = e.query_hash
LEFT JOIN judged j ON j.example_id = e.example_id
WHERE e.task = ? AND e.split IN (SELECT unnest(?))
GROUP BY ALL
ORDER BY e.example_id
"""


class ExportStore:
    """The judged side of a workspace, of all splits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pool(self, task: Task) -> Pool:
        return PoolStore(self._database).pool(task)

    def document_names(self, task: Task) -> dict[str, str]:
        """Document id → text hash, in the task's collections; ids of several texts are missing."""
        return RankingStore(self._database).document_names(task)

    def asked_queries(self, task: str, splits: Sequence[Split]) -> list[AskedQuery]:
        """The examples of the splits, in order of id, with the judgements that no rule dropped."""
        with self._database.read() as connection:
            rows = connection.execute(_ASKED, [task, list(splits)]).fetchall()
        found = ((*asked, tuple(yes), tuple(sorted({*no} - {*yes}))) for *asked, yes, no in rows)
        return [AskedQuery(*row) for row in found]
