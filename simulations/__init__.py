"""Monte Carlo experiments that hold the claims of theory against exact measurement."""
