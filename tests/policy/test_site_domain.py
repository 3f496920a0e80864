from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.policy import host_of
from cookie_consent.policy.site_domain import site_domain


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("site.test", "site.test"),
        ("www.site.test", "site.test"),
        ("a.b.c.site.test", "site.test"),
        ("WWW.Site.TEST.:8443", "site.test"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("co.uk", None),  # a public suffix
        ("test", None),  # a single label
        ("localhost", None),
        ("a.github.io", "a.github.io"),  # the private section of the list
        ("www.a.github.io", "a.github.io"),
        ("github.io", None),
        ("s3.amazonaws.com", None),
        ("www.amazonaws.com", None),  # hosts of others are below amazonaws.com
        ("city.kobe.jp", "city.kobe.jp"),  # an exception to *.kobe.jp
        ("www.city.kobe.jp", "city.kobe.jp"),
        ("a.b.kobe.jp", "a.b.kobe.jp"),
        ("b.kobe.jp", None),
        ("kobe.jp", None),
        ("www.bücher.example", "xn--bcher-kva.example"),
        ("a.公司.cn", "a.xn--55qx5d.cn"),  # a rule that is not ASCII
        ("公司.cn", None),
        ("127.0.0.1:8000", None),
        ("127.1", None),  # browsers take these for IPv4 addresses too
        ("1.0x7f", None),
        ("a.site.0x", None),
        ("[::1]:8000", None),
        ("[::ffff:1.2.3.4]", None),
        ("", None),
        (".", None),
        ("site.test..", None),
        ("www..site.test", None),
        (".site.test", None),
        ("*.site.test", None),
        ("evil.test/.site.test", None),
        ("evil.test%2f.site.test", None),
        ("a b.site.test", None),
        ("a;b.site.test", None),
        ("user@site.test", None),
        ("x" * 300 + ".site.test", None),
        (".".join(["x"] * 200) + ".site.test", None),
    ],
)
def test_the_domain_of_a_host(host: str, domain: str | None) -> None:
    assert site_domain(host_of(host)) == domain


LABELS = st.sampled_from(
    [
        "a",
        "www",
        "site",
        "test",
        "com",
        "co",
        "uk",
        "github",
        "io",
        "amazonaws",
        "s3",
        "kobe",
        "city",
        "jp",
        "1",
        "*",
        "",
    ]
)
HOSTS = st.lists(LABELS, min_size=1, max_size=6).map(".".join)


@given(HOSTS, HOSTS)
def test_the_hosts_of_a_domain_are_those_below_it(host: str, other: str) -> None:
    domain = site_domain(host)
    if domain is None:
        return
    assert host == domain or host.endswith(f".{domain}")
    assert "." in domain
    assert site_domain(domain) == domain
    # Nobody else has a name below it, so that one wildcard stands for all of them.
    below = f"{other}.{domain}"
    assert site_domain(below) in {domain, None}
    assert (site_domain(other) == domain) == (site_domain(other) is not None and f".{other}".endswith(f".{domain}"))


def test_threads_may_be_the_first_to_ask() -> None:
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(site_domain("www.first.test"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["first.test"] * 8
