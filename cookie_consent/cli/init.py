"""``cookie-consent init``: write a first policy from what the site sets and loads."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cookie_consent.cli.check import check_texts
from cookie_consent.cli.log import open_log
from cookie_consent.cli.options import SetupOption  # noqa: TC001 - typer reads the annotation
from cookie_consent.cli.output import writer
from cookie_consent.cli.scanned import ScanSettings, is_address, scan_of
from cookie_consent.cli.wording import counted
from cookie_consent.endpoints.reports.advice import comment_text
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.scanner.given import given
from cookie_consent.scanner.redact import Redaction

if TYPE_CHECKING:
    from cookie_consent.endpoints.reports import Finding
    from cookie_consent.policy import Policy
    from cookie_consent.scanner.draft import Answers
    from cookie_consent.scanner.model import Scan

__all__ = ["init"]

_MOST_NAMED = 10


def init(
    site: Annotated[
        str | None,
        typer.Argument(
            metavar="URL|FILE",
            help="The site's address, or a scan that `scan --format json` wrote. Without it, nothing is scanned.",
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The policy file to write.")] = Path(
        "consent.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    browser: Annotated[bool, typer.Option("--browser", help="Scan in Chromium, which sees what scripts do.")] = False,
    setup: SetupOption = None,
    pages: Annotated[int | None, typer.Option(min=1, help="The most pages to scan.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Also follow what leads to private addresses while scanning.")
    ] = False,
    company: Annotated[str | None, typer.Option(help="Who is responsible for the site.")] = None,
    contact: Annotated[str | None, typer.Option(help="How to reach them, such as an e-mail address.")] = None,
    privacy_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The site's privacy policy: an address, or a path on the site.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="A language of the banner, such as de. Repeat it; the first is the fallback."),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="COUNTRY", help="The country whose law applies, by its code: DE.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing, even on a terminal.")] = False,
    ledger: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A log whose reports and inventory are added, as sqlite:///PATH."),
    ] = None,
) -> None:
    """Write a policy that declares what the site sets and loads.

    Known services are declared by their names. What nobody knows stands in comments as a question with its evidence,
    and is held as all that is undeclared until it is answered. With --ledger, what visitors' browsers reported and
    what notices name is added. On a terminal it asks for what only the owner can say and no option gives.
    """
    target = find_output(output)
    if not target.is_stream and target.path.exists() and not force:
        raise ConfigurationError(f"{output} exists; add --force to replace it, or name another file with -o")
    from cookie_consent.scanner.draft import Answers, draft
    from cookie_consent.scanner.unknown import hint_for

    given = Answers(
        company=company or "",
        contact=contact or "",
        privacy_url=privacy_url or "",
        languages=tuple(language or ()),
        region=(region or "").upper(),
    )
    missing = {
        "company": company,
        "contact": contact,
        "privacy_url": privacy_url,
        "language": language,
        "region": region,
    }
    open_ones = {name for name, value in missing.items() if value is None}
    if not yes and open_ones and _is_terminal():
        given = _asked(given, open_ones)
    version = datetime.now(UTC).date().isoformat()
    empty = draft(_nothing(), given, version=version)  # so that a wrong answer is told before the scan
    check_texts(empty.policy, source=str(output), key="banner")
    settings = ScanSettings(browser=browser, setup=setup, pages=pages, private=private)
    if site is None and setup is not None:
        raise ConfigurationError("--setup needs the site's address")
    scan = scan_of(site, settings) if site is not None else _nothing()
    reports, inventory = _observed(ledger, scan.home)
    made = draft(scan, given, version=version, reports=reports, inventory=inventory, hint=hint_for)
    with writer(target) as stream:
        stream.write(made.text)
    _tell(output, made.policy, made.questions, site)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(given: Answers, names: set[str]) -> Answers:
    """Ask for what is not given. An empty answer leaves it open."""
    from cookie_consent.scanner.draft import Answers

    def ask(name: str, question: str, value: str) -> str:
        if name not in names:
            return value
        answer: str = typer.prompt(question, default="", show_default=False, err=True)
        return answer.strip()

    typer.echo("An empty answer leaves the question open.", err=True)
    company = ask("company", "Who is responsible for the site (name or company)?", given.company)
    contact = ask("contact", "How can visitors reach them (such as an e-mail address)?", given.contact)
    privacy_url = ask("privacy_url", "Where is the privacy policy (an address, or a path such as /privacy)?", "")
    languages = ask("language", "Which languages does the site have (such as: de en)?", "")
    return Answers(
        company=company,
        contact=contact,
        privacy_url=privacy_url or given.privacy_url,
        languages=tuple(languages.replace(",", " ").split()) or given.languages,
        region=ask("region", "Which country's law applies (a code such as DE)?", given.region).upper(),
    )


def _nothing() -> Scan:
    """Return the scan of a site at which nothing was looked."""
    from cookie_consent.scanner.model import Mode, Scan

    return Scan(site="", mode=Mode.HTTP, started=datetime.now(UTC).isoformat(timespec="seconds"))


def _observed(url: str | None, site: str) -> tuple[list[Finding], set[str]]:
    """Return the reports in a log, and the ids of what notices name beside the policy. Nothing without a log."""
    if url is None:
        return [], set()
    from cookie_consent.endpoints.reports.store import ReportStore
    from cookie_consent.ledger.inventory import InventoryStore
    from cookie_consent.policy import Inventory, Policy
    from cookie_consent.scanner.verdicts import host_in

    log = open_log(url)
    try:
        named: set[str] = set()
        for name in {None, host_in(site) or None}:  # a policy without site has no name for it either
            found = Inventory(Policy(version="default"))
            found.learn(InventoryStore(log, name).read())
            named.update(found.undeclared)
        return ReportStore(log).read(), named
    finally:
        log.close()


def _tell(output: Path, policy: Policy, questions: tuple[str, ...], site: str | None) -> None:
    typer.echo(f"{output}: {counted(len(policy.services), 'service')} declared", err=True)
    if questions:
        typer.echo(f"{len(questions)} open {'question' if len(questions) == 1 else 'questions'}:", err=True)
        for subject in questions[:_MOST_NAMED]:
            typer.echo(f"  the {comment_text(subject)}"[:200], err=True)
        if len(questions) > _MOST_NAMED:
            typer.echo(f"  and {len(questions) - _MOST_NAMED} more", err=True)
        typer.echo(f"answer them in {output}", err=True)
    if site is not None:
        named = Redaction().address(str(given(site).address)) if is_address(site) else site
        typer.echo(f"then: cookie-consent check {output} --against {named}", err=True)
