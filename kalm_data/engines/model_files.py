"""What a model folder says of a sentence-transformers model, without loading the model.

Loading takes ten seconds; a command that finds all its vectors made never pays them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from pathlib import Path

_LOADED = {".safetensors", ".bin", ".json", ".txt", ".model", ".py", ".jinja", ".vocab"}
_NOT_LOADED = {"README.md", "data_config.json", "trainer_state.json"}
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
"""In the order in which sentence-transformers' encode_document looks for them."""
_WIDTHS = ("hidden_size", "dim", "d_model", "n_embd")
"""How configurations of models name the width of a token's vector."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """`content` is the digest of weights, configuration and tokenizer."""

    content: str
    query_prompt: str
    document_prompt: str


def read_model_files(folder: Path) -> ModelFiles:
    """Raises InputError where the folder holds no model."""
    if not (folder / "config.json").exists() and not (folder / "modules.json").exists():
        message = (
            f"{folder}: no model is there (neither config.json nor modules.json). "
            "Name the folder of a saved model, or a model of the hub."
        )
        raise InputError(message)
    prompts = _read(folder / "config_sentence_transformers.json").get("prompts") or {}
    found = (prompts[name] for name in _DOCUMENT_PROMPTS if name in prompts)
    return ModelFiles(_content(folder), prompts.get("query") or "", next(found, "") or "")


@dataclass(frozen=True, slots=True)
class Shape:
    """`width` is how many numbers a vector has, 0 where no file tells; `generates` tells a base
    that writes text and has not been made to embed.
    """

    width: int
    generates: bool


def read_shape(folder: Path) -> Shape:
    """Raises InputError where the folder holds no model."""
    read_model_files(folder)
    places = ("", *_module_paths(folder))
    config = next(filter(None, (_read(folder / place / "config.json") for place in places)), {})
    width = next((config[name] for name in _WIDTHS if name in config), 0)
    architectures = config.get("architectures") or ()
    writes = any(name.endswith("ForCausalLM") for name in architectures)
    return Shape(int(width), writes and not _is_saved(folder))


def _content(folder: Path) -> str:
    """Digest of the files that loading reads: of the folder itself and of its modules."""
    places = [folder, *(folder / path for path in _module_paths(folder) if path)]
    files = sorted({file for place in places for file in place.glob("*") if _is_loaded(file)})
    parts = [part for file in files for part in (str(file.relative_to(folder)), _digest_of(file))]
    return digest("model", *parts)


def _module_paths(folder: Path) -> list[str]:
    """Where its modules lie, empty where that is the folder itself; none of a bare checkpoint."""
    modules = json.loads((folder / "modules.json").read_text()) if _is_saved(folder) else []
    return [module["path"] for module in modules]


def _is_saved(folder: Path) -> bool:
    return (folder / "modules.json").exists()


def _is_loaded(file: Path) -> bool:
    return file.is_file() and file.suffix in _LOADED and file.name not in _NOT_LOADED


def _digest_of(file: Path) -> str:
    state = file.stat()
    return _sha256(file, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(file: Path, _size: int, _modified_ns: int) -> str:
    """Size and time of change are there to be part of the cache's key."""
    found = sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text())) if file.exists() else {}
    except ValueError as error:
        raise InputError(f"{file}: not readable as JSON: {error}") from error
