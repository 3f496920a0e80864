"""What a posted choice passes on its way to the log: where it comes from, how many come, and how they are kept."""
