"""From the names of rankers to rankers of a task's pool."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.config.ranking import RankerSpec, parse_ranker
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from kalm_data.api.device_engines import DeviceEngines
    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.protocols import PairScorer
    from kalm_data.core.trec_run import TrecRun
    from kalm_data.measures.rankers.dense import Engines
    from kalm_data.measures.ranking import RankedPool, Ranker
    from kalm_data.stages.mine import TaskRankers
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun


class WorkspaceRankers:
    """Satisfies `stages.mine.RankerMaker`; a model is loaded once for all tasks."""

    def __init__(
        self, database: Database, run: WorkspaceRun, config: MineConfig, made: DeviceEngines
    ) -> None:
        from kalm_data.workspace.vectors import VectorStore

        self._database, self._run, self._config, self._made = database, run, config, made
        self._vectors = VectorStore(database)
        self._encoder = cache(self._load_encoder)
        self._scorer = cache(self._load_scorer)
        self._listed = cache(self._read_run)

    @property
    def encoded(self) -> int:
        return self._vectors.encoded

    def make(self, over: RankedPool) -> TaskRankers:
        from kalm_data.stages.mine import TaskRankers

        made: dict[RankerSpec, Ranker] = {}
        drawn = tuple(self._add(spec, over, made) for spec in self._config.rankers)
        if len(set(drawn)) < len(drawn):
            twice = next(id_ for id_ in drawn if drawn.count(id_) > 1)
            raise InputError(f"{twice}: the same ranker under two names. Name it once.")
        by_id = {ranker.id: ranker for ranker in made.values()}
        if not self._config.denoise:
            return TaskRankers(tuple(by_id.values()), drawn)
        judge = self._judge(over, made)
        return TaskRankers((*by_id.values(), judge), drawn, judge.id)

    def _judge(self, over: RankedPool, made: dict[RankerSpec, Ranker]) -> Ranker:
        """The denoiser: it reads whatever hits of any ranker may be drawn."""
        from kalm_data.measures.rankers.cross_encoder import CrossEncoderRanker

        finding = [one for one in self._config.rankers if one.kind != "cross-encoder"]
        finding = finding or [parse_ranker(self._config.rescored)]
        bases = tuple(dict.fromkeys(made[one].id for one in finding))
        scorer = self._scorer(self._config.denoise)
        return CrossEncoderRanker(scorer, bases, over, self._config.window[1])

    def _add(self, spec: RankerSpec, over: RankedPool, made: dict[RankerSpec, Ranker]) -> str:
        """The id of the ranker, which is made after those it needs, if it is not there yet."""
        if spec not in made:
            needs = tuple(self._add(one, over, made) for one in self._needs(spec))
            made[spec] = self._make(spec, over, needs)
        return made[spec].id

    def _needs(self, spec: RankerSpec) -> tuple[RankerSpec, ...]:
        if spec.kind == "hybrid":
            return RankerSpec("bm25", ""), RankerSpec("dense", spec.subject)
        return (parse_ranker(self._config.rescored),) if spec.kind == "cross-encoder" else ()

    def _make(self, spec: RankerSpec, over: RankedPool, needs: tuple[str, ...]) -> Ranker:
        from kalm_data.measures.rankers.bm25 import Bm25Ranker
        from kalm_data.measures.rankers.cross_encoder import CrossEncoderRanker
        from kalm_data.measures.rankers.dense import DenseRanker, PoolSample
        from kalm_data.measures.rankers.hybrid import HybridRanker
        from kalm_data.measures.rankers.run_file import RunRanker
        from kalm_data.workspace.rankings import RankingStore

        depth = self._config.stored_depth
        if spec.kind == "dense":
            size, seed = self._config.pool_sample, self._config.seed
            sample = PoolSample(size, seed) if size else None
            return DenseRanker(self._run, self._encoder(spec.subject), over, depth, sample)
        if spec.kind == "hybrid":
            name = self._encoder(spec.subject).encoder.name
            return HybridRanker(name, needs, over, depth)
        if spec.kind == "cross-encoder":
            scorer = self._scorer(spec.subject)
            return CrossEncoderRanker(scorer, needs, over, self._config.rescore)
        if spec.kind == "run":
            names = RankingStore(self._database).document_names(over.task)
            return RunRanker(self._listed(spec.subject), names, over, depth)
        from kalm_data.engines.bm25_okapi import OkapiSearch
        from kalm_data.engines.bm25_tokens import refuse_unstemmed

        refuse_unstemmed(spec.subject)
        return Bm25Ranker(partial(OkapiSearch, stem=spec.subject), spec.subject, over, depth)

    def _load_encoder(self, name: str) -> Engines:
        from kalm_data.measures.rankers.dense import Engines

        encoder = self._made.encoder(name, self._config.precision)
        if encoder.note:
            self._run.warn(encoder.note)
        self._run.record_input(f"encoder {encoder.name}", encoder.fingerprint)
        return Engines(encoder, self._vectors, self._made.search())

    def _load_scorer(self, name: str) -> PairScorer:
        scorer = self._made.scorer(name, self._config.precision)
        if scorer.note:
            self._run.warn(scorer.note)
        self._run.record_input(f"cross-encoder {scorer.name}", scorer.fingerprint)
        return scorer

    def _read_run(self, file: str) -> TrecRun:
        from kalm_data.core.trec_run import read_run

        listed = read_run(Path(file))
        self._run.record_input(f"run {listed.name}", listed.fingerprint)
        return listed
