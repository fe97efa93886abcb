"""synth with a language model: ten kills, and ten thousand requests with faults."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from kalm_data.engines.stand_in_server import Faults, StandInServer, hash_prompt
from kalm_data.workspace.database import Database
from kalm_data.workspace.recovery import close_dead_runs

pytestmark = pytest.mark.slow

DOCUMENTS = 500
KILLS = 10
TABLES = {
    "examples": "example_id, query_hash, language, split, origin, origin_key, source",
    "judgements": "example_id, text_hash, label, origin, origin_key",
    "generations": "request_key, attempt, facet, persona, prompt, seed, place, reply, failure",
}


def test_ten_kills_send_no_accepted_request_twice_and_change_nothing(tmp_path: Path) -> None:
    documents = _documents(tmp_path, DOCUMENTS)
    with StandInServer(latency_s=0.02) as server:
        _run("import", "documents", documents, "--task", "d", "--as", "train", "-w", tmp_path / "a")
        _run(*_synth(server, tmp_path / "a"))
        once = server.asked.copy()
    with StandInServer(latency_s=0.02) as server:
        _run("import", "documents", documents, "--task", "d", "--as", "train", "-w", tmp_path / "b")
        moments = random.Random(0)
        kept: Counter[str] = Counter()  # how often what is kept had been asked by then
        for _ in range(KILLS):
            _kill(_synth(server, tmp_path / "b"), server, moments.randrange(150, 450))
            kept |= {prompt: server.asked[prompt] for prompt in _kept(tmp_path / "b") - {*kept}}
        _run(*_synth(server, tmp_path / "b"))
        asked = server.asked.copy()
    assert set(asked) == set(once) and once.total() == 4 * DOCUMENTS
    assert len(kept) > DOCUMENTS and all(asked[prompt] == count for prompt, count in kept.items())
    assert _dump(tmp_path / "a") == _dump(tmp_path / "b")


def test_ten_thousand_requests_with_faults_end_accepted_or_rejected(tmp_path: Path) -> None:
    documents = _documents(tmp_path, 5000)
    faults = Faults(rate=0.2, retry_after="0.2")
    with StandInServer(faults, latency_s=0.01) as server:
        _run("import", "documents", documents, "--task", "d", "--as", "train", "-w", tmp_path / "w")
        options = ("--steps", "1", "--timeout", "2", "--retries", "2", "--attempts", "1")
        done = _run(*_synth(server, tmp_path / "w"), *options, "--json")
    summary = json.loads(done.stdout)
    assert summary["planned"] == 10_000 and summary["pending"] == 0
    assert summary["kept"] + sum(summary["rejected"].values()) == 10_000
    with Database(tmp_path / "w").read() as connection:
        rows = connection.execute(
            "SELECT failure, count(*), count(DISTINCT request_key) FROM generations GROUP BY 1"
        ).fetchall()
    assert sum(count for _, count, _ in rows) == 10_000
    assert all(count == distinct for _, count, distinct in rows)
    assert {"invalid_json", "schema", "length", "bad_reply"} <= {failure for failure, *_ in rows}


def _documents(folder: Path, count: int) -> Path:
    file = folder / "docs.jsonl"
    words = random.Random(1)
    topics = ["granite", "tides", "paper", "sourdough", "glass", "taxes", "cameras", "winds"]
    rows = (
        {
            "id": f"d{i}",
            "title": f"Case {i}",
            "text": f"Case {i} is about {words.choice(topics)} and {words.choice(topics)}: error "
            f"{words.randrange(10**6)} comes before {words.randrange(10**6)} in "
            f"{words.randrange(10**6)} of them.",
        }
        for i in range(count)
    )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def _synth(server: StandInServer, workspace: Path) -> tuple[object, ...]:
    return (
        "synth", "--task", "d", "--engine", "openai", "--model", "stand-in", "--base-url",
        server.base_url, "--concurrency", 32, "--per-doc", 2, "-w", workspace,
    )  # fmt: skip


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kalm_data", *map(str, arguments)]


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(_command(*arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def _kill(arguments: tuple[object, ...], server: StandInServer, after: int) -> None:
    """Kill the command when the server has been asked so many times more, or let it end."""
    before = server.asked.total()
    process = subprocess.Popen(
        _command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and server.asked.total() < before + after:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _kept(workspace: Path) -> set[str]:
    """The prompts whose replies a killed run left behind."""
    close_dead_runs(Database(workspace))
    with Database(workspace).read() as connection:
        rows = connection.execute("SELECT prompt, system FROM generations").fetchall()
    return {hash_prompt(prompt, system) for prompt, system in rows}


def _dump(workspace: Path) -> dict[str, Counter[tuple[object, ...]]]:
    with Database(workspace).read() as connection:
        return {
            table: Counter(connection.execute(f"SELECT {columns} FROM {table}").fetchall())
            for table, columns in TABLES.items()
        }
