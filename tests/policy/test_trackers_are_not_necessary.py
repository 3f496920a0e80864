"""No cookie that others label as a tracker needs no consent: ``benchmarks/classify.py`` counts them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).parents[2]
LABELLED = ROOT / "tests" / "data" / "open-cookie-database"
KEEP_A_CHOICE = {
    "FCCDCF", "FCNEC", "matomo_ignore", "mtm_consent", "mtm_consent_removed", "mtm_cookie_consent", "piwik_ignore",
    "ppms_privacy_*",
}  # fmt: skip
"""Labelled as measuring, but they keep whether the visitor agreed or objected. Each has been read."""


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("classify_benchmark", ROOT / "benchmarks" / "classify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # where its dataclass looks its module up
        spec.loader.exec_module(module)
        yield module


def told(benchmark: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Return the exit status and the lines about trackers."""
    status = benchmark.main([str(folder)])
    _, _, needed = capsys.readouterr().out.partition("\ntrackers called necessary: ")
    return status, needed.splitlines()


def test_no_labelled_tracker_is_called_necessary(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = told(benchmark, LABELLED, capsys)
    assert (status, lines[0]) == (0, "0")
    assert {line.strip().partition(":")[0] for line in lines[2:]} <= KEEP_A_CHOICE


@pytest.mark.parametrize(
    ("row", "count"),
    [
        ("sessionid\t\tanalytics", 1),
        ("wordpress_logged_in_*\t\tadvertising", 1),  # one of the names that the pattern may mean is enough
        ("*_session\t\tanalytics", 0),
        ("_ga\t\tanalytics", 0),
        ("sessionid\t\tsession", 0),
        ("mtm_consent\t\tanalytics", 0),  # keeps the visitor's choice
    ],
)
def test_a_tracker_that_is_called_necessary_counts(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, count: int
) -> None:
    (tmp_path / "cookies.tsv").write_text(f"pattern\tdomain\tcategory\n{row}\n")
    status, lines = told(benchmark, tmp_path, capsys)
    assert (status, lines[0]) == (min(count, 1), str(count))
    assert ("mtm_consent" in "".join(lines)) is ("mtm_consent" in row)


def test_a_needed_host_that_is_labelled_as_a_tracker_counts(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hosts.tsv").write_text(
        "host\tcategory\tpop\njs.stripe.com\tadvertising\t1\nm.stripe.com\tanalytics\t1\n"
    )
    status, lines = told(benchmark, tmp_path, capsys)
    assert (status, lines[0]) == (1, "1")
    assert "js.stripe.com" in lines[1]
