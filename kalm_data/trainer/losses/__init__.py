"""Losses as functions of scores and vectors."""
