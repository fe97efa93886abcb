"""What a text says its subject is or does, as short as somebody would ask for it; English alone.

A sentence defines where its subject is short and its verb says what the subject is ("X is a …"),
has ("X provides …"), is for ("X is used to …"), lets do ("X allows you to …") or does ("X converts
…"). What follows the verb, up to a relative clause, is the definition. A first sentence without a
subject ("Return the …", "Base class for …") is one as it is. Verbs and clauses are told by English
words, without a grammar: texts in other languages are not for this module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kalm_data.core.function_words import FUNCTION_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_WORDS, MAX_PART_WORDS = 12, 8
"""Of a definition, and of what one says of a part of the subject."""

_MIN_WORDS = 2
_MAX_SUBJECT_WORDS = 6
_READ_CHARACTERS = 400
"""Of a sentence: what is longer is a table or a list."""

_BE = r"(?:is|are|was|were|can\sbe|may\sbe)(?:\salso|\sjust|\ssimply|\s\w{2,20}ly)?"
_VERB = re.compile(
    rf"""(?:^|(?<=\s))(?:
    {_BE}\s(?:used|useful|designed|intended|meant)\s(?:to|for|as)(?:\sbe)?\s
    | {_BE}\s(?=(?:an?|the|one|another)\s)
    | (?:(?:can|will|also)\s)*(?:
        (?:allows?|enables?|lets?|helps?)
        (?:\s(?:you|us|one|users?|the\suser|developers?|programmers?|people|anyone))?(?:\sto)?\s
        | (?:provides?|contains?|includes?|implements?|offers?|supports?|adds|exposes?|defines
          |represents?|describes|consists\sof|installs|simplifies)\s
        | (?=(?:generates?|converts?|creates|performs?|manages|extends|computes|compiles|parses
          |reads|writes|handles|translates|transforms|analyzes|checks|displays|shows|takes)\s))
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_STOP = re.compile(r"[;:!?]|\.(?=\s|$)|\s(?:https?:|e\.g\.|i\.e\.|--?\s|[–—])", re.IGNORECASE)
_CLAUSE = re.compile(
    r"""(?:,\s(?:and\s)?|(?<!\sand)\s)(?:that|which|who|whose|where|when|while|because|but|if|although|unless
    |so|as\swell|such\sas|like|written|based|including|using|featuring|allowing|providing|intended
    |designed|capable|able)\s | ,\s""",
    re.IGNORECASE | re.VERBOSE,
)
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>")
_CODE = re.compile(r"[(){}|<>=]|->")

_SENTENCE_MARKS = """
is are was were be been has have had do does can could will would shall should may might must
i you we they he she it there this these
"""
_SENTENCE_WORDS = frozenset(_SENTENCE_MARKS.split())
"""Words that a phrase does not hold, but a sentence with a subject and a verb."""

_BEFORE_NOUNS = "a an the some several various another all any one of following"
_DETERMINERS = frozenset(_BEFORE_NOUNS.split())
_POINTERS = frozenset({"it", "this", "these"})

_MIN_HEAD_WORDS = 4
"""Before a clause or a comma that a definition is cut at: less would say little, or is an adjective
of several.
"""


def define(sentences: Sequence[str]) -> str:
    """What the beginning of a text defines, and behind a comma what its last sentence with "this"
    for a subject does, if any: "This package contains …" tells apart what shares its description.
    """
    place, definition = _find_first(sentences)
    later = (one for one in sentences[place + 1 :] if one.casefold().startswith("this "))
    parts = [part for one in later if (part := read_definition(one, MAX_PART_WORDS))]
    return ", ".join([*filter(None, [definition]), *parts[-1:]])


def _find_first(sentences: Sequence[str]) -> tuple[int, str]:
    """Of a sentence its place, and what it defines; place -1 where none of the first ones does.

    Later ones define what else the text speaks of.
    """
    readers = ((0, read_definition), (0, read_phrase), (1, read_definition))
    found = ((at, read(sentences[at])) for at, read in readers if at < len(sentences))
    return next((one for one in found if one[1]), (-1, ""))


def read_definition(sentence: str, most: int = MAX_WORDS) -> str:
    """What a sentence says that its subject is or does; nothing where it does not define."""
    plain = " ".join(_BRACKETED.sub(" ", sentence[:_READ_CHARACTERS]).split())
    verb = _VERB.search(plain)
    if verb is None or not _is_subject(plain[: verb.start()]):
        return ""
    return shorten(plain[verb.end() :], most)


def read_phrase(sentence: str) -> str:
    """A sentence without a subject or without a verb, shortened; nothing where it has both."""
    phrase = shorten(sentence[:_READ_CHARACTERS], MAX_WORDS)
    is_phrase = _SENTENCE_WORDS.isdisjoint(phrase.casefold().split()) and not _CODE.search(phrase)
    return phrase if is_phrase else ""


def shorten(text: str, most: int) -> str:
    """The phrase up to its relative clause, at most so many words, without a determiner before it
    or a function word at its end; nothing where that leaves one word, or a function word first.
    """
    plain = _STOP.split(_BRACKETED.sub(" ", text), maxsplit=1)[0]
    starts = (clause.start() for clause in _CLAUSE.finditer(plain))
    end = next((at for at in starts if len(plain[:at].split()) >= _MIN_HEAD_WORDS), None)
    words = plain[:end].split()
    while words and words[0].casefold() in _DETERMINERS:
        del words[0]
    del words[most:]
    while words and words[-1].strip(",").casefold() in FUNCTION_WORDS:
        del words[-1]
    if len(words) < _MIN_WORDS or words[0].casefold() in FUNCTION_WORDS:
        return ""
    return " ".join(words).strip(" ,.")


def _is_subject(text: str) -> bool:
    """Whether a few words can be a subject: none but the first belongs to the language."""
    first, *others = text.casefold().split() or ["it"]
    return (
        len(others) < _MAX_SUBJECT_WORDS
        and (first in _DETERMINERS | _POINTERS or first not in FUNCTION_WORDS)
        and not any(word in FUNCTION_WORDS or word[-1] in ",;:!?" for word in others)
    )
