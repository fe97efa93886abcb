"""Who makes drafts of candidates: queries taken from documents, or written by a language model."""
