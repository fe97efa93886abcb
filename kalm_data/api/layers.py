"""Settings from several places, for the command line."""

from kalm_data.core.config.layers import UNSET, Layer, first_refused, unset_names

__all__ = ["UNSET", "Layer", "first_refused", "unset_names"]
