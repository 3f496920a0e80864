from __future__ import annotations

import codecs

import pytest
import webencodings
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS

from cookie_consent.rewriter.encodings import CODECS, encoding_of, prescan, xml_encoding

NO_CODEC = {"replacement", "x-user-defined"}


def test_the_labels_are_those_of_the_standard() -> None:
    """As the package webencodings has them, which was made from the standard."""
    assert {label: encoding_of(label) for label in LABELS} == LABELS
    assert encoding_of(" UTF-8\n") == webencodings.lookup(" UTF-8\n").name
    for unknown in ("", "utf-7", "utf-32", "bogus", "'utf-8'", "utf-8;"):
        assert encoding_of(unknown) == ""


def test_there_is_a_codec_for_each() -> None:
    for name in set(LABELS.values()) - NO_CODEC:
        assert codecs.lookup(CODECS.get(name, name))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("<meta charset=iso-2022-jp>", "iso-2022-jp"),
        ("<META/CHARSET='Shift_JIS'/>", "shift_jis"),
        ("<meta charset = \n gbk >", "gbk"),
        ("<meta charset=gbk", ""),  # the tag is not whole
        ("<metacharset=gbk>", ""),
        ("<meta charset=gbk/>", ""),  # of a value without quotes the slash is a part
        ("<meta charset=utf-16le>", "utf-8"),
        ("<meta charset=x-user-defined>", "windows-1252"),
        ("<meta charset=bogus><meta charset=gbk>", "gbk"),
        ("<meta charset=bogus charset=gbk>", ""),  # of duplicates the first counts
        ("<meta http-equiv=content-type content='text/html; charset=gbk'>", "gbk"),
        ("<meta content='charset=gbk' http-equiv=Content-Type>", "gbk"),
        ("<meta content='charset=gbk'>", ""),
        ("<meta http-equiv=refresh content='charset=gbk'>", ""),
        ("<meta charset=bogus http-equiv=content-type content='charset=gbk'>", ""),
        ("<meta content='charset=gbk' charset=big5>", "big5"),
        ("<meta http-equiv=content-type content='charset charset = \"gbk\"'>", "gbk"),
        ("<meta http-equiv=content-type content='charset=\"gbk'>", ""),
        ("<meta http-equiv=content-type content='xcharset=gbk;y'>", "gbk"),
        ('<meta data-x=">" content="text/html; charset=gbk" http-equiv=content-type>', "gbk"),
        ('<p title="<meta charset=gbk>"><meta charset=big5>', "big5"),
        ("<a x='><meta charset=gbk>'>", ""),
        ("</p title='<meta charset=gbk>'>", ""),
        ("<!-- <meta charset=gbk> --><meta charset=big5>", "big5"),
        ("<!--><meta charset=gbk>", "gbk"),
        ("<!-- <meta charset=gbk>", ""),
        ("<!x <meta charset=gbk>", ""),
        ("<?x <meta charset=gbk><meta charset=big5>", "big5"),
        ("</ <meta charset=gbk>", ""),
        ("< <meta charset=gbk>", "gbk"),
        ("<script>'<meta charset=gbk>'</script>", "gbk"),  # it knows nothing of scripts
        ("<meta charset=gb&#107;>", ""),  # nor of references
        ("<meta =charset charset=gbk>", "gbk"),
        ("<meta charset=>", ""),
    ],
)
def test_prescan(data: str, found: str) -> None:
    assert prescan(data.encode()) == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("<?xml version='1.0' encoding='iso-2022-jp'?>", "iso-2022-jp"),
        ('<?xml encoding \x01=\n"gbk"', ""),  # the declaration is not whole
        ('<?xml encoding \x01=\n"gbk">', "gbk"),
        ('<?xml encoding="utf-16be"?>', "utf-8"),
        ('<?xml encoding="g bk"?>', ""),
        ('<?xml encoding=gbk encoding="gbk"?>', ""),  # the first counts
        (" <?xml encoding='gbk'?>", ""),
        ("<?xml encoding='gbk\"?>", ""),
    ],
)
def test_xml_declaration(data: str, found: str) -> None:
    assert xml_encoding(data.encode()) == found


@given(st.text("<>/!-?='\" metachrsinoqup&;gbk\n").map(lambda text: "<meta " + text))
def test_no_beginning_raises(text: str) -> None:
    assert prescan(text.encode()) in {"", *LABELS.values()}
