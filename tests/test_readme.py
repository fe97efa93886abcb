"""README says what the commands are."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_command_reference_is_what_the_commands_say() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    generator = runpy.run_path(str(ROOT / "docs" / "command_reference.py"))
    assert generator["with_reference"](readme) == readme, "run `make docs`"


def test_every_command_of_the_readme_exists_with_its_options() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "command_reference.py"))
    reference = generator["reference"]()
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("kalm-data ") or line.startswith("    kalm-data "):
            words = line.split("#")[0].split("|")[0].split()
            name = " ".join(words[: 3 if words[1] == "import" else 2])
            section = reference.partition(f"### `{name}")[2].partition("### `")[0]
            assert section, line
            options = [word for word in words if word.startswith("--")]
            assert all(f"{option}`" in section or f"{option}," in section for option in options), (
                line
            )
