"""Loading the keys that sign the checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.proof.note import Signer

__all__ = ["KEY_VARIABLE", "load_signers"]

KEY_VARIABLE = "CONSENT_LEDGER_KEY"
_MAXIMUM_FILE = 64 * 1024


def load_signers(source: str | Path | None = None) -> list[Signer]:
    """Return the keys in ``source``: lines ``PRIVATE+KEY+…``, or the path of a file with such lines.

    ``source`` defaults to ``CONSENT_LEDGER_KEY``. All keys must have the log's name. Raises ``ConfigurationError``.
    """
    if source is None:
        source = os.environ.get(KEY_VARIABLE, "")
    text = str(source).strip()
    if not text:
        return []
    if not text.startswith("PRIVATE+KEY+"):
        text = _read(Path(text))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    signers = [Signer.parse(part) for line in lines for part in line.split()]
    if not signers:
        raise ConfigurationError(f"there is no key in {source}; make one with `cookie-consent log key NAME`")
    names = sorted({signer.name for signer in signers})
    if len(names) > 1:
        raise ConfigurationError(f"the keys of a log must have the same name, not {' and '.join(names)}")
    return signers


def _read(path: Path) -> str:
    if "PRIVATE" in str(path) or str(path).count("+") > 1:  # a key that was mistyped is shown to nobody
        raise ConfigurationError(
            f"{KEY_VARIABLE} is neither a key nor the path of its file: a key begins with PRIVATE+KEY+, without quotes"
        )
    try:
        with path.open("rb") as stream:
            return stream.read(_MAXIMUM_FILE).decode("utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"the key file {path} cannot be read: {error.strerror}; {KEY_VARIABLE} is a key or the path of its file"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the key file {path} is not text; it must have lines PRIVATE+KEY+…") from None
