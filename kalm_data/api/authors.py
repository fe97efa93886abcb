"""Introduces authors to what they need: documents, engine, prompts, personas."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from kalm_data.core.seeded import digest
from kalm_data.core.spending import Spending

if TYPE_CHECKING:
    from kalm_data.api.device_engines import DeviceEngines
    from kalm_data.api.language_models import Engine
    from kalm_data.core.asking import Asker
    from kalm_data.core.config.language_model import ModelConfig
    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.journal import NoJournal, RunJournal
    from kalm_data.core.personas import Persona
    from kalm_data.core.prompt_shelf import PromptShelf
    from kalm_data.core.protocols import CharacterFinder, DocumentSource
    from kalm_data.core.synth_result import Offer
    from kalm_data.core.synthesis import Plan
    from kalm_data.core.tasks import Task
    from kalm_data.core.written_rows import Writing
    from kalm_data.stages.estimate import EstimatedAuthor
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun


class AuthorMaker:
    """Makes the author of each task of one run; without a run it keeps no reply."""

    def __init__(
        self,
        database: Database,
        run: WorkspaceRun | None,
        engine: Engine,
        config: SynthConfig,
        model: ModelConfig,
        devices: DeviceEngines,
    ) -> None:
        from kalm_data.workspace.generations import GenerationStore

        self._database, self._run, self._made = database, run, engine
        self._engine = engine.engine
        self._config, self._model, self._devices = config, model, devices
        self._store = GenerationStore(database)
        self._spending = Spending(config)
        if not config.is_extractive:  # what is wrong with prompts or personas is said first
            self._shelf, self._personas, self._examples  # noqa: B018

    def plan(self, task: Task) -> Plan:
        from kalm_data.stages.synth import document_plan, ordered_plan

        if self._config.type:
            return ordered_plan((persona.id for persona in self._personas), self._config)
        return document_plan(self._store, task, self._config)

    def offer(self) -> Offer:
        """What the authors choose from."""
        from kalm_data.core.authors.grounded import QUESTION_TYPES
        from kalm_data.core.synth_result import Offer

        if self._config.is_extractive:
            return Offer(0, self._config.facets)
        facets = (self._config.type,) if self._config.type else QUESTION_TYPES
        return Offer(len(self._personas), facets)

    def remember_examples(self) -> None:
        """Bar the queries that are shown as examples from every evaluation."""
        from kalm_data.core.records import ShownQuery, Text

        if self._run and not self._config.is_extractive:
            texts = [Text.of(query) for query in self._examples]
            self._run.append(
                [ShownQuery(text.norm_hash, text.text, self._run.run_id) for text in texts]
            )

    def make(self, task: Task) -> tuple[Writing, RunJournal, EstimatedAuthor]:
        from kalm_data.core.asking import Asker
        from kalm_data.core.journal import NoJournal, RunJournal
        from kalm_data.core.written_rows import Writing
        from kalm_data.engines.reply_schema import read_reply

        config = self._config
        writing = Writing(
            task=task,
            engine=self._engine.name,
            origin="extractive" if config.is_extractive else "llm",
            split=config.split,
            plan=self._plan_id(),
            run_id=self._run.run_id if self._run else "",
        )
        journal: RunJournal | NoJournal
        journal = (
            RunJournal(self._store, self._run, writing, self._spending, config.requests_each)
            if self._run
            else NoJournal(self._store)
        )
        asker = Asker(self._engine, journal, read_reply, config.tries, config.seed)
        documents = partial(self._store.documents, task)
        return writing, journal, self._author(documents, asker)  # type: ignore[return-value]

    def _plan_id(self) -> str:
        config = self._config
        return digest("plan", self._engine.name, config.type or "grounded", config.seed)

    def _author(self, documents: DocumentSource, asker: Asker) -> EstimatedAuthor:
        from kalm_data.api.language_models import make_room
        from kalm_data.core.authors.asking_model import Requester
        from kalm_data.core.authors.extractive import ExtractiveAuthor
        from kalm_data.core.authors.from_personas import RowAuthor
        from kalm_data.core.authors.grounded import GroundedAuthor

        config = self._config
        if config.is_extractive:
            return ExtractiveAuthor(documents, asker, config)
        requester = Requester(asker.engine, config, make_room(config, self._model, self._made))
        if config.type:
            personas = {persona.id: persona for persona in self._personas}
            return RowAuthor(config.type, personas, asker, requester, self._shelf, config)
        return GroundedAuthor(
            documents, asker, requester, self._shelf, self._characters, config, self._examples
        )

    @cached_property
    def _shelf(self) -> PromptShelf:
        from kalm_data.core.prompt_shelf import read_shelf

        return read_shelf(self._model.prompt, self._model.prompts_dir)

    @cached_property
    def _personas(self) -> tuple[Persona, ...]:
        from kalm_data.core.personas import read_personas
        from kalm_data.core.resources import resource_folder

        if self._model.personas:
            return read_personas(self._model.personas)
        files = sorted(resource_folder("personas").glob("*.jsonl"))
        return tuple(persona for file in files for persona in read_personas(file))

    @cached_property
    def _examples(self) -> tuple[str, ...]:
        from kalm_data.api.language_models import read_examples

        return read_examples(self._model.like)

    @property
    def _characters(self) -> CharacterFinder:
        from kalm_data.core.characters import RandomCharacters

        if self._config.persona_choice == "random":
            return RandomCharacters(self._personas, self._config.seed)
        return self._nearest()

    def _nearest(self) -> CharacterFinder:
        from kalm_data.measures.nearest_characters import NearestCharacters, embed_unstored
        from kalm_data.workspace.vectors import VectorStore

        encoder = self._devices.encoder(self._model.encoder)
        embed = (
            partial(VectorStore(self._database).vectors, self._run, encoder)
            if self._run
            else partial(embed_unstored, encoder)
        )
        return NearestCharacters(encoder, embed, self._personas)
