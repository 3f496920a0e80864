"""What law, regulators and standards ask of a consent tool, row by row: each row has a test that is named by it."""
