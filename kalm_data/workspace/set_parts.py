"""The statements that write the parts of one task of a staged set (`staged_set`)."""

from __future__ import annotations

_ROWS_PER_GROUP = 8192
"""Rows of a Parquet row group: what a streaming reader holds at a time."""

NUMBER_ROWS = """
CREATE TEMP TABLE part_rows AS
WITH copies AS (
    SELECT example_id, unnest(range(copies)) AS copy FROM chosen
)
SELECT row_number() OVER (
        ORDER BY sha256($seed || ':' || example_id || CASE WHEN copy > 0 THEN ':' || copy ELSE ''
            END), example_id, copy
    ) - 1 AS "row", r.* EXCLUDE (task, split, source, line)
FROM staged_rows r JOIN copies USING (example_id)
WHERE r.task = $task AND r.split = $split
ORDER BY "row"
"""

NUMBER_POSITIVES = """
CREATE TEMP TABLE part_positives AS
SELECT "row", p.text_hash, s.score
FROM part_rows JOIN staged_positives p USING (example_id)
LEFT JOIN positive_scores s USING (example_id, text_hash)
ORDER BY "row"
"""

NUMBER_NEGATIVES = """
CREATE TEMP TABLE part_negatives AS
SELECT "row", n.* EXCLUDE (example_id)
FROM part_rows JOIN staged_negatives n USING (example_id) ORDER BY "row", place
"""

NUMBERED = ("part_rows", "part_positives", "part_negatives")

SIZES = """
SELECT r."row", strlen(q.text) + coalesce(d.size, 0) AS size
FROM part_rows r JOIN texts q ON q.text_hash = r.query_hash LEFT JOIN (
    SELECT "row", sum(strlen(t.text)) AS size
    FROM (
        SELECT "row", text_hash FROM part_positives
        UNION ALL SELECT "row", text_hash FROM part_negatives
    ) JOIN texts t USING (text_hash) GROUP BY "row"
) d USING ("row")
ORDER BY r."row"
"""

_BEST_FIRST = "ORDER BY p.score DESC NULLS LAST, p.text_hash"
_AS_DRAWN = "ORDER BY n.place"


def copy_part(file: str, *, tokens: bool) -> str:
    """The COPY of the rows from $first to before $last; `tokens` adds the columns with numbers."""
    return f"""
COPY (
    WITH documents AS (SELECT * FROM staged_documents WHERE task = $task),
    positives AS (
        SELECT p."row",
            list(t.text {_BEST_FIRST}) AS pos,
            list(d.title {_BEST_FIRST}) AS pos_titles,
            list(p.score {_BEST_FIRST}) AS pos_scores,
            list(p.text_hash {_BEST_FIRST}) AS pos_ids,
            list(d.name {_BEST_FIRST}) AS pos_groups
            {f", list(c.tokens {_BEST_FIRST}) AS pos_tokens" if tokens else ""}
        FROM part_positives p JOIN texts t USING (text_hash) JOIN documents d USING (text_hash)
        {"JOIN token_counts c USING (text_hash)" if tokens else ""}
        WHERE p."row" >= $first AND p."row" < $last GROUP BY p."row"
    ),
    negatives AS (
        SELECT n."row",
            list(t.text {_AS_DRAWN}) AS neg,
            list(d.title {_AS_DRAWN}) AS neg_titles,
            list(n.score {_AS_DRAWN}) AS neg_scores,
            list(n.rank {_AS_DRAWN}) AS neg_ranks,
            list(n.ranker {_AS_DRAWN}) AS neg_rankers,
            list(n.text_hash {_AS_DRAWN}) AS neg_ids,
            list(d.name {_AS_DRAWN}) AS neg_groups
            {f", list(c.tokens {_AS_DRAWN}) AS neg_tokens" if tokens else ""}
        FROM part_negatives n JOIN texts t USING (text_hash) JOIN documents d USING (text_hash)
        {"JOIN token_counts c USING (text_hash)" if tokens else ""}
        WHERE n."row" >= $first AND n."row" < $last GROUP BY n."row"
    )
    SELECT q.text AS query, pos, coalesce(neg, []) AS neg,
        pos_titles, coalesce(neg_titles, []) AS neg_titles,
        pos_scores, coalesce(neg_scores, []) AS neg_scores,
        coalesce(neg_ranks, []) AS neg_ranks, coalesce(neg_rankers, []) AS neg_rankers,
        $task AS task, $type AS type, r.language,
        coalesce(nullif(r.instruction, ''), $instruction) AS instruction,
        $in_batch AS in_batch, r.example_id,
        pos_ids, coalesce(neg_ids, []) AS neg_ids,
        pos_groups, coalesce(neg_groups, []) AS neg_groups, r.origin
        {
        ", c.tokens AS query_tokens, pos_tokens, coalesce(neg_tokens, []) AS neg_tokens"
        if tokens
        else ""
    }
    FROM part_rows r JOIN texts q ON q.text_hash = r.query_hash
    JOIN positives USING ("row") LEFT JOIN negatives USING ("row")
    {"JOIN token_counts c ON c.text_hash = r.query_hash" if tokens else ""}
    WHERE r."row" >= $first AND r."row" < $last
    ORDER BY r."row"
) TO '{file.replace("'", "''")}'
(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS_PER_GROUP})
"""
