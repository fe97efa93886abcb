"""Which rows of labels are new, which are known, and which contradict one another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.arrivals import given_splits
from kalm_data.core.rows import BadRow, bad_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kalm_data.core.label_rows import LabelRow
    from kalm_data.core.records import LabelledText, Split, Text


@dataclass(frozen=True, slots=True)
class HeldLabels:
    """The labels of a task that the workspace has, by text hash, and by normal form."""

    by_text: Mapping[str, LabelledText]
    by_form: Mapping[str, str]

    @classmethod
    def of(cls, labels: Mapping[str, LabelledText], texts: Iterable[Text]) -> HeldLabels:
        """`texts`: at least those that `labels` names."""
        by_form = {
            text.norm_hash: labels[text.text_hash].label
            for text in texts
            if text.text_hash in labels
        }
        return cls(labels, by_form)


@dataclass(frozen=True, slots=True)
class SortedLabels:
    """Rows of new texts, each text once, in order of appearance; rows of known ones; bad rows.

    `given` has the most protected split given to each text by any of its rows.
    """

    new: Sequence[LabelRow]
    known: int
    bad: Sequence[BadRow]
    given: Mapping[str, Split]


def sort_labels(rows: Sequence[LabelRow], held: HeldLabels) -> SortedLabels:
    """Sort the rows of one import; what the workspace holds stays as it is.

    Reasons of bad rows: `conflicting_label` (the text, in whatever case and white space, has
    another label in the workspace, or several in these rows: then all of them are turned away,
    whatever their order), `duplicate`, `in_training` (given to dev or test, but training has it).
    """
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        labels[row.text.norm_hash].add(row.label)
    new: dict[str, LabelRow] = {}
    known: set[str] = set()
    bad: list[BadRow] = []
    consistent: list[LabelRow] = []
    for row in rows:
        text_hash = row.text.text_hash
        if problem := _conflict(row, held.by_form.get(row.text.norm_hash), labels):
            bad.append(_bad(row, "conflicting_label", problem))
            continue
        consistent.append(row)
        if text_hash in new or text_hash in known:
            bad.append(_bad(row, "duplicate", "the text came before. Remove the row."))
        elif text_hash not in held.by_text:
            new[text_hash] = row
        elif held.by_text[text_hash].split == "train" and row.split in ("dev", "test"):
            problem = "the text is a training text already; import held-out texts first."
            bad.append(_bad(row, "in_training", problem))
        else:
            known.add(text_hash)
    given = given_splits((row.text.text_hash, row.split) for row in consistent)
    return SortedLabels(list(new.values()), len(known), bad, given)


def _conflict(row: LabelRow, before: str | None, labels: Mapping[str, set[str]]) -> str:
    """What is wrong with the label, empty where nothing is."""
    if before is not None and before != row.label:
        problem = f'the text has the label "{before}" in the workspace, not "{row.label}".'
        return f"{problem} Remove the row."
    found = labels[row.text.norm_hash]
    if before is None and len(found) > 1:
        names = ", ".join(f'"{label}"' for label in sorted(found))
        return f"the text comes with the labels {names}. Keep the right one."
    return ""


def _bad(row: LabelRow, reason: str, problem: str) -> BadRow:
    return bad_row(row.source, row.line, reason, problem, row.text.text)
