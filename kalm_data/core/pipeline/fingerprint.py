"""What a step was made from, and what of that is another now."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from kalm_data.core.pipeline.digests import ABSENT
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILES_TOLD = 3


@dataclass(frozen=True, slots=True)
class Ingredients:
    """All that the result of a step depends on.

    `settings` are JSON by name, `inputs` digests of files and folders by path, `files` those of
    the files in folders, `after` the fingerprints of the earlier steps whose work it reads in the
    workspace.
    """

    command: str
    code: str
    settings: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        told = asdict(self)
        del told["files"]
        told["after"] = list(self.after.values())  # a step may be renamed
        return digest("step", json.dumps(told, sort_keys=True))


def differences(before: Ingredients, now: Ingredients) -> Iterator[str]:
    """What changed, in words for people, most telling first."""
    if before.command != now.command:
        yield f"command: {before.command} → {now.command}"
    for name in sorted({*before.settings, *now.settings}):
        old, new = before.settings.get(name, "–"), now.settings.get(name, "–")
        if old != new:
            yield f"{name}: {old} → {new}"
    yield from _inputs(before, now)
    yield from _earlier(before.after, now.after)
    if before.code != now.code:
        yield f"kalm-data: {before.code} → {now.code}"


def _inputs(before: Ingredients, now: Ingredients) -> Iterator[str]:
    for path, new in now.inputs.items():
        old = before.inputs.get(path, ABSENT)
        if old != new:
            yield _file_words(path, old, new, before.files.get(path), now.files.get(path))
    for path in before.inputs:
        if path not in now.inputs:
            yield f"{path} is no input any more"


def _earlier(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    known = set(before.values())
    if changed := [name for name, fingerprint in now.items() if fingerprint not in known]:
        yield f"depends on {', '.join(changed)}"
    if list(before.values()) != list(now.values()) and set(now.values()) <= known:
        yield "the steps before it are fewer, or in another order"


def _file_words(
    path: str, old: str, new: str, before: Mapping[str, str] | None, now: Mapping[str, str] | None
) -> str:
    if old == ABSENT:
        return f"{path} is new"
    if new == ABSENT:
        return f"{path} is gone"
    if not before or not now:
        return f"{path} changed"
    words = [f"{name} is new" for name in now if name not in before]
    words += [f"{name} is gone" for name in before if name not in now]
    words += [f"{name} changed" for name in now if before.get(name, now[name]) != now[name]]
    more = f" and {len(words) - _FILES_TOLD} more" if len(words) > _FILES_TOLD else ""
    return f"{path}: {', '.join(words[:_FILES_TOLD])}{more}"
