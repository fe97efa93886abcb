"""kill -9 at any moment of the build of a million rows: what is left, and what comes of it.

    python benchmarks/build_kills.py [--rows N] [--kills N] [--data FOLDER]

The workspace is that of `build_million.py`. One build runs undisturbed, one with seed 1 makes an
older set. Then the first is killed at random moments, one in each tenth of its time (--kills 10)
and in random order, every second time where the older set stands. What is there must verify and be
the older set, or the finished one, or nothing; the same command, run again, must end with the bytes
of the undisturbed build, and re-use what was finished. Ends with status 1 where one of these fails.
"""

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from build_million import arguments, make_workspace
from machine import describe_machine

from kalm_data.core.finished_files import JOURNAL
from kalm_data.core.folders import partial_of
from kalm_data.core.verification import verify_set
from kalm_data.workspace.shards import count_rows

Sums = dict[str, str]
"""Path in a set -> sha256."""


@dataclass(frozen=True, slots=True)
class Built:
    seconds: float
    files: int
    reused: int


def command(out: Path, workspace: Path, *options: str) -> list[str]:
    given = ("build-shards", str(out), "-w", str(workspace), "--json", *options)
    return [sys.executable, "-m", "kalm_data", *given]


def build(out: Path, workspace: Path, *options: str) -> Built:
    started = time.perf_counter()
    done = subprocess.run(
        command(out, workspace, *options), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"status {done.returncode}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    return Built(time.perf_counter() - started, told["files"], told["reused"])


def kill(out: Path, workspace: Path, moment_s: float) -> bool:
    """Kill a build at a moment after its start; whether it had not ended before."""
    with subprocess.Popen(
        command(out, workspace), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(moment_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return True
    return False


def sums(folder: Path) -> Sums:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            found[path.relative_to(folder).as_posix()] = digest
    return found


def state(out: Path, known: dict[str, Sums]) -> str:
    """The name of the set that stands there, "none", or "BROKEN"."""
    if not out.exists():
        return "none"
    verify_set(out, count_rows)
    found = sums(out)
    return next((name for name, one in known.items() if one == found), "BROKEN")


def finished(out: Path) -> int:
    """Files that the killed run noted as finished."""
    journal = partial_of(out) / JOURNAL
    return len(journal.read_bytes().splitlines()) if journal.exists() else 0


def kill_once(
    number: int, moment_s: float, workspace: Path, sets: Path, known: dict[str, Sums]
) -> bool:
    """Whether all held; prints a line."""
    out = sets / "out"
    if number % 2:
        shutil.copytree(sets / "older", out)
    is_killed = kill(out, workspace, moment_s)
    left, noted = state(out, known), finished(out)
    built = build(out, workspace)
    is_equal = sums(out) == known["whole"]
    expected = ("older", "whole") if number % 2 else ("none", "whole")
    holds = left in expected and is_equal
    print(
        f"{number + 1:4} {moment_s:8.1f} s  {'killed' if is_killed else 'ended ':6} {left:>6}"
        f"{noted:9}{built.reused:8} of {built.files:3}{built.seconds:8.1f} s  "
        f"{'equal' if is_equal else 'DIFFERS':8}{'' if holds else 'FAILED'}",
        flush=True,
    )
    shutil.rmtree(out)
    beside = sorted(path.name for path in sets.iterdir())
    if beside != ["older", "whole"]:
        print(f"left beside the set: {beside}")
    return holds and beside == ["older", "whole"]


def main(rows: int, kills: int, data: Path) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_workspace(folder, rows, data)
        workspace, sets = folder / "w", folder / "sets"
        whole = build(sets / "whole", workspace)
        build(sets / "older", workspace, "--seed", "1")
        known = {one: sums(sets / one) for one in ("whole", "older")}
        print(f"{rows:,} rows, {whole.files} files, {whole.seconds:.1f} s undisturbed")
        print(
            "kill    moment          stands  finished  re-used   run again  at the end", flush=True
        )
        rng = random.Random(0)
        moments = [whole.seconds * (number + rng.random()) / kills for number in range(kills)]
        rng.shuffle(moments)
        held = sum(
            kill_once(number, moment_s, workspace, sets, known)
            for number, moment_s in enumerate(moments)
        )
        print(f"{held} of {kills} kills left a set that verifies or none, and ended equal")
    if held < kills:
        sys.exit(1)


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, default=10)
    asked = parser.parse_args()
    main(asked.rows, asked.kills, asked.data)
