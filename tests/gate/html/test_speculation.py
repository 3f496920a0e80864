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
