"""The Content-Security-Policy that a page is sent with (CSP Level 3)."""
