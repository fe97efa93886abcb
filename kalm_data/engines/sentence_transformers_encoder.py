"""Any sentence-transformers model of texts, in batches of fixed shapes.

The bits of a vector depend on the shape of the batch in which it was made, not on its neighbours.
So each text is padded to the next multiple of a few tokens, every such length has one number of
rows, and short batches are filled up: on a CPU, with one number of threads, a vector depends on
its text alone. A GPU's libraries choose their kernels themselves: there the last bits may differ.

On a CPU batches are small: its caches hold them, and less is filled up. The weights of the linear
layers are then packed once, not in each batch.

Several devices of one kind have a model each, and batches of the same shapes are dealt to them, so
that how many there are changes no vector. Threads do for that: a GPU works without Python's lock.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import digest
from kalm_data.engines.dealing import dealt
from kalm_data.engines.devices import find_devices, kind, working_on
from kalm_data.engines.model_files import read_model_files
from kalm_data.engines.models import Resolved, resolve_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    Rows: TypeAlias = dict[str, list[NDArray[np.int32]]]
    """Tokenised texts, by the name of the model's input."""

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Texts are padded to multiples of `step` tokens; a batch has at most `tokens` of them, or one
    text.
    """

    step: int
    tokens: int


_SHAPES = {"cpu": Shapes(step=4, tokens=512)}
_SHAPES_ELSEWHERE = Shapes(step=16, tokens=65_536)
_TEXTS_AT_ONCE = 32_768
"""Texts tokenised and sorted by length together; a fraction of their batches is filled up."""

_CHARACTERS_AT_ONCE = 2_000_000
"""Of texts that are tokenised in one call, which takes some hundred bytes a token."""

_UNLIMITED = 1_000_000_000
"""Tokenizers without a limit of their own claim an enormous one."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A model of sentence-transformers, and the device it is on."""

    model: Any
    device: str


class SentenceTransformersEncoder:
    """Satisfies `core.protocols.Encoder`. The model is loaded when the first text comes, and on
    further devices when there is work for them.

    Texts are encoded as given: whoever calls has written the model's prompts into them.
    """

    def __init__(self, resolved: Resolved, precision: Precision, devices: Sequence[str]) -> None:
        """devices: of one kind, as `find_devices` gives them."""
        files = read_model_files(resolved.path)
        self.name = resolved.name
        self.note = resolved.note or pooling_note(resolved.path)
        self.query_prompt = files.query_prompt
        self.document_prompt = files.document_prompt
        self._path, self._precision, self._devices = resolved.path, precision, tuple(devices)
        self._kind = kind(devices[0])
        self._placed: list[_Placed] = []
        self._shapes = shapes = _SHAPES.get(self._kind, _SHAPES_ELSEWHERE)
        pooled = () if _is_whole(resolved.path) else ("mean",)
        made_by = (precision, self._kind, shapes.tokens, shapes.step, *pooled)
        self.fingerprint = digest("encoder", files.content, *made_by)

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Batches of (indices into `texts`, (N, D) unit vectors), long texts first in each part.

        A text longer than the model reads is cut. Raises InputError where a device is full.
        """
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            part = list(texts[start : start + _TEXTS_AT_ONCE])
            tokens = self._tokenised(part)
            batches = list(self._batches([len(ids) for ids in tokens["input_ids"]]))
            work = (
                (length, {name: [values[i] for i in batch] for name, values in tokens.items()})
                for length, batch in batches
            )
            workers = [partial(self._forward, one) for one in self._loaded(len(batches))]
            with closing(dealt(work, workers)) as made:
                for (_, batch), vectors in zip(batches, made, strict=True):
                    yield [start + i for i in batch], vectors

    def count_cut(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than the model reads."""
        if self._max_length is None or not texts:
            return 0
        return sum(
            len(ids) > self._max_length
            for part in _portions(texts)
            for ids in self._tokenizer(part, truncation=False, verbose=False)["input_ids"]
        )

    def _tokenised(self, texts: Sequence[str]) -> Rows:
        made: Rows = {}
        for part in _portions(texts):
            for name, rows in self._tokenizer(part, **self._cutting).items():
                made.setdefault(name, []).extend(np.array(ids, np.int32) for ids in rows)
        return made

    def _batches(self, lengths: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """(padded length, indices) of each batch, longest first."""
        padded = [self._padded(length) for length in lengths]
        order = sorted(range(len(lengths)), key=lambda i: (-padded[i], i))
        for length, same in groupby(order, key=padded.__getitem__):
            indices, rows = list(same), self._rows(length)
            for start in range(0, len(indices), rows):
                yield length, indices[start : start + rows]

    def _padded(self, length: int) -> int:
        step = self._shapes.step
        padded = max(step, -(-length // step) * step)
        return min(padded, self._max_length or padded)

    def _rows(self, length: int) -> int:
        return max(1, self._shapes.tokens // length)

    def _forward(self, placed: _Placed, batch: tuple[int, Rows]) -> NDArray[np.float32]:
        """Unit vectors of at most `_rows(length)` tokenised texts, padded to `length`."""
        import torch

        length, rows = batch
        count = len(rows["input_ids"])
        with (
            working_on(placed.device, f"encoding {self._rows(length)} texts of {length} tokens"),
            torch.inference_mode(),
        ):
            features: dict[str, Any] = {
                name: self._tensor(name, values, length).to(placed.device)
                for name, values in rows.items()
            }
            made = placed.model(features | {"modality": "text"})["sentence_embedding"]
            made = made[:, : placed.model.truncate_dim].float()
            unit = torch.nn.functional.normalize(made, p=2, dim=1)
            vectors: NDArray[np.float32] = unit.cpu().numpy()[:count]
        return vectors

    def _tensor(self, name: str, values: list[NDArray[np.int32]], length: int) -> torch.Tensor:
        """(rows, length); rows that are missing repeat the last one."""
        import torch

        fill = {
            "input_ids": self._tokenizer.pad_token_id or 0,
            "token_type_ids": self._tokenizer.pad_token_type_id,
        }.get(name, 0)
        filled = [*values, *[values[-1]] * (self._rows(length) - len(values))]
        counts, places = np.array([[len(ids)] for ids in filled]), np.arange(length)
        on_the_left = self._tokenizer.padding_side == "left"
        made = np.full((len(filled), length), fill, np.int64)
        made[places >= length - counts if on_the_left else places < counts] = np.concatenate(filled)
        return torch.from_numpy(made)

    def _loaded(self, count: int) -> list[_Placed]:
        """The models of `count` devices, or of all; nothing else may go on while one is loaded."""
        for device in self._devices[len(self._placed) : count]:
            with working_on(device, f"loading {self.name}"):
                model = load_model(self._path, self._precision, device)
            if self._kind == "cpu":
                _pack(model, self._shapes.tokens)
            self._placed.append(_Placed(model, device))
        return self._placed[:count]

    @property
    def _model(self) -> Any:  # noqa: ANN401  # sentence-transformers is not typed
        return self._loaded(1)[0].model

    @property
    def _tokenizer(self) -> Any:  # noqa: ANN401
        return self._model.tokenizer

    @cached_property
    def _max_length(self) -> int | None:
        length = self._model.max_seq_length
        return int(length) if length and length < _UNLIMITED else None

    @property
    def _cutting(self) -> dict[str, Any]:
        if self._max_length is None:
            return {"truncation": False}
        return {"truncation": "longest_first", "max_length": self._max_length}


def _portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts, in order, so many characters at a time or one text."""
    ends = np.cumsum([len(text) for text in texts])
    start = before = 0
    while start < len(texts):
        end = max(start + 1, int(np.searchsorted(ends, before + _CHARACTERS_AT_ONCE, "right")))
        yield list(texts[start:end])
        start, before = end, ends[end - 1]


def load_encoder(
    name_or_path: str, precision: Precision = "float32", devices: Sequence[str] = ()
) -> SentenceTransformersEncoder:
    """An encoder on the devices, or on all GPUs, or on the CPU.

    Raises InputError for a name that nobody knows, or a device that is not there.
    """
    return SentenceTransformersEncoder(
        resolve_model(name_or_path), precision, find_devices(devices)
    )


def pooling_note(path: Path) -> str:
    """Says that how a model makes one vector of a text was guessed; empty where it is saved."""
    if _is_whole(path):
        return ""
    return f"{path}: no modules.json tells how its vectors are pooled; the mean is taken"


def _is_whole(path: Path) -> bool:
    return (path / "modules.json").exists()


def load_model(path: Path, precision: Precision, device: str) -> Any:  # noqa: ANN401
    """The model itself, from its folder alone. Raises InputError where it cannot be read."""
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call,unused-ignore]
    try:
        model = SentenceTransformer(str(path), device=device, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{path}: the model cannot be loaded: {line}") from error
    _refuse_unreadable(path, model)
    _refuse_without_words(path, model.tokenizer)
    if not _is_whole(path):
        _take_the_mean(model)
    model.eval()
    return model.to(torch.bfloat16 if precision == "bfloat16" else torch.float32)


def _pack(model: Any, tokens: int) -> None:  # noqa: ANN401
    """Linear layers multiply by oneDNN, with weights laid out for it once, where that was measured.

    Else bfloat16 is laid out anew in each batch, and float32 goes to MKL, which is slower here.
    """
    import torch

    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return
    # what inherits from Linear may multiply otherwise
    layers: list[Any] = [one for one in model.modules() if type(one) is torch.nn.Linear]
    for layer in layers:
        packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), tokens)
        layer.forward = partial(_multiply, packed, layer.bias)


def _multiply(weight: torch.Tensor, bias: torch.Tensor | None, inputs: torch.Tensor) -> Any:  # noqa: ANN401
    import torch

    return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")


def _refuse_unreadable(path: Path, model: Any) -> None:  # noqa: ANN401
    """Models that want more than a rendered text."""
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    first = model[0]
    if not isinstance(first, Transformer) or first.transformer_task != "feature-extraction":
        kind = type(first).__name__
        message = f"{path}: begins with a module {kind} that is no transformer of texts"
        raise InputError(f"{message}. Choose another model.")
    if any(isinstance(module, Pooling) and not module.include_prompt for module in model):
        message = f"{path}: leaves its prompt out of the pooling, which is not supported"
        raise InputError(f"{message}. Choose another model.")


def _take_the_mean(model: Any) -> None:  # noqa: ANN401
    """sentence-transformers takes the last token of a causal checkpoint: the trainer does not."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    for module in model:
        if isinstance(module, Pooling):
            module.pooling_mode = "mean"


def _refuse_without_words(path: Path, tokenizer: Any) -> None:  # noqa: ANN401
    """Without its files a tokenizer is made up that knows its special tokens alone."""
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        message = (
            f"{path}: no tokenizer is there (tokenizer.json, or the vocabulary of an older one)"
        )
        raise InputError(f"{message}. Fetch or save the model again, whole.")
