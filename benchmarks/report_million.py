"""Time and size of the page of `kalm-data report` on a workspace with a million examples.

    python benchmarks/report_million.py [ROWS]

Builds the workspace in a temporary folder: documents, examples, journal, ranks by two rankers,
three negatives an example, hits of 20,000 examples, verdicts, rejects. Then runs the installed
command as a whole process and opens the page in headless Chromium. Bars: 60 s to make, 5 MB, 2 s to
open.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from browser import CHROMIUM, chromium

from kalm_data.workspace.database import Database

WORDS = ["river", "stone", "bread", "paper", "glass", "wind", "bridge", "garden", "engine", "salt"]
SAID = f"list_transform(range(1, $count), lambda k: {WORDS}[1 + (i * k * 7919 + k * k) % 10])"
DOCUMENT = f"'document ' || i || ' ' || array_to_string({SAID.replace('$count', '40')}, ' ')"
QUERY = f"'query ' || i || ' ' || array_to_string({SAID.replace('$count', '8')}, ' ')"

STATEMENTS = {
    "documents": """
INSERT INTO documents SELECT 'docs', 'd' || i, 1, md5('t' || i), 'title ' || i, ['a', 'b'], '', 0,
    '', 'en', '', 'file.jsonl', '{}', 'train', false, '0001-import-documents'
FROM range($rows) t(i)
""",
    "texts": f"""
INSERT INTO texts SELECT md5('t' || i), md5('n' || i), {DOCUMENT} FROM range($rows) t(i)
UNION ALL SELECT md5('q' || i), md5('m' || i), {QUERY} FROM range($rows) t(i)
""",
    "task": """
INSERT INTO tasks VALUES ('docs', 1, '{"name": "docs", "type": "retrieval"}', 'r')
""",
    "examples": """
INSERT INTO examples SELECT md5('e' || i), 'docs', md5('q' || i), '', 'en',
    CASE i % 50 WHEN 0 THEN 'test' ELSE 'train' END, 'llm', md5('g' || i), 'openai', 0, '0002-synth'
FROM range($rows) t(i)
""",
    "journal": """
INSERT INTO generations SELECT md5('g' || i), 0, 'docs', 'openai',
    ['keywords', 'identifier', 'summary', 'yes_or_no', 'background'][1 + i % 5], 'en-' || i % 200,
    'grounded-2-write', '', 'prompt', '{}', i, md5('t' || i), i, 'plan', '{"query": "q"}', 800,
    20, 0.5, 'stop', '', '0002-synth'
FROM range($rows) t(i)
""",
    "positives": """
INSERT INTO judgements SELECT md5('e' || i), md5('t' || i), 'positive', 'llm', '0002-synth',
    md5('g' || i), '', 0, 0, 0, false
FROM range($rows) t(i)
""",
    "negatives": """
INSERT INTO judgements SELECT md5('e' || i), md5('t' || (i + k * 7919) % $rows), 'negative',
    'miner', '0003-mine', '', 'dense:x', 6 + (i * k) % 95, 0.2 + (i * k % 1000) / 4000,
    0.6 + (i % 100) / 500, false
FROM range($rows) t(i), range(1, 4) u(k)
""",
    "ranks": """
INSERT INTO rankings SELECT md5('e' || i), md5('t' || i), ranker, 'pool', $rows, 'p',
    1 + (i * 7919 + i // 7) % (1 + i % 1000), 0.6 + (i % 100) / 500, i % 97 = 0, '0003-mine'
FROM range($rows) t(i), (SELECT unnest(['dense:x', 'bm25']) AS ranker)
""",
    "hits": """
INSERT INTO hits SELECT md5('e' || i), ranker, 'pool', 'p',
    [hash_of('t' || (i + k * CASE ranker WHEN 'bm25' THEN 3 ELSE 2 END)) for k in range(100)],
    [1 - k / 200 for k in range(100)], '0003-mine'
FROM range(least($rows, 20000)) t(i), (SELECT unnest(['dense:x', 'bm25']) AS ranker)
""",
    "verdicts": """
INSERT INTO decisions SELECT 'docs', 'top-k', md5('e' || i), md5('t' || i),
    CASE i % 5 WHEN 0 THEN 'drop' ELSE 'keep' END, CASE i % 5 WHEN 0 THEN 'rank' ELSE '' END,
    '{"k": 50, "rank": 70}', 'dense:x', '0004-filter'
FROM range($rows) t(i)
""",
    "heads": """
INSERT INTO heads VALUES
    ('draw', 'docs', 'negatives', 3, '{"rankers": ["dense:x"]}', 'basis', '0003-mine'),
    ('rule', 'docs', 'top-k', 4, '{"options": {"top_k": 50}, "rankers": ["dense:x"]}', 'basis',
     '0004-filter')
""",
    "rejects": """
INSERT INTO rejects SELECT CASE i % 5 WHEN 0 THEN '0004-filter' ELSE '0002-synth' END,
    CASE i % 5 WHEN 0 THEN 'filter' ELSE 'synth' END,
    ['rank', 'too_short', 'copy_of_passage', 'near_duplicate_query', 'wrong_language'][1 + i % 5],
    md5('e' || i) || ':' || md5('t' || i), '{"words": 1}', 'd' || i, 0, 'a query ' || i
FROM range($rows // 2) t(i)
""",
    "runs": """
INSERT INTO runs SELECT i + 1, run, split_part(run, '-', 2), 'ok', '{"tasks": ["docs"]}', '{}',
    '{}',
    $rows, $rows, '{}', [], '2026-01-01T00:00:00Z', 60, ''
FROM (SELECT unnest(['0001-import-documents', '0002-synth', '0003-mine', '0004-filter']) AS run,
    generate_subscripts(['a', 'b', 'c', 'd'], 1) - 1 AS i)
""",
}

KEY = "CREATE TEMP MACRO hash_of(text) AS ('0x' || left(md5(text), 16))::UBIGINT"


def build(folder: Path, rows: int) -> None:
    database = Database(folder)
    database.create()
    with database.write() as connection:
        connection.execute(KEY)
        for statement in STATEMENTS.values():
            connection.execute(statement, {"rows": rows} if "$rows" in statement else None)


async def open_page(page: Path) -> float:
    async with chromium() as tab:
        await tab.look(1280, "light")
        started = time.perf_counter()
        await tab.open(page)
        await tab.picture(whole=False)
        return time.perf_counter() - started


def main(rows: int) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        workspace, page = Path(name) / "workspace", Path(name) / "page.html"
        build(workspace, rows)
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "kalm_data", "report", str(page), "-w", str(workspace)],
            check=True,
        )
        print(f"report, {rows:,} examples   {time.perf_counter() - started:.1f} s")
        print(f"size                        {page.stat().st_size / 1e6:.2f} MB")
        if CHROMIUM:
            print(f"open and paint              {asyncio.run(open_page(page)):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
