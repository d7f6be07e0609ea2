"""Monte Carlo experiments that hold the claims of theory against exact measurement."""

import slt_verify  # noqa: F401 - first of all
