"""Settings from several places, for the command line."""

from kalm_data.core.config.layers import Layer

__all__ = ["Layer"]
