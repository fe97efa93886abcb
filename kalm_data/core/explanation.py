"""Why something is in a workspace or out of it: what `explain` finds, as records.

Scores are those of the ranker that is named beside them; ranks are 1-based. Numbers of decisions
and rejects are parsed JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.records import Document, Label, Origin, Split, Verdict

Kind = Literal["example", "document", "reject", "row"]


@dataclass(frozen=True, slots=True)
class ExplainedText:
    """A text and the current documents that it is, by collection and id; `licences` of these."""

    text_hash: str
    text: str
    documents: tuple[Document, ...]
    licences: tuple[str, ...]

    @property
    def title(self) -> str:
        return next((one.title for one in self.documents if one.title), "")


@dataclass(frozen=True, slots=True)
class ExplainedRank:
    """Where a positive stands among the whole pool of `pool_size` documents, by one ranker."""

    ranker: str
    rank: int
    score: float
    pool_size: int
    no_evidence: bool
    run_id: str


@dataclass(frozen=True, slots=True)
class ExplainedDecision:
    """What a rule said of one positive in one run; the latest of a rule is `in_force`, unless it
    was taken back. `overruled`: a drop that a verdict by hand sets aside.
    """

    rule: str
    run_id: str
    verdict: Verdict
    reason: str
    numbers: Mapping[str, object]
    cause: str
    in_force: bool
    overruled: bool


@dataclass(frozen=True, slots=True)
class Said:
    """Who said that a document answers a query, or does not; `origin_key` is a request's."""

    label: Label
    origin: Origin
    origin_key: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ExplainedPositive:
    """A document that answers the query; `stands` where no rule in force drops it."""

    document: ExplainedText
    said: tuple[Said, ...]
    ranks: tuple[ExplainedRank, ...]
    decisions: tuple[ExplainedDecision, ...]
    stands: bool


@dataclass(frozen=True, slots=True)
class ExplainedNegative:
    """A document of the draw that the latest `mine` of the task stored.

    `rank` counts all hits of the ranker, positives too; 0 is below them. `positive_score` is the
    same ranker's score of the lowest-scoring positive that stayed. `given`: it came with the data;
    `padding`: it was drawn at random.
    """

    document: ExplainedText
    ranker: str
    rank: int
    score: float
    positive_score: float
    given: bool
    padding: bool
    run_id: str


@dataclass(frozen=True, slots=True)
class ExplainedRequest:
    """One request to a query engine and its reply; `prompt` and `system` are as they were sent.

    `sampling` is JSON, empty for an engine that draws nothing. `failure` is empty where the reply
    could be read.
    """

    request_key: str
    attempt: int
    engine: str
    facet: str
    persona: str
    prompt_name: str
    system: str
    prompt: str
    sampling: str
    seed: int
    document_hash: str
    reply: str
    tokens_in: int
    tokens_out: int
    seconds: float
    finish_reason: str
    failure: str
    run_id: str


@dataclass(frozen=True, slots=True)
class PassedGates:
    """The limits of the run that accepted a query; None is no limit."""

    words: int
    min_words: int | None
    max_words: int | None
    max_verbatim: int | None
    run_id: str


@dataclass(frozen=True, slots=True)
class ExplainedReject:
    """By which run something was turned away, at which stage, and by which numbers."""

    run_id: str
    stage: str
    reason: str
    key: str
    numbers: Mapping[str, object]
    source: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class RowText:
    """A positive or negative as a row of a set holds it."""

    text_hash: str
    title: str
    text: str
    score: float | None
    rank: int
    ranker: str


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """A row of a shard set: what is trained on. `row` is counted from 0 in its `file`."""

    file: str
    row: int
    example_id: str
    query: str
    task: str
    instruction: str
    language: str
    origin: str
    in_batch: bool
    positives: tuple[RowText, ...]
    negatives: tuple[RowText, ...]

    @property
    def positive_score(self) -> float | None:
        """That of the lowest-scoring positive."""
        return min((one.score for one in self.positives if one.score is not None), default=None)


@dataclass(frozen=True, slots=True)
class ExplainedExample:
    """A query of a task, and all that is known of it.

    It `stands` where a positive does. `negatives_stale` says that rules decided after the draw that
    is shown: `build-shards` draws again.
    """

    example_id: str
    task: str
    task_type: str
    instruction: str
    query: str
    query_hash: str
    language: str
    split: Split
    origin: Origin
    origin_key: str
    source: str
    line: int
    run_id: str
    licence: str
    stands: bool
    positives: tuple[ExplainedPositive, ...]
    negatives: tuple[ExplainedNegative, ...]
    negatives_stale: bool
    gates: PassedGates | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An example in which a document is judged."""

    example_id: str
    task: str
    query: str
    split: Split


@dataclass(frozen=True, slots=True)
class ExplainedLabel:
    """The class that a text has in a task of labels."""

    task: str
    label: str
    split: Split
    source: str
    line: int
    run_id: str


@dataclass(frozen=True, slots=True)
class ExplainedPair:
    """A text that a task scores beside this one."""

    task: str
    text_hash: str
    text: str
    score: float
    split: Split
    source: str
    line: int
    run_id: str


@dataclass(frozen=True, slots=True)
class ExplainedDocument:
    """A text of the workspace: its documents with all their revisions, and what it is used for.

    Of the examples that it answers, or is a negative of, some are named and all are counted.
    `near_duplicates` counts the texts that are nearly the same.
    """

    text_hash: str
    text: str
    revisions: tuple[Document, ...]
    near_duplicates: int
    answers: tuple[Asked, ...]
    answers_count: int
    negative_of: tuple[Asked, ...]
    negative_of_count: int
    labels: tuple[ExplainedLabel, ...]
    pairs: tuple[ExplainedPair, ...]


@dataclass(frozen=True, slots=True)
class ExplainedRun:
    """A run that had a part in it."""

    run_id: str
    command: str
    status: str
    started_at: str
    versions: Mapping[str, str]
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one `explain`; what does not apply is None or empty.

    `requests` are those that wrote it, in the order in which they were sent.
    """

    asked: str
    kind: Kind
    example: ExplainedExample | None
    document: ExplainedDocument | None
    requests: tuple[ExplainedRequest, ...]
    rejects: tuple[ExplainedReject, ...]
    rows: tuple[ExplainedRow, ...]
    runs: tuple[ExplainedRun, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the things that an id may mean: what to type for it, and what it is.

    `text` is a document's or a query's, `text_hash` its hash, empty for what was turned away.
    """

    id: str
    kind: Kind
    task: str
    text: str
    text_hash: str = ""


class UnknownId(InputError):
    """Nothing is meant by what was asked for."""


class AmbiguousId(InputError):
    """An id means several things; `candidates` say what to type for each."""

    def __init__(self, message: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)
