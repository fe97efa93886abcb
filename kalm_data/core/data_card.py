"""The data card of a shard set, as Hugging Face's `datasets` and its hub read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.config.shards import SetSettings
from kalm_data.core.manifest import DEV, DEV_SCORED, SCORED, TRAIN

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.manifest import Manifest, ShardTask

_ABOUT = """
# A training set for text-embedding models

{rows} rows of {count} task(s) to train on, built by kalm-data {version}. `manifest.json` lists each
file with its sha256; `kalm-data verify` checks the set against it. Where there are rows to evaluate
on, they are the split `validation`, without negatives; pairs of texts with a score from 0 to 1 are
in a configuration of their own.

```python
from datasets import load_dataset

rows = load_dataset("path/to/this/folder", {example}, split="train")
```

| task | type | rows | dev rows | scored pairs | licence | ranker | instruction |
|---|---|---|---|---|---|---|---|
"""

_COLUMNS = """
Texts are bare: instruction, title and text are put together by the templates of the model that
reads them.

| column | holds |
|---|---|
| `query` | the query |
| `pos`, `neg` | texts of the positives, best first, and of the hard negatives |
| `pos_titles`, `neg_titles` | their titles with the path of headings, or empty |
| `pos_scores`, `neg_scores` | scores by the ranker of the task, null where there is none |
| `neg_ranks` | raw 1-based ranks of the negatives, 0 where unknown |
| `neg_rankers` | the ranker, `given` (came with the data), `label` (a random text of another \
class), \
`score` (a text scored low) or `padding` (a random document) |
| `pos_ids`, `neg_ids` | hashes of the texts |
| `pos_groups`, `neg_groups` | documents of one group are near-duplicates or chunks of one file |
| `task`, `type`, `language`, `instruction` | what the query is |
| `in_batch` | whether the row gives and takes in-batch negatives |
| `example_id` | digest of task and query |
| `origin` | where the query comes from: `import`, `extractive`, `llm` |
| `query_tokens`, `pos_tokens`, `neg_tokens` | tokens of each text, if the set was built with \
`--tokenizer` |
"""


def write_data_card(folder: Path, manifest: Manifest) -> None:
    """Write README.md with one configuration a task that has rows."""
    filled = [entry for entry in manifest.tasks if entry.files]
    about = _ABOUT.format(
        rows=manifest.rows,
        count=len(filled),
        version=manifest.versions.get("kalm-data", ""),
        example=json.dumps(filled[0].task.name) if filled else '"TASK"',
    )
    configs = "".join(_configs(entry) for entry in manifest.tasks)
    table = "".join(_line(entry) for entry in manifest.tasks)
    text = f"---\nconfigs:\n{configs}---\n{about}{table}{_settings(manifest)}{_COLUMNS}"
    (folder / "README.md").write_text(text, encoding="utf-8")


def _configs(entry: ShardTask) -> str:
    """One of the rows, one of the scored pairs, where there are any."""
    task, text = entry.task.name, ""
    if entry.files:
        text += f'- config_name: "{task}"\n  data_files:\n'
        text += _split("train", task, TRAIN)
        text += _split("validation", task, DEV) if entry.dev else ""
    if entry.scored or entry.dev_scored:
        text += f'- config_name: "{task}+scored"\n  data_files:\n'  # no task is named with a +
        text += _split("train", task, SCORED) if entry.scored else ""
        text += _split("validation", task, DEV_SCORED) if entry.dev_scored else ""
    return text


def _split(name: str, task: str, files: str) -> str:
    return f'  - split: {name}\n    path: "{task}/{files}-[0-9]*.parquet"\n'


def _line(entry: ShardTask) -> str:
    task = entry.task
    dev, scored = (sum(file.rows for file in files) for files in (entry.dev, entry.scored))
    counts = (str(count) for count in (entry.rows, dev, scored))
    cells = (task.name, task.type, *counts, task.licence, entry.ranker, task.instruction)
    return f"| {' | '.join(cell(text) for text in cells)} |\n"


def _settings(manifest: Manifest) -> str:
    """Those that are not the defaults."""
    defaults = SetSettings().shaping("")
    given = {"seed": manifest.seed, **(manifest.settings or {})}
    told = ", ".join(
        f"`{name}` {cell(json.dumps(value, ensure_ascii=False))}"
        for name, value in given.items()
        if name not in defaults or value != defaults[name]
    )
    return f"\nBuilt with {told}; the other settings are the defaults of that version.\n"


def cell(text: str) -> str:
    """The text as it stands in a table of Markdown."""
    return " ".join(text.replace("|", "\\|").split())
