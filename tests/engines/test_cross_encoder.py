from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tiny_cross_encoder import WORDS, save_cross_encoder

from kalm_data.core.errors import InputError
from kalm_data.engines.cross_encoder import CrossEncoderScorer, load_cross_encoder

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = [
    (f"{WORDS[i % 7]} {i % 60}", " ".join(WORDS[(i * k) % len(WORDS)] for k in range(1 + i % 20)))
    for i in range(90)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_cross_encoder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def scorer(folder: Path) -> CrossEncoderScorer:
    return load_cross_encoder(str(folder), devices=["cpu"])


def test_scores_are_those_of_the_model_read_one_pair_at_a_time(
    scorer: CrossEncoderScorer, folder: Path
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        slow = [
            model(**tokenizer(*pair, truncation=True, return_tensors="pt")).logits.sigmoid().item()
            for pair in PAIRS
        ]
    scores = scorer.score(PAIRS)
    assert np.abs(scores - slow).max() <= 1.1e-5
    assert scores.tolist() == scores.round(5).tolist() and scores.dtype == np.float64
    assert len({*scores.tolist()}) > 50


def test_scores_depend_neither_on_the_batch_nor_on_the_order(scorer: CrossEncoderScorer) -> None:
    whole = scorer.score(PAIRS)
    backwards = scorer.score(PAIRS[::-1])[::-1]
    single = np.concatenate([scorer.score([pair]) for pair in PAIRS[:20]])
    assert np.abs(whole - backwards).max() <= 1.1e-5 >= np.abs(whole[:20] - single).max()
    assert scorer.score(PAIRS).tolist() == whole.tolist()
    assert scorer.score([]).tolist() == []


def test_pairs_longer_than_the_model_reads_are_counted(scorer: CrossEncoderScorer) -> None:
    fits, long = ("river", "stone " * 28), ("river", "stone " * 29)  # 3 tokens join a pair
    assert scorer.count_cut([fits, long, ("river " * 40, "stone")]) == 2
    assert scorer.count_cut([]) == 0
    assert scorer.score([long]).tolist() == scorer.score([fits]).tolist()


def test_other_weights_are_another_fingerprint(
    scorer: CrossEncoderScorer, folder: Path, tmp_path: Path
) -> None:
    other = load_cross_encoder(str(save_cross_encoder(tmp_path / "tiny", seed=1)), devices=["cpu"])
    assert (other.name, scorer.name) == ("tiny", "tiny")
    assert other.fingerprint != scorer.fingerprint
    assert load_cross_encoder(str(folder), devices=["cpu"]).fingerprint == scorer.fingerprint


def test_bfloat16_scores_are_near_those_of_float32_and_told_apart(
    folder: Path, scorer: CrossEncoderScorer
) -> None:
    halved = load_cross_encoder(str(folder), "bfloat16", ["cpu"])
    pairs = [("river", "stone bread"), ("bread", "river stone stone"), ("stone", "stone")]
    exact, found = scorer.score(pairs), halved.score(pairs)
    assert found == pytest.approx(exact, abs=0.02) and not np.array_equal(found, exact)
    assert np.array_equal(found, halved.score(pairs))
    assert halved.fingerprint != scorer.fingerprint


def test_two_labels_are_refused(tmp_path: Path) -> None:
    scorer = load_cross_encoder(
        str(save_cross_encoder(tmp_path / "two", labels=2)), devices=["cpu"]
    )
    with pytest.raises(InputError, match=r"two: gives 2 numbers for a pair.*another model"):
        scorer.score([("river", "stone")])


def test_an_encoder_is_refused_before_it_gets_a_head_of_random_weights(minilm: str) -> None:
    with pytest.raises(InputError, match="holds a BertModel, which is no cross-encoder"):
        load_cross_encoder(minilm, devices=["cpu"])


def test_a_score_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = save_cross_encoder(tmp_path / "broken")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.bias.data.fill_(float("nan"))
    model.save_pretrained(folder)
    with pytest.raises(InputError, match='the query "river" with the document "stone" is no nu'):
        load_cross_encoder(str(folder), devices=["cpu"]).score([("river", "stone")])


def test_a_missing_folder_or_one_without_a_model_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model folder"):
        load_cross_encoder(str(tmp_path / "gone"))
    with pytest.raises(InputError, match="no model is there"):
        load_cross_encoder(str(tmp_path))
    broken = save_cross_encoder(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="broken: the model cannot be loaded"):
        load_cross_encoder(str(broken)).score([("river", "stone")])
    (broken / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json: not readable as JSON"):
        load_cross_encoder(str(broken))
