"""Speed, as ratios to what one would write first: ``python -m benchmarks.NAME``."""

import slt_verify  # noqa: F401 - first of all
