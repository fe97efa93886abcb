"""Reads the rankings of another workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.records import HitList, Ranking
from kalm_data.workspace.database import Database
from kalm_data.workspace.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EXAMPLES_AT_ONCE = 2048

_COUNT = "SELECT count(*) FROM rankings"
_EXAMPLES = "SELECT DISTINCT example_id FROM rankings ORDER BY example_id"
_RANKINGS = """
SELECT {columns} FROM rankings WHERE example_id BETWEEN ? AND ?
ORDER BY example_id, text_hash, ranker, pool, positives
"""
_HITS = """
SELECT {columns} FROM hits WHERE example_id BETWEEN ? AND ?
ORDER BY example_id, ranker, pool, positives
"""


class OtherWorkspace:
    """Satisfies `stages.import_rankings.RankedElsewhere`."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError where no workspace is there, or one of another version."""
        self.name = str(folder)
        self._database = Database(folder)
        self._database.refuse_missing()

    def count(self) -> int:
        with self._database.read() as connection:
            ((found,),) = connection.execute(_COUNT).fetchall()
        return int(found)

    def rows(self) -> Iterator[tuple[list[Ranking], list[HitList]]]:
        with self._database.read() as connection:
            ids = [row[0] for row in connection.execute(_EXAMPLES).fetchall()]
        for start in range(0, len(ids), _EXAMPLES_AT_ONCE):
            block = ids[start : start + _EXAMPLES_AT_ONCE]
            yield self._read(block[0], block[-1])

    def _read(self, first: str, last: str) -> tuple[list[Ranking], list[HitList]]:
        with self._database.read() as connection:
            rankings = connection.execute(
                _RANKINGS.format(columns=_columns(Ranking)), [first, last]
            ).fetchall()
            hits = connection.execute(
                _HITS.format(columns=_columns(HitList)), [first, last]
            ).fetchnumpy()
        names = list(TABLES[HitList].columns)
        rows = zip(*(hits[name].tolist() for name in names), strict=True)
        return [Ranking(*row) for row in rankings], [HitList(*row) for row in rows]


def _columns(record: type[Ranking] | type[HitList]) -> str:
    return ", ".join(TABLES[record].columns)
