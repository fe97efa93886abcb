"""synth from end to end on the real vLLM, in process and as a server: grounded and all six types.

The model writes at random, so the prompts are short ones with small bounds; only what the schemas
force is certain.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from kalm_data.api.imports import ImportDocumentsConfig, NamedTask, import_documents
from kalm_data.api.synth import Engine, ModelConfig, SynthConfig, make_engine, synth
from kalm_data.core.prompts import read_prompt
from kalm_data.core.resources import resource_folder
from kalm_data.workspace.database import Database

from .conftest import CONTEXT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.vllm

TYPES = ["short-long", "long-short", "short-short", "long-long", "sts", "bitext"]
LONGEST = 18  # characters: too few for their language to be told
COUNT = 8


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped prompts with their variables alone, and texts of few characters."""
    folder = tmp_path_factory.mktemp("prompts")
    for file in resource_folder("prompts").glob("*.en.md"):
        front = file.read_text(encoding="utf-8").split("+++\n")[1]
        bounded = re.sub(r"maxLength = \d+", f"maxLength = {LONGEST}", front)
        fewer = re.sub(r"(m..Items) = \d+", r"\1 = 3", bounded)
        body = " ".join(f"{{{{ {name} }}}}" for name in read_prompt(file).variables)
        (folder / file.name).write_text(f"+++\n{fewer}+++\nWrite JSON. {body}\n", encoding="utf-8")
    return folder


def run(
    workspace: Path, asked: ModelConfig, loaded: Engine | None = None, **settings: object
) -> tuple[int, int]:
    """(requests, accepted); checks every stored reply against its schema, and the counts."""
    config = SynthConfig.model_validate(
        {"min_words": 1, "max_tokens": 600, "context": CONTEXT, "attempts": 2, **settings}
    )
    outcome = synth(workspace, ["made"], config, asked, engine=loaded)
    run, result = outcome.run, outcome.result
    assert run.planned == run.kept + sum(run.rejected.values())
    schemas = {
        f"{file.name}@{prompt.front.version}": prompt.schema
        for file in asked.prompts_dir.glob("*.md")
        for prompt in [read_prompt(file)]
    }
    with Database(workspace).read() as connection:
        replies = connection.execute(
            "SELECT prompt_name, reply FROM generations WHERE failure = ''"
        ).fetchall()
    for name, reply in replies:
        Draft202012Validator(json.loads(schemas[name])).validate(json.loads(reply))
    assert len(replies) >= result.requests / 2, run.rejected
    assert result.accepted >= run.planned / 2, run.rejected
    return result.requests, result.accepted


def documents(folder: Path) -> Path:
    rows = [
        {
            "id": f"d{i}",
            "title": f"Tide {i}",
            "text": f"Tide {i} comes {i + 2} hours after the moon.",
        }
        for i in range(COUNT)
    ]
    (folder / "docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = ImportDocumentsConfig(as_split="train", language="en")
    import_documents(folder / "w", [str(folder / "docs.jsonl")], NamedTask(task="made"), config)
    return folder / "w"


@pytest.fixture(scope="module")
def in_process(tiny_model: Path) -> Engine:
    """One loaded model for all calls."""
    config = SynthConfig(engine="vllm", model=str(tiny_model), context=CONTEXT)
    return make_engine(config, ModelConfig())


@pytest.fixture
def personas(tmp_path: Path) -> Path:
    file = tmp_path / "personas.jsonl"
    file.write_text("".join(f'{{"persona": "A sailor of ship {i}"}}\n' for i in range(8)))
    return file


def test_queries_for_documents_in_process(
    tmp_path: Path, tiny_model: Path, in_process: Engine, prompts: Path
) -> None:
    model = ModelConfig(prompts_dir=prompts)
    named = {"engine": "vllm", "model": str(tiny_model), "per_doc": 2}
    requests, accepted = run(documents(tmp_path), model, in_process, **named)
    assert requests >= 3 * COUNT and accepted >= COUNT
    assert run(tmp_path / "w", model, in_process, **named) == (0, accepted)


def test_queries_for_documents_by_vllms_server(
    tmp_path: Path, tiny_model: Path, vllm_server: str, prompts: Path
) -> None:
    model = ModelConfig(base_url=vllm_server, prompts_dir=prompts, tokenizer=str(tiny_model))
    requests, _ = run(documents(tmp_path), model, engine="openai", model="tiny", per_doc=2)
    assert requests >= 3 * COUNT


@pytest.mark.parametrize("kind", TYPES)
def test_rows_of_each_type_by_vllms_server(
    tmp_path: Path, vllm_server: str, prompts: Path, tiny_model: Path, personas: Path, kind: str
) -> None:
    model = ModelConfig(
        base_url=vllm_server, prompts_dir=prompts, personas=personas, tokenizer=str(tiny_model)
    )
    run(tmp_path / "w", model, engine="openai", model="tiny", type=kind, per_doc=2, instructions=2)


@pytest.mark.parametrize("kind", TYPES)
def test_rows_of_each_type_in_process(
    tmp_path: Path, in_process: Engine, prompts: Path, tiny_model: Path, personas: Path, kind: str
) -> None:
    model = ModelConfig(prompts_dir=prompts, personas=personas)
    named = {"engine": "vllm", "model": str(tiny_model), "type": kind}
    run(tmp_path / "w", model, in_process, **named, per_doc=2, instructions=2)
