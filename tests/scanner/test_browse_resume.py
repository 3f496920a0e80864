"""An interrupted scan in a browser goes on from its state."""

from __future__ import annotations

import json
import signal
import stat
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.as_dict import as_dict
from cookie_consent.scanner.browse import browse
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.browser.state import State, StateFile
from cookie_consent.scanner.browser.tour import Tour
from cookie_consent.scanner.collector import Bounds
from cookie_consent.scanner.journal import Journal
from cookie_consent.scanner.model import Limit, Mode, Phase, Scan, ScannedPage
from tests.scanner.hostile import HostileSite, hostile_site, missing, page
from tests.scanner.made import cookie
from tests.scanner.stopping import stopped

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.server]
SITE = "http://127.0.0.1:8000/"
NAMES = "abcd"
BANNER = """<div id=banner style="position:fixed">Cookies
<button onclick="document.cookie='answer=yes';banner.remove()">Accept all</button></div>
<script>if (document.cookie.includes("answer=")) banner.remove()</script>"""


def answer(path: str) -> bytes:
    name = path.strip("/")
    if name and name not in NAMES:
        return missing()
    set_by_script = f"<script>document.cookie='of_{name or 'home'}=1';localStorage.of_{name or 'home'}=1</script>"
    return page(*NAMES, extra=BANNER + set_by_script, title=name)


def visits(site: HostileSite) -> Counter[str]:
    return Counter(path for path in site.paths if path.strip("/") in {"", *NAMES})


def options(chromium_path: str, **given: Any) -> BrowseOptions:
    quick = {"stay_seconds": 0, "quiet_seconds": 0.2, "answer_seconds": 0.5, "page_seconds": 120}
    phases = (Phase.UNDECIDED, Phase.ACCEPTED)
    return BrowseOptions(**{**quick, "executable": chromium_path, "phases": phases, **given})


def seen(scan: Scan) -> dict[str, Any]:
    """Return what depends neither on time nor on what one browser has stored: a new one begins without it."""
    data = as_dict(scan)
    found: dict[str, Any] = {
        kind: {each["name"]: {one["phase"] for one in each["sightings"]} for each in data[kind]}
        for kind in ("cookies", "keys")
    }
    found["requests"] = sorted((each["address"], each["carrier"], len(each["statuses"])) for each in data["requests"])
    return {**found, **{name: data[name] for name in ("phases", "limits", "unseen")}}


@pytest.mark.browser
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_a_scan_that_was_ended_goes_on(how: signal.Signals, chromium_path: str, tmp_path: Path) -> None:
    file = tmp_path / "scan.state"

    def done() -> int:
        content = json.loads(file.read_bytes() or b"{}") if file.exists() else {}
        return sum(tour["done"] for tour in content.get("tours", ()))

    async with hostile_site(answer) as site:
        url = site.url(host="127.0.0.1")
        command = [url, "--browser", "--resume", str(file)]
        command += ["--executable", chromium_path, "--stay-seconds", "0.5", "--quiet-seconds", "0.2"]
        command += ["--phase", "undecided", "--phase", "accepted"]
        status, out, err = await stopped(command, how, when=lambda: done() >= 2, folder=tmp_path)
        if how is signal.SIGINT:
            assert status == 130, err
            assert "of_home" in out
            assert f"go on with --resume {file}" in err
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        state = json.loads(file.read_bytes())
        finished = {each for tour in state["tours"] for each in set(tour["known"]) - set(tour["queue"])}
        assert 2 <= len(finished) < 5
        site.heads.clear()
        scan = await browse(url, options(chromium_path), state=file)
        again = visits(site)
        whole = await browse(url, options(chromium_path))
    # Once for each phase that was left, and at home once more to give the answer of the second.
    expected = {path: 1 if url.rstrip("/") + path in finished else 2 for path in ("/", *(f"/{name}" for name in NAMES))}
    assert again == {**expected, "/": expected["/"] + 1}
    assert seen(scan) == seen(whole)
    assert [found.error for found in scan.pages] == [""] * 5


@pytest.mark.browser
async def test_a_limit_that_is_raised_lets_it_go_on_and_a_finished_one_needs_no_browser(
    chromium_path: str, tmp_path: Path
) -> None:
    file = tmp_path / "scan.state"
    async with hostile_site(answer) as site:
        url = site.url(host="127.0.0.1")
        cut = await browse(url, options(chromium_path, pages=2), state=file)
        assert [limit.name for limit in cut.limits] == ["--pages"]
        whole = await browse(url, options(chromium_path), state=file)
        assert whole.limits == []
        assert len(whole.pages) == 5
        assert max(visits(site).values()) == visits(site)["/"] == 4
        site.heads.clear()
        again = await browse(url, options("/nonexistent"), state=file)
        assert site.heads == []
    assert seen(again) == seen(whole)


@pytest.mark.browser
async def test_a_phase_without_an_answer_is_not_tried_again(chromium_path: str, tmp_path: Path) -> None:
    file = tmp_path / "scan.state"
    async with hostile_site(lambda _: page()) as site:
        url = site.url(host="127.0.0.1")
        first = await browse(url, options(chromium_path), state=file)
        assert len(first.unseen) == 1
        again = await browse(url, options("/nonexistent"), state=file)
    assert again.unseen == first.unseen


def kept(path: Path, **changed: Any) -> StateFile:
    """Write the state of a scan of two pages, with changes; return its file."""
    file = StateFile(path, SITE, Bounds())
    scan = Scan(site=SITE, mode=Mode.BROWSER, started="", pages=[ScannedPage(address=SITE, status=200)])
    scan.cookies.append(cookie("a", Phase.UNDECIDED))
    scan.limits += [Limit(name="--seconds", value="1"), Limit(name="--page-seconds", value="1")]
    tour = Tour(Phase.UNDECIDED)
    tour.add([SITE, f"{SITE}b"])
    assert file.save(State(scan=scan, tours={tour.phase: tour}, prefixes=[f"{SITE}_consent"]))
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps({**content, **changed}) + "\n", "utf-8")
    return file


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "state"
    state = kept(path).load()
    assert state is not None
    assert [found.name for found in state.scan.cookies] == ["a"]
    assert list(state.tours[Phase.UNDECIDED].queue) == [SITE, f"{SITE}b"]
    assert state.prefixes == [f"{SITE}_consent"]
    path.write_bytes(b"")
    assert StateFile(path, SITE, Bounds()).load() is None


def tour(**changed: Any) -> dict[str, Any]:
    return {"tours": [{"phase": "undecided", "queue": [], "known": [], "done": 0, "is_left": False, **changed}]}


HOSTILE = [
    ({"cookie-consent browser scan": 2}, "another version of this program has written it"),
    ({"cookie-consent browser scan": [1]}, "another version of this program has written it"),
    ({"site": "http://127.0.0.1:9000/"}, r"of a scan of 'http://127\.0\.0\.1:9000/'"),
    ({"site": None}, "of a scan of 'None'"),
    ({"scan": {}}, "not a scan"),
    ({"scan": "x"}, "not a scan"),
    ({"tours": [1]}, "not a scan"),
    ({"prefixes": {"a": 1}}, "not a scan"),
    # what would lead it elsewhere
    (tour(queue=["http://10.0.0.1/"], known=["http://10.0.0.1/"]), "not a scan of this site"),
    (tour(known=["file:///etc/passwd"]), "not a scan of this site"),
    (tour(queue=[f"{SITE}x"]), "not a scan of this site"),  # waits and is not known
    (tour(done=-1), "not a scan of this site"),
]


@pytest.mark.parametrize(("changed", "why"), HOSTILE)
async def test_a_state_that_others_have_made_is_refused(changed: dict[str, Any], why: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    kept(path, **changed)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=why):
        await browse(SITE, options("/nonexistent"), state=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"my diary", b"{}\n", b"[1]\n", b"1", b"\xff\n", b"[" * 100_000, b'{"a": 1e999}', b"null"]
)
async def test_another_file_is_not_taken_for_a_state_and_not_changed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "diary"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not of a scan; name another file"):
        await browse(SITE, options("/nonexistent"), state=path)
    assert path.read_bytes() == content
    with pytest.raises(ConfigurationError, match="is a folder"):
        await browse(SITE, options("/nonexistent"), state=tmp_path)


async def test_the_two_kinds_of_scan_do_not_take_each_others_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with Journal(path, SITE) as journal:
        assert list(journal.visits()) == []
    with pytest.raises(ConfigurationError, match="that of a scan without --browser"):
        await browse(SITE, options("/nonexistent"), state=path)
    path.unlink()
    kept(path)
    with (
        pytest.raises(ConfigurationError, match="it is the state of a scan with --browser"),
        Journal(path, SITE) as journal,
    ):
        list(journal.visits())


def test_a_state_that_is_too_large_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    file = kept(path)
    before = path.read_bytes()
    monkeypatch.setattr("cookie_consent.scanner.browser.state._LONGEST", 200)
    assert not file.save(State(scan=Scan(site=SITE, mode=Mode.BROWSER, started="x" * 200), tours={}, prefixes=[]))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ConfigurationError, match="not of a scan"):
        file.load()
