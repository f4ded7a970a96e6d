"""The data ladder: finding, checking and downloading, against a server that misbehaves."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lib.book import data_root
from lib.book.data_root import DataFile, Dataset

GOOD = bytes(range(256)) * 200
WRONG = b"x" * len(GOOD)


class Mirror(BaseHTTPRequestHandler):
    """Serve good bytes at /good, and at other addresses what goes wrong with real servers."""

    asked: list[str] = []

    def do_GET(self) -> None:
        fault = self.path.split("/")[1]
        self.asked.append(fault)
        if fault == "missing":
            self.send_error(404)
            return
        if fault == "moved":
            self.send_response(302)
            self.send_header("Location", "/good/digits.gz")
            self.end_headers()
            return
        body = WRONG if fault == "wrong" else GOOD
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "broken" else body)
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def mirror() -> Iterator[str]:
    """Start the server and give its address."""
    Mirror.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty data root that holds one folder for the test's dataset."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    return tmp_path / "digits"


def register(monkeypatch: pytest.MonkeyPatch, *urls: str, how: str = "") -> None:
    """Make "digits" a dataset of one file, and the only one."""
    file = DataFile("digits.gz", len(GOOD), f"sha256:{hashlib.sha256(GOOD).hexdigest()}", urls)
    dataset = Dataset(
        "Digits", "part3", "original", "CC0", "http://example.org", "digits", (file,), how
    )
    monkeypatch.setattr(data_root, "DATASETS", {"digits": dataset})


def put(place: Path, content: bytes) -> Path:
    """Lay the dataset's file down by hand."""
    place.mkdir(exist_ok=True)
    (place / "digits.gz").write_bytes(content)
    return place / "digits.gz"


def test_root_is_data_raw_unless_book_data_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("BOOK_DATA", raising=False)
    assert data_root.root() == data_root.REPOSITORY / "data" / "raw"
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    assert data_root.root() == tmp_path


def test_a_root_that_does_not_exist_is_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere.*unset BOOK_DATA") as raised:
        data_root.locate("mnist")
    assert "\n" not in str(raised.value)


def test_the_registry_is_sound() -> None:
    for name, dataset in data_root.DATASETS.items():
        assert dataset.part in data_root.PARTS, name
        for file in dataset.files:
            algorithm, _, digest = file.checksum.partition(":")
            assert len(digest) == {"md5": 32, "sha256": 64}[algorithm], file
            assert bool(file.urls) != bool(dataset.how), file
            assert all(url.startswith("https://") and url.endswith(file.name) for url in file.urls)


def test_the_data_page_names_every_dataset_with_its_licence() -> None:
    page = (data_root.REPOSITORY / "data" / "README.md").read_text()
    for name, dataset in data_root.DATASETS.items():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        assert dataset.licence in line and f"{dataset.folder}/" in line


def test_a_file_of_the_wrong_size_is_not_present(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch)
    assert not data_root.present("digits")
    put(place, GOOD[:-1])
    assert not data_root.present("digits")
    with pytest.raises(FileNotFoundError, match="51199 bytes instead of 51200.*get digits"):
        data_root.locate("digits")
    put(place, GOOD)
    assert data_root.present("digits")
    assert data_root.locate("digits") == place


def test_a_file_whose_size_is_not_published_is_present_once_it_is_there(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch)
    (file,) = data_root.DATASETS["digits"].files
    unsized = replace(data_root.DATASETS["digits"], files=(replace(file, size=None),))
    monkeypatch.setattr(data_root, "DATASETS", {"digits": unsized})
    assert not data_root.present("digits")
    put(place, GOOD[:-1])
    assert data_root.present("digits")
    with pytest.raises(ValueError, match="digits.gz is truncated or altered"):
        data_root.verify("digits")


def test_verify_names_the_bad_file(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    with pytest.raises(FileNotFoundError, match="digits.gz is missing"):
        data_root.verify("digits")
    put(place, WRONG)
    assert data_root.present("digits")  # the size is right: only verify reads the bytes
    with pytest.raises(ValueError, match="digits.gz is truncated or altered"):
        data_root.verify("digits")
    put(place, GOOD)
    data_root.verify("digits")


@pytest.mark.parametrize("fault", ["missing", "wrong", "broken"])
def test_the_second_mirror_serves_where_the_first_fails(
    fault: str, mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch, f"{mirror}/{fault}/digits.gz", f"{mirror}/good/digits.gz")
    assert data_root.get("digits") == place
    assert Mirror.asked == [fault, "good"]
    assert (place / "digits.gz").read_bytes() == GOOD
    assert [file.name for file in place.iterdir()] == ["digits.gz"]


def test_a_moved_file_is_followed(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch, f"{mirror}/moved/digits.gz")
    assert (data_root.get("digits") / "digits.gz").read_bytes() == GOOD


def test_where_no_mirror_serves_each_reason_is_given_and_nothing_is_left(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    faults = ["missing", "wrong", "broken"]
    register(monkeypatch, *(f"{mirror}/{fault}/digits.gz" for fault in faults))
    expected = "answered 404; .*wrong checksum.*; .*broke off"
    with pytest.raises(ConnectionError, match=expected) as raised:
        data_root.get("digits")
    assert "\n" not in str(raised.value)
    assert list(place.iterdir()) == []


def test_an_unreachable_host_is_one_line(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch, "http://127.0.0.1:9/digits.gz")  # the discard port: nobody answers
    with pytest.raises(ConnectionError, match="127.0.0.1:9 could not be reached"):
        data_root.get("digits")


def test_a_failed_download_leaves_the_file_that_was_there(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch, f"{mirror}/broken/digits.gz")
    there = put(place, b"an older edition")
    with pytest.raises(ConnectionError):
        data_root.get("digits")
    assert there.read_bytes() == b"an older edition"


def test_a_bad_file_is_replaced_and_a_good_one_not_fetched_again(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch, f"{mirror}/good/digits.gz")
    put(place, WRONG)
    data_root.get("digits")
    data_root.get("digits")
    assert Mirror.asked == ["good"]
    assert (place / "digits.gz").read_bytes() == GOOD


def test_the_licence_is_shown_before_anything_is_fetched(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(monkeypatch, f"{mirror}/missing/digits.gz")
    with pytest.raises(ConnectionError):
        data_root.get("digits")
    first_line = capsys.readouterr().out.splitlines()[0]
    assert "licence CC0" in first_line


def test_a_root_that_cannot_be_written_is_one_line(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch, f"{mirror}/good/digits.gz")
    place.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="cannot write under .*set BOOK_DATA") as raised:
        data_root.get("digits")
    assert "\n" not in str(raised.value)
    assert Mirror.asked == []


def test_a_folder_without_permission_is_one_line(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch, f"{mirror}/good/digits.gz")
    place.mkdir()

    def refuse(*arguments: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)  # root may write anywhere
    with pytest.raises(OSError, match="cannot write under .*set BOOK_DATA") as raised:
        data_root.get("digits")
    assert "\n" not in str(raised.value)


def test_what_has_no_address_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch, how="ask the authors")
    with pytest.raises(FileNotFoundError, match="no direct download: ask the authors"):
        data_root.get("digits")
    put(place, WRONG)
    with pytest.raises(ValueError, match="wrong checksum"):
        data_root.get("digits")
    put(place, GOOD)
    assert data_root.get("digits") == place


def test_rungs_tell_the_best_rung_present(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    (line,) = data_root.rungs()
    assert line[1:] == ("embedded", "run `python -m lib.book.data_root get digits`")
    put(place, GOOD)
    assert data_root.rungs() == [("Part III, adversarial examples", "original", "")]


def test_rungs_pass_over_a_part_without_data(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    monkeypatch.setattr(data_root, "PARTS", {"part1": "Part I", "part3": "Part III"})
    assert [title for title, _, _ in data_root.rungs()] == ["Part III"]


def test_rungs_do_not_count_reference_weights(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    put(place, GOOD)
    weights = replace(data_root.DATASETS["digits"], rung="reference")
    data = replace(data_root.DATASETS["digits"], folder="elsewhere")
    monkeypatch.setattr(data_root, "DATASETS", {"weights": weights, "data": data})
    assert [rung for _, rung, _ in data_root.rungs()] == ["embedded"]


def test_a_rung_of_two_datasets_needs_both(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    put(place, GOOD)
    digits = data_root.DATASETS["digits"]
    both = {"digits": digits, "letters": replace(digits, folder="letters")}
    monkeypatch.setattr(data_root, "DATASETS", both)
    (line,) = data_root.rungs()
    assert line[1:] == ("embedded", "run `python -m lib.book.data_root get letters`")
    place.rename(place.with_name("letters"))
    put(place, GOOD)
    assert data_root.rungs()[0][1:] == ("original", "")


def test_command_line(
    monkeypatch: pytest.MonkeyPatch, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(monkeypatch)
    assert data_root.main(["list"]) == 0
    assert "missing" in capsys.readouterr().out
    assert data_root.main(["verify", "digits"]) == 1
    assert "not found" in capsys.readouterr().err
    put(place, GOOD)
    assert data_root.main(["verify", "digits"]) == 0
    assert data_root.main(["get", "letters"]) == 2
    assert capsys.readouterr().err == "unknown dataset 'letters'; choose one of: digits\n"


@pytest.mark.parametrize("name", data_root.DATASETS)
def test_the_real_files_have_the_registered_checksums(name: str) -> None:
    try:
        data_root.locate(name)
    except FileNotFoundError as error:
        pytest.skip(f"real data needed: {error}")
    data_root.verify(name)
