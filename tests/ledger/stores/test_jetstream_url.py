from __future__ import annotations

import pytest

from cookie_consent import ConfigurationError, Ledger
from cookie_consent.ledger.stores.jetstream.url import parse_jetstream


def test_the_parts_of_a_url() -> None:
    url = parse_jetstream("nats://kim:p%2Fw%40x@a.example:4223,nats://kim:p%2Fw%40x@b.example,[::1]/SHOP?replicas=5")
    assert url.servers == ("nats://a.example:4223", "nats://b.example:4222", "nats://[::1]:4222")
    assert (url.stream, url.notices, url.replicas) == ("SHOP", "SHOP_NOTICES", 5)
    assert (url.user, url.password, url.token) == ("kim", "p/w@x", None)
    assert url.name == "nats://a.example:4223,nats://b.example:4222,nats://[::1]:4222/SHOP?replicas=5"
    assert "p/w@x" not in repr(url)
    assert url.without_secrets("no p/w@x here") == "no *** here"


def test_a_token() -> None:
    url = parse_jetstream("tls://s3cret@a.example/SHOP")
    assert (url.user, url.password, url.token, url.replicas) == (None, None, "s3cret", 3)
    assert url.servers == ("tls://a.example:4222",)
    assert "s3cret" not in url.name + repr(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nats://a.example:4222", "does not end with the name of a stream"),
        ("nats://a.example:4222/", "does not end with the name of a stream"),
        (
            "nats://a.example:4222/A.B",
            "does not end with the name of a stream",
        ),  # a dot would make two words of a subject
        ("nats://a.example:4222/*", "does not end with the name of a stream"),
        (f"nats://a.example/{'A' * 33}", "does not end with the name of a stream"),
        ("nats:///SHOP", "a server in the ledger's URL"),
        ("nats://a.example:x/SHOP", "a server in the ledger's URL"),
        ("nats://a.example:70000/SHOP", "a server in the ledger's URL"),
        ("nats://a.example,http://b.example/SHOP", "a server in the ledger's URL"),
        ("nats://kim:s3cret/@a.example/SHOP", "a server in the ledger's URL"),  # a slash that is not %2F
        ("nats://kim:s3cret@a,nats://jo:s3cret@b/SHOP", "different users"),
        ("nats://kim:s3cret@a.example/SHOP?replica=1", "unknown option 'replica'"),
        ("nats://kim:s3cret@a.example/SHOP?replicas=2", "replicas in the ledger's URL must be 3 or 5, or 1"),
    ],
)
def test_a_url_that_is_none(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Ledger(url)
    assert "s3cret" not in str(caught.value)


def test_the_package_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cookie_consent.ledger.stores.jetstream.sink", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'cookie-consent\[nats\]'"):
        Ledger("nats://a.example/SHOP")
