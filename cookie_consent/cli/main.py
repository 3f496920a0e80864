"""The command ``cookie-consent``. Exit status: 0 success, 1 a finding, 2 an error."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from cookie_consent.cli.check import check
from cookie_consent.cli.classify import classify
from cookie_consent.cli.drain import drain
from cookie_consent.cli.export import EXPORT_COMMANDS
from cookie_consent.cli.init import init
from cookie_consent.cli.inventory import inventory_app
from cookie_consent.cli.log import log_app
from cookie_consent.cli.mirror import mirror_app
from cookie_consent.cli.output import ReaderGoneError, give_up_streams, prepare_streams
from cookie_consent.cli.policy import policy_app
from cookie_consent.cli.proof import PROOF_COMMANDS
from cookie_consent.cli.register import export_app
from cookie_consent.cli.report import report
from cookie_consent.cli.rights import RIGHTS_COMMANDS
from cookie_consent.cli.scan import scan
from cookie_consent.cli.stats import STATS_COMMANDS
from cookie_consent.endpoints.static_files import static_folder
from cookie_consent.errors import ConfigurationError, ConsentError, ProofError
from cookie_consent.policy import policy_schema

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Enforce a website's cookie policy, and keep a record of every choice.",
)
for _command in (*EXPORT_COMMANDS, *PROOF_COMMANDS, *RIGHTS_COMMANDS, *STATS_COMMANDS, drain):
    log_app.command()(_command)
app.add_typer(log_app, name="log")
app.add_typer(inventory_app, name="inventory")
app.add_typer(mirror_app, name="mirror")
app.add_typer(policy_app, name="policy")
app.add_typer(export_app, name="export")
app.command()(report)
app.command()(scan)
app.command()(init)
app.command()(check)
app.command()(classify)

_SHOWN = 100
"""Characters of a wrong argument that a message repeats."""


def main() -> None:
    """Run the command, and report any error as one clear message."""
    prepare_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except ReaderGoneError:
        give_up_streams()
        sys.exit(0)
    except ProofError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except ConsentError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        name = error.filename if error.filename is not None else "standard output"
        typer.echo(f"error: {name} cannot be used: {error.strerror or error}", err=True)
        give_up_streams()
        sys.exit(2)
    except UnicodeEncodeError as error:
        # Bytes of the command line that are not UTF-8 arrive as lone surrogates (PEP 383).
        typer.echo(f"error: {error.object[:_SHOWN]!a} is not valid text; write it in UTF-8", err=True)
        sys.exit(2)
    except Exception as error:
        if os.environ.get("CONSENT_TRACEBACK"):
            raise
        typer.echo(
            f"error: this should not happen: {type(error).__name__}: {error}; "
            "run it again with CONSENT_TRACEBACK=1 and report the output",
            err=True,
        )
        sys.exit(2)


@app.command()
def demo(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The shop's port; 0 picks a free one.")] = 8000,
    third_party_port: Annotated[int, typer.Option(min=0, max=65535, help="The third parties' port.")] = 8001,
    ledger: Annotated[
        str | None, typer.Option(metavar="URL", help="Where to keep the choices, as sqlite:///PATH.")
    ] = None,
) -> None:
    """Serve a small shop and the third parties it embeds, and show what each of them receives."""
    try:
        from cookie_consent.demo import run
    except ModuleNotFoundError as error:
        if error.name != "uvicorn":
            raise
        raise ConfigurationError("the demo needs the package uvicorn: pip install 'cookie-consent[standard]'") from None

    run(port=port, third_party_port=third_party_port, ledger=ledger)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the policy file, for editors."""
    typer.echo(json.dumps(policy_schema(), indent=2, ensure_ascii=False))


@app.command()
def types() -> None:
    """Print the types of window.cookieConsent and of <consent-placeholder>, for sites in TypeScript."""
    typer.echo((static_folder() / "cookie-consent.d.ts").read_text("utf-8"), nl=False)


if __name__ == "__main__":
    main()
