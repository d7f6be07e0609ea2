"""Searches of real tickets in frozen random networks."""
