"""Who ranks the positives of examples over a pool, one file a kind."""
