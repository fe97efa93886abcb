"""Averages saved models, parameter by parameter (model soups, arXiv 2203.05482).

Files are read as they lie: at most one file of weights and one tensor in float64 are in memory.
Only where the settings of two models are spelled differently are both loaded, one at a time: a base
that an older sentence-transformers saved is the same once it is loaded.
"""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from kalm_data.core.errors import InputError
from kalm_data.core.folders import published
from kalm_data.core.trained import RECORD, read_trained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sentence_transformers.base.modules.module import Module

    from kalm_data.core.templates import Templates

_SET_UP = ("modules.json", "config.json", "tokenizer.json", "sentence_bert_config.json")
"""What must be alike, in the folder and in those of its modules."""

_MAY_DIFFER = {"transformers_version", "_name_or_path", "dtype", "torch_dtype", "architectures"}
_MAY_DIFFER_IN_TOKENIZERS = {"truncation", "padding"}


@dataclass(frozen=True, slots=True)
class Merged:
    """`parameters` of the result; `left_out` are tasks that the models write differently."""

    parameters: int
    left_out: tuple[str, ...]


def merge(models: Sequence[Path], shares: Sequence[float], output: Path) -> Merged:
    """Save the weighted mean of `models` to `output`, whole or not at all.

    Modules, prompts and number format are those of the first. shares: one of each model, which sum
    to 1. Raises InputError where models differ in more than the values of their weights.
    """
    first, *others = models
    files = _weight_files(first)
    for other in others:
        _refuse_other_set_up(first, other)
    with published(output, RECORD) as folder:
        shutil.copytree(
            first,
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("*.safetensors", RECORD, ".*", "checkpoints"),
        )
        with ExitStack() as opened:
            readers = [_Weights(model, opened) for model in models]
            for reader in readers[1:]:
                readers[0].refuse_other(reader)
            parameters = sum(_merge_file(first, file, readers, shares, folder) for file in files)
        left_out = _write_record(models, shares, folder)
    return Merged(parameters, left_out)


class _Weights:
    """All tensors of a model, by module folder and name, wherever its files have them."""

    def __init__(self, model: Path, opened: ExitStack) -> None:
        self.model = model
        self._files: dict[str, Any] = {}
        for file in _weight_files(model):
            module = file.parent.relative_to(model).as_posix()
            try:
                reader = opened.enter_context(safe_open(file, framework="pt"))
            except (OSError, SafetensorError) as error:
                raise InputError(f"{file}: cannot be read as weights: {error}") from error
            self._files |= {f"{module}/{name}": reader for name in reader.keys()}  # noqa: SIM118

    def read(self, name: str) -> torch.Tensor:
        found: torch.Tensor = self._files[name].get_tensor(name.rpartition("/")[2])
        return found

    def _shape(self, name: str) -> list[int]:
        found: list[int] = self._files[name].get_slice(name.rpartition("/")[2]).get_shape()
        return found

    def _is_weight(self, name: str) -> bool:
        """Older files hold numbers that are counted when a model is loaded: `position_ids`."""
        kind: str = self._files[name].get_slice(name.rpartition("/")[2]).get_dtype()
        return kind.startswith(("F", "BF"))

    def refuse_other(self, other: _Weights) -> None:
        """Names the first weight that only one of the two has, or that differs in shape."""
        for name in sorted(self._files.keys() ^ other._files.keys()):
            has, lacks = (self, other) if name in self._files else (other, self)
            if not has._is_weight(name):
                continue
            message = f"{lacks.model}: has no parameter {name}, which {has.model} has"
            raise InputError(f"{message}. Only models of one base can be merged.")
        for name in sorted(self._files):
            if name in other._files and self._shape(name) != other._shape(name):
                shapes = f"{other._shape(name)}, in {self.model} {self._shape(name)}"
                message = f"{other.model}: {name} has the shape {shapes}"
                raise InputError(f"{message}. Only models of one base can be merged.")


def _weight_files(model: Path) -> list[Path]:
    if any(model.rglob("adapter_config.json")):
        message = f"{model}: holds adapters without their base. Train without --no-lora-merge"
        raise InputError(f"{message}, then merge.")
    files = [file for file in model.rglob("*.safetensors") if "checkpoints" not in file.parts]
    if not files or not (model / "modules.json").is_file():
        message = f"{model}: no sentence-transformers model with weights in .safetensors"
        raise InputError(f"{message}. Name the folder of a trained model.")
    return sorted(files)


def _merge_file(
    first: Path, file: Path, readers: Sequence[_Weights], shares: Sequence[float], folder: Path
) -> int:
    """Write one file of weights as the first model has it; returns its parameters."""
    place = file.relative_to(first)
    module = place.parent.as_posix()
    with safe_open(file, framework="pt") as opened:
        names, metadata = list(opened.keys()), opened.metadata()
    means = {name: _mean(f"{module}/{name}", readers, shares) for name in names}
    save_file(means, folder / place, metadata)
    return sum(mean.numel() for mean in means.values())


def _mean(name: str, readers: Sequence[_Weights], shares: Sequence[float]) -> torch.Tensor:
    """In the first one's number format; what is no number of a weight is the first one's."""
    kept = readers[0].read(name)
    if not kept.is_floating_point():
        return kept
    total = torch.zeros(kept.shape, dtype=torch.float64)
    for reader, share in zip(readers, shares, strict=True):
        total += share * reader.read(name).double()
    return total.to(kept.dtype)


def _refuse_other_set_up(first: Path, other: Path) -> None:
    spelled = list(_spelled_differently(first, other))
    of_tokenizers = [told for place, told in spelled if place.name == "tokenizer.json"]
    if of_tokenizers or (spelled and _as_loaded(first) != _as_loaded(other)):
        told = of_tokenizers[0] if of_tokenizers else spelled[0][1]
        raise InputError(f"{told}. Only models of one base can be merged.")


def _spelled_differently(first: Path, other: Path) -> Iterator[tuple[Path, str]]:
    """Files of the set-up in which the models differ, each with what to say of it."""
    for file in sorted(found for name in _SET_UP for found in first.rglob(name)):
        place = file.relative_to(first)
        if "checkpoints" in place.parts:
            continue
        if not (other / place).is_file():
            yield place, f"{other}: has no {place}, which {first} has"
            continue
        ours, theirs = (_settings(model / place) for model in (first, other))
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                yield place, f"{other / place}: {key} differs from {first}"


def _as_loaded(model: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each module by its class and its settings, as sentence-transformers makes them."""
    from sentence_transformers import SentenceTransformer

    try:
        modules = list(SentenceTransformer(str(model), device="cpu", local_files_only=True))
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise InputError(f"{model}: cannot be loaded: {error}") from error
    return [(type(module).__qualname__, _loaded_settings(module)) for module in modules]


def _loaded_settings(module: Module) -> dict[str, Any]:
    transformer = getattr(module, "auto_model", None)
    known = transformer.config.to_dict() if transformer is not None else {}
    found = {**known, **module.get_config_dict()}
    return {key: value for key, value in found.items() if key not in _MAY_DIFFER}


def _settings(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file}: not readable as JSON: {error}") from error
    found = read if isinstance(read, dict) else {"its list of modules": read}
    ignored = _MAY_DIFFER_IN_TOKENIZERS if file.name == "tokenizer.json" else _MAY_DIFFER
    return {key: value for key, value in found.items() if key not in ignored}


def _write_record(models: Sequence[Path], shares: Sequence[float], folder: Path) -> tuple[str, ...]:
    """What was merged, and the templates on which all agree; returns the other tasks."""
    records = [record for model in models if (record := read_trained(model))]
    written: dict[str, list[Templates]] = {}
    for record in records:
        for task, templates in record.templates.items():
            written.setdefault(task, []).append(templates)
    agreed = {task: all_[0] for task, all_ in written.items() if all(t == all_[0] for t in all_)}
    sets = {(record.shards, record.folder) for record in records}
    shards, place = sets.pop() if len(sets) == 1 else ("", "")
    told = {
        "merged": [
            {"model": str(model.resolve()), "share": share}
            for model, share in zip(models, shares, strict=True)
        ],
        "shards": shards,
        "shards_folder": place,
        "templates": {task: asdict(templates) for task, templates in agreed.items()},
    }
    text = json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    return tuple(sorted(written.keys() - agreed.keys()))
