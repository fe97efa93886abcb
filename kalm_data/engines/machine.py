"""Looks at the machine: Python and packages, processor and GPU, disk, hub. Changes nothing."""

from __future__ import annotations

import locale
import os
import re
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.checkup import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "kalm-data"
_LEAST_PYTHON = (3, 11)
_SHOWN = (
    "torch",
    "transformers",
    "sentence-transformers",
    "datasets",
    "duckdb",
    "pyarrow",
    "numpy",
)
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_TIGHT_GIB = 5.0
"""Free disk below which a stage may not end: vectors of a million texts take 1.5 GB."""

_EXTRAS_FOR = {
    "demo": "all-MiniLM-L6-v2 from the package index, for `demo` without a hub",
    "vllm": "language models in this process, `synth --engine vllm` (Linux, a GPU)",
}
_FOR_WORK_ON_KALM_DATA = "dev"


def examine(workspace: Path) -> Iterator[Check]:
    """Everything but the network."""
    yield _python()
    yield from _packages()
    yield _processor()
    yield _gpu()
    yield from _extras()
    yield _disk("disk of the workspace", workspace)
    yield _disk("temporary folder", Path(tempfile.gettempdir()))
    yield _locale()


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _LEAST_PYTHON:
        least = ".".join(map(str, _LEAST_PYTHON))
        return Check("Python", "broken", found, f"Install Python {least} or later.")
    return Check("Python", "ok", f"{found}, {sys.executable}")


def _packages() -> Iterator[Check]:
    """What is installed of what kalm-data needs, and what is not."""
    wanted = [name for name, extra in _requirements() if not extra]
    missing = [name for name in wanted if _version(name) is None]
    if missing:
        names = ", ".join(missing)
        yield Check("packages", "broken", f"missing: {names}", f"pip install {' '.join(missing)}")
    shown = ", ".join(f"{name} {_version(name) or 'absent'}" for name in (_PACKAGE, *_SHOWN))
    yield Check("versions", "ok", shown)


def _requirements() -> Iterator[tuple[str, str]]:
    """(Package, extra that wants it, or empty) of the installed kalm-data."""
    try:
        lines = metadata(_PACKAGE).get_all("Requires-Dist") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return
    for line in lines:
        name, extra = _NAME.match(line), _EXTRA.search(line)
        if name:
            yield name.group(), extra[1] if extra else ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Check("processor", "ok", f"{cores} cores, {pages / 2**30:.0f} GiB of memory")


def _gpu() -> Check:
    """As torch sees it."""
    try:
        import torch
    except (ImportError, OSError) as error:
        said = str(error).splitlines()[0]
        return Check("GPU", "broken", f"torch cannot be loaded: {said}", "Install torch again.")
    if torch.cuda.is_available():
        half = "bfloat16" if torch.cuda.is_bf16_supported() else "no bfloat16"
        cards = (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
        named = ", ".join(f"{card.name} with {card.total_memory / 2**30:.0f} GiB" for card in cards)
        return Check("GPU", "ok", f"{named}, {half}, torch {torch.__version__}")
    if shutil.which("nvidia-smi"):
        remedy = "Install the torch build that the driver wants: see constraints.txt."
        return Check("GPU", "absent", f"a driver, but torch {torch.__version__} uses none", remedy)
    remedy = "Encoding and training run on the processor. For large sets take a machine with one."
    return Check("GPU", "absent", f"none, torch {torch.__version__}", remedy)


def _extras() -> Iterator[Check]:
    """Each extra that the installed kalm-data knows, and which of its packages are missing."""
    wanted: dict[str, list[str]] = {}
    for name, extra in _requirements():
        if extra and extra != _FOR_WORK_ON_KALM_DATA:
            wanted.setdefault(extra, []).append(name)
    for extra, packages in sorted(wanted.items()):
        missing = [name for name in packages if _version(name) is None]
        what = _EXTRAS_FOR.get(extra, ", ".join(packages))
        if missing:
            remedy = f'pip install "{_PACKAGE}[{extra}]"'
            yield Check(f"extra {extra}", "absent", f"for {what}", remedy)
        else:
            told = ", ".join(f"{name} {_version(name)}" for name in packages)
            yield Check(f"extra {extra}", "ok", told)


def _disk(name: str, folder: Path) -> Check:
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(there).free / 2**30
    found = f"{folder}: {free:.1f} GiB free"
    if not os.access(there, os.W_OK):
        remedy = "Name another --workspace, or set TMPDIR."
        return Check(name, "broken", f"{folder}: not writable", remedy)
    if free < _TIGHT_GIB:
        return Check(name, "absent", found, "Make room there: vectors and sets take gigabytes.")
    return Check(name, "ok", found)


def _locale() -> Check:
    """Files are read and written as UTF-8 anywhere; other letters of file names and tables need
    it of the system.
    """
    found = (
        f"{locale.getpreferredencoding(do_setlocale=False)}, files {sys.getfilesystemencoding()}"
    )
    if "utf" in found.lower().partition(",")[0]:
        return Check("locale", "ok", found)
    return Check("locale", "absent", found, "export LC_ALL=C.UTF-8, or PYTHONUTF8=1")
