"""The console script ``cookie-consent``, which is ``python -m cookie_consent`` too."""

import sys

__all__ = ["main"]

_NEEDED = {"rich", "typer"}


def main() -> None:
    """Run the command, or say what to install for it and exit with status 2."""
    try:
        from cookie_consent.cli.main import main as run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        sys.stderr.write("error: the commands need more packages: pip install 'cookie-consent[standard]'\n")
        sys.exit(2)
    run()


if __name__ == "__main__":  # not in the processes that verify
    main()
