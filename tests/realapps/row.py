"""The rows of the table: one file in ``apps/`` for each application.

A file has ``TITLE``, and two functions. ``app(folder)`` builds the application, with all that it keeps in ``folder``;
``act(page)`` does what a user does and asserts what they would see. Where it differs from the defaults, it also has
``PATH``, the page that opens first; ``ENVIRONMENT``; ``POLICY``, what its site declares; ``CDN``, the hosts of
libraries that it loads from a CDN; ``NEEDED``, the hosts that what the user asks for cannot do without; and
``third_party(host, path)``, which answers for hosts that are not the site's; and ``allow(page)``, what the user does
after ``act`` with one click that allows something: what is contacted by then is not counted.
What imports the application's framework stands in ``app``: the browser is driven from another environment.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

__all__ = ["APPS", "Row", "load", "names"]

APPS = Path(__file__).with_name("apps")
POLICY = """
[services.plausible]
"""
"""Declares something to ask for. Where nothing is, nothing is asked, and no banner could be in an application's way."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One application.

    Attributes:
        path: The page that a visitor opens first.
        environment: The folder in ``.venv`` with what it needs.
        policy: What its site declares, as its policy file has it.
        cdn: Hosts of libraries that it loads from a CDN, and behind the middleware from the site itself.
        needed: Hosts that may be contacted before a choice, since what the user asks for needs them.
        third_party: Gives media type and body for a host and a path that are not the site's; None for no answer.

    """

    name: str
    title: str
    path: str
    environment: str
    policy: str
    cdn: frozenset[str]
    needed: frozenset[str]
    third_party: Callable[[str, str], tuple[str, bytes] | None]
    app: Callable[[Path], ASGIApp]
    act: Callable[[Page], None]
    allow: Callable[[Page], None]


def names() -> list[str]:
    return sorted(file.stem for file in APPS.glob("*.py"))


def load(name: str) -> Row:
    """Return a row by its name, as ``names`` has them."""
    module = importlib.import_module(f"tests.realapps.apps.{name}")
    return Row(
        name=name,
        title=module.TITLE,
        path=getattr(module, "PATH", "/"),
        environment=getattr(module, "ENVIRONMENT", "realapps"),
        policy=getattr(module, "POLICY", POLICY),
        cdn=frozenset(getattr(module, "CDN", ())),
        needed=frozenset(getattr(module, "NEEDED", ())),
        third_party=getattr(module, "third_party", lambda *_: None),
        app=module.app,
        act=module.act,
        allow=getattr(module, "allow", lambda _: None),
    )
