from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.text import normalised
from kalm_data.engines.definitions import MAX_PART_WORDS, MAX_WORDS, define, read_definition
from kalm_data.engines.extractive import read_sentences


@pytest.mark.parametrize(
    ("text", "definition"),
    [
        # Descriptions of Debian packages
        (
            "Geanymacro is a plugin to provide user defined macros for Geany. It started out as",
            "plugin to provide user defined macros for Geany",
        ),
        (
            "cty (pronounced \"see-tie\") is a dynamic type system for applications\nwritten in Go "
            "that need to represent user-supplied values.",
            "dynamic type system for applications",
        ),
        (
            "libnetfilter_cthelper is the userspace library that provides the programming "
            "interface to the user-space helper infrastructure.",
            "userspace library that provides the programming interface to the user-space helper "
            "infrastructure",
        ),
        (
            "ModemManager is a DBus-activated daemon which controls mobile broadband devices. It "
            "is able to prepare.\n\nThis package contains the development files and Vala bindings.",
            "DBus-activated daemon which controls mobile broadband devices, development files and "
            "Vala bindings",
        ),
        (
            "This class can be used to retrieve, install, create emoticons theme.",
            "retrieve, install, create emoticons theme",
        ),
        (
            "Ragel compiles finite state machines from regular languages into C, C++, D or Ruby.",
            "compiles finite state machines from regular languages into C",
        ),
        # Docstrings of Python's library
        (
            "JSON (JavaScript Object Notation) <https://json.org> is a subset of\nJavaScript "
            "syntax (ECMA-262 3rd edition) used as a lightweight data\ninterchange format.",
            "subset of JavaScript syntax used as a lightweight data interchange format",
        ),
        (
            "This module provides an interface to Berkeley DB databases.",
            "interface to Berkeley DB databases",
        ),
        (
            "Return the median (middle value) of numeric data.\n\nWhen the number of data points "
            "is odd, return the middle data point.",
            "Return the median of numeric data",
        ),
        (
            "Create a queue object with a given maximum size.",
            "Create a queue object with a given maximum size",
        ),
        ("Base class for raw binary I/O.", "Base class for raw binary I/O"),
        (
            "Module difflib -- helpers for computing deltas between objects.",
            "Module difflib",
        ),
        (
            "Convert a number field to a python number.\n\nThis function is used to read headers.",
            "Convert a number field to a python number, read headers",
        ),
    ],
)  # fmt: skip
def test_a_definition_is_what_the_beginning_says_of_its_subject(text: str, definition: str):
    assert define(read_sentences(text)) == definition


@pytest.mark.parametrize(
    "text",
    [
        "",
        "You should see the documentation for more.",
        "It happens while nobody looks at a thing which offers a way out.",
        "execl(file, *args)",
        "If a component is an absolute path, all previous components are discarded.",
        "Das Modul enthält eine Bibliothek, die Dateien liest.",
        "Ce paquet contient les fichiers de développement.",
        "叶绿体拥有自己的遗传物质。",
    ],
)  # fmt: skip
def test_a_text_that_defines_nothing_in_english_has_no_definition(text: str):
    assert define(read_sentences(text)) == ""


def test_a_definition_stands_in_the_first_two_sentences_and_a_part_may_stand_anywhere():
    beginning = ["We thank you.", "They are well."]
    assert define([*beginning, "Foo is a library for reading images."]) == ""
    assert define([*beginning, "This package provides the manual pages."]) == "manual pages"


def test_of_several_parts_the_last_one_tells():
    sentences = ["Foo is a parser for logs.", "This tool reads syslog.", "This package has no use."]
    assert define([*sentences, "This package contains shared files."]) == (
        "parser for logs, shared files"
    )


def test_a_clause_is_kept_where_little_stands_before_it():
    assert read_definition("Foo is a tool that prints names.") == "tool that prints names"
    assert read_definition("Foo is a small fast tool for work that prints names.") == (
        "small fast tool for work"
    )


def test_a_verb_behind_a_long_or_a_broken_subject_defines_nothing():
    assert read_definition("The use of it with a lot of care provides much comfort to all.") == ""
    assert read_definition("For files, Foo provides fast access to names.") == ""


@given(st.text(max_size=300))
def test_a_definition_is_short_and_of_the_texts_own_words(text: str):
    found = define(read_sentences(text))
    own = normalised(text)
    assert len(found.split()) <= MAX_WORDS + MAX_PART_WORDS
    assert all(word.strip(",.") in own for word in normalised(found).split())
