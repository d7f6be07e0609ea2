"""Where work is done, and how its rows are kept: units, engines, the runner. No experiment is known here."""
