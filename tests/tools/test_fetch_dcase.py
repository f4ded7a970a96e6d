"""Fetching clips one by one, from a server that misbehaves as real ones do."""

import shutil
from pathlib import Path

import pytest

from lib.book import data_root
from tools import fetch_dcase
from tools.fetch_dcase import fetch, wanted

HEARD = next((data_root.COMMITTED / "av").glob("*.mp4"))
REASONS = {
    "gone": "[youtube] a: Video unavailable. This video has been removed",
    "forb": "unable to download video data: HTTP Error 403: Forbidden",
    "many": "[youtube] a: Sign in to confirm you’re not a bot.",
    "half": "[youtube] a: Unable to download webpage:\ttimed out",
}


def clip(fault: str) -> str:
    """Return a name whose video is treated in a certain way; its 11 characters hold - and _."""
    return f"Y{fault}-0_AAAA_2.000_4.000.wav"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the reader an empty data root; return where addresses are noted that are asked for."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    return []


@pytest.fixture
def download(asked: list[str]) -> fetch_dcase.Download:
    """Return what lays a real film down, or does what the video's name asks for."""

    def film(address: str, start: float, end: float, folder: Path) -> Path:
        fault = address.partition("=")[2][:4]
        asked.append(fault)
        target = folder / "clip.mp4"
        shutil.copyfile(HEARD, target)
        if fault in REASONS:
            raise ConnectionError(REASONS[fault])
        if fault == "page":
            target.write_text("<html>no film</html>")
        if fault == "stop":
            raise KeyboardInterrupt
        assert (start, end) == (2.0, 4.0)
        return target

    return film


def left() -> list[str]:
    """Return what fetching left behind beside the report."""
    return [path.name for path in fetch_dcase.place().rglob("*")]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("gone", "gone"), ("forb", "refused"), ("many", "refused"), ("half", "failed")]
    + [("page", "failed"), ("stop", "")],
)
def test_what_goes_wrong_is_reported_and_leaves_nothing(
    download: fetch_dcase.Download, fault: str, outcome: str
) -> None:
    if fault == "stop":  # the reader's
        with pytest.raises(KeyboardInterrupt):
            fetch([clip(fault)], download, 0)
    else:
        assert fetch([clip(fault)], download, 0) == {outcome: 1}
        ((name, (found, why)),) = fetch_dcase.read_report().items()
        assert (name, found) == (clip(fault), outcome) and why
    assert left() == []


@pytest.mark.parametrize(
    "name",
    ["../../x.wav", "Y../../../aa_1.000_2.000.wav", "Y-0_AAAAAAAA_4.000_2.000.wav"]
    + ["Y-0_AAAAAAAA_0.000_2.000.wav\n"],
)
def test_a_hostile_name_never_reaches_the_server(
    download: fetch_dcase.Download, asked: list[str], name: str
) -> None:
    fetch_dcase.place().mkdir(parents=True)
    assert fetch_dcase.fetch_clip(name, download) == ("failed", "the name is that of no clip")
    assert asked == [] and left() == []


def test_what_is_there_or_gone_is_not_asked_for_again(
    download: fetch_dcase.Download, asked: list[str]
) -> None:
    assert len(wanted(list(fetch_dcase.LISTS))) == 880 + 288 + 14_412 + 1_578
    first, second, third, *rest = wanted(["test"])
    outcomes = iter(["good", "half", "gone"])

    def one_after_the_other(address: str, start: float, end: float, folder: Path) -> Path:
        return download(f"={next(outcomes)}", 2.0, 4.0, folder)

    found = fetch([first, second, third], one_after_the_other, 0)
    assert found == {"fetched": 1, "failed": 1, "gone": 1} and left() == [f"{first[:-4]}.mp4"]
    assert wanted(["test"]) == [*rest, second]
    outcomes = iter(["good"])
    fetch([second], one_after_the_other, 0)
    assert wanted(["test"]) == rest and list(fetch_dcase.read_report()) == [third]
    fetch_dcase.report_file().write_text("nonsense\n")
    with pytest.raises(ValueError, match="fetch_report.tsv is damaged; delete it"):
        wanted(["test"])


def test_refusals_double_the_pause_and_the_third_in_a_row_ends_the_run(
    download: fetch_dcase.Download, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(fetch_dcase.time, "sleep", pauses.append)
    names = [clip(each) for each in ("good", "forb", "gone", "forb", "many", "many", "good")]
    with pytest.raises(ConnectionError, match="3 times in a row.*1 clips fetched") as raised:
        fetch(names, download, 2)
    assert pauses == [0, 2, 4, 2, 4, 8] and "\n" not in str(raised.value)
    assert asked == ["good", "forb", "gone", "forb", "many", "many"]
