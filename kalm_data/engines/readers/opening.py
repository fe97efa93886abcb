"""Opens whatever the user named."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.rows import Source
from kalm_data.core.seeded import digest
from kalm_data.core.text import storable
from kalm_data.engines.readers import beir, data_sets, text_files
from kalm_data.engines.readers.formats import (
    IN_COLUMNS,
    TEXT_FORMATS,
    Purpose,
    detect_format,
    format_by_name,
)
from kalm_data.engines.readers.json_rows import read_json_array, read_json_lines
from kalm_data.engines.readers.streams import STDIN, ByteSource, refuse_binary
from kalm_data.engines.readers.tables import read_csv, read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kalm_data.core.config.imports import SourceFormat
    from kalm_data.core.rows import Raw

_ABOUT = ("README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "CHANGELOG")
"""Files that tell about data beside them; a folder of data is not a folder of texts for them."""


_COMMANDS: dict[Purpose, str] = {
    "documents": "documents",
    "pairs": "pairs",
    "labels": "labels",
    "scored pairs": "sts",
}


def open_source(name: str, purpose: Purpose, given: SourceFormat | None = None) -> Source:
    """Open a file, a folder, `-` or `hf:NAME`; `given` overrides what would be detected.

    Raises InputError, now or while rows are read, where the source as a whole is no good.
    """
    if name.startswith(data_sets.HUB):
        return data_sets.open_hub(name)
    if name != STDIN and Path(name).is_dir():
        return _open_folder(Path(name), purpose, given)
    file = ByteSource.of(name)
    return Source(file.name, file.fingerprint(), _read_file(file, purpose, given))


def _open_folder(folder: Path, purpose: Purpose, given: SourceFormat | None) -> Source:
    if given == "beir" or (given is None and beir.is_beir(folder)):
        return _open_beir(folder, purpose)
    if given == "dataset" or (given is None and data_sets.is_data_set(folder)):
        return data_sets.open_saved(folder)
    files = text_files.walk(folder)
    chosen = _files_of(files, purpose, given)
    if not chosen:
        message = f"{folder}: the folder holds no {given or 'readable'} file of {purpose}."
        remedy = "Name another folder, a file in it, or its --format."
        raise InputError(f"{message} {remedy}")
    skipped = sorted(set(files) - set(chosen))
    notes = text_files.skipped_note(folder, skipped, "" if given else _remedy(skipped, purpose))
    fingerprint = _fingerprint(folder, chosen)
    if (given or format_by_name(chosen[0])) in TEXT_FORMATS:
        rows: Iterable[Raw] = text_files.read_text_folder(folder, chosen)
    else:
        rows = chain.from_iterable(
            _read_file(ByteSource.of(str(path)), purpose, given) for path in chosen
        )
    return Source(storable(str(folder)), fingerprint, rows, notes=notes)


def _remedy(skipped: Sequence[Path], purpose: Purpose) -> str:
    """What reads the commonest of the skipped files that can be read; empty where none can."""
    command = _COMMANDS.get(purpose)
    formats = Counter(filter(None, map(format_by_name, skipped)))
    if command is None or not formats:
        return ""
    form = min(formats, key=lambda one: (-formats[one], one))
    return f"`kalm-data import {command}` with --format {form} reads those of this format"


def _open_beir(folder: Path, purpose: Purpose) -> Source:
    if purpose in ("labels", "scored pairs"):
        message = f"{folder}: a BEIR folder has no {purpose}. Import it as documents or pairs."
        raise InputError(message)
    fingerprint = _fingerprint(folder, beir.beir_files(folder))
    corpus = beir.read_corpus(folder)
    if purpose == "documents":
        return Source(storable(str(folder)), fingerprint, corpus)
    return Source(storable(str(folder)), fingerprint, beir.read_judged_queries(folder), corpus)


def _files_of(files: Sequence[Path], purpose: Purpose, given: SourceFormat | None) -> list[Path]:
    """The files of a folder that are read: all texts or all data, never both."""
    if given:
        return [path for path in files if format_by_name(path) == given]
    texts = [path for path in files if format_by_name(path) in TEXT_FORMATS]
    data = [path for path in files if format_by_name(path) not in (None, *TEXT_FORMATS)]
    only_about = all(path.name.upper().startswith(_ABOUT) for path in texts)
    return data if purpose in IN_COLUMNS or (data and only_about) else texts


def _read_file(file: ByteSource, purpose: Purpose, given: SourceFormat | None) -> Iterable[Raw]:
    form = given or detect_format(file, purpose)
    if form != "parquet":
        refuse_binary(file.name, file.head())
    match form:
        case "jsonl":
            return read_json_lines(file)
        case "json":
            return read_json_array(file)
        case "csv":
            return read_csv(file)
        case "tsv":
            return read_csv(file, "\t")
        case "parquet":
            return read_parquet(file)
        case "text" | "markdown":
            return text_files.read_text_file(file, markdown=form == "markdown")
    message = f"{file.name}: a file, but --format {form} is a folder. Name the folder."
    raise InputError(message)


def _fingerprint(folder: Path, files: Iterable[Path]) -> str:
    parts = [(f.relative_to(folder).as_posix(), ByteSource.of(str(f)).fingerprint()) for f in files]
    return digest("files", *chain.from_iterable(parts))
