"""The style sheets that are sent say what the plain ones say, as far as there is something to say it of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.banner import Renderer, banner_style, frame_style, page_style
from cookie_consent.consent import Consent
from cookie_consent.endpoints.static_files import static_files
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

DECLARATIONS = r"""css => {
  // Browsers keep the spelling of what stands in a var().
  const plainly = (text) =>
    text.trim().replace(/\s+/g, " ").replace(/ ?([,/()]) ?/g, "$1").replace(/(^|[^\d.])0\./g, "$1.");
  const found = [];
  const walk = (rules, conditions) => {
    for (const rule of rules) {
      if (rule.conditionText !== undefined) walk(rule.cssRules, [...conditions, plainly(rule.conditionText)]);
      for (const name of rule.style ?? []) {
        const value = plainly(rule.style.getPropertyValue(name));
        found.push([...conditions, rule.selectorText, name, value, rule.style.getPropertyPriority(name)]);
      }
    }
  };
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  walk(sheet.cssRules, []);
  return found;
}"""


@pytest.mark.parametrize("name", ["banner.css", "admin.css"])
def test_a_browser_reads_the_same_declarations(browser: Browser, name: str) -> None:
    page = browser.new_page()
    plain, minified = (page.evaluate(DECLARATIONS, static_files(form)[name].decode()) for form in ("plain", "minified"))
    page.close()
    assert len(plain) > 100
    assert minified == plain


LOOKS: list[dict[str, Any]] = [
    {},
    {"position": "top", "close": True, "site_name": "Shop"},
    {"layout": "box", "theme": "page", "reopen": "icon"},
    {"layout": "corner", "theme": "light"},
    {"layout": "corner", "position": "top-end", "theme": "dark", "reopen": "link"},
    {"layout": "modal", "style": {"accent": "#0a6"}},
    {"layout": "inline", "close": True},
]
# What the script does with the classes of the root and of its parts, one after another.
STATES = [[], [["#consent-root", "cc-folded"]], [["#consent-root,.cc-revision,.cc-status,.cc-back", "cc-up"]]]
STATES += [[[".cc-settings", "cc-open"]], [["#consent-root", "cc-folded cc-up"]]]
HOLDING = r"""([markup, css, states]) => {
  document.documentElement.innerHTML = markup;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  const rules = [];
  const walk = (list, conditions) => {
    for (const rule of list) {
      if (rule.conditionText !== undefined) walk(rule.cssRules, `${conditions} ${rule.conditionText}`);
      else {
        // Pseudo-elements, and what a visitor does, could be at any element.
        const passing = /::[a-z]+|:(hover|focus|focus-visible|checked|disabled|empty)(?![\w-])/g;
        const plain = rule.selectorText.replace(/ (?=::|:[cdf])/g, " *").replace(/:not\(:[\w-]+\)/g, "");
        rules.push([plain.replace(passing, ""), `${conditions} ${rule.style.cssText}`]);
      }
    }
  };
  walk(sheet.cssRules, "");
  for (const node of document.querySelectorAll("[hidden]")) node.hidden = false;
  const status = document.querySelector(".cc-status");
  if (status) status.innerHTML = 'Saved. <button class="cc-fold">Close</button>';
  const found = [];
  for (const changes of states) {
    const toggle = () => {
      for (const [selector, names] of changes) {
        for (const node of document.querySelectorAll(selector)) {
          for (const name of names.split(" ")) node.classList.toggle(name);
        }
      }
    };
    toggle();
    for (const node of document.querySelectorAll(":not([type=hidden])")) {
      const holding = rules.filter(([selector]) => node.matches(selector)).map(([, text]) => text);
      found.push(`${node.localName}.${node.className} ${holding.join("; ")}`);
    }
    toggle();
  }
  return found;
}"""


def shown(renderer: Renderer) -> Iterator[tuple[str, str]]:
    """Yield what visitors see, each with the kind of its style sheet."""
    policy = renderer.policy
    visit: dict[str, Any] = {"language": "en", "return_to": "/"}
    undecided = Consent(policy=policy, granted=policy.required_ids)
    decided = Consent(policy=policy, granted=policy.required_ids, decided=True)
    opted_out = Consent(policy=policy, granted=policy.required_ids, decided=True, gpc=True, opted_out=True)
    refresh = renderer.refresh_notice([("//video.example/", "video.example")], language="en").decode()
    asking = renderer.banner(undecided, **visit, in_flow=policy.banner.layout == "inline").decode()
    yield "banner", asking + refresh
    yield "banner", renderer.banner(decided, **visit, reopened=True).decode()
    yield "banner", renderer.banner(opted_out, **visit).decode()
    yield "page", renderer.preferences(undecided, **visit, saved=True)
    yield "page", renderer.declaration_page("en")
    yield "page", renderer.problem(**visit, status=500, title_key_or_code="not_saved", message="No")
    held: dict[str, Any] = {
        "category": policy.services[0].category,
        "service": "youtube",
        "address": "https://www.youtube.com/embed/a",
    }
    for form in (False, True):
        yield "frame", renderer.placeholder(undecided, **visit, **held, form=form)
    yield "frame", renderer.placeholder(undecided, **visit, **{**held, "category": "blocked"})


@pytest.mark.parametrize("banner", LOOKS, ids=str)
def test_what_is_left_out_of_a_style_sheet_would_change_nothing(browser: Browser, banner: dict[str, Any]) -> None:
    policy = parse_policy({"version": "1", "services": {"youtube": {}}, "banner": banner}, source="test")
    own_templates = policy.banner.model_copy(update={"templates": Path()})
    with_all = policy.model_copy(update={"banner": own_templates})
    source = static_files("minified")["banner.css"]
    makers = {"banner": banner_style, "page": page_style, "frame": frame_style}
    renderer = Renderer(policy, assets=dict.fromkeys(("banner.css", "banner.js", "frame.css", "page.css"), "data:,"))
    page = browser.new_page()
    for kind, markup in shown(renderer):
        whole, own = (makers[kind](source, one).decode() for one in (with_all, policy))
        assert len(own) < len(whole) * 0.75
        expected, found = (page.evaluate(HOLDING, [markup, css, STATES]) for css in (whole, own))
        different = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
        assert not different, kind
        assert len([each for each in found if "important" in each]) > 10
    page.close()
