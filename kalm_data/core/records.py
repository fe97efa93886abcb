"""What the workspace keeps: one frozen record a table, one field a column.

The workspace derives its schema from these classes (`workspace/schema.py`), so a column is added
here and nowhere else. Hashes are the first 32 hex digits of a sha256 (`core/seeded.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kalm_data.core.seeded import digest
from kalm_data.core.text import normalised

if TYPE_CHECKING:
    from numpy import float64, uint64
    from numpy.typing import NDArray

Split = Literal["train", "dev", "test"]
Label = Literal["positive", "negative"]
Origin = Literal["import", "llm", "extractive", "miner"]
Verdict = Literal["keep", "drop"]

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
"""From the least to the most protected: where two meet, the later one wins."""


def more_protected(split: Split) -> list[Split]:
    """The splits whose queries no row of this one may ask."""
    return list(SPLITS[SPLITS.index(split) + 1 :])


def text_hash(text: str) -> str:
    """The identity of a text: its exact characters."""
    return digest("text", text)


def text_key(hash_: str) -> int:
    """The first 64 bits of a text hash, by which lists of hits name documents.

    Keys sort as their hashes do. A pool in which two keys collide is refused when it is read.
    """
    return int(hash_[:16], 16)


def example_id(task: str, query: str) -> str:
    """Rows of one task with one query are one example and join their positives."""
    return digest("example", task, query)


@dataclass(frozen=True, slots=True)
class Text:
    """A distinct text. `norm_hash` is equal for *same documents* (NFC, case, white space)."""

    text_hash: str
    norm_hash: str
    text: str

    @classmethod
    def of(cls, text: str) -> Text:
        return cls(text_hash(text), digest("norm", normalised(text)), text)


@dataclass(frozen=True, slots=True)
class Document:
    """One revision of a document of a collection; the highest revision is the current one.

    `retired` revisions are tombstones: the document vanished from its source and `--sync` was
    given. `parent` and `position` (0-based) order the chunks of one file. `metadata` is JSON.
    """

    collection: str
    doc_id: str
    revision: int
    text_hash: str
    title: str
    headings: tuple[str, ...]
    parent: str
    position: int
    date: str
    language: str
    licence: str
    source: str
    metadata: str
    split: Split
    retired: bool
    run_id: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One revision of a task; `definition` is the JSON of `core.tasks.Task`."""

    task: str
    revision: int
    definition: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Example:
    """A query of a task. `origin_key` is the request that generated it, empty when imported."""

    example_id: str
    task: str
    query_hash: str
    instruction: str
    language: str
    split: Split
    origin: Origin
    origin_key: str
    source: str
    line: int
    run_id: str


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text of a classification or clustering task and its class.

    Its positives (texts of the class) and negatives (texts of others) are drawn when a set is
    built. A task has one label for a text.
    """

    task: str
    text_hash: str
    label: str
    language: str
    split: Split
    source: str
    line: int
    run_id: str


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """Two texts of an sts task and how alike they are, in [0, 1], in the order given.

    A task has one score for a pair, in either order.
    """

    task: str
    first_hash: str
    second_hash: str
    score: float
    language: str
    split: Split
    source: str
    line: int
    run_id: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Somebody said that a document answers an example, or does not.

    `origin_key` is the request that generated it, empty where none did. `ranker`, `rank` (1-based,
    raw), `score` and `positive_score` are filled for mined negatives; the latter is the score of
    the lowest-scoring positive that stayed, against which the limits were applied. `padding` marks
    a random document that filled a shortage.
    """

    example_id: str
    text_hash: str
    label: Label
    origin: Origin
    run_id: str
    origin_key: str = ""
    ranker: str = ""
    rank: int = 0
    score: float = 0.0
    positive_score: float = 0.0
    padding: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """Where one positive stands among the whole pool for its query, by one ranker.

    `rank` is 1-based and exact (DESIGN terms: rank). `pool` is the fingerprint of the pool and of
    the ranker's templates; `positives` the digest of the example's positives, which the rank
    leaves out. `no_evidence` marks a query that matches nothing, which ranks last.
    """

    example_id: str
    text_hash: str
    ranker: str
    pool: str
    pool_size: int
    positives: str
    rank: int
    score: float
    no_evidence: bool
    run_id: str


@dataclass(frozen=True, slots=True)
class HitList:
    """The best documents of the pool for one example, best first; positives are among them.

    `keys`: (D,) text keys; `scores`: (D,) float64. Equal scores are ordered by key.
    """

    example_id: str
    ranker: str
    pool: str
    positives: str
    keys: NDArray[uint64]
    scores: NDArray[float64]
    run_id: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule said of one positive. `numbers` is JSON; `cause` names what caused a drop."""

    task: str
    rule: str
    example_id: str
    text_hash: str
    verdict: Verdict
    reason: str
    numbers: str
    cause: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Head:
    """Which run's rows are in force for `kind` ('rule' or 'draw') and `name` of a task.

    The row with the highest `sequence` wins; an empty `run_id` takes the rule back. `basis` is the
    digest of what the rows were made from; a rule without one holds whatever the pool is, and for
    the positives that it names alone.
    """

    kind: Literal["rule", "draw"]
    task: str
    name: str
    sequence: int
    settings: str
    basis: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Generation:
    """One request to a query engine and its reply (the journal; DESIGN law 2).

    `request_key` covers all that shapes the reply, so whoever asks the same again is given it, for
    whatever task. `failure` is the reason word of a request that the engine could not fill, else
    empty; what the gates say of a reply is no part of the journal. `system` and `prompt` are as
    they were sent. `task`, `plan` (digest of engine, kind and seed) and `place` in it (0-based) are
    those of who asked first.
    """

    request_key: str
    attempt: int
    task: str
    engine: str
    facet: str
    persona: str
    prompt_name: str
    system: str
    prompt: str
    sampling: str
    seed: int
    document_hash: str
    place: int
    plan: str
    reply: str
    tokens_in: int
    tokens_out: int
    seconds: float
    finish_reason: str
    failure: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ShownQuery:
    """A real query that a language model was shown as an example: no evaluation may ask it."""

    norm_hash: str
    text: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that was turned away. `key` identifies it; `numbers` is JSON; `line` 0 is none."""

    run_id: str
    stage: str
    reason: str
    key: str
    numbers: str
    source: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """An unordered pair of near-duplicate texts, `first` < `second`; containment in [0.8, 1]."""

    first: str
    second: str
    containment: float


@dataclass(frozen=True, slots=True)
class VectorPlace:
    """Where the vector of a rendered text lies: `vectors/<encoder>/<segment>.npy`, row `row`."""

    encoder: str
    rendered_hash: str
    segment: str
    row: int


Record = (
    Text
    | Document
    | TaskRow
    | Example
    | LabelledText
    | ScoredPair
    | Judgement
    | Ranking
    | HitList
    | Decision
    | Head
    | Generation
    | ShownQuery
    | Reject
    | NearDuplicate
    | VectorPlace
)
