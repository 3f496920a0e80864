"""The cookie declaration: one structure, made from what is enforced, and its forms as HTML, JSON and Markdown."""

from cookie_consent.banner.declaration.build import declaration
from cookie_consent.banner.declaration.data import as_data
from cookie_consent.banner.declaration.markdown import as_markdown
from cookie_consent.banner.declaration.revision import history, last_revised, revision, since_choice
from cookie_consent.banner.declaration.structure import Declaration

__all__ = [
    "Declaration",
    "as_data",
    "as_markdown",
    "declaration",
    "history",
    "last_revised",
    "revision",
    "since_choice",
]
