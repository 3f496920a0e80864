"""PostgreSQL: partitions by month, append-only by triggers."""
