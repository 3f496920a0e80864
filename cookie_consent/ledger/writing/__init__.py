"""The way of a choice into the store: the queue, the commit that many share, the spool."""
