"""The published claims about searched tickets, each tried here: plans, rows, paired analyses, verdicts."""
