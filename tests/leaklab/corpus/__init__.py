"""The corpus: small pages, each of which misbehaves in one way."""

from __future__ import annotations

from tests.leaklab.corpus import (
    answers,
    answers_in_part,
    keeping,
    libraries,
    lifetimes,
    made,
    navigation,
    own,
    payments,
    requests,
    styles,
    tags,
    workers,
)

GROUPS = {
    "Tags in the HTML": tags.PAGES,
    "Tags made by scripts": made.PAGES,
    "Requests": requests.PAGES,
    "Services on the site's own hosts": own.PAGES,
    "Payments": payments.PAGES,
    "Public libraries": libraries.PAGES,
    "Answers in part": answers_in_part.PAGES,
    "Workers and other documents": workers.PAGES,
    "Styles": styles.PAGES,
    "Navigation": navigation.PAGES,
    "Headers and cookies of answers": answers.PAGES,
    "Kept by scripts": keeping.PAGES,
    "Pages that outlive a choice": lifetimes.PAGES,
}
PAGES = tuple(page for pages in GROUPS.values() for page in pages)
