from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with no key but those that a test gives."""
    monkeypatch.delenv("CONSENT_LEDGER_KEY", raising=False)
