"""Exact random subset sums with pruned, locked and free variables."""
