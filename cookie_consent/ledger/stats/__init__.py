"""What is counted of the log, and what is told of it."""
