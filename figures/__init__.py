"""Every picture of the project, drawn from committed result files."""

import slt_verify  # noqa: F401 - first of all
