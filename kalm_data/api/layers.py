"""Settings from several places, for the command line."""

from kalm_data.core.config.layers import UNSET, Layer, first_refused, unset_names
from kalm_data.core.config.refusals import refusal

__all__ = ["UNSET", "Layer", "first_refused", "refusal", "unset_names"]
