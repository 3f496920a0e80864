"""The corpus: small pages, each of which misbehaves in one way."""

from __future__ import annotations

from tests.leaklab.corpus import answers, keeping, lifetimes, made, navigation, own, requests, styles, tags, workers

GROUPS = {
    "Tags in the HTML": tags.PAGES,
    "Tags made by scripts": made.PAGES,
    "Requests": requests.PAGES,
    "Services on the site's own hosts": own.PAGES,
    "Workers and other documents": workers.PAGES,
    "Styles": styles.PAGES,
    "Navigation": navigation.PAGES,
    "Headers and cookies of answers": answers.PAGES,
    "Kept by scripts": keeping.PAGES,
    "Pages that outlive a choice": lifetimes.PAGES,
}
PAGES = tuple(page for pages in GROUPS.values() for page in pages)
