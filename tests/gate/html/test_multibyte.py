from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.consent import Consent
from cookie_consent.gate import TagGate
from cookie_consent.gate.html.multibyte import BothReadings, as_read, is_doubtful
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter

POLICY = Policy(version="1", first_party=("日本.test",))


def rewritten(page: bytes, encoding: str) -> bytes:
    gate = TagGate(Classifier(POLICY), Consent(policy=POLICY, granted=frozenset({"session"})), "site.test")
    gate.encoding = encoding
    rewriter = Rewriter(BothReadings(gate, encoding) if is_doubtful(encoding) else gate)
    return rewriter.feed(page) + rewriter.end()


@pytest.mark.parametrize(
    ("page", "encoding"),
    [
        (b"<img src='http://x.test\x83@site.test/x.png'>", "shift_jis"),
        (b"<img src='http://x.test\x83@site.test/x.png'>", ""),
        (b"<img src='http://x.test\x81@site.test/x.png'>", "gbk"),
        (b"<img src='http://x.test\x81@site.test/x.png'>", "gb18030"),
        (b"<img src='http://x.test\xa4@site.test/x.png'>", "big5"),
        (b"<img src='http://x.test\x83\\.site.test/x.png'>", "shift_jis"),
        # Valid UTF-8 is an ideographic full stop, and three letters in windows-1252.
        ("<img src='//x\u3002site.test/'>".encode(), "windows-1252"),
        ("<img src='//x\u3002site.test/'>".encode(), ""),
        (b"<base href='//x.test\x83@site.test/'><img src=a>", "shift_jis"),
        # The string ends in one reading, and goes on in the other.
        (b"<style>a{b:'\x83\\';c:url(//x.test/);d:''}</style>", "shift_jis"),
        (b"<style>a{b:'\x83\\';c:url(//x.test/);d:''}</style>", ""),
        (b"<style>a{b:'\x81\\';c:url(//x.test/);d:''}</style>", "gbk"),
        (b"<style>a{b:'\xe9\\';c:'url(//x.test/);d:e'}</style>", ""),
        (b"<p style=\"b:'\x83\\';c:url(//x.test/);d:''\">", "shift_jis"),
        (b'<script type=importmap>{"a":"\x83\\","b":"//x.test/"}</script>', "shift_jis"),
    ],
)
def test_what_would_fetch_under_either_reading_is_held(page: bytes, encoding: str) -> None:
    gated = rewritten(page, encoding)
    assert b" src='" not in gated
    assert b"url(//x.test" not in gated or b"text/plain" in gated
    assert gated != page


@pytest.mark.parametrize(
    ("page", "encoding"),
    [
        ("<p title='ソ表能'><img src=/ソ.png><style>a{b:'表';c:url(/a)}</style>", "shift_jis"),
        ("<img src=//日本.test/>", "gb18030"),
        ("<img src=//日本.test/>", "euc-jp"),
        ("<img src='//site.test/\u00e9?\u00e9'>", "windows-1252"),
        ("<p title='\u00e9{'><style>a{b:'\u00e9\\\\'}</style><img src=/\u00e9>", ""),
    ],
)
def test_what_loads_nothing_from_others_stays(page: str, encoding: str) -> None:
    data = page.encode(encoding.replace("shift_jis", "cp932") or "windows-1252")
    assert rewritten(data, encoding) == data


def test_of_a_style_sheet_only_the_address_is_held() -> None:
    page = "<style>a{b:'表';c:url(//x.test/a)}d{e:f}</style>".encode("cp932")
    gated = rewritten(page, "shift_jis")
    assert b"url(//x.test" not in gated
    assert gated.endswith(b"d{e:f}</style>")
    assert "b:'表'".encode("cp932") in gated


@pytest.mark.parametrize("encoding", ["", "shift_jis", "windows-1252"])
@pytest.mark.parametrize(
    "address", ["/\udce9", "a\udce9//b", "//site.test/\udce9", "?\udc83@", "https://site.test?\udce9"]
)
def test_only_the_host_counts(encoding: str, address: str) -> None:
    assert as_read(address, encoding) == address


@given(st.binary(max_size=20), st.sampled_from(["", "shift_jis", "gbk", "big5", "euc-kr"]))
def test_masks_can_be_undone(data: bytes, encoding: str) -> None:
    for mask in BothReadings(TagGate.__new__(TagGate), encoding)._masks:
        assert mask.unmask(mask.mask(data)) == data
