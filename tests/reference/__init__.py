"""Holds the reference and the code together: ``python -m tests.reference --update`` writes two of its pages."""
