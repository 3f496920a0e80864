"""``cookie-consent scan``: what a site sets and loads."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cookie_consent.cli.documents import document
from cookie_consent.cli.options import OutputOption, PolicyOption, PrefixOption, SetupOption  # noqa: TC001 - typer reads them
from cookie_consent.cli.output import writer
from cookie_consent.cli.scanned import INTERRUPTED, browsed, crawled, ensure_read, pictures_folder, read_scan, typed
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.policy import find_policy, policy_in_force
from cookie_consent.policy.prefix import DEFAULT_PREFIX, checked_prefix
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.model import Phase
from cookie_consent.scanner.options import USER_AGENT, CrawlOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cookie_consent.scanner.compare import Comparison
    from cookie_consent.scanner.judge import Judgement

__all__ = ["ScanFormat", "scan"]

_CRAWL = CrawlOptions()
_BROWSE = BrowseOptions()
_ONLY_CRAWL = (
    "depth",
    "alike",
    "page_bytes",
    "total_bytes",
    "concurrency",
    "delay",
    "no_robots",
    "include",
    "exclude",
    "user_agent",
)
_ONLY_BROWSER = ("setup", "executable", "stay_seconds", "quiet_seconds", "clicks", "disk_bytes", "phase")
_NAMES = ("without the middleware", "with it")


class ScanFormat(StrEnum):
    """How a scan is written."""

    TABLE = "table"
    JSON = "json"
    HAR = "har"
    SARIF = "sarif"
    JUNIT = "junit"
    HTML = "html"


def scan(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to begin, such as https://shop.example/.")],
    *,
    pages: Annotated[
        int | None,
        typer.Option(help=f"How many pages are visited: {_CRAWL.pages}, or {_BROWSE.pages} with --browser."),
    ] = None,
    depth: Annotated[int, typer.Option(help="How many links a page may be away from the first.")] = _CRAWL.depth,
    alike: Annotated[
        int, typer.Option(help="How many pages of a kind may show nothing new before the others are left out.")
    ] = _CRAWL.alike,
    seconds: Annotated[
        float | None,
        typer.Option(help=f"For the whole scan: {_CRAWL.seconds:g}, or {_BROWSE.seconds:g} with --browser."),
    ] = None,
    page_seconds: Annotated[
        float | None,
        typer.Option(help=f"For one page: {_CRAWL.page_seconds:g}, or {_BROWSE.page_seconds:g} with --browser."),
    ] = None,
    page_bytes: Annotated[int, typer.Option(help="Bytes of a decoded page that are read.")] = _CRAWL.page_bytes,
    total_bytes: Annotated[int, typer.Option(help="Bytes of all decoded pages.")] = _CRAWL.total_bytes,
    concurrency: Annotated[int, typer.Option(help="Pages that are read at the same time.")] = _CRAWL.concurrency,
    delay: Annotated[
        float,
        typer.Option(help="Seconds between the starts of two pages of a host; longer if robots.txt asks for it."),
    ] = _CRAWL.delay,
    private: Annotated[
        bool,
        typer.Option(
            "--private", help="Follow what leads to private and loopback addresses other than the URL's host."
        ),
    ] = False,
    no_robots: Annotated[bool, typer.Option("--no-robots", help="Do not obey robots.txt.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Visit these paths only, as /shop/*; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Do not visit these paths; may be repeated.")
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Visit this address or path, too; may be repeated. With --browser, then no links are followed.",
        ),
    ] = None,
    keep_queries: Annotated[
        bool, typer.Option("--keep-queries", help="Keep values in addresses, as of queries: they may open a session.")
    ] = False,
    user_agent: Annotated[str, typer.Option(help="The request header User-Agent.")] = USER_AGENT,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep in this file what was seen, and go on from what is in it."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Visit the pages in Chromium.")] = False,
    setup: SetupOption = None,
    executable: Annotated[
        str | None, typer.Option(metavar="PATH", help="Chromium, unless Playwright's or the system's will do.")
    ] = None,
    stay_seconds: Annotated[
        float, typer.Option(help="How long a page is open at least, in Chromium.")
    ] = _BROWSE.stay_seconds,
    quiet_seconds: Annotated[
        float, typer.Option(help="How long a page must ask for nothing to count as loaded, in Chromium.")
    ] = _BROWSE.quiet_seconds,
    clicks: Annotated[int, typer.Option(help="Elements that are clicked on a page, in Chromium.")] = _BROWSE.clicks,
    disk_bytes: Annotated[
        int, typer.Option(help="Bytes that Chromium may write to disk before the scan ends.")
    ] = _BROWSE.disk_bytes,
    phase: Annotated[
        list[Phase] | None,
        typer.Option(help="What the visitor has answered, in Chromium; may be repeated. By default all three."),
    ] = None,
    policy: PolicyOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A scan that was saved as JSON when the site did not run the middleware: --format html shows both.",
        ),
    ] = None,
    output_format: Annotated[ScanFormat, typer.Option("--format", help="The output format.")] = ScanFormat.TABLE,
    output: OutputOption = None,
) -> None:
    """Visit a site, and list the cookies that it sets and the hosts that its pages load from.

    Without --browser no script is run: the list says what such a scan cannot see. Pages of the same site are visited,
    as robots.txt allows. What is not declared in the policy is marked; then the exit status is 1. It is 2 if nothing
    could be read.
    """
    _check_options(context, browser=browser, is_compared=compare is not None, output_format=output_format)
    target = find_output(output) if output is not None and output != "-" else None
    shared: dict[str, Any] = {
        name: value
        for name, value in (("pages", pages), ("seconds", seconds), ("page_seconds", page_seconds))
        if value is not None
    }
    in_force, path = policy_in_force(policy), checked_prefix(prefix)
    site = typed(url)
    before = read_scan(compare) if compare is not None else None
    if browser:
        is_pictured = output_format is ScanFormat.HTML
        pictures = context.with_resource(pictures_folder(target)) if is_pictured else None
        browse_options = BrowseOptions(
            **shared,
            addresses=tuple(seed or ()),
            phases=tuple(each for each in Phase if each in phase) if phase else _BROWSE.phases,
            quiet_seconds=quiet_seconds,
            stay_seconds=stay_seconds,
            clicks=clicks,
            disk_bytes=disk_bytes,
            executable=executable,
            setup=setup,
            private=private,
            keep_queries=keep_queries,
            screenshots=pictures,
        )
        found, is_whole = browsed(url, browse_options, state=resume, policy=in_force)
    else:
        crawl_options = CrawlOptions(
            **shared,
            depth=depth,
            alike=alike,
            page_bytes=page_bytes,
            total_bytes=total_bytes,
            concurrency=concurrency,
            delay=delay,
            private=private,
            keep_queries=keep_queries,
            robots=not no_robots,
            user_agent=user_agent,
            include=tuple(include or ()),
            exclude=tuple(exclude or ()),
            seeds=tuple(seed or ()),
        )
        found, is_whole = crawled(url, crawl_options, journal=resume, policy=in_force)
    from cookie_consent.scanner.judge import judge

    judgement = judge(found, in_force, prefix=path)
    comparison = None
    if before is not None:
        comparison = _compared(judge(before, in_force, prefix=path), judgement, str(compare))
    text = _text(judgement, output_format, policy if policy is not None else find_policy(), comparison)
    with writer(target) as stream:
        stream.write(text)
    if not is_whole:
        how = f"go on with --resume {resume}" if resume is not None else "with --resume FILE a scan can go on"
        typer.echo(f"interrupted: this is what was found so far; {how}", err=True)
        raise typer.Exit(INTERRUPTED)
    ensure_read(found, site)
    if any(thing.is_undeclared for thing in judgement.things):
        raise typer.Exit(1)


def _check_options(context: typer.Context, *, browser: bool, is_compared: bool, output_format: ScanFormat) -> None:
    """Raise ``ConfigurationError`` for options that do not go together."""
    for name in _ONLY_CRAWL if browser else _ONLY_BROWSER:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            raise ConfigurationError(
                f"{option} says nothing with --browser: leave it out" if browser else f"{option} needs --browser"
            )
    if is_compared and output_format is not ScanFormat.HTML:
        raise ConfigurationError("--compare needs --format html, which shows both scans")


def _compared(before: Judgement, after: Judgement, source: str) -> Comparison:
    """Return both scans side by side. Raises ``ConfigurationError`` for scans that cannot be compared."""
    from cookie_consent.scanner.compare import compare

    if before.scan.mode is not after.scan.mode:
        raise ConfigurationError(
            f"--compare: {source} was scanned by {before.scan.mode}, and this is by {after.scan.mode}: "
            "scan both in the same way"
        )
    if set(before.scan.phases).isdisjoint(after.scan.phases):
        raise ConfigurationError(f"--compare: {source} has none of the phases of this scan: scan both in the same way")
    return compare(before, after, names=_NAMES)


def _text(judgement: Judgement, output_format: ScanFormat, policy: Path | None, comparison: Comparison | None) -> str:
    found: Mapping[str, Any]
    if output_format is ScanFormat.TABLE:
        from cookie_consent.scanner.reports.table import table

        return "".join(f"{line}\n" for line in table(judgement))
    if output_format is ScanFormat.JSON:
        from cookie_consent.scanner.as_dict import as_dict

        found = as_dict(judgement.scan)
    elif output_format is ScanFormat.HAR:
        from cookie_consent.scanner.reports.har import har

        found = har(judgement.scan)
    else:
        return document(output_format, judgement, policy, comparison=comparison)
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
