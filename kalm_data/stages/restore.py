"""Restore: a person keeps a positive that a rule dropped, with a note that says why.

The verdict is one of the rule `by-hand`, which overrules all others until it is taken back. Those
that are in force are stored again with each new one, as a head names one run.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.by_hand import BY_HAND, PAIR_KEY, Restored
from kalm_data.core.errors import InputError
from kalm_data.core.explanation import UnknownId
from kalm_data.core.records import Decision, Head
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from kalm_data.core.explanation import ExplainedExample, ExplainedPositive, Explanation
    from kalm_data.core.protocols import Run

_REMEDIES = {
    "import": "mend the source and import it again",
    "synth": "run synth with other limits, which asks nothing again",
    "mine": "run mine with other settings",
    "build-shards": "build the set with other settings",
}
"""By stage: how what it turned away comes in, as no decision keeps it out."""


class RestoreStore(Protocol):
    """What is read of the workspace."""

    def explain(self, wanted: str) -> Explanation:
        """Of an example, document, query or reject. InputError where it is not just one."""
        ...

    def by_hand(self, task: str) -> list[Decision]:
        """The verdicts by hand in force, in order of example and document."""
        ...


def restore(store: RestoreStore, run: Run, wanted: str, note: str) -> Restored:
    """Keep the positive that `wanted` means: the key of a reject (`example:text`), or the id or the
    query of an example that has one dropped positive. One unit.

    Raises InputError where no rule in force drops it, or several positives may be meant.
    """
    example, positive = _find(_explained(store, wanted), wanted)
    run.plan(1)
    drops = [one for one in positive.decisions if one.in_force and one.verdict == "drop"]
    overruled = {one.rule: one.reason for one in drops}
    numbers = json.dumps({"note": note, "overruled": overruled}, ensure_ascii=False, sort_keys=True)
    text_hash = positive.document.text_hash
    verdict = Decision(
        example.task, BY_HAND, example.example_id, text_hash, "keep", "restored", numbers, "",
        run.run_id,
    )  # fmt: skip
    others = [replace(one, run_id=run.run_id) for one in store.by_hand(example.task)]
    verdicts = [*others, verdict]
    run.append(verdicts)
    run.append([_head(run, example.task, verdicts)])
    run.keep()
    return Restored(
        task=example.task,
        example_id=example.example_id,
        text_hash=text_hash,
        query=example.query,
        text=positive.document.text,
        overruled=overruled,
        note=note,
    )


def _head(run: Run, task: str, verdicts: list[Decision]) -> Head:
    keys = sorted(f"{one.example_id}:{one.text_hash}" for one in verdicts)
    settings = json.dumps({"positives": len(keys), "digest": digest(BY_HAND, *keys)})
    return Head("rule", task, BY_HAND, run.sequence, settings, "", run.run_id)


def _explained(store: RestoreStore, wanted: str) -> Explanation:
    try:
        return store.explain(wanted)
    except UnknownId as error:
        message = (
            f"{wanted}: no dropped positive is named so. --restore takes the key of a reject, as "
            "`kalm-data rejects --stage filter` lists them, or the id or query of an example."
        )
        raise InputError(message) from error


def _find(explained: Explanation, wanted: str) -> tuple[ExplainedExample, ExplainedPositive]:
    example = explained.example
    if example is None:
        raise InputError(_no_decision(explained))
    key = PAIR_KEY.fullmatch(wanted)
    dropped = [
        one
        for one in example.positives
        if not one.stands and (key is None or one.document.text_hash == key[1])
        and any(each.in_force and each.verdict == "drop" for each in one.decisions)
    ]  # fmt: skip
    if not dropped:
        raise InputError(_nothing_dropped(explained, example))
    if len(dropped) > 1:
        keys = ", ".join(f"{example.example_id}:{one.document.text_hash}" for one in dropped)
        message = f"{example.example_id}: {len(dropped)} of its positives are dropped. Name one: "
        raise InputError(f"{message}{keys}.")
    return example, dropped[0]


def _no_decision(explained: Explanation) -> str:
    if explained.kind == "document":
        return f"{explained.asked}: a document. Name the example whose positive is to be kept."
    reject = explained.rejects[-1]
    remedy = _REMEDIES.get(reject.stage.partition("-")[0], _REMEDIES["build-shards"])
    return (
        f"{reject.key}: run {reject.run_id} turned it away at stage {reject.stage}, "
        f"{reject.reason}: no decision of filter. To have it, {remedy}."
    )


def _nothing_dropped(explained: Explanation, example: ExplainedExample) -> str:
    if any(one.overruled for positive in example.positives for one in positive.decisions):
        return f"{example.example_id}: what a rule dropped of it is kept by hand already."
    others = [one for one in explained.rejects if one.stage in ("mine", "build-shards")]
    if not others:
        return f"{example.example_id}: no rule in force drops a positive of it: nothing to restore."
    last = others[-1]
    return (
        f"{example.example_id}: no rule in force drops a positive of it; run {last.run_id} turned "
        f"it away at stage {last.stage}, {last.reason}. To have it, {_REMEDIES[last.stage]}."
    )
