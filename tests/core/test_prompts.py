import json
from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.prompts import Prompt, parse_prompt, read_prompt
from kalm_data.core.resources import resource_folder

FRONT = """+++
task_type = "grounded"
step = 2
language = "en"
version = 1
[reply]
type = "object"
required = ["query"]
additionalProperties = false
[reply.properties.query]
type = "string"
maxLength = 40
+++
"""

SHIPPED = sorted(resource_folder("prompts").glob("*.md"))

VALUES = {
    "title": "os.path.join",
    "text": "Join path components. {{ 1 + 1 }}",
    "characters": ["A sailor", "A baker"],
    "persona": "A sailor",
    "question_type": "keywords",
    "difficulty": "phd",
    "words": 12,
    "query_language": "English",
    "examples": ["how to splice a rope"],
}


def prompt(body: str) -> Prompt:
    return parse_prompt(FRONT + body, "mine.md")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_shipped_prompt_is_filled_by_the_known_values(file: Path):
    text = read_prompt(file).render(VALUES)
    assert "Join path components. {{ 1 + 1 }}" in text
    assert "{%" not in text


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_text_of_a_shipped_reply_schema_is_bounded(file: Path):
    schema = json.loads(read_prompt(file).schema)
    fields = schema["properties"].values()
    assert all("maxLength" in f or "enum" in f for f in fields if f["type"] == "string")
    assert sorted(schema["required"]) == sorted(schema["properties"])


def test_each_step_is_shipped_in_english_and_chinese():
    fronts = [read_prompt(file).front for file in SHIPPED]
    found = {(front.task_type, front.step, front.language) for front in fronts}
    assert found == {("grounded", step, language) for step in (1, 2) for language in ("en", "zh")}


def test_an_unfilled_variable_is_an_error_that_names_file_and_variable():
    with pytest.raises(InputError, match=r"mine\.md: nothing fills mood, weather\. Use only: text"):
        prompt("{{ text }} {{ weather }} {% if mood %}!{% endif %}").render({"text": "a"})


@pytest.mark.parametrize(
    "body",
    [
        "{{ text.__class__ }}",
        "{{ text.__class__.__mro__[1].__subclasses__() }}",
        "{{ text.upper() }}",
        "{{ text|attr('upper') }}",
        "{{ [text]|map(attribute='__class__')|join }}",
        "{{ ''['__class__'] }}",
        "{{ '{0.__class__}'.format(text) }}",
    ],
)
def test_no_attribute_is_reachable_from_a_prompt(body: str):
    with pytest.raises(InputError, match=r"mine\.md: cannot be filled"):
        prompt(body).render({"text": "a"})


@pytest.mark.parametrize("name", ["cycler", "lipsum", "namespace", "joiner", "dict"])
def test_jinjas_own_globals_are_gone(name: str):
    with pytest.raises(InputError, match=f"nothing fills {name}"):
        prompt(f"{{{{ {name} }}}}").render({})


@pytest.mark.parametrize(
    "body", ["{% include '/etc/passwd' %}", "{% import 'x' as x %}", "{% extends name %}"]
)
def test_a_prompt_reaches_no_other_file(body: str):
    with pytest.raises(InputError, match="cannot include, import or extend"):
        prompt(body)


def test_a_loop_knows_its_number():
    body = "{% for c in characters %}{{ loop.index }}{{ c }}{% endfor %}"
    assert prompt(body).render({"characters": ["a", "b"]}) == "1a2b"


def test_a_value_that_looks_like_a_template_stays_a_text():
    assert prompt("{{ text }}").render({"text": "{{ 7 * 7 }}"}) == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("+++\ntask", "task", "front matter must stand first"),
        ("step = 2", "step = 3", "'step'"),
        ("step = 2", "step =", "no TOML"),
        ('"grounded"', '"poem"', "'task_type'"),
        ("version = 1", "version = 1\nmood = 1", "'mood'"),
        ('["query"]', '["query", "answer"]', "names no property"),
        ('type = "object"', 'type = "array"', "reply.type"),
    ],
)
def test_bad_front_matter_is_an_error_that_names_the_field(old: str, new: str, message: str):
    with pytest.raises(InputError, match=message):
        parse_prompt(FRONT.replace(old, new, 1) + "x", "mine.md")


def test_a_broken_body_is_an_error():
    with pytest.raises(InputError, match=r"mine\.md: the body is no Jinja2 template"):
        prompt("{% if %}")


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path):
    file = tmp_path / "mine.md"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a readable prompt file"):
        read_prompt(file)
    with pytest.raises(InputError, match="not a readable prompt file"):
        read_prompt(tmp_path)


@pytest.mark.parametrize("body", ["{{ 1 // 0 }}", "{{ text + 1 }}", "{{ text.mood }}"])
def test_what_fails_while_a_prompt_is_filled_is_an_error_of_its_file(body: str):
    with pytest.raises(InputError, match=r"mine\.md: cannot be filled"):
        prompt(body).render({"text": "a"})
