from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cookie_consent import PolicyError
from cookie_consent.policy import load_policy, parse_policy, policy_schema
from cookie_consent.policy.duration import parse_duration
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent.errors import Problem

WRONG = """
first_partyy = ["x"]
first_party = ["http://x", "*.ok.example", "bücher.example"]
unknown_hosts = "maybe"
effective = "soon"
[categories.chat]
name = ""
[categories.foo]
remove = true
[categories.session]
remove = true
[services.live]
name = "x"
category = "analitics"
cookies = [{ name = "*", max_age = "3 fortnights" }]
storage = ["*", "a\\tb"]
stubs = [{ nmae = "fbq" }, { name = "a-b", queue = "window.x.y" }]
[services.google-analytic]
[banner]
langages = ["en"]
[gate]
html = "maybe"
csp = true
gard = false
clear_site_data = ["cookies", "cache"]
[[cookies]]
name = "a"
"""


def test_all_problems_are_told_at_once_with_key_cause_and_fix(tmp_path: Path) -> None:
    path = tmp_path / "consent.toml"
    path.write_text(WRONG, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    problems = {problem.key: problem for problem in caught.value.problems}
    assert set(problems) == {
        "version",
        "first_partyy",
        "first_party.0",
        "unknown_hosts",
        "effective",
        "categories.chat.name",
        "categories.chat.purpose",
        "categories.chat.consequence",
        "categories.foo",
        "categories.session",
        "services.live.category",
        "services.live.cookies.0.name",
        "services.live.cookies.0.max_age",
        "services.live.storage.0.name",
        "services.live.storage.1.name",
        "services.live.stubs.0.nmae",
        "services.live.stubs.0.name",
        "services.live.stubs.1.name",
        "services.live.stubs.1.queue",
        "services.google-analytic",
        "banner.langages",
        "gate.html",
        "gate.csp",
        "gate.gard",
        "gate.clear_site_data.0",
        "cookies.0.category",
    }
    assert all(problem.cause and problem.fix for problem in problems.values())
    assert "did you mean 'first_party'?" in problems["first_partyy"].fix
    assert "did you mean 'languages'?" in problems["banner.langages"].fix
    assert "'enforce', 'report-only' or 'off'" in problems["gate.csp"].fix
    assert "did you mean 'guard'?" in problems["gate.gard"].fix
    assert "'storage'" in problems["gate.clear_site_data.0"].fix
    assert "did you mean 'analytics'?" in problems["services.live.category"].fix
    assert "did you mean 'google-analytics'?" in problems["services.google-analytic"].fix
    assert "did you mean 'name'?" in problems["services.live.stubs.0.nmae"].fix
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "does not exist"),
        (b"version = ", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_an_unreadable_file_is_told(tmp_path: Path, content: bytes | None, cause: str) -> None:
    path = tmp_path / "consent.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError, match=cause):
        load_policy(path)


def test_the_table_of_pyproject_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text('[tool.cookie_consent]\nversion = "7"\n')
    assert load_policy(path).version == "7"
    path.write_text("[tool]\n")
    with pytest.raises(PolicyError, match="the table is missing"):
        load_policy(path)


def test_each_gate_can_be_set() -> None:
    options = {"html": False, "csp": "report-only", "guard": False, "clear_site_data": ["cache", "storage", "cache"]}
    gate = parse_policy({"version": "1", "gate": options}, source="test").gate
    assert (gate.html, gate.csp, gate.guard) == (False, "report-only", False)
    assert gate.clear_site_data == ("cache", "storage")
    gate = parse_policy({"version": "1"}, source="test").gate
    assert (gate.html, gate.guard, gate.clear_site_data) == (True, True, ())


@pytest.mark.parametrize(
    "value", ["yes", "npm:vue", 1, ["vue"], ["npm:Vue"], ["npm:a/b"], ["npm:../x"], ["gh:a/b"], [1]]
)
def test_only_packages_of_npm_are_added_to_the_mirror(value: object) -> None:
    with pytest.raises(PolicyError, match=r"gate\.mirror.*\n +fix: must be true, false, or a list of packages"):
        parse_policy({"version": "1", "gate": {"mirror": value}}, source="test")


def test_the_schema_names_the_gates() -> None:
    properties = policy_schema()["$defs"]["GateOptions"]["properties"]
    assert set(properties) == {"html", "csp", "guard", "amp", "clear_site_data", "mirror", "payment", "exclude"}
    assert properties["csp"]["enum"] == ["enforce", "report-only", "off"]


def test_a_known_service_needs_its_name_only_and_can_be_changed() -> None:
    document = {"version": "1", "services": {"google-analytics": {}, "stripe": {"category": "session"}}}
    policy = parse_policy(document, source="test")
    assert [(service.id, service.category) for service in policy.services] == [
        ("google-analytics", "analytics"),
        ("stripe", "session"),
    ]
    assert "js.stripe.com" in policy.services[1].hosts


def test_categories_can_be_renamed_removed_and_added() -> None:
    texts = {"name": "Experiments", "purpose": "p", "consequence": "c"}
    categories = {"analytics": {"name": "Statistics"}, "social": {"remove": True}, "experiments": texts}
    policy = parse_policy({"version": "1", "categories": categories}, source="test")
    assert [category.id for category in policy.categories] == [
        "session",
        "login",
        "preferences",
        "analytics",
        "advertising",
        "experiments",
        "unclassified",
    ]
    analytics = policy.category("analytics")
    assert analytics is not None
    assert analytics.name == "Statistics"


plain = st.none() | st.booleans() | st.integers() | st.text()
keys = st.text() | st.sampled_from(
    ["str", "dict[str,str]", "id", "name", "hosts", "stubs", "cookies", "banner", "remove"]
)
documents = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(keys, inner))


@given(documents)
@example({"dict[str,str]": None})
@example({"controller": {"str": 1}})
def test_no_document_does_more_than_raise_a_policy_error(value: object) -> None:
    for key in ("version", "services", "categories", "cookies", "banner", "first_party", "gate", "controller", "str"):
        problems: tuple[Problem, ...] | None = None
        try:
            parse_policy({"version": "1", key: value}, source="test")
        except PolicyError as error:
            problems = error.problems
        assert problems != ()


def test_the_schema_has_every_key() -> None:
    schema = policy_schema()
    assert {"version", "services", "categories", "cookies", "banner"} <= set(schema["properties"])
    assert "id" not in schema["$defs"]["Service"]["properties"]
    json.dumps(schema)


DURATIONS = [("30d", 2_592_000), ("12 h", 43_200), ("13mo", 34_187_400), ("2y", 63_115_200)]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1.5d", "30 days", "9999999999d", "³d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("version = 5", "version: 5 is not a text"),
        ('version = "1"\nfirst_party = "cdn.example"', "first_party: 'cdn.example' is not a list"),
        ('version = "1"\n[cookie]\nhttps_only = "ja"', "cookie.https_only: 'ja' is not true or false"),
        ('version = "1"\nbanner = 3', "banner: 3 is not a table"),
        ('version = "1"\n[limits]\nchoices = "x"', "limits.choices: must be a valid number"),
        ("", 'add version = "2026-11-01", a label for people'),  # another version asks nobody again
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_toml(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "consent.toml"
    path.write_text(text)
    with pytest.raises(PolicyError) as raised:
        load_policy(path)
    assert cause in str(raised.value)
    assert "Input should" not in str(raised.value)
    assert "tuple" not in str(raised.value)


def test_check_prints_all_problems_and_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "consent.toml").write_text(WRONG, encoding="utf-8")
    done = run("check", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("    fix: ") == 26
    assert "Traceback" not in done.stderr
    told = json.loads(run("check", "--format", "json", folder=tmp_path).stdout)
    assert len(told["problems"]) == 26
    (tmp_path / "consent.toml").write_text('version = "1"\n')
    assert run("check", folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("persist", "cause", "fix"),
    [
        ("loggin", "is not a category", "did you mean 'login'?"),
        ("session", "is always on", "write one of advertising, analytics, login"),
        ("Log In", "is not allowed here", "lower-case"),
    ],
)
@pytest.mark.parametrize("owner", ["site", "service"])
def test_a_cookie_persists_by_a_category_that_visitors_choose(owner: str, persist: str, cause: str, fix: str) -> None:
    rule = {"name": "sid", "category": "session", "persist": persist}
    tables: dict[str, Any] = {"cookies": [rule]}
    if owner == "service":
        tables = {"services": {"shop": {"name": "Shop", "category": "session", "cookies": [rule]}}}
    with pytest.raises(PolicyError) as caught:
        parse_policy({"version": "1", **tables}, source="test")
    (problem,) = caught.value.problems
    assert problem.key == ("cookies.0.persist" if owner == "site" else "services.shop.cookies.0.persist")
    assert cause in problem.cause
    assert fix in problem.fix


def test_classify_says_what_lets_a_cookie_persist(tmp_path: Path) -> None:
    for cookie, persist in (("sessionid", "login"), ("csrftoken", None), ("_ga", "analytics"), ("x", "unclassified")):
        done = run("classify", cookie, "--format", "json", folder=tmp_path)
        assert json.loads(done.stdout)["persist"] == persist
    assert "persist   login" in run("classify", "sessionid", folder=tmp_path).stdout
    assert "persist" not in run("classify", "https://shop.example/", folder=tmp_path).stdout


def test_classify_says_why(tmp_path: Path) -> None:
    known = run("classify", "https://www.youtube.com/embed/x", "--format", "json", folder=tmp_path)
    assert (known.returncode, json.loads(known.stdout)["service"]) == (0, "youtube")
    assert run("classify", "_ga", folder=tmp_path).stdout.startswith("category  analytics")
    assert run("classify", "something", folder=tmp_path).returncode == 1
    assert json.loads(run("schema", folder=tmp_path).stdout)["required"] == ["version"]


def test_editors_are_shown_a_description_of_every_key() -> None:
    schema = policy_schema()
    missing = [
        f"{name}.{key}"
        for name, model in {"": schema, **schema["$defs"]}.items()
        for key, entry in model["properties"].items()
        if not entry.get("description", "").endswith(".")
    ]
    assert missing == []
    assert schema["title"] == "consent.toml"
    assert schema["$defs"]["CookieOptions"]["properties"]["max_age"]["default"] == "6mo"
