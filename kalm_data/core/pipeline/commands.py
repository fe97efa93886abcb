"""The commands that can be steps of a pipeline, with their settings and arguments.

Keys of a step are the names of these fields: a setting that a command gains is a key at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator

from kalm_data.core.config.devices import DeviceSettings
from kalm_data.core.config.diff import DiffConfig
from kalm_data.core.config.eval import EvalConfig, RegressSettings
from kalm_data.core.config.export import ExportConfig
from kalm_data.core.config.filter import FilterConfig
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.imports import (
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    ImportStsConfig,
)
from kalm_data.core.config.language_model import ModelConfig
from kalm_data.core.config.layers import unset_names
from kalm_data.core.config.mine import MineConfig
from kalm_data.core.config.personas import PersonasConfig
from kalm_data.core.config.recipes import RecipeName
from kalm_data.core.config.report import ReportConfig
from kalm_data.core.config.settings import Settings, as_list
from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.config.training.merge import MergeSettings
from kalm_data.core.tasks import NamedLabelTask, NamedStsTask, NamedTask


class TaskArguments(Settings):
    """Tasks to work on; all if none is named."""

    task: tuple[str, ...] = ()

    _one_is_a_list = field_validator("task", mode="before")(as_list)


class SourceArguments(Settings):
    """What is imported: files, folders or `hf:NAME`."""

    sources: tuple[str, ...] = Field(min_length=1)

    _one_is_a_list = field_validator("sources", mode="before")(as_list)

    @field_validator("sources")
    @classmethod
    def _can_be_read_again(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        if "-" in sources:
            message = "standard input cannot be read again: name a file"
            raise ValueError(message)
        return sources


class TaskFileArguments(Settings):
    """A file of many tasks."""

    file: Path


class RankingArguments(Settings):
    """Workspaces in which `mine --part` ranked a part."""

    others: tuple[Path, ...] = Field(min_length=1)


class PersonaArguments(Settings):
    """Whose documents are read, and the file that the personas are written to."""

    file: Path
    task: str


class SetArguments(TaskArguments):
    """The folder of the set, and its copy on the hub."""

    out: Path
    push: str = ""


class TrainArguments(Settings):
    """The shard set, the folder of the model, and where settings come from that are not given."""

    shards: Path
    output: Path
    recipe: RecipeName | None = None
    config: Path | None = None
    unset: tuple[str, ...] = ()
    leave_one_out: bool = False

    _one_is_a_list = field_validator("unset", mode="before")(as_list)

    @field_validator("unset")
    @classmethod
    def _are_settings(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        return unset_names(TrainConfig, words)


class MergeArguments(Settings):
    """The folder of the mean."""

    output: Path


class EvalArguments(TaskArguments):
    """The model that is judged, what it is compared with, and the file of its answers."""

    model: str
    against: str | None = None
    shards: Path | None = None
    queries: Path | None = None


class ExportArguments(TaskArguments):
    """The folder of the export."""

    out: Path


class ReportArguments(TaskArguments):
    """The page."""

    out: Path


class VerifyArguments(Settings):
    """The shard set that is checked."""

    shards: Path


class DiffArguments(Settings):
    """What is compared: folders of shard sets or of workspaces."""

    a: Path
    b: Path


@dataclass(frozen=True, slots=True)
class Command:
    """A command that can be a step.

    `settings`: arguments first, then what the command line has as options. `layered` are those of
    them that lie over a file of settings, of which a step names some. `output` is the key of
    what it writes, if it writes a file or folder. `reads` and `changes` tell whether what it does
    depends on the rows of the workspace, and whether what later steps read there depends on it;
    `shows_runs` whether it tells of every run before it, also of those that change nothing;
    `is_run` whether it is a run of the workspace itself.
    """

    name: str
    settings: tuple[type[Settings], ...]
    output: str = ""
    layered: type[Settings] | None = None
    reads: bool = True
    changes: bool = False
    shows_runs: bool = False
    is_run: bool = True


MERGE = "train --merge"
"""What a step of train is that has the key `merge`: it takes settings of its own."""

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            "import documents", (SourceArguments, NamedTask, ImportDocumentsConfig, Gates),
            changes=True,
        ),
        Command(
            "import pairs", (SourceArguments, NamedTask, ImportPairsConfig, Gates), changes=True
        ),
        Command(
            "import labels", (SourceArguments, NamedLabelTask, ImportLabelsConfig, Gates),
            changes=True,
        ),
        Command(
            "import sts", (SourceArguments, NamedStsTask, ImportStsConfig, Gates), changes=True
        ),
        Command("import tasks", (TaskFileArguments, Gates), changes=True),
        Command("import rankings", (RankingArguments, Gates), changes=True),
        Command("personas", (PersonaArguments, PersonasConfig, ModelConfig, Gates), "file"),
        Command(
            "synth", (TaskArguments, SynthConfig, ModelConfig, DeviceSettings, Gates), changes=True
        ),
        Command("mine", (TaskArguments, MineConfig, DeviceSettings, Gates), changes=True),
        Command("filter", (TaskArguments, FilterConfig, DeviceSettings, Gates), changes=True),
        Command("build-shards", (SetArguments, ShardsConfig, Gates), "out"),
        Command(
            "train", (TrainArguments, TrainConfig, RegressSettings, Gates), "output",
            layered=TrainConfig, reads=False,
        ),
        Command(MERGE, (MergeArguments, MergeSettings), "output", reads=False),
        Command("eval", (EvalArguments, EvalConfig, DeviceSettings, Gates), "queries"),
        Command("export", (ExportArguments, ExportConfig, Gates), "out"),
        Command(
            "report", (ReportArguments, ReportConfig), "out",
            reads=False, shows_runs=True, is_run=False,
        ),
        Command("verify", (VerifyArguments,), reads=False, is_run=False),
        Command("diff", (DiffArguments, DiffConfig), "rows", is_run=False),
    )
}  # fmt: skip

CHANGES_NOTHING = ("personas", "build-shards", "train", "eval", "export", "run")
"""Commands, as runs name them, after which every step finds the workspace as it was."""
