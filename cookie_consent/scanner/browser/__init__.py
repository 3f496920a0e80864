"""Scanning in Chromium: what a browser really loads, sets and reads on a site's pages."""
