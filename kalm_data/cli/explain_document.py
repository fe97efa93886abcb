"""A text of the workspace as branches of a tree: its documents, and what it is used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from kalm_data.cli.tree_lines import START, Lines, counted, line, place
from kalm_data.cli.visible import in_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.tree import Tree

    from kalm_data.api.explain import Asked, Document, ExplainedDocument


def grow_document(root: Tree, document: ExplainedDocument, lines: Lines) -> None:
    for one in document.revisions:
        _revision(root, one, document, lines)
    root.add(lines.labelled("text", document.text))
    if document.near_duplicates:
        root.add(line("near-duplicates", f"{document.near_duplicates:,}"))
    _asked(root, "answers", document.answers, document.answers_count)
    _asked(root, "is a negative of", document.negative_of, document.negative_of_count)
    for label in document.labels:
        of = f"of task {label.task}, {label.split}, from {place(label.source, label.line)}"
        root.add(line("label", f"{label.label} {of}, run {label.run_id}"))
    for pair in document.pairs:
        of = f"of task {pair.task}, {pair.split}, from {place(pair.source, pair.line)}"
        branch = root.add(line("scored pair", f"{pair.score:.4f} {of}, run {pair.run_id}"))
        branch.add(lines.labelled("the other text", pair.text))


def _revision(root: Tree, one: Document, document: ExplainedDocument, lines: Lines) -> None:
    told = [
        f"{one.collection}/{one.doc_id}",
        f"revision {one.revision}",
        "retired" if one.retired else "",
        "" if one.text_hash == document.text_hash else "another text",
        one.split,
        f"from {one.source}",
        f"licence {one.licence}" if one.licence else "",
        f"run {one.run_id}",
    ]
    branch = root.add(line("document", ", ".join(filter(None, told))))
    if one.title:
        branch.add(lines.labelled("title", one.title))
    if one.parent:
        branch.add(line("part", f"{one.position} of {one.parent}"))
    if one.metadata != "{}":
        branch.add(lines.labelled("metadata", one.metadata))


def _asked(root: Tree, name: str, asked: Sequence[Asked], count: int) -> None:
    if not count:
        return
    more = f", of which {len(asked)} are shown" if count > len(asked) else ""
    branch = root.add(line(name, counted(count, "example") + more))
    for one in asked:
        told = f"{one.example_id} {one.task} {one.split}: "
        branch.add(Text.assemble(told, in_line(one.query, START)))
