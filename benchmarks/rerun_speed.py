"""Another --top-k, and other limits of negatives, once all is ranked: whole commands by the clock.

    python benchmarks/rerun_speed.py [RUNS] [CHECKOUT…]

Debian's 30,666 rows are imported and mined by BM25, 7 negatives from ranks 51-100; then `filter`
with another k and `mine` with another ratio run RUNS (5) times each, alternately, and medians are
printed. Each CHECKOUT is a folder with the `kalm_data` to run, on a workspace of its own; without
one, this one. Bar: 2 s each on a machine that does nothing else, and no text encoded.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from debian_packages import FOLDER, read_packages, write_beir
from machine import describe_machine

HERE = Path(__file__).parents[1]
MINE = ("mine", "--task", "debian", "--ranker", "bm25", "--recipe", "kalm")


@dataclass(frozen=True, slots=True)
class Spent:
    wall_s: float
    user_s: float
    system_s: float


def run(checkout: Path, folder: Path, *command: str) -> Spent:
    """One command in a process of its own."""
    asked = [sys.executable, "-m", "kalm_data", *command, "-w", str(folder / "w")]
    started = time.perf_counter()
    with subprocess.Popen(
        asked, cwd=folder, env=os.environ | {"PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        _, process.returncode, used = os.wait4(process.pid, 0)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: status {process.returncode}")
    return Spent(time.perf_counter() - started, used.ru_utime, used.ru_stime)


def tell(label: str, spent: list[Spent]) -> None:
    """Medians."""
    wall, user, system = (
        statistics.median(getattr(one, name) for one in spent)
        for name in ("wall_s", "user_s", "system_s")
    )
    print(f"  {label:34} {wall:7.2f} s wall, {user:6.2f} user, {system:5.2f} system", flush=True)


def prepare(checkout: Path, folder: Path) -> None:
    print(checkout, flush=True)
    packages = read_packages(FOLDER)
    write_beir(folder / "beir", packages.documents, packages.pairs)
    imported = ("import", "pairs", "beir", "--task", "debian", "--as", "train")
    tell("import", [run(checkout, folder, *imported)])
    tell("mine", [run(checkout, folder, *MINE)])
    tell(
        "filter --top-k 50", [run(checkout, folder, "filter", "--task", "debian", "--top-k", "50")]
    )


def main(runs: int, checkouts: list[Path]) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(number) for number in range(len(checkouts))]
        filters: list[list[Spent]] = [[] for _ in checkouts]
        mines: list[list[Spent]] = [[] for _ in checkouts]
        for checkout, folder in zip(checkouts, folders, strict=True):
            folder.mkdir()
            prepare(checkout, folder)
        for turn in range(runs):
            for place, (checkout, folder) in enumerate(zip(checkouts, folders, strict=True)):
                k, ratio = str(20 + turn), f"{0.9 + turn / 1000:.3f}"
                asked = ("filter", "--task", "debian", "--top-k", k)
                filters[place].append(run(checkout, folder, *asked))
                mines[place].append(run(checkout, folder, *MINE, "--max-score-ratio", ratio))
        for place, checkout in enumerate(checkouts):
            print(f"{checkout}: medians of {runs}")
            tell("another filter --top-k", filters[place])
            tell("another mine --max-score-ratio", mines[place])


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 5,
        [Path(one).resolve() for one in sys.argv[2:]] or [HERE],
    )
