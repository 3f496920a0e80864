"""``cookie-consent mirror``: what the mirror of public libraries has stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import anyio
import typer

from cookie_consent.cli.options import FormatOption, OutputFormat, PolicyOption
from cookie_consent.cli.wording import counted
from cookie_consent.errors import ConfigurationError
from cookie_consent.mirror.libraries import Libraries, LibraryFile
from cookie_consent.mirror.mirror import Mirror
from cookie_consent.mirror.store import make_store
from cookie_consent.policy import policy_in_force

__all__ = ["mirror_app"]

_PATIENCE = 60.0

mirror_app = typer.Typer(
    no_args_is_help=True, help="Show, fetch and delete the files of the mirror of public libraries."
)


@mirror_app.command("list")
def list_files(*, output_format: FormatOption = OutputFormat.TABLE) -> None:
    """Print the files that are stored: size in bytes, day of the fetch, SHA-256 and address."""
    entries = [entry for entry in make_store().entries() if not entry.location]
    if output_format is OutputFormat.JSON:
        rows = [
            {
                "address": entry.upstream,
                "type": entry.media_type,
                "size": len(entry.body),
                "sha256": entry.digest,
                "fetched_at": datetime.fromtimestamp(entry.fetched_at, UTC).isoformat(),
            }
            for entry in entries
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not entries:
        typer.echo("no files are stored", err=True)
    for entry in sorted(entries, key=lambda entry: entry.upstream):
        day = datetime.fromtimestamp(entry.fetched_at, UTC).date()
        typer.echo(f"{len(entry.body):>9} {day} {entry.digest[:16]} {entry.upstream}")


@mirror_app.command()
def fetch(
    addresses: Annotated[list[str], typer.Argument(metavar="URL...", help="Addresses as pages write them.")],
    *,
    policy: PolicyOption = None,
) -> None:
    """Fetch files before visitors ask for them. Exits with status 1 if one cannot be fetched."""
    added = policy_in_force(policy).gate.mirror
    libraries = Libraries(() if isinstance(added, bool) else added)
    files: list[LibraryFile] = []
    for address in addresses:
        found = libraries.from_address(address)
        if found is None or found[0].is_folder:
            raise ConfigurationError(
                f"{address[:200]!r} is not a file of a listed library; add a package of npm as "
                "mirror = ['npm:name'] below [gate] of the policy"
            )
        files.append(found[0])
    missing = anyio.run(_fetch, Mirror(libraries), files)
    if missing:
        raise typer.Exit(1)


async def _fetch(mirror: Mirror, files: list[LibraryFile]) -> int:
    """Fetch the files, print whether each is there, and return how many are not."""
    missing = 0
    try:
        for file in files:
            entry = await mirror.get(file, patience=_PATIENCE)
            missing += entry is None
            typer.echo(f"{'missing' if entry is None else 'stored':<7} {file.upstream}")
    finally:
        mirror.close()
    return missing


@mirror_app.command()
def clear() -> None:
    """Delete all files, and what is remembered of exact versions."""
    typer.echo(f"deleted {counted(make_store().clear(), 'file')}")
