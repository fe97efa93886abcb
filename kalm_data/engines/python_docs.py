"""The documentation of Python's own standard library, read from the interpreter that runs.

Pure Python modules are parsed, never imported. Modules in C are imported and introspected, but
for a few that do something when they are imported.
"""

import ast
import importlib
import inspect
import re
import sys
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

MIN_WORDS = 20
MIN_SUMMARY_WORDS = 3

# Tests (which many systems leave out), vendored wheels and what others installed.
_SKIPPED_FOLDERS = frozenset(
    {
        "__phello__",
        "__pycache__",
        "_bundled",
        "_vendor",
        "dist-packages",
        "idle_test",
        "site-packages",
        "test",
        "tests",
    }
)
_SKIPPED_MODULES = frozenset({"__hello__", "antigravity", "this"})
# readline writes to the terminal when it is imported, _tkinter loads a display library; the rest
# are CPython's tests.
_SKIPPED_EXTENSIONS = re.compile(r"readline|_tkinter|xx.*|_xx.*|_test.*|.*_test")

# `name(x, /)\n--\n\n` is how C declares a signature; `S.find(sub) -> int` is how it did before.
_C_SIGNATURE = re.compile(r"\A[\w.]+\(.*?\)\n--\n\n", re.DOTALL)
# First lines that are code or decoration, not a sentence.
_NOT_A_SENTENCE = re.compile(r"\A[\w.]+\s?[(\[]|->|\A>>>|\A[-=~*]{3,}")
_NESTING = (ast.If, ast.Try, ast.With, ast.For, ast.While)
_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class PythonDocument:
    """One docstring.

    name: where the object is defined: `posixpath.join`, not `os.path.join`.
    text: the docstring, without its summary where that was taken out; at least 20 words.
    summary: the one line that a person wrote above the body; None where there is none, or the body
    alone is too short.
    """

    name: str
    text: str
    summary: str | None


def read_python_docs(
    library: Path | None = None, *, extensions: bool = True
) -> Iterator[PythonDocument]:
    """Yield the standard library's documents, sorted by name, each name once.

    library: the folder of pure Python sources, by default the running interpreter's.
    extensions: also introspect built-in and C modules.
    A source that cannot be parsed and an extension that cannot be imported here have no documents.
    """
    folder = library or Path(sysconfig.get_path("stdlib"))
    docstrings = dict(_extension_docstrings()) if extensions else {}
    docstrings |= dict(
        _source_docstrings(folder)
    )  # where both exist, the source is what people read
    for name in sorted(docstrings):
        document = _document(name, docstrings[name])
        if document is not None:
            yield document


def split_docstring(docstring: str) -> tuple[str | None, str]:
    """(summary, body) of a cleaned docstring; (None, docstring) where no sentence stands alone."""
    first, gap, body = docstring.partition("\n\n")
    is_sentence = (
        "\n" not in first
        and len(first.split()) >= MIN_SUMMARY_WORDS
        and not _NOT_A_SENTENCE.search(first)
    )
    return (first.strip(), body.strip()) if gap and is_sentence else (None, docstring)


def _document(name: str, docstring: str) -> PythonDocument | None:
    whole = inspect.cleandoc(_C_SIGNATURE.sub("", docstring)).strip()
    summary, body = split_docstring(whole)
    if summary is not None and len(body.split()) >= MIN_WORDS:
        return PythonDocument(name, body, summary)
    return PythonDocument(name, whole, None) if len(whole.split()) >= MIN_WORDS else None


# Pure Python


def _source_docstrings(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if _SKIPPED_FOLDERS.isdisjoint(parts[:-1]) and _is_documented_module(parts):
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield from _parse(path, module)


def _is_documented_module(parts: tuple[str, ...]) -> bool:
    return (
        parts[-1] not in _SKIPPED_MODULES
        and "-" not in parts[0]
        and not parts[0].startswith("_sysconfigdata")
    )


def _parse(path: Path, module: str) -> Iterator[tuple[str, str]]:
    try:
        with tokenize.open(path) as source, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in old sources
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return
    if docstring := ast.get_docstring(tree, clean=False):
        yield module, docstring
    # Backwards, so that a dict keeps the first of several definitions of one name (overloads,
    # setters, platforms).
    yield from reversed(list(_definitions(tree, module)))


def _definitions(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Private names too: whoever reads the source meets them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Definition):
            qualified = f"{name}.{child.name}"
            if docstring := ast.get_docstring(child, clean=False):
                yield qualified, docstring
            if isinstance(
                child, ast.ClassDef
            ):  # what a function defines inside is nobody's to call
                yield from _definitions(child, qualified)
        elif isinstance(child, (*_NESTING, ast.ExceptHandler)):
            yield from _definitions(child, name)


# Built-in and C modules


def _extension_docstrings() -> Iterator[tuple[str, str]]:
    for name in _extension_names():
        module = _import(name)
        if module is not None:
            if module.__doc__:
                yield name, module.__doc__
            yield from _members(module, name, set())


def _extension_names() -> list[str]:
    """Built-in modules and those in shared libraries, sorted."""
    # The base interpreter's: in a virtual environment the default path points into that.
    platform = Path(sysconfig.get_path("platstdlib", vars={"platbase": sys.base_exec_prefix}))
    libraries = [*platform.glob("lib-dynload/*.so"), *platform.parent.glob("DLLs/*.pyd")]
    compiled = {path.name.split(".")[0] for path in libraries} | set(sys.builtin_module_names)
    return sorted(
        name
        for name in compiled & sys.stdlib_module_names
        if not _SKIPPED_EXTENSIONS.fullmatch(name)
    )


def _import(name: str) -> ModuleType | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated modules warn when they are imported
            return importlib.import_module(name)
    except ImportError:  # built without this library
        return None


def _members(owner: ModuleType | type, name: str, seen: set[type]) -> Iterator[tuple[str, str]]:
    """Docstrings of what C defines in a module or class, but for its special methods."""
    for member, value in sorted(vars(owner).items()):
        if member.startswith("_"):
            continue
        if isinstance(value, type):
            if value not in seen:
                seen.add(value)
                qualified = f"{value.__module__}.{value.__qualname__}"
                yield from _described(value, qualified)
                yield from _members(value, qualified, seen)
        elif inspect.isroutine(value) and not inspect.isfunction(value):
            yield from _described(value, f"{name}.{member}")


def _described(value: object, name: str) -> Iterator[tuple[str, str]]:
    docstring = value.__doc__
    if isinstance(docstring, str) and docstring:
        yield name, docstring
