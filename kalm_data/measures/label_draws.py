"""Positives and negatives of labelled texts, drawn by class.

Example-based rows as NV-Embed makes them of classification and clustering data (arXiv 2405.17428):
the positive is another text of the class, not the name of the class, and negatives are texts of
other classes; no row takes negatives from its batch, where the class may stand again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from kalm_data.core.errors import InputError
from kalm_data.core.records import example_id
from kalm_data.core.seeded import digest, in_random_order
from kalm_data.measures.negatives import Drawn, Negative

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kalm_data.core.labelled import ClassText

T = TypeVar("T")

LABEL = "label"
"""Who proposes a negative of another class."""


DEV_TEXTS = 10
"""Texts of a class that dev rows are made of: the size of the rows grows with its square."""


@dataclass(frozen=True, slots=True)
class LabelDraw:
    """How many texts of its own class and of others a text gets, at most."""

    positives: int
    negatives: int
    seed: int


def draw_by_label(task: str, texts: Sequence[ClassText], draw: LabelDraw) -> Iterator[Drawn]:
    """One for each text, in their order: a pure function of task, texts (a set) and draw.

    Negatives are of as many classes as possible, classes and texts of one alike likely. Nothing
    has the normal form of the text itself or of what was drawn before, or is protected. Reasons of
    refusal: `protected_query`, `single_text_class`. Raises InputError where all have one label.
    """
    free = sorted(
        (one for one in texts if not one.is_protected), key=lambda one: one.text.text_hash
    )
    classes = _Classes(task, free, draw)
    return (classes.draw(one) for one in texts)


def dev_by_label(task: str, texts: Sequence[ClassText], seed: int) -> Iterator[Drawn]:
    """One for each text of dev, in their order: its positives are all others that are used.

    At most `DEV_TEXTS` of a class are, drawn by the seed, in as many normal forms. So the rows of a
    task are an evaluation of their own: each finds its positives among the positives of all.
    Reasons of refusal: `protected_query`, `single_text_class`, `dev_class_full`.
    """
    by_label: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in sorted(texts, key=lambda one: digest(seed, "label-dev", one.text.text_hash)):
        members = by_label[one.label]
        if not one.is_protected and len(members) < DEV_TEXTS:
            members.setdefault(one.text.norm_hash, one.text.text_hash)
    for one in texts:
        id_, used = example_id(task, one.text.text), sorted(by_label[one.label].values())
        others = tuple(text_hash for text_hash in used if text_hash != one.text.text_hash)
        if one.is_protected:
            yield Drawn(id_, (), (), refusal="protected_query")
        elif one.text.text_hash not in used:
            yield Drawn(id_, (), (), refusal="dev_class_full")
        else:
            yield Drawn(id_, others, (), refusal="" if others else "single_text_class")


class _Classes:
    """The texts of a task by class, classes in order of name, texts in that of their hashes."""

    def __init__(self, task: str, texts: Sequence[ClassText], draw: LabelDraw) -> None:
        by_label: defaultdict[str, list[ClassText]] = defaultdict(list)
        for one in texts:
            by_label[one.label].append(one)
        if len(by_label) == 1:
            message = (
                f'task {task}: all its texts for training have the label "{texts[0].label}", and '
                "negatives come from other labels. Import texts with another label, or leave the "
                "task out: name the others with --task."
            )
            raise InputError(message)
        self._task, self._draw = task, draw
        self._members = [by_label[label] for label in sorted(by_label)]
        self._place = {label: place for place, label in enumerate(sorted(by_label))}

    def draw(self, one: ClassText) -> Drawn:
        id_ = example_id(self._task, one.text.text)
        if one.is_protected:
            return Drawn(id_, (), (), refusal="protected_query")
        used = {one.text.norm_hash}
        positives = self._texts(self._place[one.label], "label-positive", id_, used)
        own = tuple(islice(positives, self._draw.positives))
        if not own:
            return Drawn(id_, (), (), refusal="single_text_class")
        others = islice(_in_turn(self._others(one, id_, used)), self._draw.negatives)
        negatives = tuple(Negative(text_hash, 0, 0.0, ranker=LABEL) for text_hash in others)
        return Drawn(id_, own, negatives)

    def _others(self, one: ClassText, id_: str, used: set[str]) -> Iterator[Iterator[str]]:
        """The texts of each other class, the classes in seeded order."""
        own = self._place[one.label]
        order = in_random_order(len(self._members) - 1, self._draw.seed, "label-classes", id_)
        for place in order:
            yield self._texts(place + (place >= own), "label-negative", id_, used)

    def _texts(self, place: int, stage: str, id_: str, used: set[str]) -> Iterator[str]:
        """Text hashes of a class in seeded order, of normal forms not used yet; these are used."""
        members = self._members[place]
        order = in_random_order(len(members), self._draw.seed, stage, f"{id_}:{place}")
        for text in (members[i].text for i in order):
            if text.norm_hash not in used:
                used.add(text.norm_hash)
                yield text.text_hash


def _in_turn(sources: Iterable[Iterator[T]]) -> Iterator[T]:
    """One item of each source, then the next of each, until all are exhausted."""
    left = sources
    while True:
        again = []
        for source in left:
            for item in source:
                again.append(source)
                yield item
                break
        if not again:
            return
        left = again
