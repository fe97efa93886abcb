"""The tokens of an encoder, counted by the `tokenizers` library."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import digest
from kalm_data.engines.models import resolve_model

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer as FastTokenizer


class ModelTokenizer:
    """Satisfies `core.protocols.Tokenizer`; loaded when the first text is counted."""

    def __init__(self, model: str) -> None:
        self.model = model

    @property
    def fingerprint(self) -> str:
        """Digest of its file."""
        return digest("tokenizer", self._file.read_text(encoding="utf-8"))

    def count(self, text: str) -> int:
        """Tokens of the text as the model reads it, its special tokens included."""
        return len(self._tokenizer.encode(text))

    @cached_property
    def _file(self) -> Path:
        file = resolve_model(self.model).path / "tokenizer.json"
        if not file.is_file():
            message = f"{file}: no such file. Name a model with a fast tokenizer: --tokenizer."
            raise InputError(message)
        return file

    @cached_property
    def _tokenizer(self) -> FastTokenizer:
        from tokenizers import Tokenizer

        loaded = Tokenizer.from_file(str(self._file))
        loaded.no_truncation()
        loaded.no_padding()
        return loaded
