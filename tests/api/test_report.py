from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from mined_world import COUNT, MINE, TASK, WORLD, build, dig, example, fill, sift
from reported_world import reported_world
from word_ranking import Rankers, WordEncoder, word_vector

from kalm_data.api.report import ReportConfig, report
from kalm_data.core.errors import InputError
from kalm_data.core.records import Example, TaskRow, Text, example_id
from kalm_data.stages.build_shards import NamedTokenizer
from kalm_data.stages.mine import mine
from kalm_data.stages.report import measure_workspace
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.report import ReportStore
from kalm_data.workspace.results import keep_result
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.workspace.database import Database


def test_the_same_workspace_and_seed_give_the_same_bytes(
    database: Database, tmp_path: Path
) -> None:
    folder = reported_world(database).folder
    pages = [tmp_path / name for name in ("one.html", "two.html", "other.html")]
    for page, seed in zip(pages, (0, 0, 1), strict=True):
        report(folder, page, [], ReportConfig(sample=5, seed=seed))
    one, two, other = (page.read_bytes() for page in pages)
    assert one == two != other


def test_what_deserves_a_look_is_told_with_numbers_and_links(
    database: Database, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    written = report(reported_world(database).folder, page, ["t"], ReportConfig())
    names = [finding.name for finding in written.findings]
    assert names[:2] == ["no_gain", "close_negatives"]
    assert {"held_out_query", "contamination", "failed_requests"} <= set(names)
    html = page.read_text(encoding="utf-8")
    assert written.bytes == len(html.encode())
    anchors = set(re.findall(r'<section id="([^"]+)"', html))
    assert {finding.anchor for finding in written.findings} <= anchors
    assert set(re.findall(r'href="#([^"]+)"', html)) <= anchors


def test_an_empty_workspace_says_what_to_run(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no task yet"):
        report(database.folder, tmp_path / "page.html", [], ReportConfig())
    assert not (tmp_path / "page.html").exists()


def test_a_task_without_measurements_names_the_commands(database: Database, tmp_path: Path) -> None:
    query = Text.of("a query")
    with running(database, "import", "{}") as run:
        run.append([
            TaskRow("t", 1, TASK.model_dump_json(), "r"), query,
            Example(example_id("t", "a query"), "t", query.text_hash, "", "", "train", "import",
                    "", "", 0, "r"),
        ])  # fmt: skip
    report(database.folder, tmp_path / "page.html", [], ReportConfig(sample=0))
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    for command in ("mine --ranker dense:MODEL", "filter --exclude FILE", "eval MODEL --against",
                    "report OUT.html --shards DIR", "mine --ranker bm25"):  # fmt: skip
        assert f"{command}" in html, command


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*absent"):
        report(tmp_path / "w", tmp_path / "absent" / "page.html", [], ReportConfig())


class WordTokenizer:
    def count(self, text: str) -> int:
        return len(text.split())


def test_a_set_is_shown_with_its_mix_tokens_and_what_was_found_in_it(
    database: Database, tmp_path: Path
) -> None:
    world = sift(dig(fill(database, [[TaskRow("t", 1, TASK.model_dump_json(), "r")], *WORLD])), 50)
    tokenizer = NamedTokenizer("words", WordTokenizer())
    result, summary = build(world, tmp_path / "set", named_tokenizer=tokenizer, min_negatives=100)
    told = ReportConfig(shards=tmp_path / "set")
    unknown = report(database.folder, tmp_path / "page.html", [], told)
    assert "lint" not in {finding.name for finding in unknown.findings}
    keep_result(database.folder, summary.run_id, result)
    known = report(database.folder, tmp_path / "page.html", [], told)
    lint = [finding for finding in known.findings if finding.name == "lint"]
    assert [one.number for one in lint] == [str(found.count) for found in result.lint]
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Mix of set" in html and "Tokens, as the shard set stores them" in html


class PromptedWords(WordEncoder):
    fingerprint = "prompted"
    query_prompt, document_prompt = "query: ", "passage: "


def test_vectors_of_an_encoder_with_prompts_are_found_as_it_was_asked(database: Database) -> None:
    task = TASK.model_copy(update={"instruction": ""})
    world = fill(database, [*WORLD, *(example(f"glass {i} or paper", [i]) for i in range(20))])
    with running(world, "mine", "{}", resumable=True) as run:
        maker = Rankers(world, run, PromptedWords(), MINE)
        mine(RankingStore(world), run, maker, [task], MINE)
    figures = measure_workspace(ReportStore(world, [task], 0), "w", [task], ReportConfig(), None)
    found = {one.kind: one for one in figures.neighbours}
    assert (found["queries"].encoder, found["queries"].texts) == ("words", 30)
    assert found["documents"].texts == COUNT
    asked = np.stack([word_vector(f"query: {text}") for text in found_queries(world)])
    cosines = asked @ asked.T
    assert found["queries"].mean == pytest.approx(
        float(cosines[np.triu_indices(30, 1)].mean()), abs=1e-4
    )


def found_queries(database: Database) -> list[str]:
    return [one.text for one in ReportStore(database, [TASK], 0).queries(TASK, 100)]
