from __future__ import annotations

import pytest

from cookie_consent.policy.cookie_prefix import cookie_prefix, without_prefix


@pytest.mark.parametrize(
    ("name", "http_only", "host"),
    [
        ("__Secure-a", False, False),
        ("__Host-a", False, True),
        ("__Http-a", True, False),
        ("__Host-Http-a", True, True),
        ("__hOsT-a", False, True),  # browsers compare without case
    ],
)
def test_what_a_prefix_asks_for(name: str, http_only: bool, host: bool) -> None:  # noqa: FBT001
    prefix = cookie_prefix(name)
    assert prefix is not None
    assert (prefix.needs_http_only, prefix.needs_host) == (http_only, host)
    assert without_prefix(name) == "a"


@pytest.mark.parametrize("name", ["a", "_Host-a", "__Hosta", "a__Host-b", "__Host_a", ""])
def test_other_names_have_none(name: str) -> None:
    assert cookie_prefix(name) is None
    assert without_prefix(name) == name
