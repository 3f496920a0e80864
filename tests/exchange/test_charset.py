from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.exchange.charset import Charset
from cookie_consent.exchange.content_type import content_type_of
from cookie_consent.rewriter import Rewriter
from cookie_consent.rewriter.encodings import PRESCANNED

JP = "iso-2022-jp"
FILL = "<style>/*" + "x" * 1500 + "*/</style>"
META = "<meta charset=iso-2022-jp>"


def read(data: bytes, content_type: str = "text/html", *, xml: bool = False, piece: int = 10**6) -> tuple[str, bytes]:
    """Return the encoding, and the page in the form in which it is rewritten."""
    charset = Charset(content_type_of(content_type.encode()), is_xml=xml)
    pieces = [charset.decode(data[at : at + piece]) for at in range(0, len(data), piece)]
    text = b"".join([*pieces, charset.decode(b"", final=True)])
    return charset.name, text


@pytest.mark.parametrize(
    ("page", "content_type", "name"),
    [
        ("\ufeffx".encode(), "text/html; charset=utf-16", "utf-8"),  # a byte order mark outweighs the header
        ("\ufeffx".encode(), "text/html; charset=iso-2022-jp", "utf-8"),
        ("\ufeffx".encode("utf-16-be"), "text/html; charset=utf-8", "utf-8"),  # as it is sent
        (META.encode(), "text/html; charset=gbk", "gbk"),  # and the header a declaration
        (META.encode(), "text/html; charset=bogus", JP),
        (META.encode(), "text/html", JP),
        (b"<p>" + b"x" * 1100 + META.encode(), "text/html", ""),  # what stands in the body is none, beyond the prescan
        (("<head>" + FILL + META).encode(), "text/html", JP),  # but in the head
        (("<head>" + FILL * 9 + META).encode(), "text/html", JP),
        (("<head>" + FILL + "<noscript>" + META + "</noscript>").encode(), "text/html", JP),
        (("<head><body><p>" + FILL + META).encode(), "text/html", ""),
        (("<head><script>'" + "x" * 1500 + META + "'</script>").encode(), "text/html", ""),
        (b"<head><meta charset='iso-2022&#45;jp'>", "text/html", JP),
        (b"<head><meta http-equiv=content-type content='charset=iso&#45;2022-jp'>", "text/html", JP),
        (b"<head><meta ch&#97;rset=iso-2022-jp>", "text/html", ""),
        (b"<?xml version='1.0' encoding='iso-2022-jp'?><!doctype html>x", "text/html", JP),
        (b"<?xml version='1.0' encoding='iso-2022-jp'?><meta charset=gbk>x", "text/html", "gbk"),
        ("<?xml version='1.0'?>".encode("utf-16-le"), "text/html", "utf-8"),
        ("<?xml version='1.0'?>".encode("utf-16-be"), "text/html", "utf-8"),
        (b"<p>", "text/html", ""),
        (b"", "text/html", ""),
        (b"\xef\xbb", "text/html", ""),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 10**6])
def test_where_a_page_says_its_encoding(page: bytes, content_type: str, name: str, piece: int) -> None:
    assert read(page, content_type, piece=piece)[0] == name


@pytest.mark.parametrize(
    ("page", "content_type", "name"),
    [
        (b"<html>", "application/xhtml+xml", "utf-8"),
        (b"<?xml version='1.0' encoding='iso-2022-jp'?><html/>", "application/xhtml+xml", JP),
        (b"<?xml version='1.0' encoding='iso-2022-jp'?><html/>", "application/xhtml+xml; charset=gbk", "gbk"),
        (b"<html><meta charset='iso-2022-jp'/>", "application/xhtml+xml", "utf-8"),  # means nothing in XML
        ("<?xml version='1.0'?>".encode("utf-16-le"), "application/xhtml+xml", "utf-8"),
    ],
)
def test_where_xml_says_its_encoding(page: bytes, content_type: str, name: str) -> None:
    assert read(page, content_type, xml=True)[0] == name


def test_utf_16_is_read() -> None:
    for codec in ("utf-16-le", "utf-16-be"):
        assert read("\ufeff<p>日".encode(codec), piece=1)[1] == "\ufeff<p>日".encode()
        assert read("<p>日".encode(codec), f"text/html; charset={codec.replace('-16-', '-16')}")[1] == "<p>日".encode()


def test_an_undeclared_page_cannot_turn_out_to_be_in_iso_2022_jp() -> None:
    """A page in a frame takes the encoding of the page around it (HTML standard, section 13.2.3.2, step 6)."""
    name, text = read(b'<p title="\x1b$B!"><img src=//x.test/>\x1b(B')
    assert name == ""
    assert b"\x1b" not in text
    kept = b"<p>\x1b[1m\xe9"
    assert read(kept, "text/html; charset=windows-1252") == ("windows-1252", kept)


@given(st.lists(st.sampled_from(["<", ">", '"', "a", "日", "ｱ", "\\", "¥", "‾", "~", "\n", "😀", "é", "①"])))
def test_iso_2022_jp_goes_back_as_it_came(parts: list[str]) -> None:
    charset = Charset(content_type_of(b"text/html; charset=iso-2022-jp"))
    charset.decode(b"   ")
    text = "".join(parts)
    sent = charset.encode(text.encode()) + charset.encode(b"", final=True)
    assert sent.isascii()
    again = read(b"   " + sent, "text/html; charset=iso-2022-jp", piece=1)[1].decode()
    assert again == "   " + text.replace("😀", "&#128512;").replace("é", "&#233;")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'\x1b$B!"\x1b(B<', "\u3001<"),
        (b'\x1b$@!"\x1b(J\\~\x1b(I1\x1b(B', "\u3001\u00a5\u203e\uff71"),
        (b"<i\x1b(Bmg>", "<img>"),  # an escape sequence is no character
        (b"a\x1b(B\x1b(Bb", "a\ufffdb"),  # but two
        (b'\x1b$B!"\x1b(B>', "\u3001>"),
        (b"\x1b$B!\x1b(B>", "\ufffd>"),  # half a character
        (b"\x1b$B!\n<", "\ufffd\ufffd"),  # the end of a line does not end a stretch
        (b"\x1b$B!!\n<p\x1b(B", "\u3000\ufffd\u816b"),
        (b"\x1b(I<a>", "\uff7c\ufffd\uff7e"),
        (b"\x1b$A<p>", "\ufffd$A<p>"),
        (b"\x1b", "\ufffd"),
        (b"\x0e\x0f\x80a", "\ufffd\ufffd\ufffda"),
        (b"\x1b$B\x7e\x7e", "\ufffd"),  # an empty place of the index
        (b"\x1b$B!", "\ufffd"),
    ],
)
@pytest.mark.parametrize("piece", [1, 2, 100])
def test_iso_2022_jp(data: bytes, text: str, piece: int) -> None:
    """Encoding standard, section 12.2.1."""
    assert read(b"...." + data, "text/html; charset=iso-2022-jp", piece=piece)[1].decode() == "...." + text


def test_what_follows_the_head_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[int] = []

    class Counting(Rewriter):
        def feed(self, data: bytes) -> bytes:
            fed.append(len(data))
            return super().feed(data)

    monkeypatch.setattr("cookie_consent.exchange.charset.Rewriter", Counting)
    rest = b" " * 2_000 + b"<p class=a>x</p>" * 100
    read_of = {}
    for start in (b"<title>x</title><body>", b"<title>x</title>"):
        fed.clear()
        assert read(start + rest) == ("", start + rest)
        read_of[start[-6:]] = sum(fed)
    assert read_of == {b"<body>": PRESCANNED, b"title>": len(rest) + len(b"<title>x</title>")}
