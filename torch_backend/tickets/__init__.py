"""Ticket files, and the tensors in them."""
