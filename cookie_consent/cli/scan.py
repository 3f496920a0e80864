"""``cookie-consent scan``: what a site sets and loads."""

from __future__ import annotations

import asyncio
import importlib
import json
import time
from contextlib import contextmanager
from dataclasses import fields
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from cookie_consent.cli.options import OutputOption, PolicyOption  # noqa: TC001 - typer reads them
from cookie_consent.cli.output import writer
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.policy import policy_in_force
from cookie_consent.policy.classifier import Classifier
from cookie_consent.scanner.options import USER_AGENT, CrawlOptions, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cookie_consent.policy import Policy
    from cookie_consent.scanner.model import Scan

__all__ = ["ScanFormat", "scan"]

_LINE_EVERY = 2.0
_INTERRUPTED = 130
_DEFAULTS = CrawlOptions()


class ScanFormat(StrEnum):
    """How a scan is written."""

    TABLE = "table"
    JSON = "json"
    HAR = "har"


def scan(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to begin, such as https://shop.example/.")],
    *,
    pages: Annotated[int, typer.Option(help="How many pages are visited.")] = _DEFAULTS.pages,
    depth: Annotated[int, typer.Option(help="How many links a page may be away from the first.")] = _DEFAULTS.depth,
    alike: Annotated[
        int, typer.Option(help="How many pages of a kind may show nothing new before the others are left out.")
    ] = _DEFAULTS.alike,
    seconds: Annotated[float, typer.Option(help="For the whole scan.")] = _DEFAULTS.seconds,
    page_seconds: Annotated[float, typer.Option(help="For one page.")] = _DEFAULTS.page_seconds,
    page_bytes: Annotated[int, typer.Option(help="Bytes of a decoded page that are read.")] = _DEFAULTS.page_bytes,
    total_bytes: Annotated[int, typer.Option(help="Bytes of all decoded pages.")] = _DEFAULTS.total_bytes,
    concurrency: Annotated[int, typer.Option(help="Pages that are read at the same time.")] = _DEFAULTS.concurrency,
    delay: Annotated[
        float, typer.Option(help="Seconds between two requests to a host; robots.txt may ask for up to 10.")
    ] = _DEFAULTS.delay,
    private: Annotated[
        bool,
        typer.Option("--private", help="Follow links to private and loopback addresses other than the URL's host."),
    ] = False,
    no_robots: Annotated[bool, typer.Option("--no-robots", help="Do not obey robots.txt.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Visit these paths only, as /shop/*; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Do not visit these paths; may be repeated.")
    ] = None,
    seed: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Visit this address or path, too; may be repeated.")
    ] = None,
    user_agent: Annotated[str, typer.Option(help="The request header User-Agent.")] = USER_AGENT,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep a journal in this file, and go on from what is in it."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Visit the pages in Chromium.")] = False,
    policy: PolicyOption = None,
    output_format: Annotated[ScanFormat, typer.Option("--format", help="The output format.")] = ScanFormat.TABLE,
    output: OutputOption = None,
) -> None:
    """Visit a site, and list the cookies that it sets and the hosts that its pages load from.

    Without --browser no script is run: the list says what such a scan cannot see. Pages of the same site are visited,
    as robots.txt allows. What is not declared in the policy is marked; then the exit status is 1. It is 2 if nothing
    could be read.
    """
    target = None if output in {None, "-"} or output is None else find_output(output)
    options = CrawlOptions(
        pages=pages,
        depth=depth,
        alike=alike,
        seconds=seconds,
        page_seconds=page_seconds,
        page_bytes=page_bytes,
        total_bytes=total_bytes,
        concurrency=concurrency,
        delay=delay,
        private=private,
        robots=not no_robots,
        user_agent=user_agent,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        seeds=tuple(seed or ()),
    )
    classifier = Classifier(policy_in_force(policy))
    with _progress() as told:
        if browser:
            found, is_whole = _browsed(url, options, told), True
        else:
            found, is_whole = _crawled(url, options, told, resume, classifier.policy)
    with writer(target) as stream:
        for line in _lines(found, classifier, output_format):
            stream.write(line + "\n")
    if not is_whole:
        how = f"go on with --resume {resume}" if resume is not None else "with --resume FILE a scan can go on"
        typer.echo(f"interrupted: this is what was found so far; {how}", err=True)
        raise typer.Exit(_INTERRUPTED)
    if all(page.error for page in found.pages):
        why = found.pages[0].error if found.pages else "the time was over"
        raise ConfigurationError(f"{url[:200]} could not be read: {why}")
    if _is_incomplete(found, classifier):
        raise typer.Exit(1)


def _crawled(
    url: str, options: CrawlOptions, told: Callable[[Progress], None], journal: Path | None, policy: Policy
) -> tuple[Scan, bool]:
    """Return the scan, and whether it was not interrupted."""
    try:
        from cookie_consent.scanner.crawl import Crawler
    except ModuleNotFoundError as error:
        if error.name != "protego":
            raise
        raise ConfigurationError("a scan needs the package protego: pip install 'cookie-consent[standard]'") from None
    crawler = Crawler(url, options, progress=told, journal=journal, policy=policy)
    try:
        asyncio.run(crawler.run())
    except KeyboardInterrupt:
        return crawler.scan, False
    return crawler.scan, True


def _browsed(url: str, options: CrawlOptions, told: Callable[[Progress], None]) -> Scan:
    try:
        module: Any = importlib.import_module("cookie_consent.scanner.browse")
    except ModuleNotFoundError as error:
        if error.name not in {"playwright", "playwright.async_api", "cookie_consent.scanner.browse"}:
            raise
        raise ConfigurationError(
            "--browser needs the package playwright and Chromium: pip install 'cookie-consent[browser]', "
            "then playwright install chromium"
        ) from None
    names = {each.name for each in fields(module.BrowseOptions)} & {each.name for each in fields(options)}
    wanted = module.BrowseOptions(**{name: getattr(options, name) for name in names})
    found: Scan = asyncio.run(module.browse(url, wanted, progress=told))
    return found


def _lines(found: Scan, classifier: Classifier, output_format: ScanFormat) -> Iterator[str]:
    if output_format is ScanFormat.TABLE:
        from cookie_consent.scanner.reports.table import table

        yield from table(found, classifier)
    elif output_format is ScanFormat.JSON:
        from cookie_consent.scanner.as_dict import as_dict

        yield json.dumps(as_dict(found), indent=2, ensure_ascii=False)
    else:
        from cookie_consent.scanner.reports.har import har

        yield json.dumps(har(found), indent=2, ensure_ascii=False)


def _is_incomplete(found: Scan, classifier: Classifier) -> bool:
    from cookie_consent.scanner.reports.table import rows

    return not all(row.is_declared for row in rows(found, classifier))


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Show a bar on a terminal, and a line every two seconds elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines()
        return
    columns = (TextColumn("pages"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("pages", total=None)
        yield lambda done: bar.update(task, completed=done.done, total=done.total)


def _plain_lines() -> Callable[[Progress], None]:
    told = time.monotonic()

    def tell(done: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= _LINE_EVERY:
            told = time.monotonic()
            typer.echo(f"visited {done.done} of {done.total} pages", err=True)

    return tell
