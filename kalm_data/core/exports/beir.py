"""A task's pool and judged queries as BEIR has them: corpus, queries, qrels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kalm_data.core.pool import title_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.exports.forms import Line
    from kalm_data.core.pool import Pool
    from kalm_data.core.records import Split


QRELS = ("query-id", "corpus-id", "score")

LOSSES = {
    "renamed": "{count} documents are named by the hash of their text: their ids hold white space, "
    "or stand for several texts",
    "headings": "{count} documents have headings, which follow their title: Title > Heading",
    "parts": "{count} documents are parts of a whole (a file, say), which the format does not tell",
    "positives_not_in_pool": "{count} positives are not in the pool any more and left out",
    "stand_ins": "{count} queries have no positive in the pool any more; near-duplicates of theirs "
    "there answer in their place, as in `eval`",
    "copies": "{count} queries have near-duplicates of a relevant document in the corpus: `eval` "
    "counts them as relevant, other evaluators do not",
    "generated_negatives": "{count} negatives that a language model wrote are in no pool and left "
    "out",
}


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query with its judgements in force, as text hashes, ascending; positives are maybe none."""

    example_id: str
    query: str
    instruction: str
    language: str
    split: Split
    source: str
    line: int
    positives: tuple[str, ...]
    negatives: tuple[str, ...]


def with_stand_ins(asked: AskedQuery, pool: Pool) -> AskedQuery:
    """The query; where its documents have changed, with what the pool has nearly the same."""
    held = pool.text_hashes
    near = {held[place] for one in asked.positives for place in pool.alike.get(one, ())}
    return replace(
        asked,
        positives=tuple(sorted({*asked.positives, *near})),
        negatives=tuple(one for one in asked.negatives if one not in near),
    )


def refusal(asked: AskedQuery, ids: Mapping[str, str]) -> str:
    """The reason word of a query that cannot be judged by; empty where it can. ids: of the pool."""
    if not asked.positives:
        return "no_positive"
    return "" if any(text_hash in ids for text_hash in asked.positives) else "gold_not_in_pool"


def document_ids(pool: Pool, names: Mapping[str, str]) -> dict[str, str]:
    """Text hash → the id under which `mine --ranker run:FILE` knows the document.

    names: id → text hash, of ids that stand for one text. The smallest that a TREC run can hold;
    the hash where there is none.
    """
    hashes = {*pool.text_hashes}
    found: dict[str, str] = {}
    for name in sorted(names):
        is_word = name.split() == [name]
        is_other = name in hashes and name != names[name]
        if is_word and not is_other:
            found.setdefault(names[name], name)
    return {text_hash: found.get(text_hash, text_hash) for text_hash in sorted(hashes)}


def corpus_lines(pool: Pool, ids: Mapping[str, str]) -> Iterator[Line]:
    """In order of text hash; with the language where a document has one."""
    in_language = any(pool.columns.languages)
    for document in pool.documents():
        line: Line = {
            "_id": ids[document.text_hash],
            "title": title_path(document.title, document.headings),
            "text": document.text,
        }
        yield line | ({"language": document.language} if in_language else {})


def query_lines(asked: Sequence[AskedQuery], task_instruction: str) -> Iterator[Line]:
    """With instruction and language where a query has one, as BEIR's loaders allow.

    The instruction stands in `metadata`: mteb would write one beside the text behind the query.
    """
    instructed = bool(task_instruction) or any(one.instruction for one in asked)
    in_language = any(one.language for one in asked)
    for one in asked:
        line: Line = {"_id": one.example_id, "text": one.query}
        if instructed:
            line["metadata"] = {"instruction": one.instruction or task_instruction}
        if in_language:
            line["language"] = one.language
        yield line


def qrels_lines(asked: Sequence[AskedQuery], ids: Mapping[str, str]) -> Iterator[Line]:
    """1 for a positive, 0 for what was judged a negative, of what the pool holds."""
    for one in asked:
        for hashes, score in ((one.positives, 1), (one.negatives, 0)):
            for text_hash in hashes:
                if text_hash in ids:
                    values = (one.example_id, ids[text_hash], score)
                    yield dict(zip(QRELS, values, strict=True))


def count_losses(
    pool: Pool, asked: Sequence[AskedQuery], ids: Mapping[str, str], names: Mapping[str, str]
) -> Counter[str]:
    """By word how much the format does not carry, or changes. asked: the queries written."""
    index = pool.index()
    return Counter({
        "renamed": len(set(ids.values()) - names.keys()),
        "headings": sum(map(bool, pool.columns.headings)),
        "parts": len(pool.columns.parents),
        "positives_not_in_pool": _outside(ids, *(one.positives for one in asked)),
        "generated_negatives": _outside(ids, *(one.negatives for one in asked)),
        "copies": sum(_has_copies(one, pool, index) for one in asked),
    })  # fmt: skip


def _outside(ids: Mapping[str, str], *lists: Sequence[str]) -> int:
    return sum(text_hash not in ids for hashes in lists for text_hash in hashes)


def _has_copies(one: AskedQuery, pool: Pool, index: Mapping[str, int]) -> bool:
    own = {index[text_hash] for text_hash in one.positives if text_hash in index}
    near = (place for text_hash in one.positives for place in pool.alike.get(text_hash, ()))
    return any(place not in own for place in near)
