"""What `explain` says of a row, computed anew from texts, vectors and prompt files alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import numpy as np

from kalm_data.core.seeded import choose

if TYPE_CHECKING:
    from kalm_data.api.explain import ExplainedExample, ExplainedRequest, Explanation
    from kalm_data.core.protocols import Vectors

ROOT = Path(__file__).parents[2]
DIGITS = 32


def sha256_of_parts(*parts: object) -> str:
    """The digest of DESIGN: each part with its length before it."""
    joined = "\x1f".join(f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:DIGITS]


@dataclass(frozen=True, slots=True)
class World:
    """texts: of the pool, by hash; titles of its documents. vectors: unit vectors of pool texts
    and queries, by hash. alike: unordered pairs of near-duplicates, by hash. seed: of synth.
    """

    texts: dict[str, str]
    titles: dict[str, str]
    vectors: dict[str, Vectors]
    alike: set[frozenset[str]]
    seed: int

    def rank(self, query: str, positive: str, positives: set[str]) -> tuple[int, float]:
        """By brute force: ties count against the positive, what is like a positive does not."""
        scores = self._scores(query)
        left_out = positives | {one for pair in self.alike if pair & positives for one in pair}
        above = [one for one in scores if one not in left_out and scores[one] >= scores[positive]]
        return 1 + len(above), scores[positive]

    def place(self, query: str, document: str) -> tuple[int, float]:
        """Among all hits, positives included; equal scores are ordered by hash."""
        scores = self._scores(query)
        order = sorted(scores, key=lambda one: (-scores[one], one))
        return 1 + order.index(document), scores[document]

    def _scores(self, query: str) -> dict[str, float]:
        hashes = sorted(self.texts)
        matrix = np.stack([self.vectors[one] for one in hashes]).astype(np.float64)
        scores = np.round(matrix @ self.vectors[query].astype(np.float64), 9)
        return dict(zip(hashes, scores.tolist(), strict=True))


def assert_true(explained: Explanation, world: World) -> None:
    """Every hash, rank, score and prompt of the explanation of a row."""
    (row,), example = explained.rows, explained.example
    assert example is not None
    assert row.query == example.query and row.example_id == example.example_id
    assert example.query_hash == sha256_of_parts("text", example.query)
    assert example.example_id == sha256_of_parts("example", example.task, example.query)
    assert example.stands
    for one in (*row.positives, *row.negatives):
        assert one.text_hash == sha256_of_parts("text", one.text)
        assert world.texts[one.text_hash] == one.text
    _assert_ranks(explained, example, world)
    _assert_prompts(explained, example, world)


def _assert_ranks(explained: Explanation, example: ExplainedExample, world: World) -> None:
    (row,) = explained.rows
    positives = {one.document.text_hash for one in example.positives}
    scores = {}
    for positive in example.positives:
        (told,) = positive.ranks
        text_hash = positive.document.text_hash
        rank, score = world.rank(example.query_hash, text_hash, positives)
        assert (told.rank, told.pool_size) == (rank, len(world.texts))
        assert abs(told.score - score) <= 2e-9
        assert [one.numbers["rank"] for one in positive.decisions if one.in_force] == [rank]
        if positive.stands:
            scores[text_hash] = score
    assert {one.text_hash for one in row.positives} == scores.keys()
    assert row.positive_score is not None
    assert abs(row.positive_score - min(scores.values())) <= 2e-9
    for negative in row.negatives:
        assert negative.text_hash not in positives
        place, score = world.place(example.query_hash, negative.text_hash)
        assert negative.score is not None and abs(negative.score - score) <= 2e-9
        assert negative.rank == place


def _assert_prompts(explained: Explanation, example: ExplainedExample, world: World) -> None:
    chosen, written = explained.requests[0], explained.requests[-1]
    assert written.request_key == example.origin_key
    assert json.loads(written.reply)["query"].strip() == example.query
    difficulty = json.loads(chosen.reply)["difficulty"]
    assert _prompt(written, difficulty, _draws(written), world) == written.prompt
    assert world.texts[written.document_hash] in chosen.prompt
    attempt = sha256_of_parts("attempt", world.seed, written.request_key, written.attempt)
    assert written.seed == int(attempt[:8], 16)


def _draws(request: ExplainedRequest) -> range:
    """The range of lengths that is drawn from."""
    least, most = {"keywords": (2, 5), "identifier": (1, 3)}.get(request.facet, (5, 20))
    return range(least, most + 1)


def _prompt(request: ExplainedRequest, difficulty: str, lengths: range, world: World) -> str:
    """The prompt file filled by plain Jinja2; the draw of a document is not stored, so any of the
    first may have made it.
    """
    file = ROOT / "prompts" / request.prompt_name.partition("@")[0]
    body = file.read_text(encoding="utf-8").split("+++\n", 2)[2]
    template = jinja2.Environment(trim_blocks=True, autoescape=False).from_string(body)
    lines = (ROOT / "personas" / "en.jsonl").read_text(encoding="utf-8").splitlines()
    personas = {one["id"]: one["persona"] for one in map(json.loads, lines)}
    for draw in range(5):
        key = f"{request.document_hash}:{draw}"
        filled = template.render(
            title=world.titles[request.document_hash],
            text=world.texts[request.document_hash],
            persona=personas[request.persona],
            question_type=request.facet,
            difficulty=difficulty,
            words=choose(lengths, world.seed, "words", key),
            query_language="English",
            examples=[],
        ).strip()
        if filled == request.prompt:
            return filled
    return filled
