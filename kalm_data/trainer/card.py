"""The model card that a trained model is saved with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest, ShardTask
    from kalm_data.core.templates import Templates

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
    folder: Path, manifest: Manifest, config: TrainConfig, templates: Mapping[str, Templates]
) -> None:
    """Write README.md: base model, data, templates and settings."""
    base = Path(config.model).name
    head = _HEAD.format(base=base, rows=manifest.rows, fingerprint=manifest.fingerprint[:16])
    tasks = [_task_line(entry, templates[entry.task.name]) for entry in manifest.tasks]
    settings = [f"| {name} | {value} |\n" for name, value in config if name != "model"]
    text = head + "".join(tasks) + _SETTINGS + "".join(settings)
    (folder / "README.md").write_text(text, encoding="utf-8")


def _task_line(entry: ShardTask, templates: Templates) -> str:
    licence = entry.task.licence or "none given"
    query = _cell(templates.query)
    return f"| {entry.task.name} | {entry.task.type} | {entry.rows} | {licence} | `{query}` |\n"


def _cell(text: str) -> str:
    return text.replace("\n", "\\n").replace("|", "\\|")
