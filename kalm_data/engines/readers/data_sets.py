"""Hugging Face data sets: saved on disk, or by name from the hub or its cache."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.rows import RawRow, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from datasets import Dataset, DatasetDict

HUB = "hf:"
_NAME = re.compile(r"hf:(?P<name>[^:]+)(?::(?P<config>[^:\[]+))?(?::(?P<split>.+))?")
_SPLIT_WORDS = ("train", "validation", "dev", "test")


def is_data_set(folder: Path) -> bool:
    """Whether `Dataset.save_to_disk` wrote the folder."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def open_saved(folder: Path) -> Source:
    """A data set, or all splits of one, as `save_to_disk` wrote it."""
    import datasets

    _hide_bars()
    try:
        found = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        message = f"{folder}: no readable data set ({error}). Save it again with save_to_disk."
        raise InputError(message) from error
    return _source(str(folder), found)


def open_hub(name: str) -> Source:
    """`hf:NAME[:CONFIG][:SPLIT]`, through `datasets.load_dataset`; all splits if none is named."""
    import datasets

    _hide_bars()
    match = _NAME.fullmatch(name)
    if not match:
        message = f"{name}: no name of a data set. Write hf:NAME, hf:NAME:CONFIG:SPLIT."
        raise InputError(message)
    config, split = match["config"], match["split"]
    if config in _SPLIT_WORDS and split is None:
        config, split = None, config
    try:
        found = datasets.load_dataset(match["name"], config, split=split)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).splitlines()[0]
        message = f"{name}: cannot be loaded: {reason}. Check name, configuration and network."
        raise InputError(message) from error
    return _source(name, found)


def _hide_bars() -> None:
    """No moving bars where nobody looks at them."""
    import datasets

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()


def _source(name: str, found: Dataset | DatasetDict) -> Source:
    parts = found if isinstance(found, dict) else {str(found.split or ""): found}
    fingerprint = "+".join(str(part._fingerprint) for part in parts.values())
    return Source(name, fingerprint, _rows(name, parts))


def _rows(name: str, parts: Mapping[str, Dataset]) -> Iterator[RawRow]:
    for split, part in parts.items():
        source = f"{name}[{split}]" if len(parts) > 1 else name
        for number, fields in enumerate(part, start=1):
            yield RawRow(source, number, fields, split)
