"""The one line that matters in the hundreds that vLLM writes about a failure."""

from __future__ import annotations

import re

_RAISED = re.compile(
    r"^(?:\(.+?\] )?"  # "(EngineCore pid=7) ERROR 11-24 16:19:24 [core.py:1510] ", or nothing
    r"(?:\w+\.)*(?P<kind>\w*(?:Error|Exception|Interrupt)): (?P<told>.+)$",
    re.MULTILINE,
)
_PYDANTIC = re.compile(r"\d+ validation errors? for \w+\s+(?P<told>[^\[]+?)(?: \[type=|$)")
_MAX_TOLD = 300


def find_cause(said: str) -> str:
    """The first exception of a log or traceback: those after it are its consequences."""
    raised = _RAISED.search(said)
    if raised is None:
        return "it ended without a word."
    told = f"{raised['kind']}: {raised['told']}"
    if pydantic := _PYDANTIC.match(said, raised.start("told")):
        told = " ".join(pydantic["told"].split()).removeprefix("Value error, ")
    return f"{told[:_MAX_TOLD].rstrip('. ')}."
