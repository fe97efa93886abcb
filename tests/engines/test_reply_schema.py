import json

import pytest

from kalm_data.engines.reply_schema import read_reply

SCHEMA = json.dumps({
    "type": "object",
    "properties": {"query": {"type": "string", "minLength": 2, "maxLength": 9}},
    "required": ["query"],
    "additionalProperties": False,
})  # fmt: skip


@pytest.mark.parametrize(
    "raw", ['{"query": "why"}', ' {"query":"why"}\n', '```json\n{"query": "why"}\n```']
)
def test_a_reply_that_follows_its_schema_is_read(raw: str):
    assert read_reply(raw, SCHEMA) == {"query": "why"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("why", "invalid_json"), ('{"query": "why"', "invalid_json"), ("", "invalid_json"),
        ("[" * 100_000, "invalid_json"), ('["why"]', "schema"), ("{}", "schema"),
        ('{"query": 3}', "schema"), ('{"query": "w"}', "schema"),
        ('{"query": "why", "a": 1}', "schema"),
        ('{"query": "0123456789"}', "schema"), ('{"query": "\\ud800abc"}', "schema"),
    ],
)  # fmt: skip
def test_any_other_reply_has_a_reason_word(raw: str, reason: str):
    assert read_reply(raw, SCHEMA) == reason
