"""Writing choices to the store: the queue, group commit, and the spool."""
