"""Wall time of `status` and `explain` on a workspace with a million documents and examples.

    python benchmarks/workspace_million.py [ROWS]

Builds the workspace in a temporary folder: each example was written by a request, has one positive
that was ranked and judged by a rule, and seven mined negatives. Then runs the installed commands
five times each as whole processes. Bars: status and explain <= 1 s, help <= 0.3 s.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine

from kalm_data.workspace.database import Database

DOCUMENTS = """
INSERT INTO documents SELECT 'docs', 'd' || i, r, md5('t' || i || r), 'title ' || i,
    ['a', 'b'], '', 0, '', 'en', '', 'file.jsonl', '{}', 'train', false, '0001-import-documents'
FROM range($rows) t(i), range(1, 2 + (i % 10 = 0)::INT) u(r)
"""
TEXTS = """
INSERT INTO texts SELECT text_hash, text_hash, 'text of ' || doc_id FROM documents;
INSERT INTO texts
SELECT left(sha256('4:text' || chr(31) || length(query) || ':' || query), 32), md5(query), query
FROM (SELECT 'which text is number ' || i AS query FROM range($rows) t(i))
"""
TASK = """
INSERT INTO tasks VALUES ('docs', 1, '{"name": "docs", "type": "retrieval"}',
    '0001-import-documents')
"""
# ids are hashes, and come in no order
EXAMPLES = """
INSERT INTO examples
SELECT md5('e' || i), 'docs',
    left(sha256('4:text' || chr(31) || length(query) || ':' || query), 32),
    '', 'en', 'train', 'llm', md5('g' || i), 'openai:model', 0, '0002-synth'
FROM (SELECT i, 'which text is number ' || i AS query FROM range($rows) t(i))
"""
GENERATIONS = """
INSERT INTO generations
SELECT md5('g' || i), 0, 'docs', 'openai:model', 'summary', 'en-001',
    'grounded-2-write.en.md@1', '',
    repeat('You write one search query for the document below. ', 20) || i, '{}', i,
    md5('t' || i || 1), i, 'plan', '{"query": "which text is number ' || i || '"}', 300, 20,
    1.0, 'stop', '', '0002-synth'
FROM range($rows) t(i)
"""
RANKINGS = """
INSERT INTO rankings SELECT md5('e' || i), md5('t' || i || 1), 'dense:x', 'pool', $rows, 'p', i,
    0.5, false, '0003-mine' FROM range($rows) t(i) ORDER BY 1
"""
JUDGEMENTS = """
INSERT INTO judgements SELECT md5('e' || i), md5('t' || i || 1), 'positive', 'llm', '0002-synth',
    md5('g' || i), '', 0, 0, 0, false FROM range($rows) t(i);
INSERT INTO judgements SELECT md5('e' || i), md5('t' || (i + k) % $rows || 1), 'negative', 'miner',
    '0003-mine', '', 'dense:x', k, 0.4, 0.5, false
FROM range($rows) t(i), range(1, 8) u(k) ORDER BY 1
"""
DECISIONS = """
INSERT INTO decisions SELECT 'docs', 'top-k', md5('e' || i), md5('t' || i || 1),
    CASE WHEN i % 10 = 0 THEN 'drop' ELSE 'keep' END, '', '{"k": 50, "rank": 7}', 'dense:x',
    '0004-filter' FROM range($rows) t(i) ORDER BY 3
"""
REJECTS = """
INSERT INTO rejects SELECT '0004-filter', 'filter', 'rank', md5('e' || i) || ':' ||
    md5('t' || i || 1), '{"k": 50, "rank": 70}', 'openai:model', 0, 'which text is number ' || i
FROM range(0, $rows, 10) t(i) ORDER BY 4
"""
HEADS = """
INSERT INTO heads VALUES ('draw', 'docs', 'negatives', 3, '{"rankers": ["dense:x"]}', 'pool',
    '0003-mine'),
    ('rule', 'docs', 'top-k', 4, '{"options": {"top_k": 50}}', 'pool', '0004-filter')
"""
RUNS = """
INSERT INTO runs SELECT row_number() OVER (), run_id, command, 'ok', '{"settings": {}}', '{}', '{}',
    $rows, $rows, '{}', [], '2026-11-01T00:00:00Z', 60, ''
FROM (VALUES ('0001-import-documents', 'import-documents'), ('0002-synth', 'synth'),
    ('0003-mine', 'mine'), ('0004-filter', 'filter')) t(run_id, command)
"""
STATEMENTS = (
    DOCUMENTS, TEXTS, TASK, EXAMPLES, GENERATIONS, RANKINGS, JUDGEMENTS, DECISIONS, REJECTS, HEADS,
    RUNS,
)  # fmt: skip


def build(folder: Path, rows: int) -> str:
    """The id of one of the examples, of those in the middle."""
    database = Database(folder)
    database.create()
    with database.write() as connection:
        for statement in STATEMENTS:
            for part in statement.split(";\n"):
                connection.execute(part, {"rows": rows} if "$rows" in part else None)
        found = connection.execute("SELECT md5('e' || ?)", [rows // 2]).fetchone()
    return str(found[0]) if found else ""


def seconds(*arguments: str, runs: int = 5) -> list[float]:
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "kalm_data", *arguments], check=True, capture_output=True
        )
        taken.append(time.perf_counter() - started)
    return taken


def main(rows: int) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        workspace = f"{name}/workspace"
        example = build(Path(workspace), rows)
        print(f"{rows:,} documents and examples")
        for label, arguments in {
            "status": ("status", "-w", workspace),
            "explain, example id": ("explain", example, "-w", workspace),
            "explain, 8 digits": ("explain", example[:8], "-w", workspace),
            "explain, query text": (
                "explain",
                f"which text is number {rows // 2}",
                "-w",
                workspace,
            ),
            "explain, document id": ("explain", f"docs/d{rows // 2}", "-w", workspace),
            "--help": ("--help",),
        }.items():
            taken = seconds(*arguments)
            print(f"{label:24} median {statistics.median(taken):.2f} s, worst {max(taken):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
