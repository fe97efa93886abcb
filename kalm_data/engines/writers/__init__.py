"""Writes files that others read: JSON lines, tab-separated values, Parquet."""
