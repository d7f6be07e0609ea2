"""Training: settings, tasks, runs that resume, several processes on one search."""
