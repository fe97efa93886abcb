"""The one line that matters among the hundreds that vLLM writes about a failure."""

from __future__ import annotations

import re

_RAISED = re.compile(
    r"^(?:\(.+?\] )?"  # "(EngineCore pid=7) ERROR 11-24 16:19:24 [core.py:1510] ", or nothing
    r"(?:\w+\.)*(?P<line>\w*(?:Error|Exception)(?:: .+)?)$",
    re.MULTILINE,
)
_PYDANTIC = re.compile(r"ValidationError: .+\s+(?:Value error, )?(?P<told>.+?)(?: \[type=|$)")
_CACHE = re.compile(r"/\S*?/torch_compile_cache(?=/)")
_MAX_CHARACTERS = 300


def find_cause(said: str) -> str:
    """The first exception of a log or traceback: those after it are its consequences."""
    raised = _RAISED.search(said)
    if raised is None:
        return "it ended without a word."
    pydantic = _PYDANTIC.match(said, raised.start("line"))
    told = pydantic["told"] if pydantic else raised["line"]
    return f"{told[:_MAX_CHARACTERS].rstrip('. ')}.{_remedy(raised['line'])}"


def _remedy(told: str) -> str:
    """A start that was stopped while it compiled leaves vLLM's cache broken for all later ones."""
    cache = _CACHE.search(told)
    return f" Remove {cache.group()} and try again." if cache else ""
