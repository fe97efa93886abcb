"""The tables of the workspace, derived from the records: one field, one column.

Big tables carry no primary key (it grows and slows them). What makes a row unique is the `key`
of its table, and rows whose key is there already are left out when segments are merged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import pyarrow as pa

from kalm_data.core import records
from kalm_data.core.by_hand import BY_HAND

SCHEMA_VERSION = 6

_DUCKDB_TYPES = {
    "str": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "Split": "VARCHAR",
    "Label": "VARCHAR",
    "Origin": "VARCHAR",
    "Verdict": "VARCHAR",
    "Literal['rule', 'draw']": "VARCHAR",
    "tuple[str, ...]": "VARCHAR[]",
    "NDArray[uint64]": "UBIGINT[]",
    "NDArray[float64]": "DOUBLE[]",
}
_ARROW_TYPES = {
    "VARCHAR": pa.large_string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR[]": pa.list_(pa.large_string()),
    "UBIGINT[]": pa.list_(pa.uint64()),
    "DOUBLE[]": pa.list_(pa.float64()),
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the expressions, over its columns, that make a row unique."""

    name: str
    record: type[records.Record]
    key: tuple[str, ...]
    rivals: tuple[str, ...] = ("true",)
    """Which stored rows may have the key of one of `staged`: fewer than all where runs have rows of
    their own. Of several conditions none holds with another: DuckDB looks at few rows by each, and
    at all of them by an OR.
    """

    @property
    def columns(self) -> dict[str, str]:
        """Column names and their DuckDB types, in the order of the record's fields."""
        return {
            field.name: _DUCKDB_TYPES[str(field.type).replace('"', "'")]
            for field in fields(self.record)
        }

    @property
    def names(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(f'"{name}"' for name in self.columns)

    @property
    def ddl(self) -> str:
        columns = ", ".join(f'"{name}" {kind} NOT NULL' for name, kind in self.columns.items())
        return f"CREATE TABLE {self.name} ({columns})"

    @property
    def arrow_schema(self) -> pa.Schema:
        return pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in self.columns.items()])


_OF_ITS_RUNS = "run_id IN (SELECT run_id FROM staged)"

TABLES: dict[type[records.Record], Table] = {
    table.record: table
    for table in (
        Table("texts", records.Text, ("text_hash",)),
        Table("documents", records.Document, ("collection", "doc_id", "revision")),
        Table("tasks", records.TaskRow, ("task", "revision")),
        Table("examples", records.Example, ("example_id",)),
        Table("labels", records.LabelledText, ("task", "text_hash")),
        Table(
            "scored_pairs",
            records.ScoredPair,
            ("task", "least(first_hash, second_hash)", "greatest(first_hash, second_hash)"),
        ),
        Table(
            "judgements",
            records.Judgement,
            # a document is judged once by each who judges, but mined anew by every draw
            (
                "example_id",
                "text_hash",
                "label",
                "origin",
                "origin_key",
                "CASE WHEN origin = 'miner' THEN run_id END",
            ),
            ("origin <> 'miner'", f"origin = 'miner' AND {_OF_ITS_RUNS}"),
        ),
        Table(
            "rankings",
            records.Ranking,
            ("example_id", "text_hash", "ranker", "pool", "positives"),
        ),
        Table("hits", records.HitList, ("example_id", "ranker", "pool", "positives")),
        Table(
            "decisions",
            records.Decision,
            ("run_id", "task", "rule", "example_id", "text_hash"),
            (_OF_ITS_RUNS,),
        ),
        Table("heads", records.Head, ("kind", "task", "name", "sequence")),
        Table("generations", records.Generation, ("request_key", "attempt")),
        Table("shown_queries", records.ShownQuery, ("norm_hash",)),
        Table(
            "rejects",
            records.Reject,
            ("run_id", "stage", "reason", "key", "source", "line"),
            (_OF_ITS_RUNS,),
        ),
        Table("near_duplicates", records.NearDuplicate, ("first", "second")),
        Table("vectors", records.VectorPlace, ("encoder", "rendered_hash")),
    )
}

_RUNS = """
CREATE TABLE runs (
    sequence BIGINT NOT NULL, run_id VARCHAR NOT NULL, command VARCHAR NOT NULL,
    status VARCHAR NOT NULL, configuration VARCHAR NOT NULL, versions VARCHAR NOT NULL,
    inputs VARCHAR NOT NULL, planned BIGINT NOT NULL, kept BIGINT NOT NULL,
    rejected VARCHAR NOT NULL, warnings VARCHAR[] NOT NULL, started_at VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL, error VARCHAR NOT NULL
)
"""

_CURRENT_DOCUMENTS = """
CREATE VIEW current_documents AS
SELECT * FROM documents
WHERE NOT retired AND (collection, doc_id, revision) IN (
    SELECT (collection, doc_id, max(revision)) FROM documents GROUP BY collection, doc_id
)
"""

_CURRENT_TASKS = """
CREATE VIEW current_tasks AS
SELECT * FROM tasks QUALIFY row_number() OVER (PARTITION BY task ORDER BY revision DESC) = 1
"""

_CURRENT_HEADS = """
CREATE VIEW current_heads AS
SELECT * FROM heads
QUALIFY row_number() OVER (PARTITION BY kind, task, name ORDER BY sequence DESC) = 1
"""

_CURRENT_VERDICTS = """
CREATE VIEW current_verdicts AS
SELECT d.*, h.basis
FROM current_heads h
JOIN decisions d ON d.run_id = h.run_id AND d.task = h.task AND d.rule = h.name
WHERE h.kind = 'rule' AND h.run_id <> ''
"""

_KEPT_BY_HAND = f"""
CREATE VIEW kept_by_hand AS
SELECT task, example_id, text_hash FROM current_verdicts
WHERE rule = '{BY_HAND}' AND verdict = 'keep'
"""

# A rule without a basis takes back what single requests said: where anybody else says the same, an
# import or another request, the positive stays.
_CURRENT_DROPS = """
CREATE VIEW current_drops AS
WITH drops AS (
    SELECT * FROM current_verdicts ANTI JOIN kept_by_hand USING (example_id, text_hash)
    WHERE verdict = 'drop'
),
taken_back AS (SELECT * FROM drops WHERE basis = ''),
said AS (
    SELECT DISTINCT example_id, text_hash FROM judgements
    WHERE label = 'positive' AND (example_id, text_hash, origin_key) NOT IN (
        SELECT (example_id, text_hash, cause) FROM taken_back
    )
)
SELECT example_id, text_hash, task, rule, basis FROM drops WHERE basis <> ''
UNION ALL
SELECT example_id, text_hash, task, rule, basis FROM taken_back ANTI JOIN said
    USING (example_id, text_hash)
"""

_SCORED_TEXTS = """
CREATE VIEW scored_texts AS
SELECT task, first_hash AS text_hash, split FROM scored_pairs
UNION ALL
SELECT task, second_hash, split FROM scored_pairs
"""

# What asks nothing any more, as its positives were dropped, is not asked.
_ASKED_QUERIES = """
CREATE VIEW asked_queries AS
SELECT t.norm_hash, e.split
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
WHERE EXISTS (
    SELECT 1 FROM judgements j ANTI JOIN current_drops USING (example_id, text_hash)
    WHERE j.example_id = e.example_id AND j.label = 'positive'
)
UNION ALL
SELECT t.norm_hash, l.split FROM labels l JOIN texts t USING (text_hash)
UNION ALL
SELECT t.norm_hash, s.split FROM scored_texts s JOIN texts t USING (text_hash)
"""

CREATE: tuple[str, ...] = (
    "CREATE TABLE meta (schema_version BIGINT NOT NULL, kalm_data VARCHAR NOT NULL)",
    *(table.ddl for table in TABLES.values()),
    _RUNS,
    _CURRENT_DOCUMENTS,
    _CURRENT_TASKS,
    _CURRENT_HEADS,
    _CURRENT_VERDICTS,
    _KEPT_BY_HAND,
    _CURRENT_DROPS,
    _SCORED_TEXTS,
    _ASKED_QUERIES,
)
