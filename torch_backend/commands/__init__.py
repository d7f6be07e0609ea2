"""The commands that search tickets and compare them."""
