"""Receipts: visitors' own records, for them to keep."""
