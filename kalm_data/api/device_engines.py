"""The engines of one run that work on devices."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kalm_data.core.config.devices import DeviceSettings

if TYPE_CHECKING:
    from kalm_data.core.protocols import DenseSearch
    from kalm_data.engines.cross_encoder import CrossEncoderScorer
    from kalm_data.engines.sentence_transformers_encoder import (
        Precision,
        SentenceTransformersEncoder,
    )

__all__ = ["DeviceEngines", "DeviceSettings"]


class DeviceEngines:
    """Makes them, and tells which devices they were given."""

    def __init__(self, settings: DeviceSettings | None) -> None:
        """Raises InputError where a device that the settings name is not there."""
        self.named = settings.devices if settings else ()
        self._given: set[str] = set()
        if self.named:
            self._devices  # noqa: B018  # what is named wrongly is said first

    @property
    def given(self) -> tuple[str, ...]:
        """Each once, in order; empty where no engine was needed."""
        if not self._given:
            return ()
        return tuple(name for name in dict.fromkeys(self._devices) if name in self._given)

    def encoder(self, name: str, precision: Precision = "float32") -> SentenceTransformersEncoder:
        """On all devices."""
        from kalm_data.engines.sentence_transformers_encoder import load_encoder

        self._given.update(self._devices)
        return load_encoder(name, precision, self._devices)

    def search(self) -> DenseSearch:
        """On all devices."""
        from kalm_data.engines.dense_search import ExactSearch
        from kalm_data.engines.device_search import DeviceSearch

        self._given.update(self._devices)
        # numpy uses all cores of the processor, however often it is named
        return ExactSearch() if "cpu" in self._devices else DeviceSearch(self._devices)

    def scorer(self, name: str, precision: Precision) -> CrossEncoderScorer:
        from kalm_data.engines.cross_encoder import load_cross_encoder

        return load_cross_encoder(name, precision, [self.first])

    @property
    def first(self) -> str:
        """The device of what works on one alone."""
        self._given.add(self._devices[0])
        return self._devices[0]

    @cached_property
    def _devices(self) -> tuple[str, ...]:
        from kalm_data.engines.devices import find_devices

        return find_devices(self.named)
