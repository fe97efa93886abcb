"""End to end, by the models and the files that users name."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from tiny_cross_encoder import save_cross_encoder

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
from kalm_data.api.mine import DeviceSettings, MineConfig, mine
from kalm_data.api.rejects import RejectsConfig, rejects
from kalm_data.core.errors import InputError, Interrupted
from kalm_data.core.records import example_id, text_hash
from kalm_data.engines.cross_encoder import CrossEncoderScorer
from kalm_data.measures import ranking
from kalm_data.workspace.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.mine_result import MineResult

TOPICS = ["river", "stone", "bread", "paper", "glass", "wind"]
COUNT = 18
TEXTS = [f"{TOPICS[i % 6]} {TOPICS[i // 6]} number {i}" for i in range(COUNT)]
PAIRS = [{"query": f"number {i} {TOPICS[i % 6]}", "positive": TEXTS[i]} for i in range(COUNT)]
ANY = {"ranks": "1-18", "max_score_ratio": None, "negatives": 4}


def fill(folder: Path, pairs: Sequence[dict[str, str]] = PAIRS) -> Path:
    file = folder.with_suffix(".jsonl")
    file.write_text("".join(f"{json.dumps(pair)}\n" for pair in pairs))
    import_pairs(folder, [str(file)], NamedTask(task="t"), ImportPairsConfig(as_split="train"))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return fill(tmp_path / "w")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_cross_encoder(tmp_path_factory.mktemp("models") / "tiny"))


def dig(workspace: Path, *rankers: str, **settings: object) -> MineResult:
    config = MineConfig.model_validate({"ranker": rankers, **ANY, **settings})
    return mine(workspace, ["t"], config).result


def fetch(workspace: Path, query: str) -> list[tuple]:
    with Database(workspace).read() as connection:
        return connection.execute(query).fetchall()


def drawn(workspace: Path) -> list[tuple]:
    """The negatives of the draw in force."""
    return fetch(
        workspace,
        "SELECT j.example_id, j.text_hash, j.ranker, j.rank, j.score, j.positive_score "
        "FROM judgements j JOIN current_heads h ON h.kind = 'draw' AND h.run_id = j.run_id "
        "WHERE j.origin = 'miner' ORDER BY ALL",
    )


def measured(workspace: Path) -> list[tuple]:
    return fetch(
        workspace,
        "SELECT example_id, ranker, text_hash, rank, score, no_evidence FROM rankings ORDER BY ALL",
    )


def rows(workspace: Path, out: Path) -> list[dict[str, Any]]:
    build_shards(workspace, out, ["t"], ShardsConfig())
    files = sorted((out / "t").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def bytes_of(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_several_rankers_share_the_negatives_and_shards_draw_the_same_again(
    workspace: Path, tmp_path: Path, minilm: str
) -> None:
    first = dig(workspace, "bm25", f"dense:{minilm}", share=(1, 3))
    assert (first.encoded, first.tasks[0].ranked, first.negatives) == (2 * COUNT, COUNT, 4 * COUNT)
    by_words, by_meaning = first.tasks[0].by_ranker.values()
    assert (by_words, by_meaning) == (COUNT, 3 * COUNT)
    before = drawn(workspace)
    again = dig(workspace, "bm25", f"dense:{minilm}", share=(1, 3))
    assert (again.encoded, again.tasks[0].ranked, drawn(workspace)) == (0, 0, before)
    found = {
        (row["example_id"], *one)
        for row in rows(workspace, tmp_path / "out")
        for one in zip(row["neg_ids"], row["neg_rankers"], row["neg_ranks"], strict=True)
    }
    assert found == {row[:4] for row in before}


def test_rows_carry_the_scores_of_the_ranker_of_one_scale(
    workspace: Path, tmp_path: Path, minilm: str
) -> None:
    dig(workspace, "bm25", f"dense:{minilm}")
    by_dense = {
        (id_, hash_): score
        for id_, ranker, hash_, _, score, _ in measured(workspace)
        if ranker.startswith("dense:")
    }
    for row in rows(workspace, tmp_path / "out"):
        assert row["pos_scores"] == [by_dense[row["example_id"], row["pos_ids"][0]]]
        assert all(-1 <= score <= 1 for score in row["neg_scores"])
        assert {name.split("@")[0].split(":")[0] for name in row["neg_rankers"]} == {
            "bm25", "dense",
        }  # fmt: skip


def test_several_devices_measure_the_same_and_are_told(
    workspace: Path, tmp_path: Path, minilm: str
) -> None:
    alone = dig(workspace, f"dense:{minilm}")
    other = fill(tmp_path / "other")
    config = MineConfig.model_validate({"ranker": f"dense:{minilm}", **ANY})
    several = mine(other, ["t"], config, devices=DeviceSettings(devices=("cpu,cpu",)))
    assert several.result == alone
    assert several.result.devices == ("cpu",)
    assert measured(other) == measured(workspace)
    assert drawn(other) == drawn(workspace)


def test_no_device_is_told_where_none_was_needed(workspace: Path) -> None:
    assert dig(workspace, "bm25").devices == ()


def test_a_device_that_is_not_there_is_refused_before_the_run(workspace: Path) -> None:
    before = fetch(workspace, "SELECT count(*) FROM runs")
    with pytest.raises(InputError, match="--devices cuda:99: there is no such device here"):
        mine(workspace, ["t"], MineConfig(ranker="bm25"), devices=DeviceSettings(devices="cuda:99"))
    assert fetch(workspace, "SELECT count(*) FROM runs") == before


def test_hybrids_and_cross_encoders_rank_once_what_they_need_and_encode_it_once(
    workspace: Path, minilm: str, tiny: str
) -> None:
    asked = (f"hybrid:{minilm}", f"cross-encoder:{tiny}")
    settings = {"rescored": f"hybrid:{minilm}", "rescore": 8}
    first = dig(workspace, *asked, **settings)
    assert (first.encoded, first.tasks[0].ranked) == (2 * COUNT, COUNT)
    kinds = {row[1].split("@")[0].split(":")[0] for row in measured(workspace)}
    assert kinds == {"bm25", "dense", "hybrid", "cross-encoder"}
    again = dig(workspace, *asked, **settings)
    assert (again.encoded, again.tasks[0].ranked, again.cut) == (0, 0, 0)
    assert dig(workspace, f"dense:{minilm}", "bm25").tasks[0].ranked == 0
    longest = "SELECT max(len(keys)) FROM hits WHERE ranker LIKE 'cross-encoder:%'"
    assert fetch(workspace, longest) == [(8,)]


def test_what_the_denoiser_takes_out_is_no_negative_and_listed_for_relabelling(
    workspace: Path, minilm: str, tiny: str
) -> None:
    model = f"dense:{minilm}"
    settings = {"denoise": tiny, "rescored": model, "rescore": 12}
    result = dig(workspace, model, **settings)
    found = rejects(workspace, RejectsConfig(stage="mine-relabel", limit=1_000)).rejects
    assert len(found) == result.false_negatives > 0
    assert {one.reason for one in found} == {"false_negative"}
    for one in found:
        numbers = json.loads(one.numbers)
        assert numbers["score"] >= numbers["positive_score"]
        id_, hash_ = one.key.split(":")
        assert id_ == example_id("t", one.text) and hash_ in map(text_hash, TEXTS)
    pairs = {tuple(one.key.split(":")) for one in found}
    assert not pairs & {row[:2] for row in drawn(workspace)}
    assert not pairs & {(example_id("t", p["query"]), text_hash(p["positive"])) for p in PAIRS}
    again = dig(workspace, model, **settings)
    assert (again.tasks[0].ranked, again.false_negatives) == (0, result.false_negatives)


def test_the_denoiser_reads_the_hits_of_all_rankers_that_are_drawn_from(
    workspace: Path, minilm: str, tiny: str
) -> None:
    dig(workspace, "bm25", f"dense:{minilm}", denoise=tiny)
    listed = dict(
        fetch(workspace, "SELECT split_part(ranker, ':', 1), sum(len(keys)) FROM hits GROUP BY 1")
    )
    read = [count for name, count in listed.items() if name == "cross-encoder"]
    assert read and read[0] >= max(count for count in listed.values())


def test_a_run_file_ranks_by_document_id_or_text_hash(workspace: Path, tmp_path: Path) -> None:
    ids = dict(fetch(workspace, "SELECT text_hash, doc_id FROM current_documents"))
    file, wanted = tmp_path / "other.trec", set()
    with file.open("w") as lines:
        for i, pair in enumerate(PAIRS):
            id_, best = example_id("t", pair["query"]), [(i + k) % COUNT for k in range(5)]
            for at, place in enumerate(best):
                hash_ = text_hash(TEXTS[place])
                name = hash_ if at % 2 else ids[hash_]
                lines.write(f"{id_} Q0 {name} {at + 1} {5 - at} other\n")
            wanted |= {(id_, text_hash(TEXTS[place])) for place in best[1:]}
    result = dig(workspace, f"run:{file}")
    assert (result.encoded, result.tasks[0].ranked, result.negatives) == (0, COUNT, 4 * COUNT)
    assert {row[:2] for row in drawn(workspace)} == wanted
    assert {row[3:] for row in measured(workspace)} == {(1, 5.0, False)}
    assert dig(workspace, f"run:{file}").tasks[0].ranked == 0
    with file.open("a") as lines:
        lines.write(f"{id_} Q0 {text_hash(TEXTS[0])} 1 9 other\nq Q0\n")
    with pytest.raises(InputError, match=r"other\.trec:9\d: "):
        dig(workspace, f"run:{file}")


def test_sets_of_workspaces_filled_in_another_order_are_equal(
    tmp_path: Path, minilm: str, tiny: str
) -> None:
    outs = []
    asked = ("bm25", f"dense:{minilm}", f"hybrid:{minilm}", f"cross-encoder:{tiny}")
    settings = {"rescored": f"dense:{minilm}", "rescore": 8, "denoise": tiny}
    for name, pairs in (("a", PAIRS), ("b", PAIRS[::-1])):
        workspace = fill(tmp_path / name, pairs)
        dig(workspace, *asked, **settings)
        rows(workspace, tmp_path / f"out-{name}")
        outs.append((drawn(workspace), measured(workspace), bytes_of(tmp_path / f"out-{name}")))
    assert outs[0][0] and outs[0] == outs[1]
    assert minilm not in (tmp_path / "out-a" / "manifest.json").read_text()


def test_a_stopped_cross_encoder_goes_on_and_reads_no_example_twice(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (f"cross-encoder:{tiny}",)
    undisturbed = fill(tmp_path / "undisturbed")
    dig(undisturbed, *asked, rescored="bm25")
    workspace, calls, score = fill(tmp_path / "w"), [0], CrossEncoderScorer.score

    def stopped(self: CrossEncoderScorer, pairs: Sequence[tuple[str, str]]) -> object:
        if calls[0] == 10:
            calls[0] = 100
            raise KeyboardInterrupt
        calls[0] += 1
        return score(self, pairs)

    monkeypatch.setattr(CrossEncoderScorer, "score", stopped)
    monkeypatch.setattr(ranking, "KEPT_EVERY_S", 0.0)
    with pytest.raises(Interrupted):
        dig(workspace, *asked, rescored="bm25")
    assert dig(workspace, *asked, rescored="bm25").tasks[0].ranked == COUNT - 10
    assert calls[0] == 100 + COUNT - 10
    assert drawn(workspace) == drawn(undisturbed) and measured(workspace) == measured(undisturbed)


def test_one_model_under_two_names_is_refused(workspace: Path, tmp_path: Path, minilm: str) -> None:
    (tmp_path / "model").symlink_to(minilm)
    with pytest.raises(InputError, match=r"dense:model@\w+: the same ranker under two names"):
        dig(workspace, f"dense:{minilm}", f"dense:{tmp_path / 'model'}")


def test_an_encoder_named_as_cross_encoder_is_refused_before_anything_is_ranked(
    workspace: Path, minilm: str
) -> None:
    with pytest.raises(InputError, match="no cross-encoder"):
        dig(workspace, "bm25", f"cross-encoder:{minilm}", rescored="bm25")
    assert not measured(workspace)
