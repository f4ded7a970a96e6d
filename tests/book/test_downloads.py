"""Downloads: going on where one broke off, mirrors, redirects, against a server that misbehaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from lib.book import downloads
from lib.book.datasets import DataFile
from tests.book.mirrors import CHECKSUM, GOOD, HALF, MOVED, WRONG, Mirror, serving


@pytest.fixture
def mirror() -> Iterator[str]:
    """Start the server and give its address."""
    with serving() as address:
        yield address


def digits(mirror: str, *faults: str, size: int | None = len(GOOD)) -> DataFile:
    """Return a file whose mirrors have these faults."""
    return DataFile(
        "digits.gz", size, CHECKSUM, tuple(f"{mirror}/{fault}/digits.gz" for fault in faults)
    )


def lay_part(folder: Path, content: bytes) -> Path:
    """Lay down what is left of a download that broke off."""
    part = folder / ".digits.gz.part"
    part.write_bytes(content)
    return part


def names(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "fault", ["missing", "wrong", "broken", "silent", "short", "circle", "local", "ftp"]
)
@pytest.mark.parametrize("size", [len(GOOD), None])
def test_the_second_mirror_serves_where_the_first_fails(
    mirror: str, fault: str, size: int | None, tmp_path: Path
) -> None:
    path = downloads.fetch(digits(mirror, fault, "good", size=size), tmp_path)
    assert path.read_bytes() == GOOD
    assert names(tmp_path) == ["digits.gz"]
    assert Mirror.asked[0][0] == fault and Mirror.asked[-1][0] == "good"


def test_a_broken_download_is_continued_at_the_next_mirror(mirror: str, tmp_path: Path) -> None:
    downloads.fetch(digits(mirror, "broken", "good"), tmp_path)
    assert Mirror.asked == [("broken", ""), ("good", f"bytes={HALF}-")]


def test_a_broken_download_is_continued_by_the_next_call(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match=f"broke off after {HALF} bytes.*to go on") as raised:
        downloads.fetch(digits(mirror, "broken"), tmp_path)
    assert "\n" not in str(raised.value)
    assert (tmp_path / ".digits.gz.part").read_bytes() == GOOD[:HALF]
    assert downloads.fetch(digits(mirror, "good"), tmp_path).read_bytes() == GOOD
    assert Mirror.asked[-1] == ("good", f"bytes={HALF}-")
    assert names(tmp_path) == ["digits.gz"]


def test_a_server_that_ignores_the_range_is_read_anew(mirror: str, tmp_path: Path) -> None:
    lay_part(tmp_path, GOOD[:HALF])
    assert downloads.fetch(digits(mirror, "whole"), tmp_path).read_bytes() == GOOD
    assert Mirror.asked == [("whole", f"bytes={HALF}-")]


@pytest.mark.parametrize(
    "part", [WRONG[:HALF], GOOD + b"more", WRONG], ids=["other", "longer", "as long"]
)
def test_a_part_of_another_file_is_thrown_away(mirror: str, part: bytes, tmp_path: Path) -> None:
    lay_part(tmp_path, part)
    assert downloads.fetch(digits(mirror, "good"), tmp_path).read_bytes() == GOOD
    assert Mirror.asked == [("good", f"bytes={len(part)}-"), ("good", "")]
    assert names(tmp_path) == ["digits.gz"]


def test_another_part_than_asked_for_is_not_joined(mirror: str, tmp_path: Path) -> None:
    lay_part(tmp_path, GOOD[:HALF])
    assert downloads.fetch(digits(mirror, "shifted"), tmp_path).read_bytes() == GOOD
    assert Mirror.asked == [("shifted", f"bytes={HALF}-"), ("shifted", "")]


def test_a_whole_part_needs_no_request(mirror: str, tmp_path: Path) -> None:
    lay_part(tmp_path, GOOD)
    assert downloads.fetch(digits(mirror, "missing"), tmp_path).read_bytes() == GOOD
    assert Mirror.asked == []


@pytest.mark.parametrize("fault", ["long", "endless", "chunked", "torn"])
def test_right_bytes_are_taken_whatever_is_said_of_their_length(
    mirror: str, fault: str, tmp_path: Path
) -> None:
    assert downloads.fetch(digits(mirror, fault), tmp_path).read_bytes() == GOOD


def test_a_body_without_end_is_cut(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "LARGEST", 1000)
    with pytest.raises(ConnectionError, match="sent 1000 bytes or more"):
        downloads.fetch(digits(mirror, "endless", size=None), tmp_path)
    assert names(tmp_path) == []


def test_where_no_mirror_serves_each_reason_is_given_and_nothing_wrong_is_left(
    mirror: str, tmp_path: Path
) -> None:
    expected = "answered 404; .*wrong checksum.*; .*sent 255900 bytes instead of 256000.*check the"
    with pytest.raises(ConnectionError, match=expected) as raised:
        downloads.fetch(digits(mirror, "missing", "wrong", "short"), tmp_path)
    assert "\n" not in str(raised.value)
    assert names(tmp_path) == []


def test_a_moved_file_is_followed(mirror: str, tmp_path: Path) -> None:
    assert downloads.fetch(digits(mirror, "moved"), tmp_path).read_bytes() == GOOD


def test_it_is_not_followed_to_anything_but_http(mirror: str, tmp_path: Path) -> None:
    for fault, scheme in (("local", "file"), ("ftp", "ftp")):
        with pytest.raises(ConnectionError, match=f"sends on to {scheme}, which is not safe"):
            downloads.fetch(digits(mirror, fault), tmp_path)
    with pytest.raises(ConnectionError, match="sends on without end"):
        downloads.fetch(digits(mirror, "circle"), tmp_path)


def test_it_is_not_followed_from_https_to_http(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = requests.get, []

    def get(url: str, **options: object) -> requests.Response:
        asked.append(url)
        return real(url.replace("https://safe", mirror), **options)

    monkeypatch.setattr(requests, "get", get)
    monkeypatch.setitem(MOVED, "fallen", f"{mirror}/good/digits.gz")
    monkeypatch.setitem(MOVED, "other", "https://safe/good/digits.gz")
    with pytest.raises(ConnectionError, match="sends on to http, which is not safe"):
        downloads.fetch(digits("https://safe", "fallen"), tmp_path)
    assert asked == ["https://safe/fallen/digits.gz"]
    assert downloads.fetch(digits("https://safe", "other"), tmp_path).read_bytes() == GOOD
    assert downloads.fetch(digits(mirror, "other"), tmp_path).read_bytes() == GOOD  # up is fine


def test_an_unreachable_host_is_one_line(tmp_path: Path) -> None:
    file = digits("http://127.0.0.1:9", "good")  # the discard port: nobody answers
    with pytest.raises(ConnectionError, match="127.0.0.1:9 could not be reached") as raised:
        downloads.fetch(file, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_silent_host_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **options: object) -> requests.Response:
        raise requests.ReadTimeout

    monkeypatch.setattr(requests, "get", get)
    with pytest.raises(ConnectionError, match="did not answer in time"):
        downloads.fetch(digits("http://127.0.0.1", "good"), tmp_path)


def test_a_file_without_checksum_is_taken_whole_or_not_at_all(mirror: str, tmp_path: Path) -> None:
    for name, faults in (("one.zip", ("torn", "broken", "chunked")), ("two.zip", ("broken",))):
        file = DataFile(name, urls=tuple(f"{mirror}/{fault}/{name}" for fault in faults))
        if name == "one.zip":
            assert downloads.fetch(file, tmp_path).read_bytes() == GOOD
        else:
            with pytest.raises(ConnectionError, match="check the connection"):
                downloads.fetch(file, tmp_path)
    assert names(tmp_path) == ["one.zip"]
    assert all(asked == "" for _, asked in Mirror.asked)  # nothing is joined unchecked


def test_a_file_in_a_folder_of_its_own(mirror: str, tmp_path: Path) -> None:
    file = DataFile("a/b.csv", None, CHECKSUM, (f"{mirror}/good/b.csv",))
    assert downloads.fetch(file, tmp_path) == tmp_path / "a" / "b.csv"


def test_progress_is_shown_to_who_watches(
    mirror: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    downloads.fetch(digits(mirror, "good"), tmp_path)
    assert "%" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    downloads.fetch(digits(mirror, "good"), tmp_path)
    assert "digits.gz" in (shown := capsys.readouterr().err) and "256k" in shown
