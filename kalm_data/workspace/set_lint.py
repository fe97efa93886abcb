"""Looks the rows of a set over, before they are written; the tables are those of `staged_set`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.lint import SAMPLE, LintFound

if TYPE_CHECKING:
    import duckdb

    from kalm_data.core.config.shards import Lint, ShardsConfig

_PREPARE = """
CREATE TEMP TABLE asked AS
SELECT r.example_id, r.task, t.norm_hash AS query_norm, left(t.text, 80) AS query
FROM staged_rows r SEMI JOIN chosen USING (example_id) JOIN texts t ON t.text_hash = r.query_hash
WHERE r.split = 'train';
CREATE TEMP TABLE answered AS
SELECT a.example_id, a.task, a.query_norm, a.query, p.text_hash, t.norm_hash
FROM asked a JOIN staged_positives p USING (example_id) JOIN texts t USING (text_hash);
CREATE TEMP TABLE used_texts AS
SELECT text_hash FROM staged_positives SEMI JOIN asked USING (example_id)
UNION SELECT text_hash FROM staged_negatives SEMI JOIN asked USING (example_id)
UNION SELECT query_hash FROM staged_rows SEMI JOIN asked USING (example_id);
"""

_CLEAR = "DROP TABLE asked; DROP TABLE answered; DROP TABLE used_texts;"

_FINDINGS: dict[Lint, str] = {
    "negative_is_positive": """
        SELECT a.task, a.query AS subject, left(t.text, 80) AS text
        FROM staged_negatives n JOIN asked a USING (example_id) JOIN texts t USING (text_hash)
        WHERE (a.query_norm, t.norm_hash) IN (SELECT (query_norm, norm_hash) FROM answered)
    """,
    "query_is_positive": """
        SELECT task, query AS subject, '' AS text FROM asked WHERE example_id IN (
            SELECT example_id FROM answered WHERE query_norm = norm_hash
        )
    """,
    "empty_text": """
        SELECT '' AS task, text_hash AS subject, '' AS text FROM texts SEMI JOIN used_texts
            USING (text_hash)
        WHERE NOT regexp_matches(text, '[^\\s\\pC]')
    """,
    "long_text": """
        SELECT '' AS task, left(text, 80) AS subject, length(text) || ' characters' AS text
        FROM texts SEMI JOIN used_texts USING (text_hash)
        WHERE length(text) > $max_characters
    """,
    "duplicate_row": """
        SELECT task, query AS subject, left(t.text, 80) AS text
        FROM (
            SELECT task, query, text_hash FROM answered
            QUALIFY row_number() OVER (
                PARTITION BY query_norm, norm_hash ORDER BY task, example_id, text_hash
            ) > 1
        ) JOIN texts t USING (text_hash)
    """,
    "few_negatives": """
        SELECT a.task, a.query AS subject, count(n.text_hash) || ' negatives' AS text
        FROM asked a LEFT JOIN staged_negatives n USING (example_id)
        WHERE a.task NOT IN (FROM without_negatives)
        GROUP BY a.task, a.example_id, a.query HAVING count(n.text_hash) < $min_negatives
    """,
    "frequent_positive": """
        SELECT task, left(t.text, 80) AS subject, found || ' rows' AS text
        FROM (
            SELECT task, text_hash, count(*) AS found FROM answered GROUP BY task, text_hash
        ) JOIN (SELECT task, count(*) AS rows FROM asked GROUP BY task) USING (task)
        JOIN texts t USING (text_hash)
        WHERE found > greatest(2, $max_share * rows)
    """,
    "no_licence": """
        SELECT task, query AS subject, '' AS text FROM asked WHERE example_id IN (
            SELECT example_id FROM answered a JOIN staged_documents d USING (task, text_hash)
            WHERE d.licence = ''
        )
    """,
}


def lint(connection: duckdb.DuckDBPyConnection, settings: ShardsConfig) -> list[LintFound]:
    """What is found in the training rows that were chosen, in order of name; nothing is changed."""
    for statement in _PREPARE.split(";\n"):
        connection.execute(statement)
    bounds = settings.model_dump(include={"min_negatives", "max_characters", "max_share"})
    found = [_look(connection, name, bounds) for name in sorted(_FINDINGS)]
    connection.execute(_CLEAR)
    return [one for one in found if one.count]


def _look(
    connection: duckdb.DuckDBPyConnection, name: Lint, bounds: dict[str, object]
) -> LintFound:
    finding = _FINDINGS[name]
    given = {bound: value for bound, value in bounds.items() if f"${bound}" in finding}
    connection.execute(f"CREATE TEMP TABLE found AS {finding}", given)
    ((count,),) = connection.execute("SELECT count(*) FROM found").fetchall()
    order = f"SELECT * FROM found ORDER BY ALL LIMIT {SAMPLE}"
    rows = connection.execute(order).fetchall() if count else []
    connection.execute("DROP TABLE found")
    return LintFound(name, count, tuple(_line(*row) for row in rows))


def _line(task: str, subject: str, text: str) -> str:
    where = f"{task}: " if task else ""
    said = f" ({' '.join(text.split())})" if text else ""
    return f"{where}{' '.join(subject.split())!r}{said}"
