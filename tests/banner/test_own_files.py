"""Templates and texts of the site's own, as a policy file names them."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from typer.testing import CliRunner

from cookie_consent import ConsentMiddleware
from cookie_consent.cli.main import app as cli
from cookie_consent.errors import PolicyError
from cookie_consent.policy import load_policy

if TYPE_CHECKING:
    from starlette.requests import Request

PAGE = "<!doctype html><title>Shop</title><body><p>Welcome</p></body>"
BUILT_IN = {
    file.name: file
    for room in ("banner", "admin")
    for file in (Path(str(files("cookie_consent"))) / room / "templates").glob("*.html")
}
ENGLISH = (files("cookie_consent.banner") / "locales" / "en.toml").read_text("utf-8")


async def home(request: Request) -> HTMLResponse:  # noqa: ARG001 - a handler's signature
    return HTMLResponse(PAGE, headers={"ETag": '"shop"'})


def site(folder: Path, banner: str) -> Path:
    file = folder / "consent.toml"
    file.write_text(f'version = "1"\n[banner]\n{banner}\n[services.google-analytics]\n')
    for name in ("texts", "pages"):
        (folder / name).mkdir(exist_ok=True)
    return file


async def asked(policy: Path, secret: str, ledger_url: str, language: str = "en", *, path: str = "/") -> httpx.Response:
    app = ConsentMiddleware(Starlette(routes=[Route("/", home)]), policy=policy, secret=secret, ledger=ledger_url)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as client:
        return await client.get(path, headers={"Accept": "text/html", "Accept-Language": language})


@pytest.mark.anyio
async def test_a_template_of_the_site_takes_the_place_of_the_built_in_one(
    tmp_path: Path, secret: str, ledger_url: str
) -> None:
    policy = site(tmp_path, 'templates = "pages"')
    (tmp_path / "pages" / "banner.html").write_text('<div id="consent-root">{{ t("banner.title") }}, dear guest</div>')
    response = await asked(policy, secret, ledger_url)
    assert '<div id="consent-root">Your privacy, dear guest</div>' in response.text


@pytest.mark.anyio
async def test_a_language_of_the_site_is_offered(tmp_path: Path, secret: str, ledger_url: str) -> None:
    policy = site(tmp_path, 'locales = "texts"')
    danish = ENGLISH.replace('"Accept all"', '"Accepter alle"').replace('language = "English"', 'language = "Dansk"')
    (tmp_path / "texts" / "da.toml").write_text(danish, "utf-8")
    response = await asked(policy, secret, ledger_url, "da-DK, en;q=0.5")
    assert "Accepter alle" in response.text
    assert 'lang="da"' in response.text
    assert "Accept all" in (await asked(policy, secret, ledger_url, "en")).text


@pytest.mark.anyio
async def test_one_text_and_one_language_of_the_site(tmp_path: Path, secret: str, ledger_url: str) -> None:
    """A file of one line changes one text; a new file is a language, on every page and with texts of the policy."""
    policy = site(tmp_path, 'locales = "texts"')
    with policy.open("a", encoding="utf-8") as file:
        file.write('[categories.analytics]\nname = { en = "Numbers", eo = "Nombroj" }\n')
    (tmp_path / "texts" / "en.toml").write_text('[banner]\ntitle = "Cookies at Shop Ltd"\n', "utf-8")
    (tmp_path / "texts" / "eo.toml").write_text(esperanto(), "utf-8")

    english = (await asked(policy, secret, ledger_url, "en")).text
    assert all(text in english for text in ("Cookies at Shop Ltd", "Refuse all", "Settings", "Numbers"))
    german = (await asked(policy, secret, ledger_url, "de")).text
    assert "Alle ablehnen" in german
    assert "Cookies at Shop Ltd" not in german

    for path in ("/", "/_consent/preferences", "/_consent/policy"):
        page = (await asked(policy, secret, ledger_url, "eo, en;q=0.5", path=path)).text
        assert 'lang="eo"' in page
        assert "Nombroj" in page
        assert "Eo: " in page
        assert not any(f">{text}" in page for text in ("Refuse all", "Numbers", "Cookies at Shop Ltd", "Last revised"))


def esperanto() -> str:
    """Return a file for a new language: English with a mark before each text, and what else such a file needs."""
    marked = re.sub(r'^(.*?) = "(?=.*"$)', r'\1 = "Eo: ', ENGLISH, flags=re.MULTILINE)
    units = {"year": "jaro", "month": "monato", "day": "tago", "hour": "horo", "minute": "minuto", "second": "sekundo"}
    forms = "\n".join(f'{unit} = "{{count}} {word}|{{count}} {word}j"' for unit, word in units.items())
    return f'language = "Esperanto"\ndirection = "ltr"\nlist_separator = ", "\n[durations]\n{forms}\n{marked}'


@pytest.mark.anyio
async def test_a_changed_text_changes_the_entity_tag(tmp_path: Path, secret: str, ledger_url: str) -> None:
    """Else a browser would be told that the page with the old text is still the right one."""
    tags = []
    for text in ("One", "Two", "Two"):
        policy = site(tmp_path, 'locales = "texts"')
        (tmp_path / "texts" / "en.toml").write_text(f'[banner]\ntitle = "{text}"\n')
        tags.append((await asked(policy, secret, ledger_url)).headers["etag"])
    assert tags[0] != tags[1] == tags[2]


@pytest.mark.anyio
async def test_the_entity_tag_does_not_depend_on_where_the_site_lies(
    tmp_path: Path, secret: str, ledger_url: str
) -> None:
    tags = set()
    for host in ("one", "two"):
        (tmp_path / host).mkdir()
        policy = site(tmp_path / host, 'templates = "pages"')
        tags.add((await asked(policy, secret, ledger_url)).headers["etag"])
    assert len(tags) == 1


@pytest.mark.parametrize("key", ["locales", "templates"])
@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ('"nowhere"', "'nowhere' is not a folder"),
        ('"consent.toml"', "'consent.toml' is not a folder"),
        ('""', "'' is not a folder"),
        ('"\\u0000"', "is not a folder"),
        (f'"{"x" * 5000}"', "is not a folder"),
        ("3", "must be the path of a folder"),
    ],
)
def test_a_folder_that_is_none_is_told(tmp_path: Path, key: str, value: str, cause: str) -> None:
    policy = site(tmp_path, f"{key} = {value}")
    with pytest.raises(PolicyError) as raised:
        load_policy(policy)
    assert [problem.key for problem in raised.value.problems] == [f"banner.{key}"]
    assert cause in raised.value.problems[0].cause


def test_check_finds_what_is_wrong_in_the_files(tmp_path: Path) -> None:
    policy = site(tmp_path, 'templates = "pages"\nlocales = "texts"')
    assert CliRunner().invoke(cli, ["check", str(policy)]).exit_code == 0
    (tmp_path / "pages" / "banner.html").write_text("\n{% if %}")
    result = CliRunner().invoke(cli, ["check", str(policy), "--format", "json"])
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert "banner.html:2" in problem["cause"]
    assert problem["fix"] == "correct the template"


@pytest.mark.parametrize(
    ("name", "template", "cause"),
    [
        ("preferences.html", "<p>\n{{ t('nothing.of.the.kind') }}", "preferences.html:2: "),
        ("placeholder.html", "{{ labell }}", "placeholder.html:1: 'labell' is undefined"),
        ("problem.html", "{{ status / 0 }}", "problem.html:1: division by zero"),
        (
            "banner.html",
            '<div id="consent-root" class="cc-panel">',
            "the banner has no data-endpoint=, data-notice=, cc-back",
        ),
    ],
)
def test_check_renders_templates_once(tmp_path: Path, name: str, template: str, cause: str) -> None:
    """A page that fails is found before a visitor meets it."""
    policy = site(tmp_path, 'templates = "pages"')
    (tmp_path / "pages" / name).write_text(template)
    result = CliRunner().invoke(cli, ["check", str(policy), "--format", "json"])
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert cause in problem["cause"]


def test_check_passes_copies_of_the_built_in_templates(tmp_path: Path) -> None:
    policy = site(tmp_path, 'templates = "pages"')
    for file in BUILT_IN.values():
        (tmp_path / "pages" / file.name).write_text(file.read_text("utf-8"), "utf-8")
    assert CliRunner().invoke(cli, ["check", str(policy)]).exit_code == 0


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_check_renders_every_template(tmp_path: Path, name: str) -> None:
    text = BUILT_IN[name].read_text("utf-8")
    part = re.search(r"<main.*?>|{% extends .*?{% block main %}|{% macro .*?%}", text, re.DOTALL)
    place = part.end() if part is not None else len(text)
    assert broken(tmp_path, name, text[:place], text[place:]) == "division by zero"


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("receipt.html", "<h2>{{ entry.title }}</h2>"),  # of a visitor with choices
        ("receipt.html", '<p>{{ t("receipt.nothing") }}</p>'),  # without any
        ("notice.html", "{{ line }}"),
        ("preferences.html", '{{ t("banner.saved") }}'),
        ("preferences.html", 't("preferences.visit", services=visit) }}'),
        ("preferences.html", '{{ t("preferences.receipt") }}'),
        ("declaration_body.html", '{{ t("declaration.since_title") }}'),
        ("declaration_body.html", '{{ t("declaration.history_title") }}'),
        ("placeholder.html", 't("frame.blocked", host=host) }}'),
        ("placeholder.html", 't("frame.form", service=label) }}'),
        ("problem.html", '{{ t("problem.unchanged") }}'),
        ("_stored.html", "<li>{{ change.text }}"),
        ("_stored.html", '{{ t("receipt.id") }}'),
        ("_forms.html", '<input type="hidden" name="answers" value="services">'),  # for a service that is new
        ("admin.html", '<td class="cc-number">{{ row.count }}'),
        ("admin.html", '<p class="cc-saved">{{ t("admin.nothing") }}'),
        ("admin.html", "{% if row.named %}"),
        ("admin.html", "{{ row.named_from[:16] }}"),
        ("stats.html", '{{ t("stats.incomplete") }}'),
        ("stats.html", "{{ section.plot }}"),
        ("stats.html", '<p class="cc-alert" role="alert">{{ failure }}'),
    ],
)
def test_check_renders_what_few_visitors_see(tmp_path: Path, name: str, before: str) -> None:
    found, between, rest = BUILT_IN[name].read_text("utf-8").rpartition(before)
    assert between
    assert broken(tmp_path, name, found + between, rest) == "division by zero"


def test_check_renders_every_language(tmp_path: Path) -> None:
    text = BUILT_IN["receipt.html"].read_text("utf-8")
    found, between, rest = text.partition("{% block main %}")
    cause = broken(tmp_path, "receipt.html", found + between, rest, "{{ 1 / 0 if language == 'sv' }}")
    assert cause == "division by zero (in the language sv)"


def test_check_reads_parts_of_templates(tmp_path: Path) -> None:
    """A part is compiled by the page that imports it."""
    text = BUILT_IN["_stored.html"].read_text("utf-8")
    assert "unexpected '}'" in broken(tmp_path, "_stored.html", text, "", "{{ }")


def broken(folder: Path, name: str, before: str, after: str, fault: str = "{{ 1 / 0 }}") -> str:
    """Return what ``check`` says of a template with a fault, without the place, which it must name."""
    policy = site(folder, 'templates = "pages"\nlanguages = ["en", "sv"]')
    (folder / "pages" / name).write_text(before + fault + after, "utf-8")
    result = CliRunner().invoke(cli, ["check", str(policy), "--format", "json"])
    assert result.exit_code == 2, result.output
    (problem,) = json.loads(result.stdout)["problems"]
    place, _, cause = problem["cause"].partition(": ")
    assert place == f"{folder / 'pages' / name}:{before.count(chr(10)) + 1}"
    assert problem["fix"] == "correct the template"
    return str(cause)
