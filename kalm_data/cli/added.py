"""What an import added, in one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.stages.import_documents import ImportDocumentsResult
    from kalm_data.stages.import_labels import ImportLabelsResult
    from kalm_data.stages.import_pairs import ImportPairsResult
    from kalm_data.stages.import_sts import ImportStsResult

_SPLITS = ("train", "dev", "test")


def added_documents(result: ImportDocumentsResult) -> Text:
    """The splits are those of the new and the changed documents."""
    counts = (
        f"{result.new:,} new, {result.changed:,} changed, {result.unchanged:,} unchanged, "
        f"{result.retired:,} retired documents in collection {result.collection}"
    )
    if not (result.new or result.changed or result.retired):
        return Text(f"nothing new: {counts}")
    return Text(f"{counts}; splits {_splits(result.splits)}")


def added_pairs(result: ImportPairsResult) -> Text:
    counts = (
        f"{result.new_examples:,} new examples ({_splits(result.splits)}), "
        f"{result.known_examples:,} known; {result.documents:,} documents"
    )
    judged = result.positives or result.negatives
    if not (result.new_examples or result.documents or judged):
        return Text(f"nothing new: {result.known_examples:,} known examples")
    if not result.new_examples and judged:
        counts += f"; {result.positives:,} positives, {result.negatives:,} negatives"
    return Text(counts)


def added_labels(result: ImportLabelsResult) -> Text:
    """The classes are all that the task has now."""
    known = f"{result.known_texts:,} known; {result.classes:,} classes"
    if not result.new_texts:
        return Text(f"nothing new: {known}")
    return Text(f"{result.new_texts:,} new texts ({_splits(result.splits)}), {known}")


def added_sts(result: ImportStsResult) -> Text:
    known = f"{result.known_pairs:,} known"
    if not result.new_pairs:
        return Text(f"nothing new: {known}")
    return Text(f"{result.new_pairs:,} new pairs ({_splits(result.splits)}), {known}")


def _splits(splits: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {splits.get(split, 0):,}" for split in _SPLITS)
