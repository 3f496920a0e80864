"""The banner speaks the language of the page that it stands on, where that is on offer."""

from __future__ import annotations

import re
from html import unescape

import pytest
from starlette.responses import HTMLResponse

from cookie_consent.banner.negotiate import find_language
from cookie_consent.testing import ConsentClient, make_policy

pytestmark = pytest.mark.anyio

LINK = re.compile(r'href="(/_consent/(?:preferences|policy)[^"]*)"')
FRAME = "<iframe src=//maps.example/a></iframe>"
POLICY = make_policy(services={"maps": {"name": "Maps", "category": "social", "hosts": ["maps.example"]}})


def shown(text: str) -> str:
    found = re.search(r'id="consent-root"[^>]*? lang="([\w-]+)"', text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("page", "header", "expected"),
    [
        ("<html lang=en>", None, "en"),
        ("<!-- a --><!doctype html><html class=a LANG='fr-CA'>", None, "fr"),
        ("<html lang=' EN-gb '>", None, "en"),
        ("<html lang=en>", "fr", "en"),  # the element's own comes first (HTML, section 3.2.6.2)
        ("<html>", "es-MX", "es"),
        ("<html lang=''>", "fr", "fr"),
        ("<p>", None, "de"),
        ("<p>", "fr, en", "de"),  # a page for readers of several languages
        ("<html lang=eo>", None, "de"),  # no texts
        ("<html lang='*'>", None, "de"),
        ('<html lang="en\'><b>">', None, "de"),
        ("<svg><html lang=en></svg>", None, "de"),
        ("<p lang=en><html lang=fr>", None, "de"),  # not the root's start tag
    ],
)
async def test_the_language_of_the_page_comes_first(page: str, header: str | None, expected: str) -> None:
    headers = {"content-language": header} if header is not None else {}
    app = HTMLResponse(f"{page}<title>a</title>{FRAME}", headers=headers)
    async with ConsentClient(app, POLICY, headers={"accept-language": "de"}) as client:
        for _ in range(2):  # the second page comes from the cache
            text = (await client.get("/")).text
            assert shown(text) == expected
            assert f'<html lang="{expected}"' in unescape(text)  # the placeholder's
            links = LINK.findall(text)
            assert links
            assert all(f"language={expected}" in link for link in links)
        address = next(link for link in links if "preferences" in link).replace("&amp;", "&")
        assert f'<html lang="{expected}"' in (await client.get(address)).text


async def test_two_pages_alike_differ_by_their_header() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        language = dict(scope["headers"])[b"x-page"].decode()  # type: ignore[index]
        await HTMLResponse("<p>a", headers={"content-language": language})(scope, receive, send)  # type: ignore[arg-type]

    async with ConsentClient(app, POLICY) as client:
        for language in ("de", "fr", "de"):
            assert shown((await client.get("/", headers={"x-page": language})).text) == language


CHOSEN = make_policy(
    banner={"language_cookie": "site_language"},
    services={"maps": {"name": "Maps", "category": "social", "hosts": ["maps.example"]}},
)


@pytest.mark.parametrize(
    ("page", "cookie", "expected"),
    [
        ("<p>", "site_language=fr", "fr"),
        ("<p>", "a=b; site_language=es_MX; c", "es"),
        ("<p>", 'site_language="fr-CA"', "fr"),
        ("<p>", "site_language=ar%2DEG", "ar"),
        ("<html lang=en>", "site_language=fr", "en"),  # the page's own comes first
        ("<p>", "site_language=tlh", "de"),
        ("<p>", "site_language=", "de"),
        ("<p>", "site_language", "de"),
        ("<p>", "xsite_language=fr; site_languages=fr", "de"),
        ("<p>", "site_language='\"><script>", "de"),
        ("<p>", "site_language=" + "fr-" * 5000, "de"),
    ],
)
async def test_the_language_that_a_site_keeps_in_a_cookie(page: str, cookie: str, expected: str) -> None:
    headers = {"accept-language": "de", "cookie": cookie}
    async with ConsentClient(HTMLResponse(f"{page}<title>a</title>{FRAME}"), CHOSEN) as client:
        pages = [await client.get("/", headers=headers) for _ in range(2)]
        assert [shown(each.text) for each in pages] == [expected] * 2
        assert shown((await client.get("/", headers={"accept-language": "es"})).text) == (
            "en" if "lang=en" in page else "es"  # another visitor's page is not this one's
        )
        if "lang" not in page:
            for address in ("/_consent/preferences", "/_consent/policy"):
                answer = await client.get(address, headers=headers)
                assert f'<html lang="{expected}"' in answer.text
                assert "cookie" in answer.headers["vary"].lower()
        answer = await client.get("/_consent/policy?language=es", headers=headers)
        assert '<html lang="es"' in answer.text


async def test_without_the_key_no_cookie_is_read() -> None:
    async with ConsentClient(HTMLResponse("<p>a"), POLICY) as client:
        answer = await client.get("/_consent/policy", headers={"cookie": "site_language=fr; language=fr"})
        assert '<html lang="en"' in answer.text


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("de", "de"), ("DE-at", "de"), ("pt", "pt-BR"), ("pt-PT", "pt-BR"), ("it", None), ("", None), ("a" * 2000, None)],
)
def test_a_language_is_looked_up(tag: str, expected: str | None) -> None:
    assert find_language(tag, ("en", "de", "pt-BR")) == expected
