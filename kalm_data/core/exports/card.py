"""The data card of an export, as Hugging Face's `datasets`, its hub and mteb read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.data_card import cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.exports.manifest import ExportManifest
    from kalm_data.core.tasks import Task

_ABOUT = """
# {rows} rows for training text-embedding models

Exported by kalm-data {version} as `{format}`: {how} `export.manifest` (JSON) lists the files with
their sha256.

```python
from datasets import load_dataset

rows = load_dataset("path/to/this/folder", {example}, split="train")
```

Groups of near-duplicates, ranks, and who proposed a negative stay in the shard set that this was
exported from.

| task | rows | lines | licence | instruction |
|---|---|---|---|---|
"""
_BEIR = """
# A retrieval task in BEIR's format

Exported by kalm-data {version}: {documents} documents, {rows} queries. Queries are named by
kalm-data's example id, documents by their own id, or by the hash of their text where that id stands
for several texts or holds white space; so a TREC run over these files is one that `kalm-data mine
--ranker run:FILE` takes. `qrels/*.jsonl` are `qrels/*.tsv` again, for `datasets` and mteb.
"""
_HOW = {
    "flagembedding": "a line a query. Give FlagEmbedding this folder as `--train_data`, and "
    "`no_in_batch_neg/` as well where there is one. It writes a line's `prompt` before the query "
    "where `--query_instruction_for_retrieval` is given, whatever that says.",
    "kalm": "a line a query, wrapped with its instruction. Give KaLM-Embedding's trainer the "
    "folder `data` as `--train_data`.",
    "triplet": "`anchor`, `positive`, `negative`.",
    "n-tuple": "`anchor`, `positive`, `negative_1`, `negative_2`, …",
    "labeled-pair": "`anchor`, `document`, and `label`: 1 for a positive, 0 for a negative.",
    "labeled-list": "`anchor`, `documents`, and `labels`: 1 for a positive, 0 for a negative.",
    "pairs": "`anchor`, `positive`.",
}


def write_rows_card(folder: Path, manifest: ExportManifest, tasks: Mapping[str, Task]) -> None:
    """Write README.md with one configuration a task that has rows."""
    filled = [entry for entry in manifest.tasks if entry.files]
    about = _ABOUT.format(
        rows=manifest.rows,
        version=manifest.versions["kalm-data"],
        format=manifest.format,
        how=_HOW[manifest.format],
        example=json.dumps(filled[0].task),
    )
    configs = {entry.task: [("train", file.path) for file in entry.files] for entry in filled}
    lines = [
        (entry.task, entry.rows, entry.lines, tasks[entry.task].licence,
         tasks[entry.task].instruction)
        for entry in manifest.tasks
    ]  # fmt: skip
    table = "".join(f"| {' | '.join(cell(str(value)) for value in line)} |\n" for line in lines)
    _write(folder, configs, about + table)


def write_beir_card(
    folder: Path, splits: Sequence[str], version: str, documents: int, queries: int
) -> None:
    """Write README.md with the configurations corpus, queries and default (the qrels)."""
    configs = {
        "default": [(split, f"qrels/{split}.jsonl") for split in splits],
        "corpus": [("corpus", "corpus.jsonl")],
        "queries": [("queries", "queries.jsonl")],
    }
    text = _BEIR.format(version=version, documents=documents, rows=queries)
    _write(folder, configs, text)


def _write(folder: Path, configs: Mapping[str, Sequence[tuple[str, str]]], text: str) -> None:
    """configs: (split, path) of the files of each configuration."""
    head = "".join(_config(name, files) for name, files in configs.items())
    (folder / "README.md").write_text(f"---\nconfigs:\n{head}---\n{text}", encoding="utf-8")


def _config(name: str, files: Sequence[tuple[str, str]]) -> str:
    paths: dict[str, list[str]] = {}
    for split, path in files:
        paths.setdefault(split, []).append(path)
    lines = [f'- config_name: "{name}"\n  data_files:\n']
    for split, of_split in paths.items():
        listed = "".join(f'    - "{path}"\n' for path in of_split)
        lines.append(f'  - split: "{split}"\n    path:\n{listed}')
    return "".join(lines)
