"""Searches of real tickets in frozen random networks."""

import slt_verify  # noqa: F401 - first of all
