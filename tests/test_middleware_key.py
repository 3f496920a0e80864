from __future__ import annotations

import pytest
from starlette.applications import Starlette

from cookie_consent import ConfigurationError, ConsentMiddleware


@pytest.mark.usefixtures("secret")
def test_a_wrong_key_is_found_when_the_site_starts(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_LEDGER_KEY", "/none/consent.key")
    with pytest.raises(ConfigurationError, match="CONSENT_LEDGER_KEY is a key or the path of its file"):
        ConsentMiddleware(Starlette(), ledger=ledger_url).check()
