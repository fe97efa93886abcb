"""The decisions, one file a stage. Engines and stores are known by their protocols only."""
