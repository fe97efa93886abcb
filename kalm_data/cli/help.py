"""How `--help` looks: options in groups, each with its meaning beside it, or below if it is long.

The library has a column for every part of an option, which leaves the meaning 16 letters on a
terminal of 80.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.text import Text

_NARROW, _NAMES, _NAMES_WIDE, _WIDEST = 100, 28, 40, 140
"""Columns: of a narrow terminal, of the names there and elsewhere, and the most that are used."""
_LONGEST = 36
"""Letters of the choices that stand beside the name."""
_SWITCHED = {"true": "on", "false": "off"}
_KINDS = {"path": "PATH", "int": "N", "float": "X", "str": "TEXT", "list[str]": "TEXT…"}
_SHARED = ("workspace", "json", "help")


class GroupedCommand(TyperCommand):
    """A command whose options are grouped by the settings that they belong to."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as typer has it
        """Print it; the formatter is not used."""
        _print_help(self, ctx, _console())


class ListedCommands(TyperGroup):
    """A command of commands, each with what it does."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as typer has it
        """Print it; the formatter is not used."""
        console = _console()
        _print_help(self, ctx, console)
        console.print("\nCommands:", style="bold")
        names = max(map(len, self.commands)) + 4
        for name, command in self.commands.items():
            words = " ".join((command.help or "").split("\n\n")[0].split()).replace("`", "")
            for line in _beside(f"  {name}", words, names, console.width):
                console.print(line)


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    console.width = min(console.width, _WIDEST)
    return console


def _print_help(command: TyperCommand | TyperGroup, ctx: Any, console: Console) -> None:  # noqa: ANN401
    from rich.markdown import Markdown

    console.print(f"\nUsage: {ctx.command_path} {' '.join(_usage(command))}\n", markup=False)
    console.print(Markdown(command.help or ""))
    shown = [one for one in command.get_params(ctx) if not getattr(one, "hidden", False)]
    width = _NAMES if console.width < _NARROW else _NAMES_WIDE
    title_of = _title if isinstance(command, TyperCommand) else lambda _: "Options"
    for title, parameters in groupby(sorted(shown, key=_place), key=title_of):
        console.print(f"\n{title}:", style="bold", markup=False)
        for one in parameters:
            for line in _beside(f"  {_written(one)}", _meaning(one), width, console.width):
                console.print(line)


def _usage(command: TyperCommand | TyperGroup) -> Iterator[str]:
    yield "[OPTIONS]"
    if isinstance(command, TyperGroup):
        yield "COMMAND …"
    for one in command.params:
        if one.param_type_name == "argument":
            name = str(one.name).upper() + ("…" if one.nargs == -1 else "")
            yield name if one.required else f"[{name}]"


def _place(parameter: Any) -> int:  # noqa: ANN401 - of the library within typer
    """Arguments first, what all commands have last; the rest in its own order."""
    if parameter.param_type_name == "argument":
        return 0
    if parameter.rich_help_panel:
        return 2
    return 3 if parameter.name in _SHARED else 1


def _title(parameter: Any) -> str:  # noqa: ANN401
    if parameter.param_type_name == "argument":
        return "Arguments"
    if parameter.rich_help_panel:
        return str(parameter.rich_help_panel)
    return "As with all commands" if parameter.name in _SHARED else "Options"


def _beside(name: str, words: str, names: int, width: int) -> Iterator[Text]:
    """The name, and what is said of it beside or, if the name is long, below."""
    from rich.console import Console
    from rich.text import Text

    meaning = Text(words).wrap(Console(width=width), width - names)
    if len(name) + 2 > names:
        yield Text(name, "cyan")
    else:
        yield Text(name, "cyan").append(" " * (names - len(name))).append_text(meaning.pop(0))
    yield from (Text(" " * names).append_text(line) for line in meaning)


def _written(parameter: Any) -> str:  # noqa: ANN401
    """`-t, --task TEXT…`, `--[no-]upsample`."""
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    names = sorted(parameter.opts, key=len)
    if parameter.secondary_opts:
        names[-1] = f"--[no-]{names[-1].removeprefix('--')}"
    kind = "" if parameter.is_flag else _kind(parameter)
    return f"{', '.join(names)} {kind if len(kind) <= _LONGEST else 'WORD'}".rstrip()


def _kind(parameter: Any) -> str:  # noqa: ANN401
    import typer

    told = str(parameter.display_type_rich(ctx=typer.Context(TyperCommand("any")))).strip("<>")
    return _KINDS.get(told, told)


def _meaning(parameter: Any) -> str:  # noqa: ANN401
    parts = [" ".join((parameter.help or "").split())]
    kind = "" if parameter.param_type_name == "argument" else _kind(parameter)
    if len(kind) > _LONGEST:
        parts.append(f"[one of: {kind.replace('|', ', ')}]")
    if parameter.param_type_name == "option" and parameter.envvar:
        parts.append(f"[env: {parameter.envvar}]")
    default = default_of(parameter)
    if default == "required":
        parts.append("[required]")
    elif default and not _is_plain_switch(parameter) and "Default:" not in parts[0]:
        parts.append(f"[default: {_SWITCHED.get(default, default)}]")
    return " ".join(filter(None, parts))


def _is_plain_switch(parameter: Any) -> bool:  # noqa: ANN401
    """One that is off unless it is given."""
    return getattr(parameter, "is_flag", False) and not parameter.secondary_opts


def default_of(parameter: Any) -> str:  # noqa: ANN401
    """`required`, `on` and `off` of switches, else the default as one types it; maybe empty."""
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return shown
    default = parameter.default
    if parameter.required:
        return "required"
    if default in (None, "", [], ()) or callable(default):
        return ""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, list | tuple):
        return " ".join(map(str, default))
    return str(default)
