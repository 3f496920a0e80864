"""No command shows a traceback, whatever it is given: exit codes 0, 1 and 2, and one clear message."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookie_consent import ConfigurationError, Ledger
from cookie_consent.policy import load_policy, parse_policy, policy_schema
from cookie_consent.policy.duration import DURATION
from cookie_consent.policy.load import _DURATIONS
from cookie_consent.policy.registry import registry
from tests.ledger.making import make
from tests.running import run

if TYPE_CHECKING:
    import subprocess


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return what is said on standard error, having seen that nothing unexpected was met."""
    assert done.returncode in {0, 1, 2}
    for words in ("Traceback", "should not happen"):
        assert words not in done.stderr, done.stderr
        assert words not in done.stdout
    return done.stderr


@pytest.mark.parametrize(
    "address",
    [
        "http://[",  # an IPv6 literal without an end, which Python's own parser raises for
        "http://]",
        "http://[::1",
        "http://[1::2::3]/",
        "http://a]b/",
        "http://",
        "https:///",  # browsers skip the slashes, and then there is no host
        "http://@/",
        "http://a b/",
        "http://a%00b/",
        "http://%5b/",  # the same once it is decoded
        "http://\u2100/",  # "a/c" in another form
        "HTTPS:\\\\[",
        " http://[",
    ],
)
def test_what_no_browser_asks_is_no_address(tmp_path: Path, address: str) -> None:
    done = run("classify", address, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a URL that a browser accepts; write it like https://" in told(done)


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/embed/x",
        "HTTPS:\\\\WWW.YouTube.com\\embed",  # as browsers read it
        "https://user:pass@www.youtube.com:443/embed/x#part",
        " https://www.youtube.com./embed/",
    ],
)
def test_addresses_are_read_as_browsers_read_them(tmp_path: Path, address: str) -> None:
    done = run("classify", address, "--format", "json", folder=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["service"]) == (0, "youtube")
    assert run("classify", "http://[::1]:8000/", folder=tmp_path).returncode == 1  # an address, of nobody known


@pytest.mark.parametrize(
    ("content", "key", "words"),
    [
        (b'version = "1"\nretention = ' + b"9" * 5000, "file", "limit"),  # more digits than Python converts
        (b'version = "1"\nretention = 0x' + b"f" * 5000, "retention", "too large"),  # and one that it cannot show
        (b'version = "1"\nretention = 99999999999999999999', "retention", "too large"),
        (b'version = "1"\n[banner]\nposition = 0x' + b"f" * 9000, "banner.position", "too large"),
        (b"a = " + b"[" * 100_000 + b"]" * 100_000, "file", "nested too deeply"),
        (b"a = " + b"{ a = " * 500 + b"1" + b"}" * 500, "file", "nested too deeply"),
        (b"first_party = " + b"[" * 60 + b"]" * 60, "first_party", "nested too deeply"),
        (b'version = "1"\nversion = "2"', "file", "is not TOML"),
        (b"effective = 2026-13-45", "file", "is not TOML"),
        (b'version = "' + b"1" * 100_000 + b'"', "version", ""),
    ],
)
def test_files_that_go_too_far_are_refused(tmp_path: Path, content: bytes, key: str, words: str) -> None:
    (tmp_path / "consent.toml").write_bytes(content)
    done = run("check", "--format", "json", folder=tmp_path)
    assert (done.returncode, told(done)) == (2, "")
    problems = json.loads(done.stdout)["problems"]
    assert [problem for problem in problems if problem["key"].startswith(key) and words in problem["cause"]], problems
    assert all(problem["fix"] and len(problem["cause"]) < 1000 for problem in problems)
    for command in (("classify", "a"), ("report",), ("log", "prune", "--dry-run")):
        assert run(*command, folder=tmp_path).returncode == 2


def test_a_file_without_an_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.policy.load._LONGEST_FILE", 100)
    (tmp_path / "consent.toml").write_text('version = "1"\n' + "# long\n" * 100)
    assert "is larger than 100 bytes" in told(run("check", folder=tmp_path))


ADDRESSES = [
    ("", True),
    ("/privacy", True),
    ("/", True),
    ("/datenschutz?lang=de#cookies", True),
    ("https://shop.example/privacy", True),
    ("http://shop.example:8080/privacy", True),
    ("https://bücher.example/", True),
    ("https://[::1]/", True),
    ("https://127.0.0.1/a", True),
    ("javascript:alert(1)", False),
    ("data:text/html,x", False),
    ("//shop.example/privacy", False),  # no path: browsers ask another host
    ("/\\shop.example/", False),  # nor this, in their reading
    ("privacy.html", False),  # would lead elsewhere from each page
    ("shop.example/privacy", False),
    ("mailto:a@shop.example", False),
    ("ftp://shop.example/", False),
    ("https://", False),
    ("https:/shop.example", False),
    ("https://[", False),
    ("https://[1::2::3]/", False),
    ("https://a:99999/", False),
    ("https://*.example/", False),
    ("https://a b/", False),
    ("https://shop.example/a b", False),
    (" https://shop.example/", False),
    ("https://shop.example/\n", False),
    ("/a\nb", False),
]


@pytest.mark.parametrize(("address", "is_good"), ADDRESSES)
def test_the_address_of_a_privacy_policy(tmp_path: Path, address: str, is_good: bool) -> None:  # noqa: FBT001
    texts = json.dumps(address)  # a JSON string is a TOML string
    service = f'[services.chat]\nname = "Chat"\ncategory = "social"\nprivacy_url = {texts}\n'
    (tmp_path / "consent.toml").write_text(f'version = "1"\n[banner]\nprivacy_url = {texts}\n{service}', "utf-8")
    done = run("check", folder=tmp_path)
    assert done.returncode == (0 if is_good else 2)
    if not is_good:
        for key in ("banner.privacy_url", "services.chat.privacy_url"):
            assert f"  {key}: " in told(done)
        assert "fix: must be an http(s) address such as" in done.stderr


def test_durations_need_a_unit(tmp_path: Path) -> None:
    lines = ['version = "1"', "retention = 94672800", "[cookie]", "max_age = 30", "[categories.analytics]"]
    lines += ['max_age = "30"', "[services.chat]", 'name = "Chat"', 'category = "social"']
    lines += ['cookies = [{ name = "a", max_age = 5 }, { name = "b", max_age = "5d" }]', "[[cookies]]", 'name = "c"']
    lines += ['category = "session"', "max_age = -1"]
    (tmp_path / "consent.toml").write_text("\n".join(lines))
    done = run("check", "--format", "json", folder=tmp_path)
    found = {problem["key"]: problem for problem in json.loads(done.stdout)["problems"]}
    assert set(found) == {
        "retention", "cookie.max_age", "categories.analytics.max_age", "services.chat.cookies.0.max_age",
        "cookies.0.max_age",
    }  # fmt: skip
    assert found["cookie.max_age"]["cause"] == "30 has no unit"
    assert 'such as "30d"' in found["cookie.max_age"]["fix"]
    assert "is not a duration" in found["categories.analytics.max_age"]["fix"]


@pytest.mark.parametrize("text", ["1001y", "999999999y", "999999999w"])
def test_durations_that_no_calendar_holds_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="at most 1000 years"):
        parse_policy({"version": "1", "cookie": {"max_age": text}}, source="test")


def test_every_duration_of_the_models_is_known_to_the_reader() -> None:
    schema = policy_schema()
    tables = [schema, *schema["$defs"].values()]
    fields = {
        key
        for table in tables
        for key, value in table.get("properties", {}).items()
        if json.dumps(DURATION) in json.dumps(value)
    }
    assert fields == _DURATIONS


def test_what_is_known_or_built_in_keeps_its_durations() -> None:
    document = {
        "version": "1",
        "categories": {"analytics": {"name": "A"}},
        "services": {name: {} for name in registry()},
    }
    assert len(parse_policy(document, source="test").services) == len(registry())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///a.db?timeot=5", "unknown option 'timeot'; sqlite has none"),
        ("sqlite:///a.db?uri=true&mode=ro", "unknown option 'uri'"),
        ("postgresql://h/a?sslmod=require", "unknown option 'sslmod'; did you mean 'sslmode'?"),
        ("postgresql://h/a?xyzzy=1", "unknown option 'xyzzy'; remove it"),
        ("postgresql://u:secret@h/a?secrt=secret", "unknown option 'secrt'"),
        ("nats://h/A?replicas=3&xyzzy=1", "unknown option 'xyzzy'"),
        ("sqlite://", "is not supported"),
        ("sqlite:///:memory:", "is not supported"),
        ("mysql://h/a?x=1", "is not supported"),
        pytest.param("postgresql://[/a", "", marks=pytest.mark.server),  # the driver looks for such a host
        ("postgresql://h:port/a", "is not a URL"),
        ("nats://[", ""),
        ("://", "is not a URL"),
    ],
)
def test_a_ledgers_url_says_which_part_is_wrong(tmp_path: Path, url: str, words: str) -> None:
    for command in (("log", "stats"), ("log", "export"), ("report",), ("log", "migrate")):
        done = run(*command, "--ledger", url, folder=tmp_path)
        assert done.returncode == 2
        assert words in told(done)
        assert "secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_options_of_the_driver_are_known() -> None:
    for query in ("sslmode=require&application_name=a", "host=a,b&port=1,2", "target_session_attrs=read-write"):
        Ledger(f"postgresql://u:p@/consent?{query}")
    with pytest.raises(ConfigurationError, match="control character"):
        Ledger("sqlite:///a\0b")


# Whatever comes.

PIECES = st.sampled_from([
    "http://[", "https://a.test/", "a", "-", "--", "..", "/", "\x00", "é", "\ud800", "%00", "[", "]", "{", "=", "1e999",
    "9" * 400, "2026-11-24", "2026-11-24T08:00:00Z", "-1", "0", "sqlite:///", "?", "&a=b", "nats://", "postgresql://",
    "_ga", "analytics", "1d", "99999999y", "0001-01-01", "9999-12-31T23:59:59.999999+14:00", "\n",
])  # fmt: skip
WORDS = st.lists(PIECES, min_size=1, max_size=4).map("".join) | st.text(max_size=12)
OPTIONS = {
    ("classify",): ("--policy", "--format", "--site"),
    ("check",): ("--format",),
    ("report",): ("--format", "--since", "--policy", "--ledger"),
    ("log", "export"): (
        "--format", "--since", "--until", "--subject", "--category", "--action", "--channel", "--policy-version",
        "--region", "-o", "--partition", "--policy", "--ledger", "--prefix",
    ),
    ("log", "stats"): ("--since", "--until", "--by", "--format", "--table", "--ledger"),
    ("log", "show"): ("--format", "--ledger"),
    ("log", "receipt"): ("--policy", "--ledger", "--prefix"),
    ("log", "verify"): ("--export", "--proof", "--checkpoint", "--key", "--format"),
    ("log", "prove"): ("--ledger",),
    ("log", "checkpoint"): ("--since",),
    ("log", "key"): ("-o",),
    ("log", "seal"): ("--ledger",),
    ("log", "erase"): ("--ledger",),
    ("log", "prune"): ("--older-than", "--before", "--policy"),
    ("log", "record"): ("--channel", "--subject", "--grant", "--refuse", "--at", "--notice", "--language", "--policy"),
    ("log", "drain"): ("--from", "--to", "--batch", "--aside"),
}  # fmt: skip


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(list(OPTIONS)))
    values = draw(st.lists(st.tuples(st.sampled_from(OPTIONS[command]), WORDS), max_size=3))
    if command == ("log", "export"):  # to standard output it writes bytes, for which there is another test
        values.append(("-o", "exported"))
    line = [*command, *draw(st.lists(WORDS, max_size=1)), *(part for pair in values for part in pair)]
    # Servers that are nowhere would be waited for.
    return [part.replace("nats://", "nats:/").replace("postgresql://", "postgresql:/") for part in line]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(line=command_lines())
def test_no_arguments_do_more_than_end_with_a_message(line: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ledger = Ledger(f"sqlite:///{root}/consent.db")
        ledger.append([make()])
        ledger.close()
        (root / "inner").mkdir()  # so that ".." stays in what is thrown away
        told(run(*line, folder=root / "inner", CONSENT_LEDGER=f"sqlite:///{root}/consent.db"))


SCALARS = st.sampled_from([
    '""', '"a"', '"30d"', '"http://["', "1", "-1", "0", "9" * 30, "0x" + "f" * 5000, "9" * 5000, "1e999", "nan", "true",
    "2026-12-01", "2026-12-01T00:00:00Z", "[]", "{}", '["*"]', '["[", "a.test"]', "[[[[]]]]", "{ a = 1 }", '"\\u0000"',
    "'''\nx'''", "[{ name = 'a' }]", "{ en = 'x' }",
])  # fmt: skip
KEYS = st.sampled_from([
    "version", "effective", "site", "first_party", "unknown_hosts", "unknown_cookies", "retention", "cookie", "banner",
    "cookie.max_age", "cookie.domain", "cookie.name", "banner.privacy_url", "banner.languages", "gate.csp", "gate",
    "controller", "controller.name", "categories", "categories.analytics", "categories.analytics.max_age",
    "categories.x.name", "services", "services.chat", "services.youtube", "services.youtube.hosts",
    "services.a.cookies", "services.a.privacy_url", "cookies", "'a.b'", '""', "tool.cookie_consent",
])  # fmt: skip
LINES = st.tuples(KEYS, SCALARS).map(" = ".join) | KEYS.map("[{}]".format) | KEYS.map("[[{}]]".format) | st.text()


@settings(max_examples=150)
@given(lines=st.lists(LINES, max_size=8), tail=st.binary(max_size=4))
def test_no_policy_file_does_more_than_end_with_a_message(lines: list[str], tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "consent.toml"
        path.write_bytes("\n".join(['version = "1"', *lines]).encode("utf-8", "surrogatepass") + tail)
        done = run("check", "--format", "json", folder=Path(folder))
        told(done)
        assert done.returncode in {0, 2}
        assert (done.returncode == 2) == bool(json.loads(done.stdout)["problems"])
        if done.returncode == 0:
            load_policy(path)


@pytest.mark.parametrize("command", ["prove", "show"])
def test_an_id_that_is_not_utf_8_is_told(tmp_path: Path, command: str) -> None:
    done = run("log", command, "\udcff", folder=tmp_path, CONSENT_LEDGER=f"sqlite:///{tmp_path}/consent.db")
    assert done.returncode in {1, 2}
    told(done)
