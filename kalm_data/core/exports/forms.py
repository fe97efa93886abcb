"""How a row of a shard set is written in each format, and when it cannot be.

Names and columns of `triplet`, `n-tuple`, `labeled-pair` and `labeled-list` are those that
sentence-transformers documents for `mine_hard_negatives(output_format=…)`. Its trainers read
columns by their order, and everything but `label` and `labels` as text: so no other column is
written. Keys of `flagembedding` are those of FlagEmbedding's data; keys that its loader and
KaLM's do not know (titles, language) they leave unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from kalm_data.core.templates import PAPER_QUERY, Templates, render_query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kalm_data.core.config.export import RowFormat
    from kalm_data.core.exports.rows import ShardRow

Line: TypeAlias = "dict[str, object]"
ColumnKind = Literal["text", "texts", "label", "labels"]
Key = Literal["titles", "scores", "instruction", "language"]
"""A part that JSON lines hold where the task has it; the lines of a file all have the same keys."""

JSON_FORMATS: tuple[RowFormat, ...] = ("flagembedding", "kalm")
_WRAPPED = Templates(query=PAPER_QUERY, document="{text}", untitled="{text}", instruction="")


@dataclass(frozen=True, slots=True)
class Form:
    """How the rows of one task are written; `negatives` is the width of an n-tuple."""

    format: RowFormat
    negatives: int = 0
    keys: frozenset[Key] = frozenset()

    @property
    def is_json(self) -> bool:
        return self.format in JSON_FORMATS

    @property
    def columns(self) -> Mapping[str, ColumnKind]:
        """The columns of a Parquet file, in the order in which trainers read them."""
        pair: dict[str, ColumnKind] = {"anchor": "text", "positive": "text"}
        columns: dict[RowFormat, dict[str, ColumnKind]] = {
            "pairs": pair,
            "triplet": pair | {"negative": "text"},
            "n-tuple": pair | {f"negative_{i + 1}": "text" for i in range(self.negatives)},
            "labeled-pair": {"anchor": "text", "document": "text", "label": "label"},
            "labeled-list": {"anchor": "text", "documents": "texts", "labels": "labels"},
        }
        return columns[self.format]

    def refusal(self, row: ShardRow) -> str:
        """The reason word of a row that the format has no place for; empty where it has one."""
        if self.format in ("triplet", "kalm", "n-tuple") and not row.neg:
            return "no_negative"
        return "too_few_negatives" if len(row.neg) < self.negatives else ""

    def lines(self, row: ShardRow) -> list[Line]:
        return _WRITERS[self.format](row, self)

    def written_query(self, row: ShardRow) -> str:
        """As the format has it: KaLM's data hold it wrapped with its instruction."""
        if self.format != "kalm":
            return row.query
        return render_query(_WRAPPED, row.query, row.instruction)


def _pairs(row: ShardRow, form: Form) -> list[Line]:
    return [{"anchor": row.query, "positive": text} for text in row.pos]


def _triplets(row: ShardRow, form: Form) -> list[Line]:
    return [
        {"anchor": row.query, "positive": positive, "negative": negative}
        for positive, negative in product(row.pos, row.neg)
    ]


def _n_tuples(row: ShardRow, form: Form) -> list[Line]:
    negatives = {f"negative_{i + 1}": text for i, text in enumerate(row.neg[: form.negatives])}
    return [{"anchor": row.query, "positive": text, **negatives} for text in row.pos]


def _labelled_pairs(row: ShardRow, form: Form) -> list[Line]:
    judged = [*((text, 1) for text in row.pos), *((text, 0) for text in row.neg)]
    return [{"anchor": row.query, "document": text, "label": label} for text, label in judged]


def _labelled_list(row: ShardRow, form: Form) -> list[Line]:
    labels = [1] * len(row.pos) + [0] * len(row.neg)
    return [{"anchor": row.query, "documents": [*row.pos, *row.neg], "labels": labels}]


def _flagembedding(row: ShardRow, form: Form) -> list[Line]:
    line: Line = {"query": row.query, "pos": row.pos, "neg": row.neg}
    if "scores" in form.keys:
        line |= {"pos_scores": row.pos_scores, "neg_scores": row.neg_scores}
    if "instruction" in form.keys:
        line["prompt"] = row.instruction
    return [line | _unread_keys(row, form)]


def _kalm(row: ShardRow, form: Form) -> list[Line]:
    line: Line = {"query": form.written_query(row), "pos": row.pos, "neg": row.neg}
    return [line | _unread_keys(row, form)]


def _unread_keys(row: ShardRow, form: Form) -> Line:
    """What the loaders let pass, and an import reads."""
    found: Line = {}
    if "titles" in form.keys:
        found |= {"pos_titles": row.pos_titles, "neg_titles": row.neg_titles}
    if "language" in form.keys:
        found["language"] = row.language
    return found


_WRITERS: Mapping[RowFormat, Callable[[ShardRow, Form], list[Line]]] = {
    "pairs": _pairs,
    "triplet": _triplets,
    "n-tuple": _n_tuples,
    "labeled-pair": _labelled_pairs,
    "labeled-list": _labelled_list,
    "flagembedding": _flagembedding,
    "kalm": _kalm,
}


def file_names(form: Form, task: str, parts: int, *, in_batch: bool) -> Sequence[str]:
    """Where the rows of each part of a task go, below the exported folder.

    FlagEmbedding reads the files of a folder, and takes one whose name ends with
    `no_in_batch_neg` for rows without in-batch negatives. KaLM's loader reads whatever is in a
    folder, a task a name: so nothing else is beside its tasks.
    """
    if form.format == "flagembedding":
        folder = "" if in_batch else "no_in_batch_neg/"
        return [f"{folder}{task}.jsonl"] * parts
    if form.format == "kalm":
        return [f"data/{task}/part-{number:05d}.jsonl" for number in range(parts)]
    return [f"{task}/part-{number:05d}.parquet" for number in range(parts)]


class LineFile(Protocol):
    """A file that is being written; it appears with its first line, `lines` counts those in it."""

    lines: int

    def write(self, lines: Sequence[Line]) -> None: ...

    def close(self) -> None: ...
