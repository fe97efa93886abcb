import json
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kalm_data.core.errors import InputError
from kalm_data.engines import sentence_transformers_encoder
from kalm_data.engines.sentence_transformers_encoder import (
    Precision,
    SentenceTransformersEncoder,
    load_encoder,
    load_model,
)

TEXTS = [f"{'word ' * (n * 7 % 90)}number {n}" for n in range(24)] + ["", "汉字", "long " * 900]


@pytest.fixture(scope="module")
def encoder(minilm: str) -> SentenceTransformersEncoder:
    return load_encoder(minilm, devices=["cpu"])


@pytest.fixture(scope="module")
def vectors(encoder: SentenceTransformersEncoder) -> np.ndarray:
    return collect(encoder, TEXTS)


def collect(encoder: SentenceTransformersEncoder, texts: Sequence[str]) -> np.ndarray:
    made = np.full((len(texts), 384), np.nan, np.float32)
    for indices, vectors in encoder.encode(texts):
        assert np.isnan(made[indices]).all()  # every index once
        made[indices] = vectors
    return made


def test_a_vector_depends_on_its_text_alone(
    encoder: SentenceTransformersEncoder, vectors: np.ndarray
) -> None:
    order = [*range(5, len(TEXTS)), *range(5)]
    again = collect(encoder, [TEXTS[i] for i in order])
    assert again.tobytes() == vectors[order].tobytes()
    alone = np.concatenate([collect(encoder, [text]) for text in TEXTS[::4]])
    assert alone.tobytes() == vectors[::4].tobytes()


def test_vectors_are_those_of_sentence_transformers(minilm: str, vectors: np.ndarray) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(minilm, device="cpu")
    expected = plain.encode(TEXTS, normalize_embeddings=True, batch_size=8)
    assert np.abs(vectors - expected).max() < 1e-6
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_bfloat16_is_close_obeys_the_same_law_and_has_a_fingerprint_of_its_own(
    minilm: str, encoder: SentenceTransformersEncoder, vectors: np.ndarray
) -> None:
    rough = load_encoder(minilm, "bfloat16", ["cpu"])
    assert rough.fingerprint != encoder.fingerprint
    made = collect(rough, TEXTS)
    assert ((made * vectors).sum(axis=1) > 0.999).all()
    alone = np.concatenate([collect(rough, [text]) for text in TEXTS[::4]])
    assert alone.tobytes() == made[::4].tobytes()


def test_texts_longer_than_the_model_reads_are_counted(
    encoder: SentenceTransformersEncoder,
) -> None:
    assert encoder.count_cut(["a", "word " * 254, "word " * 255, *["x" * 90] * 3]) == 1
    assert encoder.count_cut([]) == 0


def test_no_text_makes_no_batch(encoder: SentenceTransformersEncoder) -> None:
    assert list(encoder.encode([])) == []


def test_the_fingerprint_changes_with_the_files_not_with_the_folder(
    minilm: str, tmp_path: Path, encoder: SentenceTransformersEncoder
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(minilm, copy)
    assert load_encoder(str(copy), devices=["cpu"]).fingerprint == encoder.fingerprint
    (copy / "1_Pooling" / "config.json").write_text("{}")
    assert load_encoder(str(copy), devices=["cpu"]).fingerprint != encoder.fingerprint


def test_saved_prompts_are_those_of_encode_query_and_encode_document(
    minilm: str, tmp_path: Path
) -> None:
    copy = tmp_path / "prompted"
    shutil.copytree(minilm, copy)
    prompts = {"query": "query: ", "passage": "passage: ", "corpus": "no"}
    saved = {"prompts": prompts, "default_prompt_name": "query"}
    (copy / "config_sentence_transformers.json").write_text(json.dumps(saved))
    prompted = load_encoder(str(copy), devices=["cpu"])
    assert (prompted.query_prompt, prompted.document_prompt) == ("query: ", "passage: ")
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(copy), device="cpu").encode_query(["a"])
    assert np.abs(collect(prompted, ["query: a"]) - expected).max() < 1e-6


def test_a_folder_without_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model is there"):
        load_encoder(str(tmp_path))


def test_weights_that_were_cut_short_are_one_line(minilm: str, tmp_path: Path) -> None:
    weights = shutil.copytree(minilm, tmp_path / "cut") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="cut: the model cannot be loaded") as caught:
        collect(load_encoder(str(tmp_path / "cut"), devices=["cpu"]), ["a"])
    assert "\n" not in str(caught.value)


def test_a_model_without_a_tokenizer_is_refused(minilm: str, tmp_path: Path) -> None:
    model = shutil.copytree(minilm, tmp_path / "mute")
    for name in ("tokenizer.json", "vocab.txt"):
        (model / name).unlink()
    with pytest.raises(InputError, match="mute: no tokenizer is there"):
        collect(load_encoder(str(model), devices=["cpu"]), ["a"])


def test_a_guessed_pooling_is_noted(minilm: str, tmp_path: Path) -> None:
    model = shutil.copytree(minilm, tmp_path / "bare")
    assert load_encoder(str(model), devices=["cpu"]).note == ""
    (model / "modules.json").unlink()
    assert "no modules.json" in load_encoder(str(model), devices=["cpu"]).note


def test_several_devices_of_one_kind_make_the_same_vectors_in_the_same_batches(
    minilm: str, encoder: SentenceTransformersEncoder
) -> None:
    several = load_encoder(minilm, devices=["cpu", "cpu", "cpu"])
    assert several.fingerprint == encoder.fingerprint
    alone, dealt = list(encoder.encode(TEXTS)), list(several.encode(TEXTS))
    assert [indices for indices, _ in dealt] == [indices for indices, _ in alone]
    for (_, expected), (_, vectors) in zip(alone, dealt, strict=True):
        assert vectors.tobytes() == expected.tobytes()


def test_a_device_is_loaded_when_there_is_a_batch_for_it(
    minilm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []

    def load(path: Path, precision: Precision, device: str) -> object:
        loads.append(device)
        return load_model(path, precision, device)

    monkeypatch.setattr(sentence_transformers_encoder, "load_model", load)
    several = load_encoder(minilm, devices=["cpu", "cpu"])
    collect(several, ["one batch"])
    assert loads == ["cpu"]
    collect(several, TEXTS)
    collect(several, TEXTS)
    assert loads == ["cpu", "cpu"]


@pytest.mark.parametrize("devices", [["cpu"], ["cpu", "cpu"]])
def test_a_device_that_is_full_is_one_line_with_the_remedy(
    minilm: str, devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def overflow(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    full = load_encoder(minilm, devices=devices)
    collect(full, TEXTS)
    monkeypatch.setattr(torch.nn.functional, "normalize", overflow)
    with pytest.raises(InputError) as caught:
        collect(full, TEXTS)
    assert str(caught.value) == (
        "cpu: out of memory encoding 2 texts of 256 tokens. Free memory there, or name other "
        "--devices."
    )


def test_a_caller_that_stops_early_leaves_no_thread_behind(minilm: str) -> None:
    several = load_encoder(minilm, devices=["cpu", "cpu"])
    before = threading.active_count()
    batches = several.encode(TEXTS)
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_texts_are_tokenised_in_portions_of_so_many_characters(
    encoder: SentenceTransformersEncoder, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = encoder.count_cut(TEXTS)
    monkeypatch.setattr(sentence_transformers_encoder, "_CHARACTERS_AT_ONCE", 300)
    assert collect(encoder, TEXTS).tobytes() == vectors.tobytes()
    assert encoder.count_cut(TEXTS) == cut == 1
