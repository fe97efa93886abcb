"""Queries made of a document's own words: the embedded default, which needs no language model.

Facets: `title` (a qualified name is read as words), `phrases` (the text's salient phrases, as
somebody types search terms), `sentence` (one sentence of the text, as in the inverse cloze task,
Lee et al., arXiv 1906.00300, section 3), `definition` (what an English text says that its subject
is or does). Every query is a function of its request alone: of the document, the facet and the
seed, never of other documents.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from kalm_data.core.function_words import CHINESE_FUNCTION_WORDS, FUNCTION_WORDS
from kalm_data.core.seeded import choose, sample
from kalm_data.core.synthesis import Reply
from kalm_data.core.text import is_cjk, words
from kalm_data.engines.definitions import define

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from kalm_data.core.synthesis import Request

READ_CHARACTERS = 20_000
"""Of a document: a query comes from what an encoder sees, and a 5 MB text costs no more."""

_MIN_SENTENCE_WORDS, _MAX_SENTENCE_WORDS = 4, 32
_MIN_REST_WORDS = 8
"""Of a document beside the sentence, which else would be found as a copy of itself."""

_CHARACTERS_PER_WORD = 2
"""Of Chinese, Japanese and Korean, to hold their sentences to the same bounds."""

_MAX_PHRASES = 3
_MAX_PHRASE_WORDS = 4
_MIN_PHRASE_CHARACTERS, _MAX_PHRASE_CHARACTERS = 2, 10
"""Of a phrase in Chinese characters."""

_DEFINED_LANGUAGES = ("en", "")
"""In which definitions are looked for; of a document without a language, too."""

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KATAKANA = "\u30a0-\u30ff"
_HIRAGANA = "\u3040-\u309f"
_TOKEN = re.compile(
    rf"[{_HAN}]+|[{_KATAKANA}]+|[^\W_{_HAN}{_KATAKANA}{_HIRAGANA}]+(?:['’_.-][^\W_]+)*"
)
_CLAUSE = re.compile(rf"[^,.;:!?()\[\]{{}}<>\"“”«»`=*|/\\，。；：！？、（）「」『』\n{_HIRAGANA}]+")
_PARAGRAPH_BREAK = re.compile(r"\n[ \t\r]*\n")
_SENTENCE_BREAK = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])|(?<=[。！？])")
_MARKUP = " \t-–—*#>•·~"
_NOT_PROSE = re.compile(r"^\W*>>>|[{}|<>\\=]|\w\(|::|--|__|[:：]$")
_NAME_BREAK = re.compile(
    r"(?<=[^\W\d_])[\W_]+|[\W_]+(?=\w)|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
)


class ExtractiveEngine:
    """Takes queries from documents; satisfies `core.protocols.QueryEngine`."""

    name = "extractive-1"

    def generate(self, requests: Sequence[Request]) -> Generator[Reply]:
        """One reply a request, in order. A facet that a document has nothing for is a failure."""
        for request in requests:
            query = extract_query(request)
            failure = "" if query else f"no_{request.facet}"
            finish_reason = "stop" if query else "failed"
            yield Reply(request.key, query, failure, finish_reason, 0, 0)


def extract_query(request: Request) -> str:
    """The query of the request's facet, or nothing where the document has none."""
    document = request.document
    if document is None:
        return ""
    if request.facet == "title":
        return read_title(document.title)
    head = document.text[:READ_CHARACTERS].replace("\0", " ")
    if request.facet == "sentence":
        sentences = split_sentences(head)
        return choose(sentences, request.seed, "sentence", "") if sentences else ""
    if request.facet == "definition":
        return define(read_sentences(head)) if document.language in _DEFINED_LANGUAGES else ""
    best = rank_phrases(head)[: 2 * _MAX_PHRASES]
    return " ".join(sample(best, _MAX_PHRASES, request.seed, "phrases", ""))


def read_title(title: str) -> str:
    """A title as it is; a name or a path as words (`http.client.HTTPMessage`: http client HTTP
    message).
    """
    title = " ".join(title.replace("\0", " ").split())
    if " " in title:
        return title
    parts = [part for part in _NAME_BREAK.sub(" ", title).split() if re.search(r"\w", part)]
    return " ".join(dict.fromkeys(part if part.isupper() else part.lower() for part in parts))


def split_sentences(text: str) -> list[str]:
    """Sentences that read as prose, are as long as a query may be and leave a rest, in order."""
    most = min(_MAX_SENTENCE_WORDS, _count_words(text) - _MIN_REST_WORDS)
    return [sentence for sentence in read_sentences(text) if _is_prose(sentence, most)]


def read_sentences(text: str) -> list[str]:
    """Whatever stands between two ends of sentences or of paragraphs, in order, without markup."""
    paragraphs = (" ".join(part.split()) for part in _PARAGRAPH_BREAK.split(text))
    broken = (part for paragraph in paragraphs for part in _SENTENCE_BREAK.split(paragraph))
    return [sentence for part in broken if (sentence := part.strip(_MARKUP))]


def rank_phrases(text: str) -> list[str]:
    """The distinct phrases of a text, the most salient first.

    A phrase is a run of words within a clause, none of which is a function word. It weighs as its
    words do, and a word weighs more the oftener it occurs; of equal phrases the earlier is first.
    """
    phrases = [phrase for clause in _CLAUSE.findall(text) for phrase in _phrases(clause)]
    counts = Counter(word for phrase in phrases for word in phrase.casefold().split())
    weights = {
        phrase: sum(1 + math.log(counts[word]) for word in phrase.casefold().split())
        for phrase in phrases
    }
    first: dict[str, str] = {}
    for phrase in phrases:
        first.setdefault(phrase.casefold(), phrase)
    return sorted(first.values(), key=lambda phrase: -weights[phrase])


def _phrases(clause: str) -> Iterator[str]:
    run: list[str] = []
    for token in [*_TOKEN.findall(clause), ""]:
        if re.match(f"[{_HAN}]", token):
            yield from _han_phrases(token)
        if _is_content(token) and len(run) < _MAX_PHRASE_WORDS:
            run.append(token)
            continue
        if run:
            yield " ".join(run)
        run = [token] if _is_content(token) else []


def _han_phrases(characters: str) -> list[str]:
    parts = CHINESE_FUNCTION_WORDS.sub(" ", characters).split()
    return [p for p in parts if _MIN_PHRASE_CHARACTERS <= len(p) <= _MAX_PHRASE_CHARACTERS]


def _is_content(token: str) -> bool:
    """Whether a token can be part of a phrase of words between spaces."""
    folded = token.casefold().replace("’", "'")
    return (
        len(token) > 1
        and not token.isdigit()
        and folded not in FUNCTION_WORDS
        and not re.match(f"[{_HAN}]", token)
    )


def _is_prose(sentence: str, most: int) -> bool:
    return _MIN_SENTENCE_WORDS <= _count_words(sentence) <= most and not _NOT_PROSE.search(sentence)


def _count_words(text: str) -> int:
    return len(words(text)) // (_CHARACTERS_PER_WORD if is_cjk(text) else 1)
