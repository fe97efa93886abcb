"""Write the command reference into its page, from the commands themselves.

    python docs/command_reference.py docs/commands.md [--check]

With `--check` nothing is written, and the exit status is 1 if the file is not up to date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kalm_data.cli.app import command_words, load_command
from kalm_data.cli.help import default_of

BEGIN = "<!-- command reference: begin (written by `make docs`) -->"
END = "<!-- command reference: end -->"


def reference() -> str:
    """All commands with their options, as Markdown."""
    return "\n".join(
        line
        for first in command_words()
        for name, command in _leaves(load_command(first), f"kalm-data {first}")
        for line in _section(name, command)
    )


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child in children.values():
        yield from _leaves(child, f"{name} {child.name}")


def _section(name: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([name, *(_usage(argument) for argument in arguments), "[OPTIONS]"])
    yield f"## `{usage}`\n"
    yield f"{' '.join(command.help.split())}\n"
    yield "| option | default | meaning |"
    yield "| --- | --- | --- |"
    for parameter in command.params:
        if parameter.name != "help":
            yield _row(parameter)
    yield ""


def _usage(argument: Any) -> str:
    word = argument.name.upper() + ("…" if argument.nargs == -1 else "")
    return word if argument.required else f"[{word}]"


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        names = parameter.name.upper()
    else:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    meaning = " ".join((parameter.help or "").split()).replace("|", "\\|")
    return f"| `{names}` | {_default(parameter)} | {meaning} |"


def _default(parameter: Any) -> str:
    told = default_of(parameter)
    return told if told in ("", "required", "on", "off") else f"`{told}`"


def with_reference(page: str) -> str:
    """The page with its reference section replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def main(file: Path, *, check: bool) -> int:
    page = file.read_text(encoding="utf-8")
    expected = with_reference(page)
    if not check:
        file.write_text(expected, encoding="utf-8")
    return int(check and page != expected)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), check="--check" in sys.argv))
