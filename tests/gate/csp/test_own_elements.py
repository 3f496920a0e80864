from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.gate import OwnElements, SitePolicies

SCRIPT = '<script src="/_consent/assets/banner.1.js" defer></script>'
STYLE = '<link rel="stylesheet" href="/_consent/assets/banner.1.css">'
DIGESTS = ("sha256-AAA=", "sha384-BBB", "sha512-CCC")


LATE_DIGESTS = ("sha256-DDD=", "sha384-EEE", "sha512-FFF")


def marked(*policies: str, markup: str = SCRIPT, authority: str = "site.test", scheme: str = "https") -> str:
    site = SitePolicies(authority=authority, scheme=scheme)
    site.add(policies)
    own = OwnElements(policies=site, digests=lambda path: DIGESTS if "banner" in path else ())
    return own.mark(markup)


def with_late(*policies: str) -> str:
    """Mark a script that loads another one later, as the banner's does."""
    site = SitePolicies(authority="site.test", scheme="https")
    site.add(policies)
    digests = {"/_consent/assets/banner.1.js": DIGESTS, "/_consent/assets/banner-more.2.js": LATE_DIGESTS}
    own = OwnElements(policies=site, digests=digests.__getitem__, late={"banner.1.js": "banner-more.2.js"})
    return own.mark(SCRIPT)


@pytest.mark.parametrize(
    ("policies", "nonce"),
    [
        ([], None),
        (["img-src 'none'"], None),  # says nothing of scripts
        (["script-src 'self' 'nonce-abc'"], None),  # passes as it is
        (["script-src *"], None),
        (["script-src https:"], None),
        (["script-src site.test"], None),
        (["script-src https://*.test/_consent/"], None),
        (["script-src site.test:444 'nonce-abc'"], "abc"),
        (["script-src site.test/static/ 'nonce-abc'"], "abc"),
        (["script-src http: 'nonce-abc'"], "abc"),
        (["script-src evil-site.test *.site.test 'nonce-abc'"], "abc"),
        (["script-src 'nonce-abc'"], "abc"),
        (["default-src 'nonce-a-_b=='"], "a-_b=="),
        (["SCRIPT-SRC 'NONCE-Abc'"], "Abc"),  # names have any case, nonces their own
        (["script-src-elem 'nonce-one'; script-src 'self'"], "one"),  # the nearer directive counts
        (["script-src 'none'; script-src 'nonce-late'"], None),  # the first of one name counts
        (["script-src 'self' https: 'nonce-abc' 'strict-dynamic'"], "abc"),  # hosts do not count then
        (["script-src 'nonce-a' 'nonce-b'", "script-src 'nonce-b' 'nonce-c'"], "b"),  # must satisfy both
        (["script-src 'nonce-a', script-src 'self'"], "a"),
        (["script-src 'nonce-a'", "script-src 'nonce-b'"], None),  # impossible
        (["script-src 'none'"], None),
        (["script-src"], None),
        (["script-src 'nonce-a\"><b>'"], None),  # no nonce, and nothing of it reaches the page
        (["script-src 'nonce-'"], None),
    ],
)
def test_a_script_gets_the_nonce_that_it_needs(policies: list[str], nonce: str | None) -> None:
    assert marked(*policies) == (SCRIPT if nonce is None else SCRIPT.replace("<script", f'<script nonce="{nonce}"'))


def test_a_style_sheet_has_its_own_nonce() -> None:
    policy = "script-src 'nonce-s'; style-src 'nonce-c'"
    both = marked(policy, markup=STYLE + SCRIPT)
    assert both == STYLE.replace("<link", '<link nonce="c"') + SCRIPT.replace("<script", '<script nonce="s"')


def test_a_listed_hash_is_used_where_there_is_no_nonce() -> None:
    integrity = SCRIPT.replace("<script", '<script integrity="sha384-BBB"')
    assert marked("script-src 'sha384-BBB' 'strict-dynamic'") == integrity
    assert marked("script-src 'sha384-other'") == SCRIPT
    assert marked("script-src 'sha384-BBB' 'nonce-a'") == SCRIPT.replace("<script", '<script nonce="a"')
    assert marked("script-src 'sha384-BBB'", "script-src 'sha256-AAA='") == SCRIPT
    assert marked("style-src 'sha384-BBB'", markup=STYLE) == STYLE  # browsers have no such thing for style sheets


@pytest.mark.parametrize(
    ("policies", "attributes"),
    [
        ([], ""),
        (["script-src 'self'"], ""),
        (["script-src 'nonce-abc'"], ' nonce="abc"'),  # which the script passes on
        (["script-src 'sha384-BBB' 'sha256-DDD='"], ' data-more="sha256-DDD=" integrity="sha384-BBB"'),
        (["script-src 'sha384-BBB' 'sha384-EEE' 'sha512-FFF'"], ' data-more="sha512-FFF" integrity="sha384-BBB"'),
        (["script-src 'sha384-BBB'"], ' integrity="sha384-BBB"'),  # the late file is not allowed
        # The script as its address allows it, the late file by another source.
        (["script-src site.test/_consent/assets/banner.1.js 'nonce-abc'"], ' nonce="abc"'),
        (["script-src site.test/_consent/assets/banner.1.js 'sha384-EEE'"], ' data-more="sha384-EEE"'),
    ],
)
def test_a_script_is_told_what_the_file_needs_that_it_loads_later(policies: list[str], attributes: str) -> None:
    assert with_late(*policies) == SCRIPT.replace("<script", f"<script{attributes}")


def test_where_scripts_may_give_no_addresses_the_late_file_comes_with_the_page() -> None:
    late = '<script src="/_consent/assets/banner-more.2.js" defer></script>'
    types = "require-trusted-types-for 'script'"
    assert with_late(types) == late + SCRIPT
    nonce = '<script nonce="n"'
    assert with_late(f"{types}; script-src 'nonce-n'") == (late + SCRIPT).replace("<script", nonce)
    assert with_late(types, "script-src 'sha384-BBB' 'sha384-EEE'") == (
        late.replace("<script", '<script integrity="sha384-EEE"')
        + SCRIPT.replace("<script", '<script integrity="sha384-BBB"')
    )
    assert with_late(types, "script-src 'sha384-BBB'") == SCRIPT.replace("<script", '<script integrity="sha384-BBB"')


def test_other_elements_and_the_guard() -> None:
    markup = '<a href="x"><link rel="icon" href="y"><script src="/_consent/assets/guard.1.js" data-granted="session">'
    assert marked("default-src 'nonce-n'", markup=markup) == markup.replace("<script", '<script nonce="n"')


def test_ports() -> None:
    assert marked("script-src 'nonce-n' site.test", authority="site.test:8000") != SCRIPT
    assert marked("script-src 'nonce-n' site.test:8000", authority="site.test:8000") == SCRIPT
    assert marked("script-src 'nonce-n' site.test:*", authority="site.test:8000") == SCRIPT
    assert marked("script-src 'nonce-n' http://site.test", scheme="http") == SCRIPT


@given(st.lists(st.text(max_size=80), max_size=70))
def test_no_policy_writes_markup(policies: list[str]) -> None:
    out = marked(*policies)
    assert out.endswith(SCRIPT.removeprefix("<script"))
    assert out.count("<") == SCRIPT.count("<")
    assert out.count(">") == SCRIPT.count(">")
