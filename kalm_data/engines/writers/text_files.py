"""Whole files of JSON lines and of tab-separated values."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


def to_json(line: Mapping[str, object]) -> str:
    """One line, in which what JSON must escape is escaped, and nothing else."""
    return json.dumps(line, ensure_ascii=False) + "\n"


def write_json(file: Path, lines: Iterable[Mapping[str, object]]) -> int:
    """How many lines were written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with file.open("w", encoding="utf-8", newline="") as stream:
        for line in lines:
            stream.write(to_json(line))
            count += 1
    return count


def write_tsv(file: Path, names: Sequence[str], lines: Iterable[Mapping[str, object]]) -> int:
    """How many lines were written below that of the names; quoted where they must be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(names)
        for line in lines:
            writer.writerow([line[name] for name in names])
            count += 1
    return count
