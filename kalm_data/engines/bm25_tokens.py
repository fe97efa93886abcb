"""What BM25 counts: stemmed words; Chinese, Japanese and Korean as characters and their pairs."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

from kalm_data.core.errors import InputError
from kalm_data.core.text import is_cjk, words

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque",
    "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_LONGEST_WORD = 255
"""Characters; longer words are kept as they are (Lucene's limit of a token)."""
_PLAIN_APOSTROPHES = str.maketrans("’", "'")


def tokens(text: str, language: str = "") -> list[str]:
    """The words of the normal form in order, stemmed, then the pairs of adjacent CJK characters.

    language: ISO 639-1 code; words of a language that has no Snowball stemmer stay as they are.
    """
    found = words(text.translate(_PLAIN_APOSTROPHES))
    pairs = [a + b for a, b in pairwise(found) if _is_character(a) and _is_character(b)]
    return [*(_stem(word, language) for word in found), *pairs]


def refuse_unstemmed(language: str) -> None:
    """InputError for a language that has no stemmer; an empty one stems nothing."""
    if language and language not in _STEMMERS:
        message = f"bm25:{language}: there is no stemmer for it. Write bm25, or one of "
        raise InputError(message + ", ".join(_STEMMERS))


@lru_cache(maxsize=1 << 18)
def _stem(word: str, language: str) -> str:
    if language not in _STEMMERS or len(word) > _LONGEST_WORD:
        return word
    stem: str = _stemmer(_STEMMERS[language]).stemWord(word)
    return stem


@lru_cache
def _stemmer(name: str) -> Any:  # noqa: ANN401 - snowballstemmer has no types
    import snowballstemmer

    return snowballstemmer.stemmer(name)


def _is_character(word: str) -> bool:
    return len(word) == 1 and is_cjk(word)
