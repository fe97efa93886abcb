from __future__ import annotations

import pytest

from kalm_data.core.shortfall import PlanEnd, shortfall


def end(accepted: int, rejected: dict[str, int], *, extractive: bool = True) -> PlanEnd:
    return PlanEnd(10, 3, accepted, rejected, extractive, of_documents=True)


@pytest.mark.parametrize(
    ("ended", "target", "told"),
    [
        (end(28, {"no_sentence": 2}), 100,
         "28 of 100 queries accepted: the plan has 10 documents x 3, of which 2 no_sentence. "
         "Raise --per-doc, to 11 or more, or import more documents."),
        (end(30, {}), 31, "30 of 31 queries accepted: the plan has 10 documents x 3. "
         "Raise --per-doc, to 4 or more, or import more documents."),
        (end(2, {"no_phrases": 20, "no_sentence": 8}), 20,
         "2 of 20 queries accepted: the plan has 10 documents x 3, of which 20 no_phrases, 8 "
         "no_sentence. Most documents are too short to take queries from: import longer ones, or "
         "have a language model write (--engine openai)."),
        (end(4, {"too_long": 26}, extractive=False), 20,
         "4 of 20 queries accepted: the plan has 10 documents x 3, of which 26 too_long. "
         "More of the same would fare the same: `kalm-data rejects --stage synth` shows them."),
        (end(0, {"no_phrases": 30}), None,
         "no query accepted: the plan has 10 documents x 3, of which 30 no_phrases. "
         "Most documents are too short"),
        (end(8, {"no_definition": 22}), 10,
         "8 of 10 queries accepted: the plan has 10 documents x 3, of which 22 no_definition. "
         "Most documents define nothing in English: ask for other --facets as well."),
    ],
)  # fmt: skip
def test_the_cause_and_what_helps_are_told(ended: PlanEnd, target: int | None, told: str) -> None:
    assert shortfall(ended, target).startswith(told)
