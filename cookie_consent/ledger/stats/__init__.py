"""Statistics of the log."""
