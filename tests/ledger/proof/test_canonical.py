from __future__ import annotations

import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.consent.record import CONTROLS
from cookie_consent.ledger import ACTIONS, CHANNELS
from cookie_consent.ledger.proof.canonical import (
    DAMAGED,
    IDENTIFYING,
    LATER,
    canonical_json,
    commitment_of,
    event_leaf,
    leaf_hashes,
    record_leaf,
)
from cookie_consent.ledger.proof.merkle import leaf_hash
from cookie_consent.ledger.schema import to_row
from tests.ledger.making import make

if TYPE_CHECKING:
    from cookie_consent import ConsentRecord

SALT = bytes(range(32))
words = st.text(st.characters(codec="utf-8"), max_size=30)
slugs = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True), max_size=4).map(tuple)
records = st.builds(
    make,
    st.integers(-10_000_000, 10_000_000),
    subject=words,
    action=st.sampled_from(ACTIONS),
    channel=st.sampled_from(CHANNELS),
    granted=slugs,
    refused=slugs,
    granted_services=slugs,
    refused_services=slugs,
    previous=st.none() | words,
    notice=st.none() | words,
    policy_version=words,
    url=words,
    ip=words,
    region=words,
    user_agent_family=words,
    control=st.sampled_from(CONTROLS),
    build=words,
    edition=words,
    regime=words,
    note=words,
)


def test_the_string_of_rfc_8785() -> None:
    # section 3.2.2 and appendix; the euro sign, control characters, and the escapes that have a short form
    value = {"string": '€$\u000f\nA\'B"\\\\"/', "literals": [None, True, False], "\n": "\x7f\u0080\b\f\r\t", "1": 1}
    expected = (
        '{"\\n":"\x7f\u0080\\b\\f\\r\\t","1":1,"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value) == expected.encode()


@pytest.mark.parametrize("value", [1.5, 2**53, "\ud800", {"ä": 1}, {1: 1}, [b""], float("nan")])
def test_what_has_no_canonical_form_here(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)


@given(records)
def test_the_leaf_is_the_canonical_json_of_what_it_says(record: ConsentRecord) -> None:
    row = to_row(record)
    fields = {name: value for name, value in record.as_dict().items() if value or name not in LATER}
    hidden = [fields.pop(name) for name in IDENTIFYING if name in fields]
    assert commitment_of(row, SALT) == hmac.digest(SALT, canonical_json(hidden), "sha256")
    commitment = commitment_of(row, SALT)
    leaf = record_leaf(row, commitment)
    assert leaf == canonical_json({**fields, "commitment": commitment.hex()})
    assert leaf_hashes([(*row, 1), (*row, 2)], [SALT, None], [None, commitment]) == [leaf_hash(leaf)] * 2


@given(records, st.data())
def test_every_field_counts(record: ConsentRecord, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*record.as_dict()]))
    value = getattr(record, name)
    other: Any = (
        value.replace(year=2031) if name == "at" else (*value, "more") if isinstance(value, tuple) else f"{value}x"
    )
    changed = replace(record, **{name: other})
    first, second = leaf_hashes([(*to_row(record), 1), (*to_row(changed), 1)], [SALT, SALT], [None, None])
    assert first != second


def test_a_record_without_later_fields_has_the_leaf_of_older_releases() -> None:
    row = to_row(make(id="019e", subject="visitor", url="/a", user_agent_family="Firefox"))
    hidden = b'["visitor","/a","Firefox","",""]'
    assert commitment_of(row, SALT) == hmac.digest(SALT, hidden, "sha256")
    assert record_leaf(row, SALT) == (
        b'{"action":"given","at":"2026-11-24T08:00:00.123456Z","channel":"banner","commitment":"%s",'
        b'"granted":["analytics"],"granted_services":[],"id":"019e","notice":null,"policy_version":"1",'
        b'"previous":null,"refused":["advertising"],"refused_services":[]}' % SALT.hex().encode()
    )


def test_damaged_rows_have_no_leaf() -> None:
    row = to_row(make())
    wrong = ((0, b"blob"), (1, None), (2, "yesterday"), (2, 10**18), (4, 7), (12, "\ud800"), (15, 1.5))
    for at, value in (*wrong, (16, None), (20, 0)):
        assert leaf_hashes([(*row[:at], value, *row[at + 1 :], 1)], [SALT], [None]) == [DAMAGED]
    assert leaf_hashes([(*row, 1), (*row, 1), row], [b"short", None, SALT], [None] * 3) == [DAMAGED] * 3
    with pytest.raises(ValueError, match="32 bytes"):
        commitment_of(row, b"")


def test_events() -> None:
    leaf = event_leaf("019e", 1_764_000_000_000_001, "erased", '{"records": ["b", "a"]}')
    assert leaf == b'{"at":"2025-11-24T16:00:00.000001Z","detail":{"records":["b","a"]},"event":"erased","id":"019e"}'
    assert json.loads(leaf)["event"] == "erased"
