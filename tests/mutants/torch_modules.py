"""Faults."""

PINNED = ()
MUTANTS = ()
