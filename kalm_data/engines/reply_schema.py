"""Reads replies of language models: JSON that follows the schema, whatever the engine promised."""

from __future__ import annotations

import json
from functools import lru_cache

from jsonschema import Draft202012Validator

from kalm_data.core.text import without_surrogates


def read_reply(raw: str, schema: str) -> dict[str, object] | str:
    """The fields of a reply, else the reason word: `invalid_json` or `schema`.

    A reply within a fence of Markdown (```json) is read like one without; nothing else is mended.
    """
    try:
        value = json.loads(_unfenced(raw), strict=False)
    except (ValueError, RecursionError):
        return "invalid_json"
    if not isinstance(value, dict) or not without_surrogates(json.dumps(value, ensure_ascii=False)):
        return "schema"
    return value if _validator(schema).is_valid(value) else "schema"


@lru_cache(maxsize=64)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def _unfenced(raw: str) -> str:
    text = raw.strip()
    if text.startswith("```") and text.endswith("```"):
        return text.strip("`").removeprefix("json").strip()
    return text
