"""What stands below the prefix: choices, state, preferences, receipts, reports, assets."""
