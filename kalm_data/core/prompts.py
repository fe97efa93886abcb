"""Prompt files: front matter between two `+++` lines, in TOML, and a Jinja2 body.

The body is a template of the sandbox: it reads the variables it is given and nothing else, no
file, no attribute, no other template. The front matter says what the prompt is for and, as JSON
Schema, what a reply must look like.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import Field, ValidationError

from kalm_data.core.config.refusals import refusal
from kalm_data.core.config.settings import Settings
from kalm_data.core.errors import InputError, reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jinja2 import Template

_FENCE = "+++"

PromptTask = Literal[
    "grounded",
    "grounded-one-step",
    "short-long",
    "long-short",
    "short-short",
    "long-long",
    "sts",
    "bitext",
    "persona",
]


class ReplySchema(Settings):
    """The part of JSON Schema that every engine can hold a model to: one flat object."""

    type: Literal["object"]
    properties: dict[str, dict[str, Any]] = Field(min_length=1)
    required: tuple[str, ...] = Field(min_length=1)
    additionalProperties: Literal[False]


class FrontMatter(Settings):
    """What a prompt file says of itself."""

    task_type: PromptTask = Field(description="What the prompt is for.")
    step: int = Field(ge=1, le=2, description="1 prepares (chooses, brainstorms), 2 writes.")
    language: str = Field(pattern="^[a-z]{2}$", description="ISO 639-1 code of the prompt.")
    version: int = Field(ge=1, description="Grows whenever the text changes.")
    reply: ReplySchema = Field(description="JSON Schema of the reply.")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that was read and checked.

    `schema` is canonical JSON; `variables` are sorted; `fixed` is what stands in the body beside
    them.
    """

    source: str
    front: FrontMatter
    schema: str
    variables: tuple[str, ...]
    fixed: str
    template: Template

    @property
    def name(self) -> str:
        """File and version, as the journal keeps them."""
        return f"{PurePath(self.source).name}@{self.front.version}"

    def render(self, values: Mapping[str, object]) -> str:
        """The text to send; InputError names every variable that is not among `values`."""
        missing = [name for name in self.variables if name not in values]
        if missing:
            message = (
                f"{self.source}: nothing fills {', '.join(missing)}. "
                f"Use only: {', '.join(sorted(values))}."
            )
            raise InputError(message)
        try:
            return self.template.render(values).strip()
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            message = f"{self.source}: cannot be filled: {error}"
            raise InputError(message) from error


class _Sandbox(ImmutableSandboxedEnvironment):
    """No attribute of any value is reachable, but a loop's own (`loop.index`)."""

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        return isinstance(obj, LoopContext) and super().is_safe_attribute(obj, attr, value)


def read_prompt(file: Path) -> Prompt:
    """Read and check one prompt file; InputError says what is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: not a readable prompt file: {reason(error)}"
        raise InputError(message) from error
    return parse_prompt(text, str(file))


def parse_prompt(text: str, source: str) -> Prompt:
    """A prompt from the text of its file; `source` names it in errors."""
    front_text, body = _split(text, source)
    front = _front_matter(front_text, source)
    environment = _environment()
    try:
        tree = environment.parse(body)
        template = environment.from_string(body)
    except TemplateError as error:
        message = f"{source}: the body is no Jinja2 template: {error}"
        raise InputError(message) from error
    if next(iter(meta.find_referenced_templates(tree)), tree) is not tree:
        message = f"{source}: a prompt cannot include, import or extend another file"
        raise InputError(message)
    variables = tuple(sorted(meta.find_undeclared_variables(tree)))
    schema = json.dumps(front.reply.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    fixed = "".join(data.data for data in tree.find_all(nodes.TemplateData))
    return Prompt(source, front, schema, variables, fixed, template)


def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=StrictUndefined, autoescape=False, trim_blocks=True)
    environment.globals = {"range": environment.globals["range"]}
    return environment


def _split(text: str, source: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    fences = [place for place, line in enumerate(lines) if line.rstrip() == _FENCE][:2]
    if len(fences) < 2 or fences[0] != 0:
        message = f"{source}:1: front matter must stand first, between two lines of {_FENCE}"
        raise InputError(message)
    return "".join(lines[1 : fences[1]]), "".join(lines[fences[1] + 1 :])


def _front_matter(text: str, source: str) -> FrontMatter:
    try:
        front = FrontMatter.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = f"{source}: the front matter is no TOML: {error}"
        raise InputError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        message = f"{source}: front matter {field!r}: {refusal(first)}"
        raise InputError(message) from error
    unknown = sorted(set(front.reply.required) - set(front.reply.properties))
    if unknown:
        message = f"{source}: front matter 'reply.required' names no property: {unknown}"
        raise InputError(message)
    return front
