"""The minified style sheets say what the plain ones say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cookie_consent.endpoints.static_files import static_files

if TYPE_CHECKING:
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
