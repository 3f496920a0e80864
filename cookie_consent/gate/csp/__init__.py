"""The Content-Security-Policy gate (CSP Level 3)."""
