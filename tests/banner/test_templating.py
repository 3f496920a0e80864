from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cookie_consent.banner import Renderer
from cookie_consent.banner.locale import load_locales
from cookie_consent.banner.templating import PAGES, template_environment
from cookie_consent.consent import Consent
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy import BannerOptions, CookieRule, Policy

if TYPE_CHECKING:
    from pathlib import Path

ASSETS = {"banner.js": "/banner.js", "banner.css": "/banner.css", "frame.css": "/frame.css", "page.css": "/page.css"}


def problem(templates: Path | None = None, locales: Path | None = None) -> str:
    options = BannerOptions(templates=templates, locales=locales)
    made = Renderer(Policy(version="1", banner=options), assets=ASSETS)
    return made.problem(language="en", status=403, title_key_or_code="refused", message="m", return_to="/")


def test_the_shipped_templates_are_compiled_once() -> None:
    assert template_environment() is template_environment()


def test_own_templates_stay_with_their_site(tmp_path: Path) -> None:
    """Whichever is made first, and with a shipped template that includes one of the site's."""
    before = problem()
    sites = [tmp_path / "first", tmp_path / "second"]
    for site in sites:
        site.mkdir()
        (site / "problem.html").write_text(f"{site.name}: {{{{ message }}}}")
    assert [problem(site) for site in sites] == ["first: m", "second: m"]
    (sites[0] / "problem.html").write_text("changed: {{ message }}")
    assert [problem(site) for site in sites] == ["changed: m", "second: m"]
    assert problem() == before
    (sites[1] / "problem.html").unlink()
    (sites[1] / "_page.html").write_text("own page{% block main %}{% endblock %}")
    assert problem(sites[1]).startswith("own page")
    assert problem() == before


def test_own_texts_stay_with_their_site(tmp_path: Path) -> None:
    before = problem()
    (tmp_path / "en.toml").write_text('[problem]\nrefused = "Own title"\n')
    assert "Own title" in problem(locales=tmp_path)
    assert problem() == before
    assert load_locales()["en"].text("problem.refused") != "Own title"


def test_templates_from_before_notices_had_editions_still_answer(tmp_path: Path) -> None:
    call = 'forms.answer(base, "banner", notice, return_to, optional, "Yes", {"class": "own"})'
    (tmp_path / "banner.html").write_text('{% import "_forms.html" as forms %}{{ ' + call + " }}")
    cookies = (CookieRule(name="seen", category="analytics"),)
    policy = Policy(version="1", banner=BannerOptions(templates=tmp_path), cookies=cookies)
    made = Renderer(policy, assets=ASSETS, sign=str).banner(
        Consent(policy=policy, granted=policy.required_ids), language="en", return_to="/"
    )
    assert b'name="granted" value="analytics"' in made
    assert b'<button type="submit" data-action="accept" class="own">Yes</button>' in made


@pytest.mark.parametrize("page", PAGES)
def test_a_template_that_does_not_compile_is_told_at_the_start(page: str, tmp_path: Path) -> None:
    (tmp_path / page).write_text("\n{% if %}")
    with pytest.raises(ConfigurationError, match=rf"{page}:2: .*; correct the template"):
        template_environment(tmp_path)


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a folder"):
        template_environment(tmp_path / "none")
