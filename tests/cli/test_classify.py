"""``classify``: each kind of argument, the documented examples, and what is wrong usage."""

from __future__ import annotations

import io
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.policy import parse_policy, registry
from tests.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = (Path(__file__).parents[2] / "docs" / "services.md").read_text("utf-8")
PART = DOCS.partition("## Find out what something is\n")[2].partition("## Checking\n")[0]
POLICY = re.findall(r"^```toml\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL)[0]
WIDGET = """
gtag("config", "G-1");
document.cookie = "widget_lang=de; max-age=86400";
fetch("https://api.widget.example/v1");
"""
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def visited(url: str, *set_cookies: str, sent: str = "") -> dict[str, Any]:
    return {
        "request": {"url": url, "headers": [{"name": "Cookie", "value": sent}]},
        "response": {"headers": [{"name": "Set-Cookie", "value": line} for line in set_cookies]},
    }


VISIT = {
    "log": {
        "version": "1.2",
        "entries": [
            visited("https://shop.example/", "shop_sid=1; HttpOnly", f"acme_id={UUID}; Max-Age=34128000"),
            visited("https://shop.example/style.css", sent="shop_sid=1; _ga=GA1.1.1.1"),
            visited("https://www.youtube.com/embed/x"),
            visited("https://sync.partner.example/px", "sync_uid=1; Domain=partner.example; Max-Age=31536000; Secure"),
        ],
    }
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "consent.toml").write_text(POLICY)
    (tmp_path / "widget.js").write_text(WIDGET)
    (tmp_path / "visit.har").write_text(json.dumps(VISIT))
    return tmp_path


def examples() -> Iterator[tuple[str, str]]:
    for block in re.findall(r"^```console\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = example.partition("\n")
            yield command, output


@pytest.mark.parametrize(("command", "output"), list(examples()), ids=lambda text: text.partition("\n")[0][:40])
def test_the_documentation_shows_what_is_printed(folder: Path, command: str, output: str) -> None:
    done = run(*shlex.split(command)[1:], folder=folder)
    assert done.stdout == output
    assert done.returncode == ("unclassified" in output)


def test_the_documentation_has_examples_and_all_words() -> None:
    assert len(list(examples())) == 6
    for word in ("declared", "registry-domain", "registry-host", "registry-name", "signature", "setter", "own-host"):
        assert f"| `{word}` |" in PART


def told(*arguments: str, folder: Path) -> list[dict[str, Any]]:
    """Return the objects that are printed, having seen that each has only documented fields."""
    done = run("classify", "--format", "json", *arguments, folder=folder)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    fields = set(re.findall(r"`([a-z_]+)`", PART.partition("### As JSON\n")[2]))
    for document in found:
        assert document.keys() <= fields
        for value in document.values():
            if isinstance(value, list):
                assert {key for entry in value for key in entry} <= fields
    return found


KINDS: list[tuple[Any, ...]] = [
    (["shop_sid"], "cookie", "session", None, "declared"),
    (["__Host-shop_sid"], "cookie", "session", None, "declared"),
    (["_ga"], "cookie", "analytics", "google-analytics", "registry-name"),
    (["Set-Cookie: _ga=GA1.1.1.1; Domain=.shop.example"], "cookie", "analytics", "google-analytics", "registry-name"),
    (["sync_uid=1; domain=sub.partner.example"], "cookie", "advertising", "ad-partner", "declared"),
    (["shop_sid=1; Domain=partner.example"], "cookie", "unclassified", None, "unknown"),
    (["https://www.youtube.com/embed/x"], "address", "social", "youtube", "registry-host"),
    (["wss://www.youtube.com/"], "address", "social", "youtube", "registry-host"),
    (["https://shop.example/about"], "address", "session", None, "own-host"),
    (["https://shop.example/m/matomo.php?idsite=1&rec=1"], "address", "analytics", "matomo-cloud", "signature"),
    (
        ["https://a.other.example/", "--site", "https://www.other.example:8443/x"],
        "address",
        "session",
        None,
        "own-host",
    ),
    (["cookie_consent"], "cookie", "session", None, "declared"),
    (["acme_csrf"], "cookie", "unclassified", None, "unknown"),
    (["a=b/c.js; Path=/"], "cookie", "unclassified", None, "unknown"),
]


@pytest.mark.parametrize(("arguments", "expected"), [(row[0], list(row[1:])) for row in KINDS])
def test_each_kind(folder: Path, arguments: list[str], expected: list[str | None]) -> None:
    (found,) = told(*arguments, folder=folder)
    assert found["asked"] == arguments[0]
    assert [found[key] for key in ("kind", "category", "service", "sure")] == expected
    assert run("classify", *arguments, folder=folder).returncode == (found["category"] == "unclassified")


def test_a_storage_key_is_known_too(folder: Path) -> None:
    service = next(each for each in registry().values() if each.storage and "*" not in each.storage[0].name)
    (found,) = told(service.storage[0].name, folder=folder)
    assert found["service"] is not None


def test_a_cookie_of_a_domain_is_known_by_its_domain(folder: Path) -> None:
    (folder / "consent.toml").write_text('version = "1"\nsite = "shop.example"\n')
    bound = [
        rule for service in registry().values() for rule in service.cookies if rule.domain and "*" not in rule.name
    ]
    for rule in [rule for rule in bound if "{" not in rule.name][:5]:
        (found,) = told(f"{rule.name}=1; Domain={rule.domain}", folder=folder)
        assert (found["sure"], found["party"]) == ("registry-domain", "third")


@pytest.mark.parametrize(
    ("argument", "kind", "service"),
    [
        ("fbq('init', '1');", "script", "facebook-pixel"),
        ("<script>gtag('config', 'G-1')</script>", "script", "google-analytics"),
        ("document.cookie = 'a=b'", "script", None),
        ("www.youtube.com", "address", "youtube"),
        ("WWW.YouTube.com", "address", "youtube"),
        ("nobody-knows.com", "cookie", None),  # a name may have dots
        ("a=f(1); Path=/", "cookie", None),
    ],
)
def test_what_is_pasted_is_told_by_its_form(folder: Path, argument: str, kind: str, service: str | None) -> None:
    (found,) = told(argument, folder=folder)
    answer = next(iter(found.get("inline", [])), found)
    assert (found["kind"], answer.get("service")) == (kind, service)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("", "an empty text is given"),
        ("  ", "an empty text is given"),
        ("connect.facebook.net/en_US/sdk.js", "with its scheme: https://connect.facebook.net/en_US/sdk.js"),
    ],
)
def test_what_cannot_be_asked_says_how(folder: Path, argument: str, said: str) -> None:
    done = run("classify", argument, folder=folder)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_name_that_tells_nothing_says_what_to_do(folder: Path) -> None:
    assert "scan --browser" in run("classify", "zxqv", folder=folder).stdout
    assert "scan --browser" not in run("classify", "acme_csrf", folder=folder).stdout


def test_several_at_once(folder: Path) -> None:
    found = told("shop_sid", "acme_csrf", "widget.js", "visit.har", folder=folder)
    assert [document["kind"] for document in found] == ["cookie", "cookie", "script", "har"]
    assert run("classify", "shop_sid", "acme_csrf", folder=folder).returncode == 1
    assert run("classify", "shop_sid", "_ga", folder=folder).returncode == 0


@pytest.mark.parametrize(("text", "kind"), [(WIDGET, "script"), (json.dumps(VISIT), "har")])
def test_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, kind: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    (found,) = told("-", folder=folder)
    assert found["kind"] == kind


SCRIPTS = [
    ('gtag("config", "G-1")', True),
    ('gtag("config", "G-1"); fetch("https://nobody.example/")', True),  # a host is evidence only
    ('document.cookie = "shop_sid=1"', True),
    ('document.cookie = "acme_csrf=1"', False),
    ('document.cookie = "shop_sid=1"; document.cookie = name + "=1"', False),
    ('localStorage.setItem("acme", 1)', False),
    ("console.log(1)", False),  # nothing says whose it is
]


@pytest.mark.parametrize(("text", "known"), SCRIPTS)
def test_a_script_is_known_if_all_that_it_writes_is(folder: Path, text: str, known: bool) -> None:  # noqa: FBT001
    (folder / "a.js").write_text(text)
    (found,) = told("a.js", folder=folder)
    assert found["known"] is known
    assert run("classify", "a.js", folder=folder).returncode == (not known)


def test_files_need_their_folder_or_their_ending(folder: Path) -> None:
    (folder / "shop_sid").write_text(WIDGET)
    assert told("shop_sid", folder=folder)[0]["kind"] == "cookie"
    assert told("./shop_sid", folder=folder)[0]["kind"] == "script"


WRONG = [
    (["none.har"], "there is no file none.har"),
    (["./none"], "there is no file ./none"),
    (["."], "is a folder"),
    (["https://["], "is not a URL"),
    (["-", "-"], "- is given twice"),
    (["x", "--site", "a b"], "is not the host of a site"),
    (["x", "--site", "*.shop.example"], "is not the host of a site"),
    (["broken.har"], "broken.har is not JSON: Expecting value in line 2, column 3"),
    ([], "Missing argument"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_wrong_usage(folder: Path, arguments: list[str], words: str) -> None:
    (folder / "broken.har").write_text('{"log":\n  }')
    done = run("classify", *arguments, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


HOSTILE = ["a\x1b[31m_csrf", 'x"]\n[evil]\nsession', "sess*", "s" * 5000, "sess{hex:32}", "sess\u2028ion", "é_csrf"]


def test_hostile_names_stay_what_they_are(folder: Path) -> None:
    """Neither the terminal nor the lines for the policy file take them for anything else."""
    entries = [visited("https://shop.example/", *(f"{name}=1" for name in HOSTILE), sent="; ".join(HOSTILE))]
    twins = [f"{'long-name-' * 4}{end}.example" for end in "ab"]  # the same name for a service, if it is cut
    entries += [visited(f"https://{host}/") for host in (*twins, "a[b", "x\x1b.example", "ü.example")]
    (folder / "hostile.har").write_text(json.dumps({"log": {"entries": entries}}))
    for arguments in (["hostile.har"], *([name] for name in HOSTILE if "/" not in name)):
        output = run("classify", *arguments, folder=folder).stdout
        assert all(line.isprintable() for line in output.split("\n"))
        lines = output.partition("add to the policy file:\n")[2]
        declared = tomllib.loads(lines)
        parse_policy({"version": "1", **declared}, source="test")
        assert "evil" not in declared
        names = {rule["name"] for rule in declared.get("cookies", ())}
        assert not any(character in name for name in names for character in "*{")
    services = tomllib.loads(run("classify", "hostile.har", folder=folder).stdout.partition("policy file:\n")[2])[
        "services"
    ]
    assert {host for service in services.values() for host in service["hosts"]} >= set(twins)


def test_a_recording_without_cookies_says_why(folder: Path) -> None:
    (folder / "bare.har").write_text(json.dumps({"log": {"entries": [visited("https://shop.example/")]}}))
    done = run("classify", "bare.har", folder=folder)
    assert done.returncode == 0
    assert "browsers leave them out" in done.stdout
