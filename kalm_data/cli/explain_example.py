"""An example as branches of a tree: what it is, what was measured and decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from kalm_data.cli.tree_lines import Lines, counted, line, listed, place, title_or_text
from kalm_data.cli.visible import visible

if TYPE_CHECKING:
    from rich.tree import Tree

    from kalm_data.api.explain import (
        ExplainedDecision,
        ExplainedExample,
        ExplainedNegative,
        ExplainedPositive,
        ExplainedText,
        PassedGates,
    )


def verdict(example: ExplainedExample) -> Text:
    """Whether it is in, else which run put it out and by which numbers."""
    standing = sum(one.stands for one in example.positives)
    if standing:
        return Text(f"{standing} of {counted(len(example.positives), 'positive')} stand")
    decisions = (one for positive in example.positives for one in positive.decisions)
    drop = next((one for one in decisions if one.in_force and one.verdict == "drop"), None)
    if drop is None:
        return Text("out: it has no positive", "red")
    said = f"out: {drop.rule} of run {drop.run_id} drops it, {drop.reason}: {listed(drop.numbers)}"
    return Text(visible(said), "red")


def grow_example(root: Tree, example: ExplainedExample, lines: Lines) -> None:
    root.add(lines.labelled("query", example.query))
    if example.instruction:
        root.add(lines.labelled("instruction", example.instruction))
    if example.licence:
        root.add(line("licence of the task", example.licence))
    made_by = f"{example.origin}, {place(example.source, example.line)}, run {example.run_id}"
    root.add(line("made by", made_by))
    if example.gates:
        root.add(line("gates passed", _passed(example.gates)))


def _passed(gates: PassedGates) -> str:
    most = "any number" if gates.max_verbatim is None else f"at most {gates.max_verbatim}"
    allowed = f"{gates.min_words} to {gates.max_words} allowed"
    words = counted(gates.words, "word")
    return f"{words}, {allowed}, {most} in a row from the document, run {gates.run_id}"


def grow_judged(root: Tree, example: ExplainedExample, lines: Lines) -> None:
    """Its positives and negatives."""
    for positive in example.positives:
        _positive(root, positive, lines)
    if not example.negatives:
        return
    told = f"drawn by run {example.negatives[0].run_id}"
    if example.negatives_stale:
        told += "; rules decided later, and build-shards draws again: name a set with --shards"
    branch = root.add(line(counted(len(example.negatives), "negative"), told))
    for negative in example.negatives:
        branch.add(_negative(negative))


def _positive(root: Tree, positive: ExplainedPositive, lines: Lines) -> None:
    state = ("stands", "green") if positive.stands else ("dropped", "red")
    title = title_or_text(positive.document.title, positive.document.text)
    branch = root.add(Text.assemble(("positive: ", "bold"), title, " ", state))
    _text(branch, positive.document, lines)
    for said in positive.said:
        branch.add(line("said by", f"{said.origin}, run {said.run_id}"))
    for rank in positive.ranks:
        evidence = ", no evidence" if rank.no_evidence else ""
        told = f"score {rank.score:.4f}{evidence} by {rank.ranker}, run {rank.run_id}"
        branch.add(line(f"rank {rank.rank:,} of {rank.pool_size:,}", told))
    for decision in positive.decisions:
        branch.add(_decision(decision))


def _text(branch: Tree, document: ExplainedText, lines: Lines) -> None:
    for one in document.documents:
        licence = f", licence {one.licence}" if one.licence else ""
        told = f"{one.collection}/{one.doc_id}, revision {one.revision}, {one.split}"
        branch.add(line("document", f"{told}, from {one.source}{licence}"))
    if not document.documents:
        branch.add(line("document", "none of today is this text"))
    branch.add(lines.labelled("text", document.text))


def _decision(decision: ExplainedDecision) -> Text:
    state = "" if decision.in_force else ", not in force any more"
    if decision.overruled:
        state = ", set aside by hand"
    verb = "drops it" if decision.verdict == "drop" else "keeps it"
    reason = f", {decision.reason}" if decision.reason else ""
    cause = f"; cause: {decision.cause}" if decision.cause else ""
    numbers = listed(decision.numbers)
    said = f"{reason}{state}, run {decision.run_id}: {numbers}{cause}"
    return Text.assemble((f"{decision.rule} {verb}", "bold"), visible(said))


def _negative(negative: ExplainedNegative) -> Text:
    kind = "padding, " if negative.padding else "given, " if negative.given else ""
    rank = f"{kind}{negative_rank(negative.rank)}"
    scores = f"score {negative.score:.4f}, the positive's {negative.positive_score:.4f}"
    title = title_or_text(negative.document.title, negative.document.text)
    return Text.assemble((f"{rank}: ", "bold"), f"{scores}, by {negative.ranker}: ", title)


def negative_rank(rank: int) -> str:
    """The place among all hits; 0 is none of them."""
    return f"rank {rank:,}" if rank else "below the hits"
