"""Decisions that a person makes: a positive that a rule dropped is kept all the same."""

BY_HAND = "by-hand"
"""Name of the rule whose verdicts overrule those of all others."""
