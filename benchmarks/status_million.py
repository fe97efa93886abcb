"""Wall time of `kalm-data status` on a workspace with a million documents and examples.

    python benchmarks/status_million.py [ROWS]

Builds the workspace in a temporary folder, then runs the installed command five times as a whole
process, and `kalm-data --help` beside it. Bar: status <= 1 s, help <= 0.3 s.
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
    ['a', 'b'], '', 0, '', 'en', '', 'file.jsonl', '{}', 'train', false, '0001-import'
FROM range($rows) t(i), range(1, 2 + (i % 10 = 0)::INT) u(r)
"""
TEXTS = "INSERT INTO texts SELECT text_hash, text_hash, 'text of ' || doc_id FROM documents"
TASK = """
INSERT INTO tasks VALUES ('docs', 1, '{"name": "docs", "type": "retrieval"}', '0001-import')
"""
EXAMPLES = """
INSERT INTO examples SELECT md5('e' || i), 'docs', md5('q' || i), '', 'en', 'train', 'extractive',
    md5('g' || i), '', 0, '0002-synth' FROM range($rows) t(i)
"""
RANKINGS = """
INSERT INTO rankings SELECT md5('e' || i), md5('t' || i || 1), 'dense:x', 'pool', $rows, 'p', i,
    0.5, false, '0003-mine' FROM range($rows) t(i)
"""


def build(folder: Path, rows: int) -> None:
    database = Database(folder)
    database.create()
    with database.write() as connection:
        for statement in (DOCUMENTS, TEXTS, TASK, EXAMPLES, RANKINGS):
            connection.execute(statement, {"rows": rows} if "$rows" in statement else None)


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
        build(Path(name) / "workspace", rows)
        for label, arguments in {
            f"status, {rows:,} rows": ("status", "-w", f"{name}/workspace"),
            "--help": ("--help",),
        }.items():
            taken = seconds(*arguments)
            print(f"{label:24} median {statistics.median(taken):.2f} s, worst {max(taken):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
