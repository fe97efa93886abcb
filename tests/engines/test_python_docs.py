from __future__ import annotations

from pathlib import Path

import pytest

from kalm_data.engines.python_docs import PythonDocument, read_python_docs, split_docstring

BODY = "The body goes on for more than twenty words, because shorter ones are left out. " * 2


def _read(folder: Path) -> dict[str, PythonDocument]:
    return {found.name: found for found in read_python_docs(folder, extensions=False)}


def test_the_summary_is_taken_out_of_the_document(tmp_path: Path) -> None:
    docstring = f'"""Join two paths.\n\n        {BODY}\n        """'
    (tmp_path / "posix.py").write_text(f"class Path:\n    def join(self):\n        {docstring}\n")
    found = _read(tmp_path)["posix.Path.join"]
    assert found.summary == "Join two paths."
    assert "Join two paths" not in found.text
    assert found.text.startswith("The body goes on")


@pytest.mark.parametrize(
    "first", ["join(a, b) -> str", "Two words", "=== Title of it ===", "one\ntwo three"]
)
def test_a_first_line_that_is_no_sentence_stays_in_the_document(first: str) -> None:
    docstring = f"{first}\n\n{BODY}"
    assert split_docstring(docstring) == (None, docstring)


def test_sources_are_parsed_and_never_imported(tmp_path: Path) -> None:
    (tmp_path / "dangerous.py").write_text(f'"""{BODY}"""\nraise SystemExit("imported")\n')
    (tmp_path / "broken.py").write_text("def (:\n")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "test_it.py").write_text(f'"""{BODY}"""\n')
    assert list(_read(tmp_path)) == ["dangerous"]


def test_documents_shorter_than_twenty_words_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text('"""A few words."""\n')
    assert _read(tmp_path) == {}


def test_the_standard_library_gives_the_same_documents_in_the_same_order_twice() -> None:
    first, second = list(read_python_docs()), list(read_python_docs())
    assert first == second
    names = [found.name for found in first]
    assert names == sorted(set(names))
    assert len(first) > 3000
    assert sum(found.summary is not None for found in first) > 1500
    assert "posixpath.commonpath" in names or "posixpath.join" in names
    assert all(
        len(found.text.split()) >= 20 and "\n--\n" not in found.text[:200] for found in first
    )
