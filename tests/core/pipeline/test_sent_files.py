from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.pipeline.file import read_pipeline
from kalm_data.core.pipeline.sent_files import sent_files
from kalm_data.core.resources import resource_folder

if TYPE_CHECKING:
    from pathlib import Path

SYNTH = '[[step]]\ncommand = "synth"\nengine = "openai"\nmodel = "m"\n'
PERSONAS = '[[step]]\ncommand = "personas"\nfile = "p.jsonl"\ntask = "t"\nmodel = "m"\n'
BOTH = ["kalm-data's grounded-1-choose.en.md", "kalm-data's grounded-2-write.en.md"]
WHO = "kalm-data's personas"


def sent(folder: Path, text: str, *languages: str) -> list[str]:
    (folder / "p.toml").write_text(text)
    pipeline = read_pipeline(folder / "p.toml")
    return [*sent_files(pipeline.steps[0], pipeline.places, lambda tasks: frozenset(languages))]


@pytest.mark.parametrize(
    ("text", "languages", "found"),
    [
        (SYNTH, ("en",), [*BOTH, WHO]),
        (SYNTH, ("de", ""), [*BOTH, WHO]),  # asked in English
        (SYNTH + "steps = 1\n", ("zh",), ["kalm-data's grounded-one-step.zh.md", WHO]),
        (SYNTH + "steps = 1\n", (), ["kalm-data's grounded-one-step.en.md",
                                     "kalm-data's grounded-one-step.zh.md", WHO]),
        (SYNTH + 'steps = 1\npersonas = "mine.jsonl"\n', ("zh",),
         ["kalm-data's grounded-one-step.zh.md"]),
        (SYNTH + 'type = "sts"\n', ("zh",), ["kalm-data's sts-1-write.en.md", WHO]),
        (SYNTH + 'type = "short-long"\nquery_language = "zh"\n', (),
         ["kalm-data's short-long-1-brainstorm.zh.md", "kalm-data's short-long-2-write.zh.md",
          WHO]),
        ('[[step]]\ncommand = "synth"\nprompts_dir = "gone"\n', ("en",), []),  # extractive
        ('[[step]]\ncommand = "mine"\nranker = "bm25"\n', ("en",), []),
        (PERSONAS, ("zh",), ["kalm-data's persona-1-derive.zh.md"]),
        (PERSONAS + 'query_language = "en"\n', ("zh",), ["kalm-data's persona-1-derive.en.md"]),
    ],
)  # fmt: skip
def test_a_step_sends_the_prompts_of_its_kind_and_languages(
    tmp_path: Path, text: str, languages: tuple[str, ...], found: list[str]
) -> None:
    assert sent(tmp_path, text, *languages) == found


def test_a_prompt_of_ones_own_stands_in_the_place_of_the_packages(tmp_path: Path) -> None:
    shipped = resource_folder("prompts")
    (tmp_path / "own").mkdir()
    for name in ("grounded-1-choose.en.md", "sts-1-write.en.md"):
        shutil.copy(shipped / name, tmp_path / "own")
    shutil.copy(shipped / "grounded-2-write.en.md", tmp_path / "second.md")
    text = SYNTH + 'prompts_dir = "own"\n'
    assert sent(tmp_path, text, "en") == ["own/grounded-1-choose.en.md", BOTH[1], WHO]
    found = sent(tmp_path, text + 'prompt = ["second.md"]\n', "en")
    assert found == ["own/grounded-1-choose.en.md", "second.md", WHO]


def test_a_prompt_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"second\.md: not a readable prompt"):
        sent(tmp_path, SYNTH + 'prompt = ["second.md"]\n', "en")
