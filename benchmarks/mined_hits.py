"""Hits of a ranker that nobody ran, as `mine` would leave them in the workspace of a benchmark."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from kalm_data.core.config.mine import DrawSettings, MineConfig
from kalm_data.core.mining import DRAW, excluded, hits_basis, ranking_basis
from kalm_data.core.pool import Pool
from kalm_data.core.tasks import Task
from kalm_data.workspace.database import Database
from kalm_data.workspace.documents import DocumentStore
from kalm_data.workspace.pools import PoolStore

CONFIG = MineConfig(ranker=("dense:made-up",))
RANKER = "dense:made-up@000000000000"
RUN = "0002-mine"

# ids are hashes; `mine` goes by id, and so do the rows that it leaves
RANKINGS = """
INSERT INTO rankings
SELECT example_id, text_hash, $ranker, $basis, $size, positives, made.rank, 0.9, false, $run
FROM judgements JOIN made USING (text_hash) WHERE label = 'positive' ORDER BY example_id
"""
HITS = """
INSERT INTO hits SELECT example_id, $ranker, $basis, positives, keys, scores, $run
FROM judgements JOIN made USING (text_hash)
WHERE label = 'positive' AND left(example_id, 2) = $part ORDER BY example_id
"""
MINED = "UPDATE judgements SET origin = 'miner', run_id = ? WHERE label = 'negative'"
HEAD = "INSERT INTO heads VALUES ('draw', ?, ?, 2, ?, ?, ?)"
RUNS = """
INSERT INTO runs VALUES (2, ?, 'mine', 'ok', '{"settings": {}}', '{}', '{}', 0, 0, '{}', [],
    '2026-11-01T00:00:00Z', 60, '')
"""


def add_hits(workspace: Path, name: str) -> None:
    """Each example of the task gets a ranking and the default number of hits, its positive first.

    Its given negatives are the draw that was stored. One document in a hundred ranks too low for
    `filter --top-k 50`. Hits of one positive are the same, the draws from them are not.
    """
    database = Database(workspace)
    held = DocumentStore(database).task(name)
    task = Task.model_validate_json(held.definition if held else "")
    pool = PoolStore(database).pool(task)
    basis = ranking_basis(pool, task)
    told = {"ranker": RANKER, "run": RUN}
    with database.write() as connection:
        connection.register("made", _made(pool))
        connection.execute(RANKINGS, {**told, "basis": basis, "size": len(pool)})
        for part in range(256):
            told["part"] = f"{part:02x}"
            connection.execute(HITS, {**told, "basis": hits_basis(basis, CONFIG.stored_depth)})
        connection.execute(MINED, [RUN])
        settings = DrawSettings(CONFIG, (RANKER,)).to_json()
        connection.execute(HEAD, [name, DRAW, settings, basis, RUN])
        connection.execute(RUNS, [RUN])


def _made(pool: Pool) -> pa.Table:
    """What is found for a query that each document answers."""
    places, depth = np.arange(len(pool)), CONFIG.stored_depth
    keys = np.array(pool.keys(), np.uint64)
    found = keys[(places[:, None] + np.arange(depth) * 104_729) % len(pool)]
    scores = np.tile(np.concatenate([[0.9], 0.85 - 0.002 * np.arange(1, depth)]), len(pool))
    ends = np.arange(0, found.size + 1, depth)
    index = pool.index()
    return pa.table({
        "text_hash": pa.array(pool.text_hashes, pa.string()),
        "positives": [excluded(pool, index, [one]).positives for one in pool.text_hashes],
        "rank": np.where(places % 100 == 0, 60, 1),
        "keys": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(found.ravel())),
        "scores": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(scores)),
    })  # fmt: skip
