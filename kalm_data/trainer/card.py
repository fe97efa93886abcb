"""The model card that a trained model is saved with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest, ShardTask
    from kalm_data.core.templates import Templates
    from kalm_data.core.trained import Fitted

_HEAD = """\
---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- sentence-similarity
- feature-extraction
---

# {base}, adapted

Trained from `{base}` with kalm-data on {rows} examples (shard set `{fingerprint}`).

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
queries = model.encode_query(["a question"])
documents = model.encode_document(["a passage"])
scores = model.similarity(queries, documents)
```

## Tasks

| task | type | rows | licence | a query is written as |
|---|---|---|---|---|
"""

_SETTINGS = """
## Settings

| setting | value |
|---|---|
"""


def write_card(
    folder: Path,
    manifest: Manifest,
    config: TrainConfig,
    templates: Mapping[str, Templates],
    fitted: Fitted,
) -> None:
    """Write README.md: base model, data, templates, figures and settings."""
    base = Path(config.model).name
    head = _HEAD.format(base=base, rows=manifest.rows, fingerprint=manifest.fingerprint[:16])
    tasks = [_task_line(entry, templates[entry.task.name]) for entry in manifest.tasks]
    settings = [f"| {name} | {value} |\n" for name, value in config if name != "model"]
    text = head + "".join([*tasks, *_figures(fitted), _SETTINGS, *settings])
    (folder / "README.md").write_text(text, encoding="utf-8")


def _task_line(entry: ShardTask, templates: Templates) -> str:
    licence = entry.task.licence or "none given"
    query = _cell(templates.query)
    return f"| {entry.task.name} | {entry.task.type} | {entry.rows} | {licence} | `{query}` |\n"


def _figures(fitted: Fitted) -> Iterator[str]:
    """How it went: the loss, and what the dev rows said."""
    yield f"\n## Figures\n\nLoss over {fitted.steps} steps: {fitted.loss:.4f}; "
    yield f"over the last tenth: {fitted.last_loss:.4f}.\n"
    if fitted.dev:
        names = list(fitted.dev[0].scores)
        yield f"\n| step | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
        for one in fitted.dev:
            shown = " | ".join(f"{one.scores[name]:.4f}" for name in names)
            yield f"| {one.step or 'base'} | {shown} |\n"
        saved = f"step {fitted.best_step}" if fitted.best_step else "the last step"
        yield f"\nScores of the set's dev rows while training; saved are the weights of {saved}"
        yield f", {fitted.base_share:.0%} of the base mixed in.\n" if fitted.base_share else ".\n"


def _cell(text: str) -> str:
    return text.replace("\n", "\\n").replace("|", "\\|")
