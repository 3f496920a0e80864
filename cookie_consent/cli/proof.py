"""``cookie-consent log``: seal, verify and prove the log."""

from __future__ import annotations

import gc
import json
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from cookie_consent.cli.log import open_log, read_text, tell_of_spools
from cookie_consent.cli.options import FormatOption, LedgerOption, OutputFormat, OutputOption
from cookie_consent.cli.output import ReaderGoneError
from cookie_consent.cli.wording import counted
from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.exports.destination import find_output, open_stream
from cookie_consent.ledger.proof.note import NoteError, Verifier, new_key
from cookie_consent.ledger.proof.prove import check_proof
from cookie_consent.ledger.proof.sealed_export import verify_export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cookie_consent.ledger.proof.verification import Verification

__all__ = ["PROOF_COMMANDS"]

_SHOWN = 100
KeyOption = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="VERIFIER", help="A key to trust, as printed by `log key`; can be repeated."),
]


def key(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The name of the log, such as shop.example/consent; without it, the keys in use are printed."
        ),
    ] = None,
    *,
    output: OutputOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Create a key for signing the log, or print the public keys (verifiers) in use.

    With -o, the private key is written to a new file that only its owner can read, and the public key is printed.
    Otherwise the private key goes to standard output and the public key to standard error.
    """
    if name is None:
        texts = _keys_in_use(Ledger(ledger))
        for text in texts:
            typer.echo(text)
        if not texts:
            typer.echo("the log has no key; make one with `cookie-consent log key NAME -o FILE`", err=True)
            raise typer.Exit(1)
        return
    private, verifier = new_key(name)
    if output is None or output == "-":
        typer.echo(private)
        typer.echo(f"publish this key, so that others can verify the log: {verifier.text}", err=True)
        return
    place = find_output(output)
    try:
        # An existing key may have signed a log, so it is never overwritten.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        file = open_stream(place) if place.is_stream else os.open(place.path, flags, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(private + "\n")
    except BrokenPipeError:
        raise ReaderGoneError from None
    except FileExistsError:
        raise ConfigurationError(
            f"{output} exists, and a key is never overwritten, as it may have signed a log; name another file with -o"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"the key cannot be written to {output}: {error.strerror}") from None
    typer.echo(verifier.text)


def seal(*, ledger: LedgerOption = None) -> None:
    """Add all new records to the Merkle tree, and sign its root with the key in CONSENT_LEDGER_KEY."""
    log = open_log(ledger)
    tell_of_spools(log)
    result = log.seal()
    log.close()
    added = f"{result.added} {'leaf' if result.added == 1 else 'leaves'}"
    typer.echo(f"sealed {added}; the log has {result.size}")


def checkpoint(
    *,
    since: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Print the proof that the log is a continuation of this older checkpoint."),
    ] = None,
    ledger: LedgerOption = None,
) -> None:
    """Print the latest signed checkpoint. Keep it out of reach of anyone who can change the log."""
    log = open_log(ledger)
    if since is not None:
        try:
            proof = log.prove_growth(read_text(since))
        except NoteError as error:
            raise ConfigurationError(f"{since}: {error}") from None
        typer.echo(json.dumps(proof, ensure_ascii=False, separators=(",", ":")))
    else:
        note = log.checkpoint()
        if note is None:
            typer.echo("the log is not sealed yet; seal it with `cookie-consent log seal`", err=True)
            raise typer.Exit(1)
        sys.stdout.write(note)
    log.close()


def prove(
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of a record or an event.")],
    *,
    ledger: LedgerOption = None,
) -> None:
    """Print the proof that a record is in the log, as JSON. Exits with status 1 if there is no proof."""
    log = open_log(ledger)
    proof = log.prove(name)
    log.close()
    if proof is None:
        typer.echo(f"no record and no event has the id {name}", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps(proof, ensure_ascii=False, separators=(",", ":")))


def events(*, output_format: FormatOption = OutputFormat.TABLE, ledger: LedgerOption = None) -> None:
    """Show the events of the log itself.

    They are erasures, prunings, new keys, joined choices and late records, and policies that came into force.
    """
    log = open_log(ledger)
    found = log.events()
    log.close()
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps([event.as_dict() for event in found], ensure_ascii=False, indent=2))
        return
    for event in found:
        values = event.as_dict()
        detail = {key: value for key, value in values["detail"].items() if (event.kind, key) != ("policy", "policy")}
        typer.echo(f"{values['at']}  {event.id}  {event.kind}  {json.dumps(detail, ensure_ascii=False)}")


def verify(
    *,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Verify this file from `log export --format sealed` instead of a database."),
    ] = None,
    proof: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check this proof from `log prove` or `log checkpoint --since`.")
    ] = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="A checkpoint that was kept elsewhere; can be repeated."),
    ] = None,
    keys: KeyOption = None,
    output_format: FormatOption = OutputFormat.TABLE,
    ledger: LedgerOption = None,
) -> None:
    """Compare every record with what was sealed and signed. Exits with status 1 if any differ."""
    if export is not None and proof is not None:
        raise ConfigurationError("give --export or --proof, not both")
    trusted = [Verifier.parse(text) for text in keys] if keys else None
    if proof is not None:
        _check_proof(proof, trusted, output_format)
        return
    given = [read_text(path) for path in checkpoints or ()]
    gc.disable()  # verifying makes no cycles, and looking for them takes a tenth of the time
    if export is not None:
        found = _verify_export(export, trusted, given)
        own = trusted is None
        source = str(export)
    else:
        log = open_log(ledger)
        tell_of_spools(log)
        own = trusted is None and not log.signers()
        with _progress(None) as advance:
            found = log.verify(trusted=trusted, given=given, progress=advance, processes=os.cpu_count() or 1)
        log.close()
        source = log.name
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps({**asdict(found), "key_is_given": not own}, ensure_ascii=False, indent=2))
    else:
        _print(source, found, own=own)
    if found.faults:
        raise typer.Exit(1)


def _keys_in_use(log: Ledger) -> list[str]:
    """Return the verifiers of the configured keys, then of those on record in the log, if it exists."""
    texts = [signer.verifier.text for signer in log.signers()]
    with suppress(LedgerError):
        texts += [text for text in log.recorded_keys() if text not in texts]
    log.close()
    return texts


def _verify_export(path: Path, trusted: list[Verifier] | None, given: list[str]) -> Verification:
    try:
        with path.open("rb") as stream, _progress(None) as advance:
            return verify_export(stream, trusted=trusted, given=given, progress=advance)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except NoteError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _check_proof(path: Path, trusted: list[Verifier] | None, output_format: OutputFormat) -> None:
    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{path} is not JSON") from None
    try:
        checked = check_proof(document, trusted)
    except NoteError as error:
        if output_format is OutputFormat.JSON:
            typer.echo(json.dumps({"holds": False, "reason": str(error)}, ensure_ascii=False))
        else:
            typer.echo(f"the proof does not hold: {error}")
        raise typer.Exit(1) from None
    if output_format is OutputFormat.JSON:
        shown: dict[str, Any] = {"holds": True, "shows": checked.text, "signed_by": checked.key.text}
        typer.echo(json.dumps({**shown, "key_is_given": checked.key_is_given}, ensure_ascii=False))
        return
    typer.echo(checked.text)
    typer.echo(f"signed by {checked.key.text}")
    if not checked.key_is_given:
        typer.echo(
            "this key comes from the proof itself: compare it with the one that the site has published", err=True
        )


def _print(source: str, found: Verification, *, own: bool) -> None:
    records, events = counted(found.records, "record"), counted(found.events, "event")
    counts = f"{records}, {found.erased} erased, {found.pruned} pruned, {events}"
    leaves = "leaf" if found.size == 1 else "leaves"
    typer.echo(f"{source}: {found.size} {leaves} ({counts}), {found.unsealed} not sealed yet")
    for verifier in found.signed_by:
        typer.echo(f"signed by {verifier}")
    if own and found.signed_by:
        typer.echo("this key comes from the log itself: pass the published one with --key", err=True)
    for fault in found.faults[:_SHOWN]:
        where = f"leaf {fault.position}" if fault.position is not None else "-"
        typer.echo(f"{fault.kind:<11} {where:<13} {fault.id or '-':<36}  {fault.text}")
    hidden = len(found.faults) - _SHOWN
    if hidden > 0 or found.more:
        typer.echo(f"and {max(0, hidden) + found.more} more; --format json lists {len(found.faults)} in all")
    typer.echo("the log does NOT match what was signed" if found.faults else "the log matches what was signed")


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on a terminal; yield the function that advances it."""
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("leaves", total=total)
        yield lambda count: bar.advance(task, count)


PROOF_COMMANDS = (key, seal, checkpoint, verify, prove, events)
"""The commands to add to ``log``."""
