"""Which addresses are libraries; most of what is here was written to get something else fetched."""

from __future__ import annotations

import pytest

from cookie_consent.mirror.libraries import Libraries
from tests.mirror.addresses import LISTED, OTHERS

LIBRARIES = Libraries()


@pytest.mark.parametrize(
    ("address", "mirrored", "exact"),
    LISTED,
)
def test_a_library_has_one_place_in_the_mirror(address: str, mirrored: str, *, exact: bool) -> None:
    found = LIBRARIES.from_address(address)
    assert found is not None
    assert found[0].mirrored == mirrored
    assert found[0].is_exact is exact
    path, _, query = mirrored.partition("?")
    assert LIBRARIES.from_mirrored(path, query) == found[0]
    assert LIBRARIES.from_address(found[0].upstream) == (found[0], "")


def test_the_fragment_is_kept() -> None:
    found = LIBRARIES.from_address("https://cdn.jsdelivr.net/npm/bootstrap-icons@1.11.3/bootstrap-icons.svg#heart")
    assert found is not None
    assert found[1] == "#heart"


@pytest.mark.parametrize(
    "address",
    OTHERS,
)
def test_anything_else_is_none(address: str) -> None:
    assert LIBRARIES.from_address(address) is None


@pytest.mark.parametrize(
    "path",
    [
        "cdn.jsdelivr.net/evil@1/x.js",
        "cdn.jsdelivr.net/vue@3/../x.js",
        "cdn.jsdelivr.net/vue@3/%2e%2e/x.js",  # after the server has decoded it once
        "cdn.jsdelivr.net/vue/x.js",  # another name for the same file would be kept twice
        "cdn.jsdelivr.net/vue@3//x.js",
        "cdn.jsdelivr.net/vue@3/x.js\n",
        "cdn.jsdelivr.net/vue@3/x.js?module",
        "cdn.jsdelivr.net//vue@3/x.js",
        "CDN.jsdelivr.net/vue@3/x.js",
        "evil.example/vue@3/x.js",
        "../choices",
        "code.jquery.com/jquery@3.7.1/jquery-3.7.0.js",  # a key that another file would have
        "code.jquery.com/jquery@1.0/ui/1.13.2/x.js",
        "fonts.gstatic.com/roboto@v30/../x.woff2",
        "use.fontawesome.com/other@v5.0.0/x.css",
        "",
        "a" * 9999,
    ],
)
def test_no_other_path_of_the_mirror_is_read(path: str) -> None:
    assert LIBRARIES.from_mirrored(path) is None


def test_a_policy_adds_packages_of_npm() -> None:
    added = Libraries(["npm:not-a-listed-package", "npm:@me/thing"])
    for address in ("https://unpkg.com/not-a-listed-package@1/x.js", "https://cdn.jsdelivr.net/npm/@me/thing/x.js"):
        assert LIBRARIES.from_address(address) is None
        assert added.from_address(address) is not None
    assert "@me/thing" in added.packages()["unpkg.com"]
    assert added.packages()["use.fontawesome.com"] == ["fontawesome-free"]
    assert added.hosts == LIBRARIES.hosts


@pytest.mark.parametrize(
    ("address", "declared"),
    [
        ("https://cdn.jsdelivr.net/npm/vue@3.4.1/dist/vue.js", ("cdn.jsdelivr.net/vue@3.4.1",)),
        ("https://unpkg.com/@popperjs/core@2", ("unpkg.com/@popperjs/core@2",)),
        ("https://code.jquery.com/jquery-3.7.1.min.js", ("code.jquery.com/jquery@3.7.1",)),
        (
            "https://fonts.googleapis.com/css2?family=Open+Sans:wght@400&family=Inter&display=swap",
            ("fonts.googleapis.com/Inter", "fonts.googleapis.com/Open Sans"),
        ),
        (
            "https://fonts.googleapis.com/css?family=Roboto:400|Lato",
            ("fonts.googleapis.com/Lato", "fonts.googleapis.com/Roboto"),
        ),
    ],
)
def test_a_declaration_names_package_and_version(address: str, declared: tuple[str, ...]) -> None:
    found = Libraries().from_address(address)
    assert found is not None
    assert found[0].declared == declared
