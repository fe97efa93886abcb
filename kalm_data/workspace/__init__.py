"""DuckDB and the files beside it; nothing else knows SQL."""
