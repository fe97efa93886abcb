"""How a query and a document are written for a model, and how a written query is read back.

Workspace and shards hold bare text; whoever encodes renders. Placeholders are `{query}` and
`{instruction}`, `{title}` and `{text}`. They are replaced in one pass by plain substitution, not
by `str.format`: texts hold braces, and what was filled in is never looked at again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.tasks import Task

PAPER_QUERY = "Instruct: {instruction} \n Query: {query}"
"""The bytes of KaLM-Embedding (arXiv 2501.01028, released code): a blank on each side of \\n."""

TITLED = "{title}\n{text}"

_PLACEHOLDER = re.compile(r"\{(query|instruction|title|text)\}")
_WRAPPED = re.compile(r"\s*Instruct:[ \t]*(.*?)[ \t]*\r?\n[ \t]*Query:[ \t]?(.*)", re.DOTALL)
_TITLE_SLOT = re.compile(r"title: none\b")


@dataclass(frozen=True, slots=True)
class Templates:
    """How the queries and documents of one task are written for one model.

    `untitled` serves documents without a title; `instruction` examples without one of their own.
    """

    query: str
    document: str
    untitled: str
    instruction: str

    @property
    def fingerprint(self) -> str:
        return digest("templates", self.query, self.document, self.untitled, self.instruction)


BARE = Templates(query="{query}", document=TITLED, untitled="{text}", instruction="")
"""For whoever reads words, not a model's templates."""


def resolve_templates(task: Task, query_prompt: str = "", document_prompt: str = "") -> Templates:
    r"""The task's templates, else the model's saved prompts, else bare text.

    A saved prompt is a prefix, as sentence-transformers has it. One that wraps an instruction
    (`Instruct: …\nQuery:`) gives way to the instruction of the task or the example. Documents of a
    symmetric task are written as its queries are, with the task's instruction, unless it has a
    template for them.
    """
    query, saved_instruction = _query_template(query_prompt)
    document = task.document_template or _TITLE_SLOT.sub("title: {title}", document_prompt)
    if not task.document_template:
        document += "{text}" if "{title}" in document else TITLED
    untitled = document.replace("{title}\n", "")
    if not task.document_template and _TITLE_SLOT.search(document_prompt):
        untitled = document_prompt + "{text}"
    _require(task.name, "query_template", task.query_template, "{query}")
    _require(task.name, "document_template", task.document_template, "{text}")
    query = task.query_template or query
    instruction = task.instruction or ("" if task.query_template else saved_instruction)
    if task.symmetric and not task.document_template:
        untitled = _as_document(query, instruction)
        document = untitled.replace("{text}", TITLED)
    return Templates(query, document, untitled, instruction)


def render_query(templates: Templates, query: str, instruction: str = "") -> str:
    """The query as the model reads it; bare where the template asks for an unknown instruction."""
    instruction = instruction or templates.instruction
    if not instruction and "{instruction}" in templates.query:
        return query
    return _fill(templates.query, {"query": query, "instruction": instruction})


def render_document(
    templates: Templates, text: str, title: str = "", headings: Sequence[str] = ()
) -> str:
    """The document as the model reads it; the heading path follows the title: `Guide > Setup`."""
    path = " > ".join(part for part in (title, *headings) if part)
    template = templates.document if path else templates.untitled
    return _fill(template, {"title": path, "text": text})


def unwrap_query(text: str) -> tuple[str, str]:
    r"""(instruction, query) of a query wrapped as `Instruct: … \n Query: …`, else ("", text)."""
    match = _WRAPPED.fullmatch(text)
    return (match[1], match[2]) if match else ("", text)


def _query_template(prompt: str) -> tuple[str, str]:
    """The template that a saved prompt stands for, and the instruction it was saved with."""
    match = _WRAPPED.fullmatch(prompt)
    if not match:
        return prompt + "{query}", ""
    before, after = prompt[: match.start(1)], prompt[match.end(1) :]
    return f"{before}{{instruction}}{after}{{query}}", match[1]


def _as_document(query: str, instruction: str) -> str:
    """A query template as one of documents, which have no instruction of their own."""
    if not instruction and "{instruction}" in query:
        return "{text}"
    return query.replace("{instruction}", instruction).replace("{query}", "{text}")


def _fill(template: str, fields: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: fields.get(match[1], match[0]), template)


def _require(task: str, name: str, template: str, placeholder: str) -> None:
    if template and placeholder not in template:
        message = f'task {task}: {name} "{template}" has no {placeholder}. Add it.'
        raise InputError(message)
