"""Which of the offered languages a visitor gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.banner.negotiate import choose_language, find_language, negotiate, same_language
from tests.cldr import TAGS

ALL = ("en", *(tag for tag in TAGS if tag != "en"))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        *((f"zh-{region}", "zh-Hant") for region in ("TW", "HK", "MO", "Hant", "hant-HK", "Hant-CN")),
        *((tag, "zh-Hans") for tag in ("zh", "zh-CN", "zh-SG", "zh-Hans-HK", "cmn-CN", "zh-cmn-Hans", "ZH-hans")),
        *((tag, "nb") for tag in ("no", "nb", "nn", "no-NO", "nn-NO", "NB-no")),
        *((tag, "sr") for tag in ("sr", "sr-RS", "sr-Cyrl", "sr-Cyrl-ME")),
        *((tag, "sr-Latn") for tag in ("sr-Latn", "sr-Latn-RS", "sr-ME", "sh", "sh-BA")),
        ("pt", "pt"),
        ("pt-AO", "pt"),
        ("pt-PT", "pt"),
        ("pt-BR", "pt-BR"),
        ("es-419", "es"),
        ("es-MX", "es"),
        ("iw", "he"),
        ("in", "id"),
        ("in-ID", "id"),
        ("mo", "ro"),
        ("deu", "de"),  # ISO 639-2
        ("de-Latn-AT-1996", "de"),
        ("en-GB-x-private", "en"),
        ("ar-EG-u-nu-latn", "ar"),
        ("de_DE.UTF-8", "de"),  # POSIX, which sites keep in cookies
        ("fa-AF", "fa"),
        ("tl", None),
        ("fil", None),
        ("da", "da"),
        ("hr", "hr"),
        ("xx", None),
        ("", None),
        ("*", None),
        ("de-", None),
        ("d", None),
    ],
)
def test_a_tag_finds_its_language(tag: str, expected: str | None) -> None:
    assert find_language(tag, ALL) == expected
    assert negotiate(tag, ("xx-XX", *ALL)) == (expected or "xx-XX") or "_" in tag  # no POSIX names in headers


@pytest.mark.parametrize(
    ("tag", "offered", "expected"),
    [
        ("zh-TW", ["en", "zh-Hans"], "zh-Hans"),  # better than English
        ("zh-TW", ["en", "zh-CN", "zh-HK"], "zh-HK"),
        ("zh-HK", ["zh-TW", "zh-HK"], "zh-HK"),
        ("zh-MO", ["zh-TW", "zh-Hant-HK"], "zh-Hant-HK"),  # CLDR's parent
        ("sr", ["en", "sr-Latn"], "sr-Latn"),
        ("sr-Latn", ["en", "sr"], "sr"),
        ("pt-AO", ["pt-BR", "pt-PT"], "pt-PT"),  # CLDR's parent
        ("pt", ["en", "pt-BR"], "pt-BR"),
        ("es-MX", ["es-ES", "es-419"], "es-419"),
        ("en-AU", ["en-US", "en-001"], "en-001"),
        ("nn", ["en", "nb", "nn"], "nn"),
        ("no", ["en", "nn"], "nn"),
        ("nn", ["no"], "no"),
        ("hr", ["en", "bs"], None),  # near, but another language
        ("de", ["de-CH", "de-AT"], "de-CH"),  # the first that is offered
        ("de-AT", ["DE"], "DE"),
    ],
)
def test_the_best_of_a_few(tag: str, offered: list[str], expected: str | None) -> None:
    assert find_language(tag, offered) == expected


@pytest.mark.parametrize(
    ("header", "offered", "expected"),
    [
        ("hr", ["en", "bs"], "bs"),
        ("hr, de;q=0.5", ["en", "bs", "de"], "de"),  # what they read comes before what is near to it
        ("hr, *;q=0.1", ["en", "bs"], "bs"),
        ("sr-Latn", ["en", "hr"], "hr"),
        ("sr", ["en", "hr"], "en"),
        ("sh", ["en", "sr", "hr"], "sr"),
        ("nb", ["en", "da"], "da"),
        ("ca", ["en", "es"], "es"),
        ("hr, bs;q=0", ["en", "bs"], "en"),  # refused
        ("no;q=0, de", ["no", "de"], "de"),
        ("*", ["en", "de"], "en"),
        ("*, de;q=0.5", ["en", "de"], "en"),
        ("en;q=0, *;q=0.5", ["en", "de"], "de"),
        ("zh-TW,zh;q=0.9,en;q=0.8", ALL, "zh-Hant"),
        ("tl,en-US;q=0.7", ALL, "en"),
    ],
)
def test_a_near_language_is_better_than_the_fallback_only(header: str, offered: list[str], expected: str) -> None:
    assert negotiate(header, offered) == expected


def test_the_page_comes_before_the_cookie_and_that_before_the_header() -> None:
    assert choose_language(("fr", "es"), "de", ALL) == "fr"
    assert choose_language(("", "es"), "de", ALL) == "es"
    assert choose_language(("eo", "tlh"), "de", ALL) == "de"
    assert choose_language(("hr", ""), "", ("en", "bs")) == "bs"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("no", "nb"), ("NB", "nb"), ("zh-TW", None), ("zh-Hant", "zh-Hant"), ("iw", "he"), ("nn", None), ("de-AT", None)],
)
def test_what_a_policy_names_means_the_same(tag: str, expected: str | None) -> None:
    assert same_language(tag, ALL) == expected


SUBTAG = st.text("abcdehnorstzTWHantLCyl0149", min_size=1, max_size=9)
TAG = st.lists(SUBTAG, min_size=1, max_size=10).map("-".join) | st.sampled_from(ALL)
RANGE = st.tuples(TAG | st.just("*"), st.sampled_from(["", ";q=0", ";q=0.5", ";q=9", ";q", " ; Q=1.000"])).map("".join)
HEADER = st.lists(RANGE | st.text(max_size=20), max_size=40).map(",".join)


@given(HEADER, st.lists(st.sampled_from(ALL) | TAG, min_size=1, max_size=8), TAG | st.text())
def test_whatever_is_sent_something_that_is_offered_comes_out(header: str, offered: list[str], page: str) -> None:
    assert choose_language((page,), header, offered) in offered
    assert find_language(page, offered) in {None, *offered}


@given(st.sampled_from(ALL), st.lists(st.sampled_from(ALL), max_size=8), HEADER)
def test_a_language_that_is_offered_is_found_by_its_own_tag(tag: str, others: list[str], header: str) -> None:
    assert find_language(tag.upper(), [*others, tag]) == tag
    assert choose_language((tag,), header, [*others, tag]) == tag


@given(st.sampled_from(["sr", "zh"]), st.sampled_from(["", "RS", "ME", "TW", "HK", "SG", "US", "BA"]))
def test_a_script_that_is_offered_is_not_passed_over(language: str, region: str) -> None:
    one, other = ("sr-Cyrl", "sr-Latn") if language == "sr" else ("zh-Hans", "zh-Hant")
    for script in (one, other):
        tag = f"{script}-{region}".rstrip("-")
        assert find_language(tag, [one, other]) == find_language(tag, [other, one]) == script
