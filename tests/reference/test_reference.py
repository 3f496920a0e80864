"""The reference names what the code has, no more and no less."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from babel import Locale as BabelLocale

import cookie_consent
from cookie_consent.banner.locale import load_locales
from cookie_consent.banner.templating import PAGES as TEMPLATES
from cookie_consent.policy import policy_schema
from tests.reference import code
from tests.reference.code import ROOT
from tests.reference.pages import PAGES, renewed


def rows(page: str, head: str) -> list[list[str]]:
    """Return the cells of all tables of a page whose first column is called ``head``."""
    found: list[list[str]] = []
    is_meant = False
    for line in (ROOT / "docs" / page).read_text("utf-8").splitlines():
        if not line.startswith("|"):
            is_meant = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if is_meant and not set(line) <= set("|-: "):
            found.append(cells)
        is_meant = is_meant or cells[0] == head
    assert found, f"{page} has no table of {head}"
    return found


def names(page: str, head: str) -> list[str]:
    """Return what stands in code in the first column, which may be several names."""
    return [name for cells in rows(page, head) for name in re.findall(r"`([^`]+)`", cells[0])]


def assert_same(stated: list[str], actual: set[str]) -> None:
    assert sorted(stated) == sorted(actual)


def test_the_middlewares_arguments() -> None:
    stated = {
        cells[0].strip("`"): "" if cells[1] == "required" else cells[1].strip("`")
        for cells in rows("reference/middleware.md", "argument")
    }
    assert stated == code.middleware_arguments()


def test_what_the_package_exports() -> None:
    stated = [name.partition("(")[0] for name in names("reference/middleware.md", "name")]
    assert_same(stated, set(cookie_consent.__all__))


def test_the_environment_variables() -> None:
    assert_same(names("reference/environment.md", "variable"), code.environment_variables())


def test_the_endpoints() -> None:
    beside = {
        "GET assets/…",
        "GET mirror/HOST/PACKAGE@VERSION/PATH",
        "GET notice/HASH",
        "GET /.well-known/gpc.json",
    }  # in no table of the code: three are prefixes, one stands outside
    assert_same(names("reference/endpoints.md", "endpoint"), code.endpoints() | beside)


def test_the_javascript_interface() -> None:
    members = [re.sub(r"\(.*\)", "", name) for name in names("reference/javascript.md", "member")]
    assert_same(members, code.interface())
    assert_same(names("reference/javascript.md", "field"), code.state_fields())


def test_the_events() -> None:
    assert_same(names("reference/javascript.md", "event"), code.events())


def test_the_log_messages() -> None:
    stated = [(cells[0].strip("`"), cells[1]) for cells in rows("reference/log-messages.md", "message")]
    assert sorted(stated) == sorted(code.log_messages())


def test_the_extras() -> None:
    stated = {
        cells[0].strip("`"): set(re.findall(r"`([^`]+)`", cells[1])) for cells in rows("reference/extras.md", "extra")
    }
    assert stated == code.extras()


def test_the_fields_of_a_record() -> None:
    assert_same(names("reference/record.md", "column"), {field.name for field in fields(cookie_consent.ConsentRecord)})


def test_the_templates_and_languages() -> None:
    text = (ROOT / "docs" / "banner.md").read_text("utf-8")
    assert set(re.findall(r"`(\w+\.html)`", text)) == {*TEMPLATES, "_page.html", "_forms.html", "_stored.html"}
    languages = " ".join(text.partition("The banner speaks ")[2].partition(", and answers")[0].split())
    expected = {str(BabelLocale.parse(tag, sep="-").get_display_name("en")) for tag in load_locales()}
    assert_same(re.split(", | and ", languages), expected)


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_up_to_date(page: str) -> None:
    path, text = renewed(page)
    assert path.read_text("utf-8") == text, "run: python -m tests.reference --update"


def test_the_page_of_policy_keys_has_every_key() -> None:
    """Whatever the generator makes of the schema."""
    schema = policy_schema()
    text = (ROOT / "docs" / "reference" / "policy.md").read_text("utf-8")
    for model in (schema, *schema["$defs"].values()):
        for key in model["properties"]:
            assert re.search(rf"^\| \[?`{key}`", text, re.MULTILINE), key
