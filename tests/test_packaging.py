"""The prompts and personas are found wherever the package was installed from."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
COUNT = (
    "from kalm_data.core.resources import resource_folder as folder;"
    "print(folder('prompts'));"
    "print(len(list(folder('prompts').glob('*.md'))), len(list(folder('personas').iterdir())))"
)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(hook: str, folder: Path) -> Path:
    """A wheel built by the packaging backend as pip and others call it."""
    code = f"from hatchling.build import {hook} as build; print(build({str(folder)!r}))"
    return folder / run(sys.executable, "-c", code, cwd=ROOT).strip()


def install(folder: Path, wheel: Path) -> Path:
    """A fresh environment with nothing but our wheel: what we ask needs no dependency."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps",
        "--no-index", "--disable-pip-version-check", wheel, cwd=folder)  # fmt: skip
    return python


def counts(root: Path) -> list[str]:
    return [str(len(list((root / name).iterdir()))) for name in ("prompts", "personas")]


def test_an_installed_wheel_finds_them_inside_the_package(tmp_path: Path):
    python = install(tmp_path / "venv", build("build_wheel", tmp_path))
    folder, found = run(python, "-c", COUNT, cwd=tmp_path).splitlines()
    assert Path(folder).is_relative_to(tmp_path.resolve())
    assert found.split() == counts(ROOT)


def test_a_wheel_holds_what_the_report_is_written_with(tmp_path: Path):
    folder = Path("kalm_data/core/report/templates")
    shipped = {f"{folder}/{one.name}" for one in (ROOT / folder).iterdir()}
    with zipfile.ZipFile(build("build_wheel", tmp_path)) as wheel:
        assert shipped and shipped <= set(wheel.namelist())


def test_an_editable_install_finds_them_in_the_checkout(tmp_path: Path):
    python = install(tmp_path / "venv", build("build_editable", tmp_path))
    folder, found = run(python, "-c", COUNT, cwd=tmp_path).splitlines()
    assert Path(folder) == ROOT / "prompts"
    assert found.split() == counts(ROOT)


def test_a_checkout_finds_them_without_an_installation(tmp_path: Path):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {COUNT}"
    folder, found = run(sys.executable, "-I", "-S", "-c", code, cwd=tmp_path).splitlines()
    assert Path(folder) == ROOT / "prompts"
    assert found.split() == counts(ROOT)
