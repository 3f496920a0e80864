"""The operator's pages, behind a token."""
