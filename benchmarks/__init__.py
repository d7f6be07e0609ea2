"""Speed, as ratios to what one would write first: ``python -m benchmarks.NAME``."""
