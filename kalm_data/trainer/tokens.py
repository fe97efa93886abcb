"""The texts of a batch as tokens, cut in parts that go through the model one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PART_TOKENS = {"cpu": 2048, "cuda": 65_536}
"""About so many tokens go through the model at once. Texts of a part are neighbours in length, so
there is little padding, and on a CPU its matrices stay in the cache: MiniLM on one core took 43 s
for 64 descriptions of Debian packages as they come, 17 s sorted, 11 s in parts of this size."""

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class TokenPart:
    """texts: places of the texts in it. tokens: theirs, as the model takes them."""

    texts: list[int]
    tokens: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """How the model reads texts.

    preprocess: the tokens of texts. cut_among: those of some texts that are longer than the model
    reads, given their tokens. part_tokens: most tokens of a part, with padding, unless one text
    has more. max_length: tokens that are read of one text at most.
    """

    preprocess: Callable[[list[str]], dict[str, Any]]
    cut_among: Callable[[Sequence[str], Mapping[str, Any]], list[str]]
    part_tokens: int
    max_length: int | None

    def parts(self, texts: Sequence[str]) -> list[TokenPart]:
        """The texts, from the shortest on."""
        whole = self.preprocess(list(texts))
        mask = whole.get("attention_mask")
        if not isinstance(mask, Tensor) or mask.shape[0] != len(texts):
            return self._unpadded(texts)
        lengths = mask.sum(1).tolist()
        starts_with_text = bool(mask[:, 0].all())
        parts = []
        for some in cut(lengths, self.part_tokens):
            longest = lengths[some[-1]]
            columns = slice(longest) if starts_with_text else slice(-longest, None)
            parts.append(TokenPart(some, _taken(whole, mask, some, columns)))
        return parts

    def _unpadded(self, texts: Sequence[str]) -> list[TokenPart]:
        """For models whose tokens do not stand in a row for each text: cut by characters."""
        most = self.max_length or self.part_tokens
        lengths = [min(len(text) // _CHARACTERS_PER_TOKEN + 2, most) for text in texts]
        return [
            TokenPart(some, self.preprocess([texts[i] for i in some]))
            for some in cut(lengths, self.part_tokens)
        ]


def cut(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Places in order of length, in runs that take at most `tokens`, padding included."""
    runs: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if not runs or (len(runs[-1]) + 1) * lengths[i] > tokens:
            runs.append([])
        runs[-1].append(i)
    return runs


def _taken(
    whole: Mapping[str, Any], mask: Tensor, rows: list[int], columns: slice
) -> dict[str, Any]:
    return {
        name: value[rows][:, columns]
        if isinstance(value, Tensor) and value.shape == mask.shape
        else value
        for name, value in whole.items()
    }
