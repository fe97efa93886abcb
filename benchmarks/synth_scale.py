"""Planning a million candidates, and the memory of `synth` while it sends them.

    python benchmarks/synth_scale.py [CANDIDATES] [SENT]

Bars: planning 1,000,000 takes <= 60 s and <= 1.5 GB; of 50,000 that are sent, resident memory grows
by <= 50 MB from the 10,000th to the last. The stand-in server runs in a process of its own.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine

from kalm_data.api.synth import ModelConfig, SynthConfig, synth
from kalm_data.core.config.synth import SynthConfig as Config
from kalm_data.core.tasks import Task
from kalm_data.stages.synth import document_plan
from kalm_data.workspace.database import Database
from kalm_data.workspace.generations import GenerationStore

TEXTS = """
INSERT INTO texts SELECT md5('t' || i), md5('n' || i), 'Document ' || i || ' tells of item ' ||
    hash(i) || ' and of ' || hash(i + 1) || ' that follows it.' FROM range($rows) t(i)
"""
DOCUMENTS = """
INSERT INTO documents SELECT 'docs', 'd' || i, 1, md5('t' || i), 'title ' || i, [], '', 0, '', 'en',
    '', 'file.jsonl', '{}', 'train', false, '0001-import' FROM range($rows) t(i)
"""
TASK = """
INSERT INTO tasks VALUES ('docs', 1, '{"name": "docs", "type": "retrieval"}', '0001-import')
"""


def memory_mib(kind: str = "VmRSS") -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) / 1024
    return 0.0


def build(folder: Path, rows: int) -> Database:
    database = Database(folder)
    database.create()
    with database.write() as connection:
        for statement in (TEXTS, DOCUMENTS, TASK):
            connection.execute(statement, {"rows": rows} if "$rows" in statement else None)
    return database


def plan(database: Database, candidates: int) -> None:
    started = time.perf_counter()
    config = Config(per_doc=4)
    made = document_plan(GenerationStore(database), Task(name="docs"), config)
    read = sum(len(made.read(place, 1024)) for place in range(0, len(made), 1024))
    print(
        f"planning {len(made):,} candidates: {time.perf_counter() - started:.1f} s, "
        f"{memory_mib('VmHWM'):,.0f} MiB at most ({read:,} read)"
    )
    assert len(made) == candidates


def send(folder: Path, count: int) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "kalm_data.engines.stand_in_server", "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout
    address = server.stdout.readline().strip()
    held: list[tuple[int, float]] = []
    config = SynthConfig(engine="openai", model="stand-in", per_doc=1, steps=1, max_requests=count)

    def watch(progress: object) -> None:
        held.append((progress.kept + progress.rejected, memory_mib()))  # type: ignore[attr-defined]

    started = time.perf_counter()
    outcome = synth(
        folder, ["docs"], config, ModelConfig(base_url=address, concurrency=256), on_progress=watch
    )
    seconds = time.perf_counter() - started
    server.terminate()
    first = next(memory for done, memory in held if done >= min(10_000, count // 5))
    print(
        f"sending {outcome.result.requests:,}: {seconds:.0f} s, "
        f"{outcome.result.requests / seconds:,.0f} requests/s, {outcome.result.accepted:,} "
        f"accepted; resident {first:.0f} MiB after 10,000, {held[-1][1]:.0f} MiB at the end: "
        f"grown by {held[-1][1] - first:.0f} MiB"
    )


def main(candidates: int, sent: int) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        database = build(Path(name) / "workspace", candidates // 4)
        plan(database, candidates)
        send(database.folder, sent)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*(given + [1_000_000, 50_000][len(given) :]))
