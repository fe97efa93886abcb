import json
from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.near_duplicates import near_duplicates
from kalm_data.core.personas import read_personas
from kalm_data.core.records import Text
from kalm_data.core.resources import resource_folder

FILES = sorted(resource_folder("personas").glob("*.jsonl"))


def test_at_least_200_personas_ship_in_english_and_chinese():
    personas = [persona for file in FILES for persona in read_personas(file)]
    assert len(personas) >= 200
    assert len({persona.id for persona in personas}) == len(personas)
    assert {persona.language for persona in personas} == {"en", "zh"}


def test_no_shipped_persona_is_nearly_another():
    personas = [persona for file in FILES for persona in read_personas(file)]
    assert near_duplicates([Text.of(persona.persona) for persona in personas]) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_shipped_personas_spread_over_fields_regions_ages_and_expertise(file: Path):
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len({row["field"] for row in rows}) >= 25
    assert len({row["region"] for row in rows}) >= 20
    assert min(row["age"] for row in rows) < 18 < 70 < max(row["age"] for row in rows)
    for level in ("newcomer", "practised", "expert"):
        assert sum(row["expertise"] == level for row in rows) >= len(rows) / 5


def test_a_line_without_an_id_is_known_by_its_text(tmp_path: Path):
    file = tmp_path / "hub.jsonl"
    file.write_text('{"persona": "A sailor", "synthesized text": "..."}\n\n{"persona": "A cook"}\n')
    one, other = read_personas(file)
    assert one.persona == "A sailor"
    assert one.id != other.id
    assert one.language == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no persona in it"),
        ('{"persona": "A"}\nnonsense\n', r"p\.jsonl:2: no JSON"),
        ('["A"]', r"p\.jsonl:1: a JSON object is wanted"),
        ('{"id": "x"}', r"p\.jsonl:1: 'persona' is missing or empty"),
        ('{"persona": " "}', r"p\.jsonl:1: 'persona' is missing or empty"),
        ('{"persona": 3}', r"p\.jsonl:1: 'persona' is 3; a text is wanted"),
        ('{"persona": "A"}\n{"persona": "A"}', r"p\.jsonl:2: .* stands in line 1 already"),
        ('{"id":"x","persona":"A"}\n{"id":"x","persona":"B"}', r"p\.jsonl:2: 'x' stands in line 1"),
    ],
)
def test_a_bad_persona_is_an_error_that_names_file_and_line(
    tmp_path: Path, text: str, message: str
):
    file = tmp_path / "p.jsonl"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_personas(file)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path):
    with pytest.raises(InputError, match="not a readable file of personas"):
        read_personas(tmp_path)
