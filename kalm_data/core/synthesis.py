"""What is asked of a query engine and what it answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.core.records import Text


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document from which queries are written; `language` is empty where nobody told."""

    text_hash: str
    title: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A query or row to be: the `draw`-th (0-based) of an item. `place` orders the plan.

    The item is the text hash of a document, or the id of a persona.
    """

    place: int
    draw: int
    item: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a language model draws its reply; `max_tokens` bounds it."""

    temperature: float
    top_p: float
    max_tokens: int

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Request:
    """One reply asked for. `key` covers all that shapes it but the attempt (0-based).

    A language model is sent `system`, where there is one, and `prompt` as they are, and its reply
    must follow `schema` (JSON Schema, as JSON). The extractive engine reads `document` and
    `facet`. `seed` is that of this attempt. `persona` and `prompt_name` are for the journal.
    """

    key: str
    place: int
    attempt: int
    seed: int
    document: SourceDocument | None = None
    facet: str = ""
    persona: str = ""
    prompt_name: str = ""
    system: str = ""
    prompt: str = ""
    schema: str = ""
    sampling: Sampling | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `raw` as it came, and a reason word where the engine failed, else empty.

    `seconds` is how long the reply took, 0 where nobody waited.
    """

    key: str
    raw: str
    failure: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Journalled:
    """The latest attempt (0-based) at a request, as the journal holds it."""

    attempt: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class Past:
    """Means over the good replies of an engine, of which there are so many."""

    replies: int
    tokens_out: float
    seconds: float


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """A query that a document answers; `said_by` is the request that generated it, or empty.

    One that a rule in force dropped `is_dropped`.
    """

    query_hash: str
    norm_hash: str
    said_by: str
    is_dropped: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Items in seeded order, each asked once, then each once more, up to `per_item` times.

    So the first N candidates come from as many items as there are, and what one draw of an item
    gives depends on its earlier draws only, never on its neighbours.
    """

    items: tuple[str, ...]
    per_item: int

    def __len__(self) -> int:
        return len(self.items) * self.per_item

    def read(self, start: int, count: int) -> list[Candidate]:
        """Up to `count` candidates from `start` on; all of one draw, so no item comes twice."""
        size = len(self.items)
        draw, first = divmod(start, size)
        end = min(start + count, (draw + 1) * size, len(self))
        return [
            Candidate(place, draw, self.items[first + place - start]) for place in range(start, end)
        ]


@dataclass(frozen=True, slots=True)
class Draft:
    """What an author made of a candidate, before the gates judge it.

    `key` is the request that wrote it. `positive` answers `query`: a document of the pool by its
    hash, or a new one whose text stands in `documents`, as those of `negatives` do. `failure` is a
    reason word where nothing came of it, and `numbers` (JSON) what decided. `sent` and `said` are
    the last prompt and its reply, to be shown.
    `language` is the one asked for, `kind` the facet or question type, `asked_by` the id of the
    persona behind it. The words of `persona`, where the prompt had them, and of `prompt` (what is
    fixed in it) must not stand in the query.
    """

    candidate: Candidate
    key: str
    query: str = ""
    positive: str = ""
    negatives: tuple[str, ...] = ()
    documents: tuple[Text, ...] = ()
    passage: str = ""
    instruction: str = ""
    language: str = ""
    kind: str = ""
    asked_by: str = ""
    persona: str = ""
    prompt: str = ""
    failure: str = ""
    numbers: str = "{}"
    sent: str = ""
    said: str = ""
