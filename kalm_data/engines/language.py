"""The language of a text: by its script where that tells, else by py3langid."""

from __future__ import annotations

import re

from py3langid.langid import MODEL_FILE, LanguageIdentifier

MIN_CHARACTERS = 20
"""Up to this many characters py3langid guesses; nothing is said of such a text."""

READ_CHARACTERS = 500
"""More of a text changes no answer and takes time."""

MIN_CONFIDENCE = 0.8
"""Below it nothing is said. Of 29,991 English synopses of Debian packages 2 are then taken for
another language, of 2,849 qualified names of Python's library none; of XQuAD's questions 91 % are
told in English and 93 % in German."""

# Scripts of one language each, the narrower first: kana and hangul beside Chinese characters.
_SCRIPTS = {
    "ja": re.compile("[\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff]"),
    "ko": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff]"),
    "zh": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "th": re.compile("[\u0e01-\u0e5b]"),
    "el": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "he": re.compile("[\u05d0-\u05ea]"),
    "ka": re.compile("[\u10a0-\u10ff]"),
    "hy": re.compile("[\u0531-\u0587]"),
}
_MIN_SCRIPT_RATIO = 0.3
"""Share of a text's letters from which a script names its language; beside it stand names and
terms in Latin letters."""

_MIN_OWN_RATIO = 0.1
"""Kana or hangul against Chinese characters, from which a text is Japanese or Korean: a lone の
decorates Chinese."""


class ScriptAndLangid:
    """Tells languages; satisfies `core.protocols.LanguageDetector`."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        two_letters = [label for label in self._identifier.labels if len(label) == 2]
        self._identifier.set_languages(two_letters)  # ISO 639-1; leaves out wuu, pcm and the like

    def detect(self, text: str) -> str:
        """ISO 639-1 code; empty where the text is short, mixed, or no language at all."""
        head = text[:READ_CHARACTERS]
        by_script = _detect_script(head)
        if by_script or len(head) <= MIN_CHARACTERS or not any(map(str.isalpha, head)):
            return by_script
        language, confidence = self._identifier.classify(head)
        return language if confidence >= MIN_CONFIDENCE else ""


def _detect_script(text: str) -> str:
    letters = sum(map(str.isalpha, text))
    counts = {language: len(pattern.findall(text)) for language, pattern in _SCRIPTS.items()}
    own = "ja" if counts["ja"] >= counts["ko"] else "ko"
    if counts[own] and counts[own] >= _MIN_OWN_RATIO * counts["zh"]:
        counts[own] += counts.pop("zh")  # their texts are full of Chinese characters
    language, count = max(counts.items(), key=lambda item: item[1])
    return language if count and count >= _MIN_SCRIPT_RATIO * letters else ""
