"""Masks: which weights are frozen, which scores are trained, which threshold gives a wanted sparsity."""
