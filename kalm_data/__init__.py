"""kalm-data: from documents to a curated training set, to a trained embedder, to the proof."""

__version__ = "0.4.0"
