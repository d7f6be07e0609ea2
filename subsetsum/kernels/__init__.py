"""Compiled loops: arrays in, numbers out; no files, no printing, no defaults."""
