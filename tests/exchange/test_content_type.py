from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.exchange.content_type import content_type_of, joined
from cookie_consent.exchange.kinds import kind_of


@pytest.mark.parametrize(
    ("lines", "essence", "lenient", "charset"),
    [
        (["text/html"], "text/html", "text/html", ""),
        ([" TEXT/HTML ;Charset=UTF-8"], "text/html", "text/html", "utf-8"),
        (["text/html foo"], "", "text/html", ""),
        (["text/html charset=utf-8"], "", "text/html", ""),
        (["text/html foo;charset=utf-8"], "", "text/html", "utf-8"),
        (["text/html,"], "text/html", "text/html", ""),
        (["text/html (c)"], "", "text/html", ""),
        (["text/html(c)"], "", "text/html", ""),
        (["text/html\t;x"], "text/html", "text/html", ""),
        (["text/html", "*/*"], "text/html", "text/html", ""),  # which is no type
        (["text/html", "foo"], "text/html", "text/html", ""),
        (["text/html", "text/plain"], "text/plain", "text/plain", ""),
        (["text/plain, text/html"], "text/html", "text/html", ""),
        (['text/plain; a="x, text/html'], "text/plain", "text/plain", ""),  # a quote that is never closed
        (['text/plain; a="', 'text/html; b="'], "text/plain", "text/html", ""),  # nor closed on its own line
        (["text /html"], "", "", ""),
        (['"text/html"'], "", '"text/html"', ""),
        (["html"], "", "", ""),
        ([""], "", "", ""),
        # Fetch, section 3.5: the character set stays as long as the type does.
        (["text/html; charset=gbk", "text/html"], "text/html", "text/html", "gbk"),
        (["text/plain; charset=gbk", "text/html"], "text/html", "text/html", ""),
        (["text/html; charset=gbk", "text/html; charset=big5"], "text/html", "text/html", "big5"),
        # MIME Sniffing, section 4.4, as Chromium has it too.
        (["text/html; charset=gbk; charset=big5"], "text/html", "text/html", "gbk"),
        (["text/html; charset = gbk"], "text/html", "text/html", ""),
        (["text/html; charset= gbk"], "text/html", "text/html", "gbk"),
        (['text/html; charset="gbk'], "text/html", "text/html", "gbk"),
        (['text/html; charset="g\\bk"x; a=b'], "text/html", "text/html", "gbk"),
        (['text/html; a="; charset=big5"; charset=gbk'], "text/html", "text/html", "gbk"),
        (["text/html; charset; charset=; charset=gbk"], "text/html", "text/html", "gbk"),
        (["text/html; charset=gbk,utf-8"], "text/html", "text/html", "gbk"),
    ],
)
def test_readings(lines: list[str], essence: str, lenient: str, charset: str) -> None:
    read = content_type_of(joined([line.encode() for line in lines]))
    assert read[:3] == (essence, lenient, charset)


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("text/html", True),
        ("text/html; charset=utf-8", True),
        ("text/html;charset=UTF-8", True),
        ("text/html; charset=utf-8, text/html", False),
        ("text/html;", False),
        ('text/html; charset="utf-8"', False),
        ("text/html foo", False),
        ("text/html; a=b; charset=utf-8", False),
    ],
)
def test_what_all_browsers_read_in_one_way(value: str, clean: bool) -> None:  # noqa: FBT001
    assert content_type_of(value.encode()).is_clean is clean


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("text/html foo", "page"),
        ("text/html,", "page"),
        ("text/html\n*/*", "page"),
        ("application/xhtml+xml (c)", "page"),
        ('text/plain; a="\ntext/html; b="', "page"),
        ("text/plain\ntext/css", "passive"),
        ("application/json foo", "unknown"),  # a browser that finds no type looks at the content
        ("image/svg+xml foo", "unknown"),
        ("text/html/x", "unknown"),
        ("*/*\nimage/png", "passive"),
    ],
)
def test_kinds(value: str, kind: str) -> None:
    assert kind_of(value.encode()) == kind


@given(st.text(st.characters(codec="latin-1")))
def test_no_value_raises(value: str) -> None:
    read = content_type_of(value.encode("latin-1"))
    assert kind_of(value.encode("latin-1"))
    assert "," not in read.lenient
