"""What a task is: its type, its instruction and the collections in which answers are looked for."""

import re
from typing import Literal, get_args

from pydantic import Field, field_validator

from kalm_data.core.config.settings import Settings

TaskType = Literal[
    "retrieval",
    "short-long",
    "long-short",
    "short-short",
    "long-long",
    "sts",
    "bitext",
    "classification",
    "clustering",
]

LabelTaskType = Literal["classification", "clustering"]
"""Types of tasks whose positives and negatives are drawn by class."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Task(Settings):
    """A task as a user declares it; the workspace keeps every revision of it."""

    name: str = Field(description="Name of the task: letters, digits, dot, dash, underscore.")
    type: TaskType = Field("retrieval", description="Type of the task.")
    instruction: str = Field("", description="What a query of the task asks for, one sentence.")
    collections: tuple[str, ...] = Field(
        (), description="Collections that are the pool of the task; its own name if none is given."
    )
    query_template: str = Field(
        "",
        description="How a query is written, with {query} and {instruction}; empty: the model's.",
    )
    document_template: str = Field(
        "", description="How a document is written, with {title} and {text}; empty: the model's."
    )
    languages: tuple[str, ...] = Field(
        (), description="ISO 639-1 codes of the queries that a set takes; empty: any."
    )
    symmetric: bool = Field(
        False,
        description="Query and document are of one kind: documents are written as queries, unless "
        "there is a document_template.",
    )
    in_batch: bool = Field(True, description="Rows give and take in-batch negatives.")
    top_k: int | None = Field(None, ge=1, description="Rank to which positives are kept.")
    weight: float = Field(1.0, gt=0, description="Weight of the task in the mix.")
    cap: int | None = Field(None, ge=1, description="Most rows of the task in a set.")
    licence: str = Field("", description="Licence of the task's data.")
    exposure: str = Field("", description="Benchmarks that share data with the task.")

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            message = f"{name!r} is no task name: letters, digits, '.', '-' and '_', at most 64"
            raise ValueError(message)
        return name

    @property
    def is_ranked(self) -> bool:
        """Whether answers are looked for in a pool: those of labels are drawn by class."""
        return self.type not in get_args(LabelTaskType)

    def takes_language(self, language: str) -> bool:
        """Whether a set takes queries of a language: `en-GB` is `en`, and an unknown one (empty)
        is taken.
        """
        told = language.lower().replace("_", "-").partition("-")[0]
        return not self.languages or not told or told in self.languages

    @property
    def pool(self) -> tuple[str, ...]:
        """The collections in which answers are looked for."""
        return self.collections or (self.name,)


class NamedTask(Settings):
    """The task, and what is to change in it. It is made if it is new."""

    task: str = Field(
        json_schema_extra={"option": "--task -t"},
        description="Task of the rows; it is made if it is new.",
    )
    type: TaskType | None = Field(None, description="Type of the task.")
    task_instruction: str | None = Field(
        None, description="What the queries of the task ask for, one sentence."
    )


class NamedLabelTask(NamedTask):
    """A task of labels by its name, and what is to change in it."""

    type: LabelTaskType | None = Field(
        None, description="Type of the task; classification if it is new."
    )


class NamedStsTask(NamedTask):
    """A task of scored pairs by its name, and what is to change in it."""

    type: Literal["sts"] | None = Field(
        None, description="Type of the task; a new one is of type sts."
    )
