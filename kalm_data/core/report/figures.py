"""The figures of a workspace that a report shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.eval_result import EvalResult
    from kalm_data.core.lint import LintFound
    from kalm_data.core.manifest import Manifest


@dataclass(frozen=True, slots=True)
class TaskSize:
    """How large a task is. `positives` to `with_negatives` are those of its training examples.

    `documents` counts the distinct texts of its pool, `answered` the examples that have a positive
    left, `with_negatives` those with a mined negative of the draw in force.
    """

    task: str
    type: str
    documents: int
    train: int
    dev: int
    test: int
    positives: int
    kept: int
    answered: int
    negatives: int
    with_negatives: int
    padding: int


@dataclass(frozen=True, slots=True)
class Reason:
    """How many things a stage turned away for a reason, each thing once."""

    stage: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class RankCurve:
    """The share of a task's positives at rank ≤ k by one ranker, for growing k.

    `k` is the one that rule top-k is in force with, for this ranker; None where there is none.
    """

    task: str
    ranker: str
    pool_size: int
    positives: int
    no_evidence: int
    points: tuple[tuple[int, float], ...]
    k: int | None
    k_share: float


@dataclass(frozen=True, slots=True)
class ScoreFigures:
    """Histograms over equal bins from `low` to `high`, on the ranker's own scale.

    `gaps` are the quantiles 0.05, 0.5 and 0.95 of (positive − negative) over the negatives drawn;
    `close` counts negatives that score at least `CLOSE` of their lowest positive.
    """

    task: str
    ranker: str
    low: float
    high: float
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    gaps: tuple[float, float, float] | None
    gap_bins: tuple[int, ...]
    gap_low: float
    gap_high: float
    close: int

    @property
    def negative_count(self) -> int:
        return sum(self.negatives)


CLOSE = 0.9
"""Share of the positive's score from which a negative is called close to it."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Words of a sample of texts of a task: the quantiles 0.05, 0.5, 0.95 and the most."""

    task: str
    kind: str
    counted: int
    quantiles: tuple[int, int, int, int]
    bins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Replies asked for under a name, and the queries of them that are examples."""

    name: str
    asked: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a language model or the extractive engine was asked for."""

    kinds: tuple[Asked, ...]
    personas: tuple[Asked, ...]
    persona_count: int


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two queries that nearly repeat one another."""

    first: str
    second: str
    how: str


@dataclass(frozen=True, slots=True)
class Variety:
    """How varied a sample of a task's training queries is.

    `distinct` is the share of distinct word 1-, 2- and 3-grams, `shared_words` the mean Jaccard of
    the words of two random queries, `openings` the commonest first two words with their counts,
    `near` how many of the sample nearly repeat an earlier one.
    """

    task: str
    queries: int
    distinct: tuple[float, float, float]
    shared_words: float
    openings: tuple[tuple[str, int], ...]
    near: int
    pairs: tuple[NearPair, ...]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Cosines of stored vectors of a sample of a task's texts.

    `mean` is that of random pairs, `nearest` the median of each text's nearest other one; `close`
    counts texts whose nearest has at least `CLOSE_COSINE`.
    """

    task: str
    kind: str
    encoder: str
    texts: int
    mean: float
    nearest: float
    close: int
    bins: tuple[int, ...]
    pairs: tuple[NearPair, ...]


CLOSE_COSINE = 0.95


@dataclass(frozen=True, slots=True)
class Agreement:
    """The mean share of the first hits that two rankers have in common, over a sample."""

    task: str
    first: str
    second: str
    examples: int
    at_10: float
    at_100: float


@dataclass(frozen=True, slots=True)
class Above:
    """Of the first 100 hits of a sample of examples, positives left out: how many score no lower
    than the lowest positive. They may be answers that nobody marked.
    """

    task: str
    ranker: str
    examples: int
    hits: int
    above: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How many of a task's negatives are a positive of another of its examples."""

    task: str
    negatives: int
    elsewhere: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A mined negative that may be an answer."""

    task: str
    query: str
    positive: str
    negative: str
    ranker: str
    rank: int
    score: float
    positive_score: float
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A positive that rule exclude drops, and the text of a test set that it repeats."""

    task: str
    query: str
    positive: str
    reason: str
    criterion: str
    share: float
    matched: str
    cause: str


@dataclass(frozen=True, slots=True)
class Contamination:
    """`checked` tells whether rule exclude is in force for any task; `counts` is by criterion."""

    checked: bool
    counts: Mapping[str, int]
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Queries of a task that are the same but for case and white space.

    `held_out` counts training queries that dev or test of any task ask too.
    """

    task: str
    within: int
    held_out: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SampleText:
    """A document of a sampled row; `label` tells what it is."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A row of the sample, kept or rejected; `why` are reason and numbers of a rejected one."""

    state: str
    task: str
    stage: str
    why: str
    query: str
    texts: tuple[SampleText, ...]
    place: str
    example_id: str = ""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What a run did and took; the tokens are those of its requests."""

    run_id: str
    command: str
    status: str
    started_at: str
    seconds: float
    planned: int
    kept: int
    rejected: Mapping[str, int]
    warnings: tuple[str, ...]
    error: str
    requests: int
    failed_requests: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The latest evaluation of a task."""

    run_id: str
    result: EvalResult


@dataclass(frozen=True, slots=True)
class ShardTokens:
    """Tokens of the texts of a task's rows as the set stores them: median, 0.95, most."""

    task: str
    kind: str
    median: int
    q95: int
    most: int


@dataclass(frozen=True, slots=True)
class ShardFigures:
    """A shard set. `lint` is None where the workspace did not build it."""

    folder: str
    manifest: Manifest
    tokens: tuple[ShardTokens, ...]
    lint: tuple[LintFound, ...] | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it."""

    workspace: str
    sizes: tuple[TaskSize, ...]
    reasons: tuple[Reason, ...]
    curves: tuple[RankCurve, ...]
    scores: tuple[ScoreFigures, ...]
    lengths: tuple[Lengths, ...]
    coverage: Coverage
    variety: tuple[Variety, ...]
    repeats: tuple[Repeats, ...]
    neighbours: tuple[Neighbours, ...]
    agreements: tuple[Agreement, ...]
    above: tuple[Above, ...]
    elsewhere: tuple[Elsewhere, ...]
    suspects: tuple[Suspect, ...]
    contamination: Contamination
    sample: tuple[SampleRow, ...]
    runs: tuple[RunFigures, ...]
    evaluated: tuple[Evaluated, ...]
    shards: ShardFigures | None
