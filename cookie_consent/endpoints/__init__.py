"""The endpoints below the prefix: choices, state, preferences, receipts, reports, assets."""
