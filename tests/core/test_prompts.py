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
    "query_language": "Swahili",
    "examples": ["how to splice a rope"],
    "count": 17,
    "instruction": "Find the knot that a tale is about.",
    "language": "Basque",
    "query_type": "long-tail, drawn",
    "query_length": "9 to 11",
    "clarity": "foggy",
    "document_words": "333",
    "input_words": "77",
    "unit": "stanza",
    "high": "4.75",
    "low": "1.25",
    "source_language": "Latin",
    "target_language": "Tamil",
}
OTHER_VALUES = {name: ["?"] if isinstance(value, list) else "?" for name, value in VALUES.items()}
DRAWN_WORDS = {"question_type", "difficulty"}
"""Values that a prompt may tell in other words."""

QUESTION_TYPES = (
    "keywords", "identifier", "acquire_knowledge", "summary", "yes_or_no", "background",
)  # fmt: skip

GROUNDED = {
    "title", "text", "persona", "question_type", "difficulty", "words", "query_language",
    "examples",
}  # fmt: skip
WRITTEN = {"instruction", "language", "difficulty"}
USES = {
    ("grounded", 1): ({"title", "text", "characters"}, "character question_type difficulty"),
    ("grounded", 2): (GROUNDED, "query"),
    ("grounded-one-step", 1): (GROUNDED, "query"),
    ("short-long", 1): ({"count"}, "instructions"),
    ("long-short", 1): ({"count"}, "instructions"),
    ("short-short", 1): ({"count"}, "instructions"),
    ("long-long", 1): ({"count"}, "instructions"),
    ("short-long", 2): (
        WRITTEN | {"query_type", "query_length", "clarity", "document_words"},
        "user_query positive_document hard_negative_document",
    ),
    ("long-short", 2): (
        WRITTEN | {"input_words", "clarity"}, "input_text label misleading_label"
    ),
    ("short-short", 2): (WRITTEN, "input positive_document"),
    ("long-long", 2): (WRITTEN, "input positive_document"),
    ("sts", 1): ({"unit", "high", "low", "difficulty", "language"}, "S1 S2 S3"),
    ("bitext", 1): ({"unit", "high", "low", "source_language", "target_language"}, "S1 S2 S3"),
    ("persona", 1): ({"title", "text", "count"}, "personas"),
}  # fmt: skip
"""By task type and step: the variables of a shipped prompt, and the keys of its reply."""


def prompt(body: str) -> Prompt:
    return parse_prompt(FRONT + body, "mine.md")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_shipped_prompt_shows_the_values_that_fill_it(file: Path):
    read = read_prompt(file)
    text = read.render(VALUES)
    assert "{%" not in text
    for name in set(read.variables) - DRAWN_WORDS:
        value = VALUES[name]
        assert all(str(part) in text for part in (value if isinstance(value, list) else [value]))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_a_shipped_prompt_begins_with_what_is_fixed(file: Path):
    read = read_prompt(file)
    one, other = read.render(VALUES), read.render(OTHER_VALUES)
    shared = next(at for at in range(len(one)) if one[at] != other[at])
    assert shared >= len(other) / 2


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_text_of_a_shipped_reply_schema_is_bounded(file: Path):
    schema = json.loads(read_prompt(file).schema)
    fields = list(schema["properties"].values())
    arrays = [field for field in fields if field["type"] == "array"]
    texts = [*fields, *(field["items"] for field in arrays)]
    assert all("maxLength" in f or "enum" in f for f in texts if f["type"] == "string")
    assert all("maxItems" in field for field in arrays)
    assert sorted(schema["required"]) == sorted(schema["properties"])


def test_each_step_is_shipped_in_english_and_chinese():
    fronts = [read_prompt(file).front for file in SHIPPED]
    found = sorted((front.task_type, front.step, front.language) for front in fronts)
    assert found == sorted((*use, language) for use in USES for language in ("en", "zh"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_a_shipped_prompt_uses_its_variables_and_asks_for_its_keys(file: Path):
    read = read_prompt(file)
    variables, keys = USES[read.front.task_type, read.front.step]
    assert set(read.variables) == variables
    assert list(read.front.reply.required) == keys.split()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_english_and_chinese_name_the_same_keys_in_the_prompt(file: Path):
    read = read_prompt(file)
    assert all(f'"{key}"' in read.fixed for key in read.front.reply.required)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_one_step_prompt_tells_question_types_and_levels_in_words(language: str):
    read = read_prompt(resource_folder("prompts") / f"grounded-one-step.{language}.md")
    levels = ("high_school", "university", "phd")
    told = {
        read.render({**VALUES, "question_type": kind, "difficulty": level})
        for kind in QUESTION_TYPES
        for level in levels
    }
    assert len(told) == len(QUESTION_TYPES) * len(levels)
    assert not any(word in text for text in told for word in (*QUESTION_TYPES[2:5], *levels))


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
