"""The demo with three seeds: gain over the base, by seed, and the time it takes.

    python benchmarks/demo_seeds.py [SEED ...]

Each seed draws other unseen documents, other queries, other negatives and another order. Bars:
whole demo <= 480 s, gain >= +0.05 over all queries, >= +0.03 on unseen documents, each p < 0.01.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time

from machine import describe_machine

SYSTEMS = ("bm25", "base", "trained", "base+bm25", "trained+bm25")


def demo(seed: int) -> tuple[float, dict]:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-m", "kalm_data", "demo", folder, "--seed", str(seed), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return time.perf_counter() - started, json.loads(done.stdout)


def main(seeds: list[int]) -> None:
    print(describe_machine())
    print("seed  seconds  " + "  ".join(SYSTEMS) + "   gain (p)          unseen (p)")
    gains = []
    for seed in seeds:
        seconds, summary = demo(seed)
        gain = summary["against"]["difference"]["ndcg@10"]
        unseen = summary["slices"]["documents"]["unseen"]["difference"]["ndcg@10"]
        reached = "  ".join(f"{summary['systems'][name]['ndcg@10']:.4f}" for name in SYSTEMS)
        gains.append(gain["mean"])
        print(
            f"{seed:4}  {seconds:7.0f}  {reached}   {gain['mean']:+.4f} ({gain['p']:.4f})  "
            f"{unseen['mean']:+.4f} ({unseen['p']:.4f})",
            flush=True,
        )
    spread = max(gains) - min(gains)
    print(
        f"gain: median {statistics.median(gains):+.4f}, spread {spread:.4f} over {len(gains)} seeds"
    )


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
