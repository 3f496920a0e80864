from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.gate.html.speculation import addresses_of, leads_elsewhere


@pytest.mark.parametrize(
    ("where", "free"),
    [
        ({"href_matches": "/*"}, False),
        ({"href_matches": ["/a", "/b/*"]}, False),
        ({"href_matches": "//other.test/*"}, True),
        ({"href_matches": "/\\\\other.test"}, True),
        ({"href_matches": ["/a", "https://other.test/*"]}, True),
        ({"href_matches": {"hostname": "*"}}, True),
        ({"selector_matches": "a"}, True),
        ({"and": [{"href_matches": "/*"}, {"not": {"selector_matches": ".no"}}]}, False),
        ({"and": []}, True),
        ({"or": [{"href_matches": "/a"}, {"href_matches": "/b"}]}, False),
        ({"or": [{"href_matches": "/a"}, {"selector_matches": "a"}]}, True),
        ({"or": []}, True),
        ({"not": {"href_matches": "/*"}}, True),
        (True, True),
    ],
)
def test_rules_that_choose_among_links(where: Any, free: bool) -> None:  # noqa: FBT001
    assert leads_elsewhere(json.dumps({"prefetch": [{"where": where}]})) is free
    assert leads_elsewhere(json.dumps({"prefetch": [{"urls": ["/a"]}], "prerender": [{"where": where}]})) is free


def test_rules_of_a_list_name_all_that_they_fetch() -> None:
    rules = '{"prefetch": [{"urls": ["/a", "//other.test/b"]}], "tag": "x"}'
    assert not leads_elsewhere(rules)
    assert "//other.test/b" in addresses_of(rules)


def test_rules_for_links_without_a_condition_choose_all_of_them() -> None:
    assert leads_elsewhere('{"prefetch": [{"source": "document", "eagerness": "immediate"}]}')
    assert not leads_elsewhere('{"prefetch": [{"source": "list", "urls": ["/a"]}]}')


@pytest.mark.parametrize(
    "more",
    [
        r'"a": "\v"',  # Chromium's parser knows the escape
        f'"a": {"[" * 990}{"]" * 990}',  # deeper than Python's goes
        f'"a": {"1" * 5000}',  # longer than Python reads
    ],
)
def test_documents_that_browsers_read_and_python_does_not(more: str) -> None:
    def with_rule(rule: str) -> str:
        return "{" + more + ', "prefetch": [' + rule + "]}"

    assert "//other.test/b" in addresses_of(with_rule(r'{"urls": ["\u002f/other.test/b"]}'))
    assert leads_elsewhere(with_rule('{"where": {"selector_matches": "a"}}'))
    assert leads_elsewhere(with_rule('{"source": "document"}'))
    assert not leads_elsewhere(with_rule('{"urls": ["/a"]}'))


json_values = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["prefetch", "where", "and", "or", "href_matches"]), inner)
    ),
)


@given(json_values.map(json.dumps) | st.text())
def test_no_document_raises(document: str) -> None:
    assert leads_elsewhere(document) in {True, False}
    assert all(isinstance(address, str) for address in addresses_of(document))
