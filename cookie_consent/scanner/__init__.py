"""Finds out what a site sets and loads: the crawl over HTTP, the visit in a browser, what recordings and scripts show."""
