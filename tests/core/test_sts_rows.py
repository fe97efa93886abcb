from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.config.imports import ImportStsConfig
from kalm_data.core.errors import InputError
from kalm_data.core.rows import BadRow, RawRow
from kalm_data.core.sts_rows import StsRow, read_sts


def read(*rows: dict[str, object], **settings: object) -> list[StsRow | BadRow]:
    raw = [RawRow("a.tsv", line, row) for line, row in enumerate(rows, start=2)]
    config = ImportStsConfig.model_validate(settings)
    return list(read_sts(raw, config, lambda _: None))


def one(row: dict[str, object], **settings: object) -> StsRow | BadRow:
    (found,) = read(row, **settings)
    return found


def reason(row: dict[str, object], **settings: object) -> str:
    found = one(row, **settings)
    assert isinstance(found, BadRow)
    return found.error.reason


def score(value: object, **settings: object) -> float:
    found = one({"text1": "a", "text2": "b", "score": value}, **settings)
    assert isinstance(found, StsRow)
    return found.score


@pytest.mark.parametrize("first", ["sentence{}", "sentence_{}", "text{}", "text_{}"])
@pytest.mark.parametrize(
    "scored", ["score", "similarity", "similarity_score", "relatedness_score", "label"]
)
def test_columns_are_found_by_their_usual_names(first: str, scored: str):
    ends = ("A", "B") if first == "sentence_{}" else ("1", "2")
    row = {first.format(ends[0]): "a", first.format(ends[1]): "b", scored: 0.5}
    found = one(row)
    assert isinstance(found, StsRow)
    assert (found.first.text, found.second.text, found.score) == ("a", "b", 0.5)


def test_a_score_is_preferred_to_a_label():
    found = one({"sentence_A": "a", "sentence_B": "b", "label": 1, "relatedness_score": 0.5})
    assert isinstance(found, StsRow) and found.score == 0.5


def test_named_columns_and_templates_are_read():
    row = {"head": "a", "body": "b", "other": "c", "grade": "4", "lang": "en", "split": "dev"}
    settings = {"first": "{head}\\n{body}", "second": "other", "score": "grade", "scale": "0-5"}
    found = one(row, **settings)
    assert isinstance(found, StsRow)
    assert (found.first.text, found.score) == ("a\nb", 0.8)
    assert (found.language, found.split) == ("en", "dev")


@pytest.mark.parametrize("missing", ["text1", "text2", "score"])
def test_a_file_without_a_column_is_one_line(missing: str):
    row = {"text1": "a", "text2": "b", "score": 1}
    del row[missing]
    option = {"text1": "--first", "text2": "--second", "score": "--score"}[missing]
    with pytest.raises(InputError, match=f"a.tsv: no column for {option} .*Name it with {option}"):
        read(row)


@given(st.floats(0, 5, allow_nan=False))
def test_scores_are_shares_of_their_scale(value: float):
    assert score(value, scale="0-5") == pytest.approx(value / 5, abs=1e-9)
    assert 0 <= score(value, scale="0-5") <= 1


def test_scales_may_begin_anywhere_and_texts_are_numbers():
    assert score("3.8", scale="0-5") == score(0.76) == 0.76
    assert (score(1, scale="1-5"), score(5, scale="1-5"), score(3, scale="1-5")) == (0, 1, 0.5)
    assert (score(-1, scale="-1-1"), score("0", scale="-1-1")) == (0, 0.5)
    assert (score(0), score(1)) == (0, 1)


@pytest.mark.parametrize("scale", ["5", "5-0", "1-1", "a-b", "0 - 5", "", "0-5-9"])
def test_another_scale_is_refused(scale: str):
    with pytest.raises(ValueError, match="no range of scores: write LEAST-MOST"):
        ImportStsConfig(scale=scale)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (1.01, "out_of_scale"), (-0.1, "out_of_scale"), (float("inf"), "out_of_scale"),
        (10**400, "out_of_scale"), (float("nan"), "not_number"), ("nan", "not_number"),
        ("0,5", "not_number"), (True, "not_number"), ([0.5], "not_number"), (None, "empty_score"),
        (" ", "empty_score"),
    ],
)  # fmt: skip
def test_a_score_that_is_none_is_a_bad_row(value: object, word: str):
    assert reason({"text1": "a", "text2": "b", "score": value}) == word


def test_a_score_out_of_scale_names_file_line_value_and_remedy():
    found = one({"text1": "a", "text2": "b", "score": "4.2"})
    assert isinstance(found, BadRow)
    assert str(found.error) == (
        'a.tsv:2: "score" is 4.2, outside of 0-1. Mend it, or name the range of all scores with '
        "--scale, e.g. 0-5."
    )


def test_texts_that_are_empty_or_the_same_are_bad_rows():
    assert reason({"text1": "", "text2": "b", "score": 1}) == "empty_text"
    assert reason({"text1": "a", "text2": None, "score": 1}) == "missing_column"
    assert reason({"text1": "a b", "text2": "A  b", "score": 1}) == "same_text"


def test_a_pair_is_one_in_either_order_case_and_white_space():
    there, back, other = read(
        {"text1": "a b", "text2": "c", "score": 1},
        {"text1": "C", "text2": "A  b", "score": 1},
        {"text1": "a b", "text2": "d", "score": 1},
    )
    assert isinstance(there, StsRow) and isinstance(back, StsRow) and isinstance(other, StsRow)
    assert there.pair == back.pair != other.pair
