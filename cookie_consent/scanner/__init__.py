"""Finds out what a site sets and loads: by a crawl over HTTP, in a browser, from recordings and scripts."""
