"""From what an author wrote to the rows of the workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.records import (
    Decision,
    Document,
    Example,
    Generation,
    Judgement,
    Reject,
    Text,
    example_id,
)

if TYPE_CHECKING:
    from kalm_data.core.judging import Settled
    from kalm_data.core.records import Label, Origin, Record, Split
    from kalm_data.core.synthesis import Draft, Reply, Request
    from kalm_data.core.tasks import Task

RULE = "gates"
"""Name of the rule that drops queries which were accepted once and fail the gates of today."""

_SHOWN_CHARACTERS = 1000
"""Of what was turned away; the journal holds all of it."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes what: the same for all rows of a run. `plan` is the digest of the plan."""

    task: Task
    engine: str
    origin: Origin
    split: Split
    plan: str
    run_id: str

    def generation(self, request: Request, reply: Reply) -> Generation:
        return Generation(
            request_key=request.key,
            attempt=request.attempt,
            task=self.task.name,
            engine=self.engine,
            facet=request.facet,
            persona=request.persona,
            prompt_name=request.prompt_name,
            system=request.system,
            prompt=request.prompt,
            sampling=request.sampling.to_json() if request.sampling else "",
            seed=request.seed,
            document_hash=request.document.text_hash if request.document else "",
            place=request.place,
            plan=self.plan,
            reply=reply.raw,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            seconds=reply.seconds,
            finish_reason=reply.finish_reason,
            failure=reply.failure,
            run_id=self.run_id,
        )

    def accepted(self, draft: Draft) -> list[Record]:
        """The query as an example, or one more positive where the task has that query already."""
        text = Text.of(draft.query)
        identity = example_id(self.task.name, draft.query)
        example = Example(
            example_id=identity,
            task=self.task.name,
            query_hash=text.text_hash,
            instruction=draft.instruction,
            language=draft.language,
            split=self.split,
            origin=self.origin,
            origin_key=draft.key,
            source=self.engine,
            line=0,
            run_id=self.run_id,
        )
        positive = self._judgement(draft, identity, draft.positive, "positive")
        negatives = [self._judgement(draft, identity, one, "negative") for one in draft.negatives]
        return [
            text, *draft.documents, *self._documents(draft), example, positive, *negatives,
        ]  # fmt: skip

    def _judgement(self, draft: Draft, example: str, text_hash: str, label: Label) -> Judgement:
        return Judgement(example, text_hash, label, self.origin, self.run_id, origin_key=draft.key)

    def _documents(self, draft: Draft) -> list[Document]:
        """New documents, in the first collection of the task; their id is their text's hash."""
        return [
            Document(
                collection=self.task.pool[0],
                doc_id=text.text_hash,
                revision=1,
                text_hash=text.text_hash,
                title="",
                headings=(),
                parent="",
                position=0,
                date="",
                language="" if self.task.type == "bitext" else draft.language,
                licence="",
                source=self.engine,
                metadata="{}",
                split=self.split,
                retired=False,
                run_id=self.run_id,
            )
            for text in draft.documents
        ]

    def dropped(self, settled: Settled) -> Decision:
        """What the request said once is taken back; what others say stands."""
        draft = settled.draft
        return Decision(
            task=self.task.name,
            rule=RULE,
            example_id=example_id(self.task.name, draft.query),
            text_hash=draft.positive,
            verdict="drop",
            reason=settled.outcome,
            numbers=settled.numbers,
            cause=draft.key,
            run_id=self.run_id,
        )

    def rejected(self, settled: Settled) -> Reject:
        draft = settled.draft
        return Reject(
            run_id=self.run_id,
            stage="synth",
            reason=settled.outcome,
            key=f"{self.task.name}:{draft.candidate.place}:{draft.key}",
            numbers=settled.numbers,
            source=draft.candidate.item,
            line=0,
            text=(draft.query or draft.said)[:_SHOWN_CHARACTERS],
        )
