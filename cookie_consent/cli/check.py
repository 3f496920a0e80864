"""``cookie-consent check``: whether a policy is right, and whether a site keeps to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer

from cookie_consent.cli.documents import document
from cookie_consent.cli.excluded import excluded, tell_excluded
from cookie_consent.cli.missing import missing, tell_missing
from cookie_consent.cli.options import OutputOption, PolicyOption, PrefixOption, SetupOption  # noqa: TC001 - typer reads the annotations
from cookie_consent.cli.output import writer
from cookie_consent.cli.own_hosts import own_hosts, tell_own_hosts
from cookie_consent.cli.revision import announced, tell_revision, warnings
from cookie_consent.cli.scanned import ScanSettings, is_address, pictures_folder, scan_of
from cookie_consent.cli.wording import counted
from cookie_consent.errors import ConfigurationError, PolicyError, Problem
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.policy import find_policy, load_policy
from cookie_consent.policy.prefix import DEFAULT_PREFIX, checked_prefix
from cookie_consent.scanner.declared import unseen_services
from cookie_consent.scanner.given import given
from cookie_consent.scanner.model import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cookie_consent.policy import Policy
    from cookie_consent.scanner.baseline import Baseline
    from cookie_consent.scanner.finding import Finding
    from cookie_consent.scanner.judge import Judgement

__all__ = ["check", "check_texts"]

_LONGEST_BASELINE = 64 * 1024 * 1024


class CheckFormat(StrEnum):
    """How ``check`` prints what it found."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    HTML = "html"


def check(
    context: typer.Context,
    policy: Annotated[
        Path | None,
        typer.Argument(help="The policy file. Else CONSENT_POLICY, consent.toml here, this folder's pyproject.toml."),
    ] = None,
    *,
    named: PolicyOption = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            help="Also scan the site at this address, or read a scan that `scan --format json` wrote, and tell what "
            "differs from the policy.",
        ),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Scan in Chromium, which sees what scripts do.")] = False,
    setup: SetupOption = None,
    pages: Annotated[int | None, typer.Option(min=1, help="The most pages to scan.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Also follow what leads to private addresses while scanning.")
    ] = False,
    links: Annotated[
        bool, typer.Option("--links/--no-links", help="Open the privacy links, and tell which lead nowhere.")
    ] = True,
    require_gate: Annotated[
        bool, typer.Option("--require-gate", help="Fail if the site does not show that it runs the middleware.")
    ] = False,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file of known findings, by which the check does not fail.")
    ] = None,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Write the present findings to the file of --baseline.")
    ] = False,
    output_format: Annotated[
        CheckFormat, typer.Option("--format", help="The output format; the last three need --against.")
    ] = CheckFormat.TABLE,
    output: OutputOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also list what the scan could not see, and the services it did not meet.")
    ] = False,
) -> None:
    """Check a policy file, and print every problem found. Exits with status 2 if there are any.

    A policy that is announced, in consent.next.toml beside it or in the table [next], is checked too.

    Without problems it says which hosts are first party, what on them is held as a service's, and which paths are left
    out. Hints say what is missing in the cookie declaration; they do not change the status.

    With --against it tells what the site sets and loads and the policy does not declare, what is declared and was not
    seen, cookies that live longer than declared, categories that are too lenient, and privacy links that lead nowhere.
    A scan that ended early is a finding, too; so is a site without the middleware, with --require-gate.
    Exits with status 1 if any of that is an error or a warning. What the scan could not see is said in short; all of
    it is listed with --verbose, and in the formats for programs.
    """
    needs = {
        f"--format {output_format}": output_format not in {CheckFormat.TABLE, CheckFormat.JSON},
        "--baseline": baseline is not None,
        "--require-gate": require_gate,
        "--setup": setup is not None,
        "--output": output is not None and output_format is not CheckFormat.JSON,
        "--verbose": verbose,
    }
    _check_options(needs if against is None else {}, lacks_baseline=write_baseline and baseline is None)
    target = find_output(output) if output is not None and output != "-" else None
    if policy is not None and named is not None:
        raise ConfigurationError(f"two policy files: leave out {policy}, or --policy {named}")
    file = policy or named or find_policy() or Path("consent.toml")
    try:
        loaded = load_policy(file)
        checked = loaded.at(datetime.now(UTC))
        check_texts(checked, source=str(file), key="banner")
        if checked.next is not None:
            check_texts(checked.next, source=str(file), key="next.banner")
    except PolicyError as error:
        if output_format is CheckFormat.JSON:
            problems = [vars(problem) for problem in error.problems]
            typer.echo(json.dumps({"source": error.source, "problems": problems}, indent=2))
            raise typer.Exit(2) from None
        raise
    known = _read_baseline(baseline) if baseline is not None and not write_baseline else None
    judgement = None
    if against is not None:
        is_pictured = browser and output_format is CheckFormat.HTML
        pictures = context.with_resource(pictures_folder(target)) if is_pictured else None
        settings = ScanSettings(browser=browser, setup=setup, pages=pages, private=private, screenshots=pictures)
        judgement = _judged(
            against, settings, checked, prefix=checked_prefix(prefix), links=links, requires_gate=require_gate
        )
        if baseline is not None and write_baseline:
            known = _write_baseline(baseline, judgement)
        if known is not None:
            judgement = judgement.with_findings(known.applied(judgement.findings))
    if judgement is None and output_format is CheckFormat.TABLE:
        _tell(file, loaded, checked)
        return
    with writer(target) as stream:
        stream.write(_report(output_format, file, loaded, checked, judgement, verbose=verbose))
    if judgement is not None and judgement.fails:
        raise typer.Exit(1)


def _check_options(needing: Mapping[str, bool], *, lacks_baseline: bool) -> None:
    """Raise ``ConfigurationError`` for options that need others: ``needing`` a site, or a file of known findings."""
    for option, is_given in needing.items():
        if is_given:
            raise ConfigurationError(f"{option} needs a site: add --against URL")
    if lacks_baseline:
        raise ConfigurationError("--write-baseline needs a file: add --baseline FILE")


def _judged(
    source: str, settings: ScanSettings, policy: Policy, *, prefix: str, links: bool, requires_gate: bool
) -> Judgement:
    from cookie_consent.scanner.judge import judge
    from cookie_consent.scanner.privacy_links import dead_links

    scan = scan_of(source, settings, policy)
    judgement = judge(scan, policy, prefix=prefix).for_declarations(requires_gate=requires_gate)
    dead: list[Finding] = []
    if links:
        typed = given(source) if is_address(source) else None
        dead = anyio.run(partial(dead_links, policy, scan.home, typed=typed, private=settings.private))
    return judgement.with_findings((*judgement.findings, *dead))


def _read_baseline(path: Path) -> Baseline:
    from cookie_consent.scanner.baseline import Baseline

    try:
        with path.open("rb") as stream:
            text = stream.read(_LONGEST_BASELINE).decode("utf-8", "replace")
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist; make it with --write-baseline") from None
    return Baseline.parse(text, source=str(path))


def _write_baseline(path: Path, judgement: Judgement) -> Baseline:
    from cookie_consent.scanner.baseline import Baseline

    known = Baseline.of(judgement.findings)
    with writer(find_output(path)) as stream:
        stream.write(known.as_text())
    count = len(known)
    typer.echo(f"{path}: {counted(count, 'finding')}", err=True)
    return known


def _report(
    output_format: CheckFormat,
    file: Path,
    loaded: Policy,
    checked: Policy,
    judgement: Judgement | None,
    *,
    verbose: bool,
) -> str:
    """Return what is printed."""
    if output_format is CheckFormat.JSON:
        return json.dumps(_as_json(file, loaded, checked, judgement)) + "\n"
    if judgement is None:
        return ""
    if output_format is not CheckFormat.TABLE:
        return document(output_format, judgement, file)
    from cookie_consent.scanner.reports.text import findings_text, summary_text

    scan, failing = judgement.scan, sum(finding.fails for finding in judgement.findings)
    notes = len(judgement.findings) - failing
    read = sum(not page.error for page in scan.pages)
    summary = [
        f"{file} against {scan.site}: {counted(failing, 'finding')}, {counted(notes, 'note')}; "
        f"{counted(read, 'page')} read ({scan.mode})",
        *_unseen(judgement, verbose=verbose),
    ]
    return "\n".join(filter(None, [findings_text(judgement.findings), summary_text(summary)])) + "\n"


def _unseen(judgement: Judgement, *, verbose: bool) -> Iterator[str]:
    """Yield what the scan could not see, as paragraphs: in short for one by HTTP, which always says the same."""
    scan, declared = judgement.scan, len(judgement.policy.services)
    services = [service.id for service in unseen_services(judgement.policy, judgement.things)]
    if scan.mode is not Mode.HTTP or verbose:
        yield from (f"not seen: {sentence}" for sentence in scan.unseen)
        if verbose and services:
            yield f"not seen: {counted(len(services), 'declared service')}: {', '.join(services)}"
    elif scan.unseen:
        of_declared = f"{len(services)} of {counted(declared, 'declared service')} and " if services else ""
        yield (
            f"not seen: {of_declared}what only a browser shows, such as the cookies of scripts; "
            "--browser looks for it, --verbose lists it"
        )


def _as_json(file: Path, loaded: Policy, checked: Policy, judgement: Judgement | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "source": str(file),
        "problems": [],
        "next": announced(checked),
        "warnings": warnings(loaded, checked),
        "excluded": excluded(checked),
        "own": own_hosts(checked),
        "hints": missing(checked),
    }
    if judgement is not None:
        scan = judgement.scan
        said["against"] = {
            "site": scan.site,
            "mode": scan.mode.value,
            "started": scan.started,
            "pages": len(scan.pages),
            "gated": judgement.is_gated,
            "fails": judgement.fails,
            "findings": [finding.as_dict() for finding in judgement.findings],
            "limits": [{"name": one.name, "value": one.value, "note": one.note} for one in scan.limits],
            "unseen": scan.unseen,
            "unseen_services": [service.id for service in unseen_services(judgement.policy, judgement.things)],
        }
    return said


def _tell(file: Path, loaded: Policy, checked: Policy) -> None:
    """Print what the policy says."""
    typer.echo(
        f"{file}: OK; version {checked.version}, {len(checked.categories)} categories, "
        f"{len(checked.services)} services, {len(checked.cookies)} cookies of the site"
    )
    tell_revision(loaded, checked)
    tell_own_hosts(checked)
    tell_excluded(checked)
    tell_missing(checked)


def check_texts(policy: Policy, *, source: str, key: str) -> None:
    """Raise ``PolicyError`` if one of the site's own templates or texts is wrong."""
    from cookie_consent.admin.trial import operator_pages
    from cookie_consent.banner import Renderer
    from cookie_consent.banner.trial import try_templates
    from cookie_consent.endpoints.static_files import plain_files

    assets = dict.fromkeys((*plain_files(), "frame.css", "page.css"), "")  # as a site has them
    try:
        Renderer(policy, assets=assets)
        if policy.banner.templates is not None:
            try_templates(policy, assets, others=operator_pages(policy))
    except ConfigurationError as error:
        cause, _, fix = str(error).rpartition("; ")
        raise PolicyError(source, [Problem(key=key, cause=cause, fix=fix)]) from None
