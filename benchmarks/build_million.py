"""Building a set of a million rows, beside one plain COPY of the same join and JSON lines.

    python benchmarks/build_million.py [--rows N] [--data FOLDER] [--mined]

Documents are the descriptions of Debian's packages, imported; a million examples with one
positive and seven given negatives each are made up in the database. Then, each in a process of its
own: one unordered COPY of the join without aggregation; `kalm-data build-shards`, with DuckDB
limited to 2 GB; and, from cold to a first batch of 64 rows, the set as `datasets` streams it
against the same rows as JSON lines, loaded and concatenated as the released KaLM-Embedding code
loads its data. With --mined nobody gave the negatives: each example has 200 hits, `filter --top-k
50` judges it, and the build draws from the hits again. Bars: build <= 4 x COPY, <= 3 GB resident;
first batch >= 5 x sooner.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from debian_packages import FOLDER, read_packages, write_json_lines
from machine import describe_machine
from mined_hits import add_hits

from kalm_data.api.imports import import_documents
from kalm_data.core.config.imports import ImportDocumentsConfig
from kalm_data.core.tasks import NamedTask
from kalm_data.workspace.database import Database

NUMBERED = """
CREATE TEMP TABLE numbered AS
SELECT row_number() OVER (ORDER BY text_hash) - 1 AS i, text_hash FROM documents;
CREATE TEMP TABLE asked AS
SELECT i, md5('e' || i) AS example_id, md5('q' || i) AS query_hash FROM range($rows) t(i);
INSERT INTO texts
SELECT query_hash, query_hash, 'which package is number ' || i || ' of the archive' FROM asked;
INSERT INTO examples
SELECT example_id, 'debian', query_hash, '', 'en', 'train', 'import', '', '', i, '0002-import'
FROM asked;
INSERT INTO judgements
SELECT example_id, text_hash, label, 'import', '0002-import', '', '', 0, 0, 0, false
FROM (
    SELECT example_id, k, CASE k WHEN 0 THEN 'positive' ELSE 'negative' END AS label,
        (i * 7919 + k * 104729) % (SELECT count(*) FROM numbered) AS place
    FROM asked, range(8) u(k)
) JOIN numbered ON numbered.i = place;
"""

FLAT = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("SET memory_limit TO '2GB'; SET preserve_insertion_order TO false")
connection.execute(f'''
COPY (
    SELECT q.text AS query, e.example_id, e.instruction, e.language, e.origin, e.task, j.label,
        j.rank, j.score, j.ranker, t.text, t.text_hash, d.title, d.licence
    FROM examples e JOIN texts q ON q.text_hash = e.query_hash
    JOIN judgements j USING (example_id) JOIN texts t ON t.text_hash = j.text_hash
    JOIN documents d ON d.text_hash = j.text_hash
) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)
''')
"""

STREAM = """
import os, sys, itertools
from datasets import load_dataset
rows = load_dataset(sys.argv[1], "debian", split="train", streaming=True)
assert len(list(itertools.islice(rows, 64))) == 64
os._exit(0)  # a stream that is left unread holds the interpreter up for good
"""

LOAD = """
import sys
from datasets import concatenate_datasets, load_dataset
parts = [load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])]
assert len(concatenate_datasets(parts)[:64]["query"]) == 64
"""


def make_workspace(folder: Path, rows: int, data: Path) -> None:
    documents = folder / "documents.jsonl"
    packages = read_packages(data)
    write_json_lines(
        documents, ({"id": one.doc_id, "text": one.text} for one in packages.documents)
    )
    config = ImportDocumentsConfig(as_split="train")
    import_documents(folder / "w", [str(documents)], NamedTask(task="debian"), config)
    with Database(folder / "w").write() as connection:
        for statement in NUMBERED.strip().split(";\n"):
            connection.execute(statement, {"rows": rows} if "$rows" in statement else None)


def apart(prepare: Callable[..., None], *given: object) -> None:
    """In a process of its own, as what this one ever held counts as memory of those it starts."""
    process = multiprocessing.get_context("spawn").Process(target=prepare, args=given)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{prepare.__name__}: status {process.exitcode}")


def run(label: str, *command: str) -> float:
    """Seconds of a process; its peak of resident memory is printed."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL) as process:
        _, status, used = _wait(process)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{label}: status {status}")
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{label:34} {seconds:7.1f} s, {cpu:7.1f} CPU s, at most {used.ru_maxrss / 1e6:.2f} GB",
        flush=True,
    )
    return seconds


def _wait(process: "subprocess.Popen[bytes]") -> tuple[int, int, resource.struct_rusage]:
    pid, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return pid, status, used


def write_lines(shards: Path, file: Path) -> None:
    """The rows of a set as JSON lines of query, pos and neg."""
    with file.open("w", encoding="utf-8") as lines:
        for part in sorted(shards.glob("debian/part-*.parquet")):
            for block in pq.ParquetFile(part).iter_batches(8192, columns=["query", "pos", "neg"]):
                lines.writelines(json.dumps(row) + "\n" for row in block.to_pylist())


def main(rows: int, data: Path, *, mined: bool) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace, out, lines = folder / "w", folder / "out", folder / "rows.jsonl"
        apart(make_workspace, folder, rows, data)
        if mined:
            apart(add_hits, workspace, "debian")
        told = "drawn from 200 hits" if mined else "given"
        print(f"{rows:,} rows of 1 positive and 7 negatives, {told}")
        flat = run(
            "one plain COPY", "-c", FLAT, str(workspace / "workspace.duckdb"),
            str(folder / "flat.parquet"),
        )  # fmt: skip
        if mined:
            run("filter", "-m", "kalm_data", "filter", "--top-k", "50", "-w", str(workspace))
        build = run("build-shards", "-m", "kalm_data", "build-shards", str(out), "-w",
                    str(workspace))  # fmt: skip
        print(f"build-shards takes {build / flat:.2f} x the plain COPY (bar 4)")
        write_lines(out, lines)
        ours = run("first batch, streamed Parquet", "-c", STREAM, str(out))
        theirs = run("first batch, JSON lines loaded", "-c", LOAD, str(lines), f"{name}/cache")
        print(f"the first batch comes {theirs / ours:.1f} x sooner (bar 5)")


def arguments(doc: str) -> argparse.ArgumentParser:
    """What every benchmark on this workspace takes."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=FOLDER)
    return parser


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--mined", action="store_true")
    asked = parser.parse_args()
    main(asked.rows, asked.data, mined=asked.mined)
