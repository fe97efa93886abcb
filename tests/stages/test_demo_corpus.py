from __future__ import annotations

from dataclasses import dataclass

from kalm_data.stages.demo_corpus import make_demo_corpus

WORDS = [f"word{i}" for i in range(400)]


@dataclass(frozen=True)
class Source:
    name: str
    text: str
    summary: str | None


def _sources(count: int) -> list[Source]:
    return [
        Source(f"n{i:03}", " ".join(WORDS[i : i + 30]) + f" {i} x" * 20, f"say {i}")
        for i in range(count)
    ]


def test_about_a_third_of_the_groups_with_a_query_is_unseen() -> None:
    corpus = make_demo_corpus(_sources(300), seed=0)
    unseen = sum(document.split == "test" for document in corpus.documents)
    assert 70 < unseen < 130
    assert len(corpus.queries) == 300


def test_near_duplicates_share_their_split() -> None:
    text = " ".join(WORDS[:100])
    mirrored = [Source("posix", text, "join paths"), Source("nt", text + " tail", None)]
    for seed in range(20):
        first, second = make_demo_corpus(mirrored, seed).documents
        assert first.split == second.split


def test_documents_without_a_query_are_always_seen() -> None:
    sources = [Source(s.name, s.text, None) for s in _sources(50)]
    corpus = make_demo_corpus(sources, seed=0)
    assert {document.split for document in corpus.documents} == {"train"}
    assert corpus.queries == ()


def test_the_order_of_the_sources_changes_nothing() -> None:
    sources = _sources(40)
    assert make_demo_corpus(sources, 3) == make_demo_corpus(sources[::-1], 3)
