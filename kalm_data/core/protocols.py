"""What the stages ask of the engines. An engine is anything that has these methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kalm_data.core.personas import Persona
    from kalm_data.core.record_columns import RecordColumns
    from kalm_data.core.records import Record, Reject
    from kalm_data.core.synthesis import Candidate, Draft, Reply, Request, SourceDocument

    Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Turns rendered texts into unit vectors; a vector depends on its text alone."""

    name: str
    """Short name for people, e.g. `all-MiniLM-L6-v2`."""
    fingerprint: str
    """Digest of weights, pooling, maximal length, precision and batch shapes."""
    query_prompt: str
    """Prefix the model was saved with for queries; empty where it has none."""
    document_prompt: str

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        """Batches of (indices into `texts`, (N, D) float32 unit vectors), every index once."""
        ...

    def count_cut(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than the model reads."""
        ...


class VectorSource(Protocol):
    """Vectors of rendered texts, each made once; `encoded` counts those made by this object."""

    encoded: int

    def vectors(self, run: Run, encoder: Encoder, texts: Sequence[str]) -> Vectors:
        """(N, D) unit vectors, in order."""
        ...

    def of_blocks(self, run: Run, encoder: Encoder, blocks: Iterable[Sequence[str]]) -> Vectors:
        """The same, of texts that come by the block, of which one is held at a time."""
        ...


class DenseSearch(Protocol):
    """Exact search over all documents of a pool; scores are float64 cosines rounded to 1e-9."""

    def rank(
        self,
        queries: Vectors,
        documents: Vectors,
        positives: Sequence[Sequence[int]],
        excluded: Sequence[Sequence[int]],
        depth: int,
    ) -> Iterator[DenseRanking]:
        """For each query, in order: its hits and the exact rank of each of its positives.

        queries (Q, D), documents (P, D), sorted so that equal scores are in order of position.
        positives: positions of each query's positives. excluded: positions that no rank counts
        (the positives themselves and the near-duplicates of any of them).
        """
        ...


class TextSearch(Protocol):
    """Exact search over all documents of a pool by words."""

    def rank(
        self,
        queries: Sequence[str],
        positives: Sequence[Sequence[int]],
        excluded: Sequence[Sequence[int]],
        depth: int,
    ) -> Iterator[DenseRanking]:
        """As `DenseSearch.rank`; documents that share no word with a query are no hits."""
        ...


class PairScorer(Protocol):
    """Scores a query and a document read together."""

    name: str
    fingerprint: str

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """(N,) scores of (query, document) pairs, on the scale of the model."""
        ...

    def count_cut(self, pairs: Sequence[tuple[str, str]]) -> int:
        """How many of the pairs are longer than the model reads."""
        ...


class DenseRanking(Protocol):
    """Hits and ranks of one query."""

    positions: NDArray[np.int64]
    """(depth,) best first; fewer where the pool is smaller."""
    scores: NDArray[np.float64]
    """(depth,) cosines of the hits."""
    ranks: list[int]
    """1-based rank of each positive, in the order given."""
    positive_scores: list[float]


class Tokenizer(Protocol):
    """Counts the tokens of an encoder."""

    def count(self, text: str) -> int: ...


class LanguageDetector(Protocol):
    """Tells the language of a text."""

    def detect(self, text: str) -> str:
        """ISO 639-1 code, empty where the text is too short or has no letters to tell."""
        ...


class QueryEngine(Protocol):
    """Fills requests; the extractive engine and language models are such."""

    name: str
    """Kind, model and revision, as it is stored with every row, e.g. `extractive-1`."""

    def generate(self, requests: Sequence[Request]) -> Generator[Reply]:
        """One reply a request, in any order, as they arrive; closing it ends what is in flight.

        A request without a reply was left for later (batch files). What goes wrong with one is
        its reply's `failure`; InputError says that no request
        can be filled any more. Replies that were yielded before are kept.
        """
        ...


class Author(Protocol):
    """Makes drafts of candidates, by asking for what they need."""

    cut: set[str]
    """Documents that were cut to fit into a prompt, by text hash."""

    def write(self, chunk: Sequence[Candidate]) -> list[Draft]:
        """One draft a candidate, in their order."""
        ...


class PromptingAuthor(Protocol):
    """Tells beforehand what it would ask of a language model."""

    def first_prompts(self, chunk: Sequence[Candidate]) -> list[list[str]]:
        """The prompts of each candidate, step by step; what waits for a reply is drawn instead."""
        ...


class CharacterFinder(Protocol):
    """Finds who might need a document."""

    def meet(self, documents: Iterable[SourceDocument]) -> None:
        """These documents come next: what can be found out for many at once may be done now."""
        ...

    def find(self, document: SourceDocument, draw: int, count: int) -> list[Persona]:
        """At most `count` personas, a pure function of document and draw; one at least."""
        ...


class DocumentSource(Protocol):
    """Gives documents by their text hashes."""

    def __call__(self, hashes: Sequence[str]) -> Mapping[str, SourceDocument]: ...


class Run(Protocol):
    """One execution of a command on a workspace, as a stage sees it.

    The law of conservation is checked when the run ends: planned = kept + rejected + pending.
    """

    run_id: str
    sequence: int
    """Number of the run in its workspace, 1-based; later runs have larger numbers."""

    def plan(self, count: int) -> None:
        """`count` more units will be kept or rejected."""
        ...

    def keep(self, count: int = 1) -> None: ...

    def reject(self, rejects: Sequence[Reject]) -> None:
        """Count each as one unit under its reason, and store it."""
        ...

    def append(self, rows: Sequence[Record]) -> None:
        """Store rows. On return they are on disk and survive a kill (fsync).

        Rows whose key the workspace holds already are dropped at the merge, silently and on
        purpose: that is what makes running again harmless.
        """
        ...

    def hold(self, rows: RecordColumns) -> None:
        """Keep many rows of one table in memory until the next merge; a kill before loses them.

        For what the same command makes anew whatever is stored: draws and verdicts.
        """
        ...

    def checkpoint(self) -> None:
        """Merge what was appended or held into the database, if the last merge is some seconds
        ago.
        """
        ...

    def merge(self) -> None:
        """Merge what was appended or held into the database now."""
        ...

    def record_input(self, name: str, fingerprint: str) -> None:
        """Store with the run what it was made from, e.g. an encoder and its fingerprint."""
        ...

    def expect(self, count: int) -> None:
        """About so many more units will be done; for the time left, nothing else."""
        ...

    def tell(self, activity: str, units: float = 0.0) -> None:
        """Say what the run does while no unit is done, e.g. how many texts are encoded.

        units: how many units that amounts to, about.
        """
        ...

    def warn(self, line: str) -> None:
        """Tell people, and `--json`, what they would not expect."""
        ...
