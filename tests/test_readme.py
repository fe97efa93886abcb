"""README and its guide say what the commands are, and lead where they say."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_command_reference_is_what_the_commands_say() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    generator = runpy.run_path(str(ROOT / "docs" / "command_reference.py"))
    assert generator["with_reference"](page) == page, "run `make docs`"


def test_every_command_of_the_guide_exists_with_its_options() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "command_reference.py"))
    reference = generator["reference"]()
    for line in (line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()):
        if line.startswith("kalm-data ") or line.startswith("    kalm-data "):
            words = line.split("#")[0].split("|")[0].split()
            name = " ".join(words[: 3 if words[1] == "import" else 2])
            section = reference.partition(f"## `{name}")[2].partition("## `")[0]
            assert section, line
            options = [word for word in words if word.startswith("--")]
            assert all(f"{option}`" in section or f"{option}," in section for option in options), (
                line
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_the_guide_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert all((page.parent / link).exists() for link in links)


def test_the_readme_links_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"docs/{page.name}" in readme for page in PAGES[1:])
