from __future__ import annotations

import zlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kalm_data.core.config.eval import EvalConfig
from kalm_data.core.errors import InputError
from kalm_data.core.eval_result import EvalResult, by_task
from kalm_data.core.evaluation import UNKNOWN_TRAINING, EvalQuery, TrainingSet
from kalm_data.core.pool import Pool, PoolDocument, make_pool
from kalm_data.core.records import Text, example_id, text_hash
from kalm_data.core.tasks import Task
from kalm_data.core.templates import resolve_templates
from kalm_data.core.text import words
from kalm_data.engines.bm25_lucene import LuceneBm25
from kalm_data.engines.dense_search import ExactSearch
from kalm_data.measures.systems import Engines, Model
from kalm_data.stages.evaluate import evaluate, missed_gates
from kalm_data.workspace.database import Database
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kalm_data.core.protocols import Run, Vectors
    from kalm_data.core.query_lines import QueryLine

TASK = Task(name="t")
COUNT = 40
DIMENSION = 256


class WordEncoder:
    """A sum of one vector a word; words that `synonyms` maps to one are the same to it."""

    fingerprint = "words"
    query_prompt = document_prompt = ""
    dimension = DIMENSION

    def __init__(self, name: str, synonyms: dict[str, str]) -> None:
        self.name = name
        self._synonyms = synonyms

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        yield list(range(len(texts))), np.stack([self._vector(text) for text in texts])

    def count_cut(self, texts: Sequence[str]) -> int:
        return sum(len(words(text)) > 100 for text in texts)

    def _vector(self, text: str) -> Vectors:
        total = sum(self._word(self._synonyms.get(word, word)) for word in words(text))
        return np.float32(total / np.linalg.norm(total))

    def _word(self, word: str) -> Vectors:
        return np.random.default_rng(zlib.crc32(word.encode())).normal(size=DIMENSION)


class Fresh:
    """Vectors that nobody keeps."""

    def vectors(self, run: Run, encoder: WordEncoder, texts: Sequence[str]) -> Vectors:
        return next(encoder.encode(texts))[1]

    def of_blocks(self, run: Run, encoder: WordEncoder, blocks: Iterable[Sequence[str]]) -> Vectors:
        return np.concatenate([self.vectors(run, encoder, texts) for texts in blocks])


class Store:
    """Forty documents, each with a test query that shares a synonym, and no word, with it."""

    def __init__(self, queries: Sequence[EvalQuery] | None = None) -> None:
        self._queries = [ask(i) for i in range(COUNT)] if queries is None else queries

    def test_queries(self, task: str) -> list[EvalQuery]:
        return sorted(self._queries, key=lambda query: query.example_id)

    def shown_queries(self) -> frozenset[str]:
        return frozenset()

    def document_ids(self, task: Task) -> dict[str, str]:
        return {text_hash(document(i)): f"doc{i}" for i in range(COUNT)}

    def pool(self, task: Task) -> Pool:
        near = [(text_hash(document(0)), text_hash(document(1)))]
        return make_pool(map(as_document, range(COUNT)), near, "")


def document(i: int) -> str:
    return f"thing{i} lies by the river with many others"


def as_document(i: int) -> PoolDocument:
    return PoolDocument(text_hash(document(i)), document(i), "", (), "en", "test", frozenset())


def ask(i: int, query: str = "") -> EvalQuery:
    query = query or f"where is object{i}"
    positives = (text_hash(document(i)),)
    return EvalQuery(example_id("t", query), query, "", "en", "import", "q.jsonl", i, positives)


def model(name: str, known: int) -> Model:
    """A model that knows the first `known` synonyms."""
    encoder = WordEncoder(name, {f"object{i}": f"thing{i}" for i in range(known)})
    return Model(name, encoder, resolve_templates(TASK))


GOOD, BAD = model("good", COUNT), model("bad", 5)
ENGINES = Engines(LuceneBm25, Fresh(), ExactSearch())
CONFIG = EvalConfig(resamples=500)
SHARDS = TrainingSet("shards", frozenset(text_hash(document(i)) for i in range(1, 9)), frozenset())


def judge(
    database: Database,
    tested: Model = GOOD,
    against: Model | None = BAD,
    store: Store | None = None,
    training: TrainingSet = SHARDS,
    config: EvalConfig = CONFIG,
    keep_lines: Callable[[Sequence[QueryLine]], None] | None = None,
) -> EvalResult:
    with running(database, "eval", "{}") as run:
        return evaluate(
            store or Store(), run, [TASK], reads(tested), against and reads(against),
            training, ENGINES, config, keep_lines,
        )  # fmt: skip


def reads(model: Model) -> Callable[[Task], Model]:
    """The same for every task."""
    return lambda task: model


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> EvalResult:
    """A good model against a bad one."""
    return judge(Database(tmp_path_factory.mktemp("eval")))


def test_a_better_model_wins_over_base_bm25_and_fusion(result: EvalResult) -> None:
    assert list(result.systems) == ["bm25", "base", "trained", "base+bm25", "trained+bm25"]
    assert result.against is not None
    assert result.metrics["ndcg@10"] > 0.95
    assert result.headline.verdict == "better"
    gain = result.against.difference["ndcg@10"]
    assert gain.mean == pytest.approx(result.metrics["ndcg@10"] - result.against.metrics["ndcg@10"])
    assert gain.p < 0.01 and gain.ci95[0] > 0.5


def test_a_worse_model_is_said_to_have_lost(database: Database) -> None:
    result = judge(database, tested=BAD, against=GOOD)
    assert (result.headline.rival, result.headline.verdict) == ("base", "worse")
    assert result.headline.difference["ndcg@10"].mean < 0


def test_a_model_against_itself_stays_undecided(database: Database) -> None:
    result = judge(database, against=GOOD)
    assert result.against is not None
    assert asdict(result.against.difference["mrr@10"]) == {"mean": 0, "ci95": (0, 0), "p": 1}
    assert result.headline.verdict == "undecided"


def test_without_a_base_the_model_stands_beside_bm25(database: Database) -> None:
    result = judge(database, against=None)
    assert list(result.systems) == ["bm25", "model", "model+bm25"]
    assert result.against is None
    assert result.headline.rival == "bm25"
    assert result.slices["overlap"]["low"].difference == {}


def test_bm25_wins_where_the_words_are_shared(database: Database) -> None:
    queries = [ask(i, f"thing{i} where is") for i in range(COUNT)]
    blind = model("blind", 0)
    result = judge(database, tested=blind, against=blind, store=Store(queries))
    assert result.systems["bm25"]["ndcg@10"] > 0.9


def test_slices_part_the_queries_and_agree_with_the_whole(result: EvalResult) -> None:
    for parts in result.slices.values():
        assert sum(part.queries for part in parts.values()) == COUNT
        means = [(p.queries, p.systems["base"]["ndcg@10"]) for p in parts.values() if p.queries]
        total = sum(queries * value for queries, value in means) / COUNT
        assert total == pytest.approx(result.systems["base"]["ndcg@10"])
    assert result.slices["documents"]["seen"].queries == 9  # 1 to 8, and 0, a copy of 1
    assert result.slices["overlap"]["low"].queries == COUNT


def test_seen_and_unseen_are_missing_where_training_is_not_known(database: Database) -> None:
    result = judge(database, training=UNKNOWN_TRAINING)
    assert list(result.slices) == ["overlap"]
    assert result.training == ""


def test_contaminated_queries_are_taken_out_counted_and_kept(database: Database) -> None:
    seen = Text.of("where is object3").norm_hash
    store = Store([*map(ask, range(COUNT)), ask(2, "by the river")])
    result = judge(database, store=store, training=replace(SHARDS, queries=frozenset([seen])))
    assert result.metrics["queries"] == COUNT - 1
    with database.read() as connection:
        rows = connection.execute(
            "SELECT reason, text, source, line FROM rejects ORDER BY reason"
        ).fetchall()
        counts = connection.execute("SELECT planned, kept, rejected FROM runs").fetchone()
    assert rows == [
        ("in_training", "where is object3", "q.jsonl", 3),
        ("verbatim_in_pool", "by the river", "q.jsonl", 2),
    ]
    assert counts == (COUNT + 1, COUNT - 1, '{"in_training": 1, "verbatim_in_pool": 1}')


def test_origins_and_cut_texts_are_counted(database: Database) -> None:
    synthetic = replace(ask(1, "the long one " * 40), origin="extractive")
    result = judge(database, store=Store([ask(0), synthetic]))
    assert result.origins == {"extractive": 1, "import": 1}
    assert result.cut == {"base": 1, "trained": 1}


@pytest.mark.parametrize(("queries", "warned"), [(20, True), (21, False)])
def test_few_groups_are_warned_of(database: Database, queries: int, warned: bool) -> None:
    judge(database, store=Store([ask(i) for i in range(queries)]))  # 0 and 1 are one group
    with database.read() as connection:
        [(warnings,)] = connection.execute("SELECT warnings FROM runs").fetchall()
    assert any("rest on 19 groups" in line for line in warnings) is warned


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (Store([]), "no test queries.*--test-fraction"),
        (Store([ask(1, "river")]), "none of the 1.*verbatim_in_pool 1.*--verbatim-words"),
    ],
)
def test_nothing_to_judge_by_is_said_with_the_remedy(
    database: Database, store: Store, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        judge(database, store=store)


def test_the_same_run_twice_gives_the_same_figures(database: Database, result: EvalResult) -> None:
    assert judge(database) == result
    assert judge(database, config=EvalConfig(resamples=500, seed=1)) != result


@pytest.mark.parametrize(
    ("gates", "missed"),
    [
        ({}, 0),
        ({"min_ndcg": 0.5, "min_gain": 0.1, "max_p": 0.05}, 0),
        ({"min_ndcg": 1.0, "min_gain": 1.0, "max_p": 0.001}, 3),
    ],
)
def test_each_missed_gate_is_a_line_with_its_option(
    result: EvalResult, gates: dict[str, float], missed: int
) -> None:
    lines = missed_gates(result, EvalConfig(**gates))
    assert len(lines) == missed
    assert all("--m" in line for line in lines)


def test_a_significant_loss_misses_the_gate_on_p(result: EvalResult) -> None:
    assert result.against is not None
    loss = replace(result.against.difference["ndcg@10"], mean=-0.1, p=0.001)
    against = replace(result.against, difference={"ndcg@10": loss})
    assert missed_gates(replace(result, against=against), EvalConfig(max_p=0.05))


def test_gates_that_compare_need_a_base(database: Database) -> None:
    with pytest.raises(InputError, match="--against"):
        judge(database, against=None, config=EvalConfig(max_p=0.05))


def test_the_result_prints_as_the_contract_says(result: EvalResult) -> None:
    printed = asdict(result)
    measures = {"ndcg@10", "mrr@10", "recall@10", "recall@100", "queries"}
    assert set(printed["metrics"]) == set(printed["against"]["metrics"]) == measures
    assert set(printed["systems"]["trained+bm25"]) == measures
    assert set(printed["against"]["difference"]["ndcg@10"]) == {"mean", "ci95", "p"}
    assert set(printed["slices"]["documents"]) == {"seen", "unseen"}


class TwoTasks(Store):
    """The same documents; task u has ten of the queries, in other words."""

    def test_queries(self, task: str) -> list[EvalQuery]:
        if task == "t":
            return super().test_queries(task)
        asked = [replace(ask(i), example_id=example_id("u", ask(i).query)) for i in range(10, 20)]
        return sorted(asked, key=lambda query: query.example_id)


def judge_two(database: Database, tasks: Sequence[Task], config: EvalConfig = CONFIG) -> EvalResult:
    with running(database, "eval", "{}") as run:
        return evaluate(
            TwoTasks(), run, tasks, reads(GOOD), reads(BAD), SHARDS, ENGINES, config
        )  # fmt: skip


def test_several_tasks_are_one_run_whose_figures_are_means_over_tasks(database: Database) -> None:
    result = judge_two(database, [Task(name="u"), TASK])
    assert (result.task, list(result.tasks)) == ("t, u", ["t", "u"])
    for system, means in result.systems.items():
        each = [task.systems[system]["ndcg@10"] for task in result.tasks.values()]
        assert means["ndcg@10"] == pytest.approx(sum(each) / 2)
    assert result.metrics["queries"] == COUNT + 10
    assert result.origins == {"import": COUNT + 10}
    with database.read() as connection:
        counts = connection.execute("SELECT planned, kept FROM runs").fetchall()
    assert counts == [(COUNT + 10, COUNT + 10)]


def test_a_task_has_the_same_figures_alone_and_beside_another(
    database: Database, result: EvalResult
) -> None:
    both = judge_two(database, [TASK, Task(name="u")])
    assert both.tasks["t"] == result.tasks["t"]
    assert by_task(both)["t"] == result
    assert both == judge_two(database, [Task(name="u"), TASK])


def test_one_task_stands_at_the_top_and_by_its_name(result: EvalResult) -> None:
    printed = asdict(result)
    for name, value in printed["tasks"]["t"].items():
        assert printed[name] == value


def test_dims_are_judged_beside_the_whole_and_worse_where_little_is_left(
    database: Database, result: EvalResult
) -> None:
    found = judge(database, config=EvalConfig(resamples=500, dim=(2, DIMENSION)))
    assert list(found.dims) == [str(DIMENSION), "2"]
    whole, two = found.dims.values()
    assert (whole.metrics, whole.against) == (result.metrics, result.against)
    assert two.metrics["ndcg@10"] < result.metrics["ndcg@10"] - 0.2
    assert two.against is not None and two.against.model == "bad"


def test_a_dim_that_the_model_lacks_is_refused(database: Database) -> None:
    with pytest.raises(InputError, match=r"--dim 257: the vectors of bad have 256 numbers"):
        judge(database, config=EvalConfig(dim=(257,)))


def test_each_query_is_a_line_with_what_every_system_answered(database: Database) -> None:
    lines: list[QueryLine] = []
    result = judge(database, keep_lines=lines.extend)
    assert [line.example_id for line in lines] == sorted(ask(i).example_id for i in range(COUNT))
    for system, means in result.systems.items():
        gains = [line.systems[system].metrics["ndcg@10"] for line in lines]
        assert sum(gains) / COUNT == pytest.approx(means["ndcg@10"])
    line = next(line for line in lines if line.query == "where is object7")
    assert line.relevant == ("doc7",)
    trained = line.systems["trained"]
    assert trained.rank == 1 and trained.top[0].id == "doc7" and len(trained.top) == 10
    scores = [hit.score for hit in trained.top]
    assert scores == sorted(scores, reverse=True)
    assert line.systems["bm25"].rank is None or line.systems["bm25"].top[0].score is None
