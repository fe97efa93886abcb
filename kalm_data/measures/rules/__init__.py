"""The rules by which positives stay or go, one file for what is looked at."""
