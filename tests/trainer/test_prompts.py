from __future__ import annotations

import pytest

from kalm_data.core.tasks import Task
from kalm_data.core.templates import PAPER_QUERY, Templates, resolve_templates
from kalm_data.trainer.prompts import trained_prompts

BARE = {"query": "", "document": ""}


def resolved(name: str, query_prompt: str = "", **definition: str) -> dict[str, Templates]:
    return {
        name: resolve_templates(Task.model_validate({"name": name, **definition}), query_prompt)
    }


def test_one_task_makes_its_prefix_the_models_query_prompt():
    task = resolved("t", query_template=PAPER_QUERY, instruction="find")
    assert trained_prompts(BARE, task)["query"] == "Instruct: find \n Query: "


def test_tasks_that_differ_leave_the_query_prompt_and_are_prompts_of_their_own():
    tasks = resolved("a", query_template="a: {query}") | resolved("b", query_template="b: {query}")
    assert trained_prompts(BARE, tasks) == BARE | {"a": "a: ", "b": "b: "}


def test_what_follows_the_query_is_no_prompt():
    prompts = trained_prompts(BARE, resolved("t", query_template="{query} ({instruction})"))
    assert prompts == BARE


@pytest.mark.parametrize(
    ("template", "prompt"),
    [("", ""), ("passage: {text}", "passage: "), ("{title}: {text}", "old"), ("{text}.", "old")],
)
def test_the_document_prompt_is_what_stands_before_a_text_without_a_title(
    template: str, prompt: str
):
    prompts = trained_prompts({"document": "old"}, resolved("t", document_template=template))
    assert prompts["document"] == prompt


def test_a_task_named_query_does_not_take_the_place_of_the_query_prompt():
    tasks = resolved("query", query_template="q: {query}") | resolved("b", query_template="{query}")
    assert trained_prompts(BARE, tasks) == BARE | {"b": ""}
