"""The template environment: autoescaping, strict, compiled once, the site's own templates first."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PAGES", "interface_build", "template_environment"]

PAGES = (
    "admin.html",
    "banner.html",
    "declaration.html",
    "declaration_body.html",
    "notice.html",
    "placeholder.html",
    "preferences.html",
    "problem.html",
    "receipt.html",
    "refresh.html",
    "stats.html",
)
_FOR_VISITORS = ("banner.html", "placeholder.html", "preferences.html")
_PACKAGE = Path(__file__).parents[1]
_SHIPPED = (_PACKAGE / "banner" / "templates", _PACKAGE / "admin" / "templates")
"""The visitors' templates, and the operator's, which extend the same page."""


def template_environment(own: Path | None = None) -> Environment:
    """Return an environment in which the templates in the folder ``own`` replace the built-in ones.

    Without a folder all callers share one environment, so do not change it. Raises ``ConfigurationError`` if the folder
    does not exist or a template does not compile.
    """
    if own is None:
        return _shipped()
    if not own.is_dir():
        raise ConfigurationError(f"banner.templates: {own} is not a folder; give the folder of your templates")
    return _compiled(own, *_SHIPPED)


def interface_build(own: Path | None, parts: Iterable[str]) -> str:
    """Return 16 hex digits for the visitors' templates, those of the folder ``own`` first, and for ``parts``.

    ``parts`` name what else shapes the interface, such as the addresses of style and script, which have digests.
    """
    folders = [folder for folder in (_SHIPPED[0], own) if folder is not None]
    files = {file.relative_to(folder).as_posix(): file for folder in folders for file in sorted(folder.rglob("*.html"))}
    digest = sha256(repr([*parts]).encode())
    for name in sorted(files):
        digest.update(repr((name, files[name].read_bytes())).encode())
    return digest.hexdigest()[:16]


@cache
def _shipped() -> Environment:
    # Compiling takes three quarters of the middleware's start-up time, so the operator's pages are compiled when used.
    return _compiled(*_SHIPPED, pages=_FOR_VISITORS)


def _compiled(*folders: Path, pages: tuple[str, ...] = PAGES) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for page in pages:
        try:
            environment.get_template(page)
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            where = f"{getattr(error, 'filename', None) or page}:{line}" if line else page
            raise ConfigurationError(f"{where}: {error}; correct the template") from error
    return environment
