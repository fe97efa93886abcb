"""Report: the figures of a workspace, and the page that shows them. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.records import text_hash
from kalm_data.core.report.figures import Figures
from kalm_data.core.templates import render_document, render_query, resolve_templates
from kalm_data.measures.hit_figures import above_positives, agreements
from kalm_data.measures.rank_curves import rank_curve, score_figures
from kalm_data.measures.variety import lengths, neighbours, variety

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy import float32
    from numpy.typing import NDArray

    from kalm_data.core.config.report import ReportConfig
    from kalm_data.core.report.figures import (
        Above,
        Agreement,
        Contamination,
        Coverage,
        Evaluated,
        Lengths,
        Neighbours,
        RankCurve,
        Reason,
        Repeats,
        RunFigures,
        SampleRow,
        ScoreFigures,
        ShardFigures,
        TaskSize,
        Variety,
    )
    from kalm_data.core.report.measured import (
        DrawnNegatives,
        FoundHits,
        MeasuredPositives,
        SampledText,
        StoredEncoder,
    )
    from kalm_data.core.tasks import Task
    from kalm_data.core.templates import Templates

SAMPLED_QUERIES = 5000
SAMPLED_DOCUMENTS = 2000
SAMPLED_HITS = 1000
_DEPTH = 100
_EMBEDDED = 1000
_LEAST_VECTORS = 20
"""Fewer of a sample tell nothing of it."""
_SUSPECTS = 12
_MATCHES = 20
_LONGEST = 20_000
"""Characters of a document that are read for the sample; the page shows fewer."""


class ReportStore(Protocol):
    """What is read of the workspace, of the tasks that the report is about."""

    def sizes(self) -> tuple[TaskSize, ...]: ...
    def reasons(self, runs: Sequence[str]) -> tuple[Reason, ...]: ...
    def coverage(self) -> Coverage: ...
    def repeats(self) -> tuple[Repeats, ...]: ...
    def runs(self) -> tuple[RunFigures, ...]: ...
    def positives(self) -> list[MeasuredPositives]: ...
    def negatives(self, suspects: int) -> DrawnNegatives: ...
    def top_k(self) -> Mapping[tuple[str, str], int]: ...
    def hits(self, task: str, most: int, depth: int) -> list[FoundHits]: ...
    def queries(self, task: Task, most: int) -> list[SampledText]: ...
    def documents(self, task: Task, most: int) -> list[SampledText]: ...
    def contamination(self, most: int) -> Contamination: ...
    def sample(self, runs: Sequence[str], most: int, longest: int) -> tuple[SampleRow, ...]: ...
    def encoders(self) -> list[StoredEncoder]: ...
    def vectors(
        self, encoder: str, hashes: Sequence[str]
    ) -> tuple[list[int], NDArray[float32] | None]: ...
    def evaluated(self, runs: Sequence[RunFigures]) -> tuple[Evaluated, ...]: ...


def measure_workspace(
    store: ReportStore,
    workspace: str,
    tasks: Sequence[Task],
    config: ReportConfig,
    shards: ShardFigures | None,
) -> Figures:
    """All figures of the tasks; samples are drawn by the seed."""
    runs = store.runs()
    names = [run.run_id for run in runs]
    drawn = store.negatives(_SUSPECTS)
    curves, scores = _ranks(store, drawn)
    texts = _Texts(store, tasks)
    agreed, above = _hits(store, tasks)
    return Figures(
        workspace=workspace,
        sizes=store.sizes(),
        reasons=store.reasons(names),
        curves=curves,
        scores=scores,
        lengths=texts.lengths(),
        coverage=store.coverage(),
        variety=texts.variety(),
        repeats=store.repeats(),
        neighbours=texts.neighbours(),
        agreements=agreed,
        above=above,
        elsewhere=drawn.elsewhere,
        suspects=drawn.suspects,
        contamination=store.contamination(_MATCHES),
        sample=store.sample(names, config.sample, _LONGEST),
        runs=runs,
        evaluated=store.evaluated(runs),
        shards=shards,
    )


def _ranks(
    store: ReportStore, drawn: DrawnNegatives
) -> tuple[tuple[RankCurve, ...], tuple[ScoreFigures, ...]]:
    top_k = store.top_k()
    negatives = {(one.task, one.ranker): one for one in drawn.measured}
    positives = store.positives()
    return (
        tuple(rank_curve(one, top_k.get((one.task, one.ranker))) for one in positives),
        tuple(score_figures(one, negatives.get((one.task, one.ranker))) for one in positives),
    )


def _hits(
    store: ReportStore, tasks: Sequence[Task]
) -> tuple[tuple[Agreement, ...], tuple[Above, ...]]:
    agreed: list[Agreement] = []
    above: list[Above] = []
    for task in tasks:
        found = store.hits(task.name, SAMPLED_HITS, _DEPTH)
        agreed += agreements(task.name, found)
        above += above_positives(task.name, found)
    return tuple(agreed), tuple(above)


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Texts of one kind, and (N, D) vectors of them by one encoder."""

    kind: str
    encoder: str
    texts: Sequence[str]
    vectors: NDArray[float32]


class _Texts:
    """A sample of the queries and documents of each task."""

    def __init__(self, store: ReportStore, tasks: Sequence[Task]) -> None:
        self._store, self._tasks = store, tasks
        self._queries = {task.name: store.queries(task, SAMPLED_QUERIES) for task in tasks}
        self._documents = {task.name: store.documents(task, SAMPLED_DOCUMENTS) for task in tasks}

    def lengths(self) -> tuple[Lengths, ...]:
        samples = (("queries", self._queries), ("documents", self._documents))
        return tuple(
            lengths(task.name, kind, [one.text for one in found[task.name]])
            for task in self._tasks
            for kind, found in samples
            if found[task.name]
        )

    def variety(self) -> tuple[Variety, ...]:
        return tuple(
            variety(task.name, [one.text for one in self._queries[task.name]])
            for task in self._tasks
            if self._queries[task.name]
        )

    def neighbours(self) -> tuple[Neighbours, ...]:
        """Of each task's queries and documents by the encoder that has most of their vectors."""
        encoders = self._store.encoders()
        return tuple(
            neighbours(task.name, one.kind, one.encoder, one.texts, one.vectors)
            for task in self._tasks
            for one in self._most_embedded(task, encoders)
        )

    def _most_embedded(self, task: Task, encoders: Sequence[StoredEncoder]) -> list[_Embedded]:
        """The first of equals; none where too few have a vector."""
        embedded = [self._embedded(task, encoder) for encoder in encoders]
        most = max(embedded, key=lambda found: sum(len(one.texts) for one in found), default=[])
        return [one for one in most if len(one.texts) >= _LEAST_VECTORS]

    def _embedded(self, task: Task, encoder: StoredEncoder) -> list[_Embedded]:
        """What has a vector as the encoder was asked for it, with its own prompts."""
        templates = resolve_templates(task, encoder.query_prompt, encoder.document_prompt)
        found = []
        for kind, sampled, write in (
            ("queries", self._queries, _query),
            ("documents", self._documents, _document),
        ):
            texts = sampled[task.name][:_EMBEDDED]
            hashes = [text_hash(write(templates, text)) for text in texts]
            places, vectors = self._store.vectors(encoder.fingerprint, hashes)
            if vectors is not None:
                known = [texts[place].text for place in places]
                found.append(_Embedded(kind, encoder.name, known, vectors))
        return found


def _query(templates: Templates, one: SampledText) -> str:
    return render_query(templates, one.text, one.instruction)


def _document(templates: Templates, one: SampledText) -> str:
    return render_document(templates, one.text, one.title, one.headings)
