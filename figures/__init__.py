"""Every picture of the project, drawn from committed result files."""
