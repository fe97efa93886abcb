import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.errors import InputError
from kalm_data.core.tasks import Task
from kalm_data.core.templates import (
    PAPER_QUERY,
    render_document,
    render_query,
    resolve_templates,
    unwrap_query,
)

TASK = Task(name="faq")
PAPER = Task(name="faq", instruction="Find it.", query_template=PAPER_QUERY)


def test_a_task_without_templates_and_a_model_without_prompts_write_bare_text():
    templates = resolve_templates(TASK)
    assert render_query(templates, "why?") == "why?"
    assert render_document(templates, "because") == "because"


def test_the_title_and_the_headings_stand_above_the_text():
    templates = resolve_templates(TASK)
    assert render_document(templates, "run it", "Guide", ("Setup",)) == "Guide > Setup\nrun it"


def test_a_saved_prompt_is_a_prefix():
    templates = resolve_templates(TASK, "query: ", "passage: ")
    assert render_query(templates, "why?") == "query: why?"
    assert render_document(templates, "because", "On causes") == "passage: On causes\nbecause"


def test_the_template_of_the_task_wins_over_the_saved_prompt():
    templates = resolve_templates(PAPER, "query: ", "")
    assert render_query(templates, "why?") == "Instruct: Find it. \n Query: why?"


@pytest.mark.parametrize("saved", ["I", "Find web pages."])
def test_a_saved_instruction_gives_way_to_the_tasks(saved: str):
    prompt = f"Instruct: {saved}\nQuery:"
    task = Task(name="faq", instruction="Find it.")
    assert render_query(resolve_templates(TASK, prompt), "why?") == f"{prompt}why?"
    written = render_query(resolve_templates(task, prompt), "why?")
    assert written == "Instruct: Find it.\nQuery:why?"


def test_the_instruction_of_the_example_wins_over_the_tasks():
    written = render_query(resolve_templates(PAPER), "why?", "Name the cause.")
    assert written == "Instruct: Name the cause. \n Query: why?"


def test_a_query_stays_bare_where_no_instruction_is_known():
    task = Task(name="sts", query_template=PAPER_QUERY)
    assert render_query(resolve_templates(task), "why?") == "why?"


def test_a_title_fills_the_slot_of_a_saved_document_prompt():
    templates = resolve_templates(TASK, "", "title: none | text: ")
    assert render_document(templates, "because", "Causes") == "title: Causes | text: because"
    assert render_document(templates, "because") == "title: none | text: because"


@given(st.text(), st.text())
def test_braces_in_texts_are_never_filled_in(title: str, text: str):
    task = Task(name="faq", document_template="<{title}|{text}>")
    written = render_document(resolve_templates(task), text + "{title}", title)
    assert written == f"<{title}|{text}{{title}}>"


def test_a_template_without_its_placeholder_is_refused():
    with pytest.raises(InputError, match=r"task faq: query_template .* has no \{query\}"):
        resolve_templates(Task(name="faq", query_template="find this"))


@given(st.text(), st.text().map(str.strip).filter(lambda text: text and "\n" not in text))
def test_unwrapping_undoes_the_wrapping_of_the_paper(query: str, instruction: str):
    written = render_query(resolve_templates(PAPER), query, instruction)
    assert unwrap_query(written) == (instruction, query)


@pytest.mark.parametrize("border", ["\n", " \n ", " \r\n"])
def test_unwrapping_does_not_mind_blanks_around_the_newline(border: str):
    assert unwrap_query(f"Instruct: Find it.{border}Query: why?") == ("Find it.", "why?")


@pytest.mark.parametrize("query", ["why?", "Instruct: me", "He said: Instruct: x\nQuery: y"])
def test_a_bare_query_is_left_alone(query: str):
    assert unwrap_query(query) == ("", query)


def test_the_fingerprint_tells_templates_apart():
    assert resolve_templates(TASK).fingerprint == resolve_templates(TASK).fingerprint
    assert resolve_templates(TASK).fingerprint != resolve_templates(TASK, "query: ").fingerprint


@pytest.mark.parametrize(
    ("prompt", "written"),
    [
        ("query: ", "query: because"),
        ("Instruct: {saved}\nQuery:", "Instruct: Find it.\nQuery:because"),
        ("", "because"),
    ],
)
def test_documents_of_a_symmetric_task_are_written_as_its_queries(prompt: str, written: str):
    task = Task(name="faq", symmetric=True, instruction="Find it.")
    templates = resolve_templates(task, prompt, "passage: ")
    assert render_document(templates, "because") == written
    assert render_document(templates, "because") == render_query(templates, "because")
    titled = render_document(templates, "because", "Guide", ("Setup",))
    assert titled == written.replace("because", "Guide > Setup\nbecause")


def test_a_symmetric_task_with_a_template_of_documents_keeps_it():
    task = Task(name="faq", symmetric=True, document_template="text: {text}")
    assert render_document(resolve_templates(task, "query: "), "because") == "text: because"


def test_documents_of_a_symmetric_task_stay_bare_where_no_instruction_is_known():
    task = Task(name="sts", symmetric=True, query_template=PAPER_QUERY)
    assert render_document(resolve_templates(task), "because") == "because"
