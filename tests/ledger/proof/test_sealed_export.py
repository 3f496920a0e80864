from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent import ConsentRecord, Ledger
from cookie_consent.ledger import NoteError, new_key, verify_export
from tests.ledger.making import make

if TYPE_CHECKING:
    from cookie_consent.ledger.proof.verification import Verification

KEY, PUBLIC = new_key("shop.example/consent")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('export')}/consent.db", key=KEY)
    ledger.append([make(at, subject=f"s{at % 3}", url="/ä") for at in range(6)])
    ledger.seal()
    ledger.erase("s1")
    ledger.seal()
    stream = io.StringIO()
    ledger.export_sealed(stream)
    ledger.close()
    return stream.getvalue().encode()


def check(content: bytes) -> Verification:
    return verify_export(io.BytesIO(content), trusted=[PUBLIC])


def records(content: bytes) -> list[ConsentRecord | None]:
    lines = [json.loads(line) for line in content.splitlines()[1:]]
    return [ConsentRecord.from_dict(line["record"]) if "record" in line else None for line in lines]


@given(st.data())
def test_a_touched_byte_is_no_crash_and_no_other_record(content: bytes, data: st.DataObject) -> None:
    assert check(content).faults == []
    at = data.draw(st.integers(0, len(content) - 1))
    touched = content[:at] + bytes([content[at] ^ 1 << data.draw(st.integers(0, 7))]) + content[at + 1 :]
    try:
        found = check(touched)
    except NoteError:
        return
    if not found.faults:
        assert records(touched) == records(content)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b'{"position":7}', b'{"position":1e999}'])))
def test_any_lines_are_read(content: bytes, lines: list[bytes]) -> None:
    head = content.splitlines(keepends=True)[0]
    found = check(head + b"\n".join(lines))
    assert found.faults


def test_deep_values_are_refused(content: bytes) -> None:
    deep = b"[" * 900 + b"]" * 900
    line = b'{"position":0,"event":{"id":"a","at":"2026-11-24T08:00:00.000000Z","kind":"key","detail":%s}}\n' % deep
    assert check(content.splitlines(keepends=True)[0] + line).faults


def test_what_is_no_export_is_refused() -> None:
    for other in (b"", b"{}", b"id,subject\n", b"[" * 10_000, b'{"format":"cookie-consent sealed log","version":2}\n'):
        with pytest.raises(NoteError, match="not a sealed export"):
            check(other)
