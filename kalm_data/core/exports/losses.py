"""What of a row its format does not carry, or changes: counted by a word, told in a sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kalm_data.core.templates import unwrap_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kalm_data.core.config.export import RowFormat
    from kalm_data.core.exports.forms import Form
    from kalm_data.core.exports.rows import ShardRow

_PADDING = "padding"
_ONE_POSITIVE: tuple[RowFormat, ...] = ("pairs", "triplet", "n-tuple")
_OUT_OF_BATCH: tuple[RowFormat, ...] = ("labeled-pair", "labeled-list")
"""Rows with labels: losses compare the texts of one, not those of a batch."""

_SENTENCES = {
    "dev_rows": "{count} rows of the dev split stay in the shard set; --format beir writes queries "
    "of dev and test",
    "scored_pairs": "{count} pairs with scores stay in the shard set: they are no rows to search "
    "for",
    "titles": "titles are left out in {count} rows; --titles writes them above the texts",
    "titles_unread": "titles of {count} rows stand in pos_titles and neg_titles, which the loader "
    "does not read; --titles writes them above the texts",
    "instructions": "instructions are left out in {count} rows; give them to the trainer as "
    "prompts",
    "languages": "languages are left out in {count} rows",
    "scores": "scores are left out in {count} rows",
    "in_batch": "{count} rows neither give nor take in-batch negatives, which the format does not "
    "say: train their tasks with a loss that takes none",
    "in_batch_folder": "{count} rows neither give nor take in-batch negatives: they stand in "
    "no_in_batch_neg/, which FlagEmbedding reads as a folder of its own: --train_data OUT "
    "OUT/no_in_batch_neg --same_dataset_within_batch True",
    "padding": "{count} negatives are random documents (padding), which nothing tells any more",
    "negatives": "negatives are left out in {count} rows",
    "surplus_negatives": "{count} negatives are more than a row has room for; --negatives makes "
    "more",
    "no_negatives": "{count} rows have no negatives: FlagEmbedding's trainer stops at one, unless "
    "with --train_group_size 1. Mine them, or write pairs",
    "several_positives": "{count} rows have several positives: each is written with its query, so "
    "that queries repeat, and batches may hold one twice",
    "wrapped": "{count} queries read like wrapped ones (Instruct: … Query: …) and will be "
    "unwrapped wherever that is done, as `import` does",
}  # fmt: skip


def count_losses(row: ShardRow, form: Form) -> Counter[str]:
    """By word how much of one row goes, most of it in units of rows."""
    return Counter({word: count for word, count in _losses(row, form) if count})


def tell_losses(losses: Mapping[str, int], sentences: Mapping[str, str] = _SENTENCES) -> list[str]:
    """A sentence each, with its count, in the order of the sentences."""
    told = {word: sentence for word, sentence in sentences.items() if losses.get(word)}
    return [sentence.format(count=f"{losses[word]:,}") for word, sentence in told.items()]


def _losses(row: ShardRow, form: Form) -> Iterator[tuple[str, int]]:
    yield "titles_unread" if "titles" in form.keys else "titles", row.is_titled
    yield "instructions", bool(row.instruction) and not _tells_instruction(form)
    yield "languages", bool(row.language) and "language" not in form.keys
    yield "scores", row.is_scored and "scores" not in form.keys
    if form.format not in _OUT_OF_BATCH:
        folder = form.format == "flagembedding"
        yield "in_batch_folder" if folder else "in_batch", not row.in_batch
    yield "several_positives", form.format in _ONE_POSITIVE and len(row.pos) > 1
    yield from _lost_negatives(row, form)
    instruction = row.instruction if form.format == "kalm" else ""
    yield "wrapped", unwrap_query(form.written_query(row)) != (instruction, row.query)


def _tells_instruction(form: Form) -> bool:
    return form.format == "kalm" or "instruction" in form.keys


def _lost_negatives(row: ShardRow, form: Form) -> Iterator[tuple[str, int]]:
    if form.format == "pairs":
        yield "negatives", bool(row.neg)
        return
    kept = form.negatives or len(row.neg)
    yield "surplus_negatives", len(row.neg) - kept
    yield "padding", sum(ranker == _PADDING for ranker in row.neg_rankers[:kept])
    yield "no_negatives", form.format == "flagembedding" and not row.neg
