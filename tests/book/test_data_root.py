"""The data ladder: finding, checking, fetching and making."""

import importlib
import io
import sys
import types
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib.book import data_root, datasets
from lib.book.datasets import DataFile, Dataset
from tests.book.mirrors import CHECKSUM, GOOD, HALF, WRONG, Mirror, serving

FOUR_WAYS = ("urls", "converter", "how", "ask")


@pytest.fixture
def mirror() -> Iterator[str]:
    """Start the server and give its address."""
    with serving() as address:
        yield address


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty data root that holds one folder for the test's dataset."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    return tmp_path / "digits"


def register(monkeypatch: pytest.MonkeyPatch, *urls: str, **changed: object) -> None:
    """Make "digits" a dataset of one file, and the only one."""
    dataset = Dataset(
        title="Digits",
        part="part3",
        rung="original",
        licence="CC0",
        homepage="http://example.org",
        folder="digits",
        files=(DataFile("digits.gz", len(GOOD), CHECKSUM, urls),),
    )
    monkeypatch.setattr(datasets, "DATASETS", {"digits": replace(dataset, **changed)})


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


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_each_dataset_comes_in_one_of_four_ways(name: str) -> None:
    dataset = datasets.DATASETS[name]
    assert dataset.part in datasets.PARTS
    assert dataset.rung in (*datasets.LADDER, "reference")
    assert dataset.homepage.startswith("http") and dataset.licence
    from_urls = {bool(file.urls) for file in dataset.files} or {False}
    assert len(from_urls) == 1
    ways = (from_urls.pop(), dataset.converter, dataset.how, dataset.ask)
    assert sum(map(bool, ways)) == 1, dict(zip(FOUR_WAYS, ways, strict=True))
    assert bool(dataset.sources) == bool(dataset.converter)
    assert bool(dataset.pattern) == bool(dataset.ask) != bool(dataset.files)


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_addresses_are_safe_and_checksums_whole(name: str) -> None:
    dataset = datasets.DATASETS[name]
    for file in dataset.files + dataset.sources:
        assert all(url.startswith("https://") for url in file.urls)
        assert not Path(file.name).is_absolute() and ".." not in Path(file.name).parts
        if file.checksum or file in dataset.files:
            algorithm, _, digest = file.checksum.partition(":")
            assert len(bytes.fromhex(digest)) == {"md5": 16, "sha256": 32}[algorithm], file
    assert all(source.urls for source in dataset.sources)


@pytest.mark.parametrize("name", [n for n, d in datasets.DATASETS.items() if d.converter])
def test_each_converter_can_be_called(name: str) -> None:
    converter = importlib.import_module(datasets.DATASETS[name].converter)
    assert callable(converter.prepare)


def rows_of_the_page() -> dict[str, str]:
    """Return the lines of the table of names on the data page, by name."""
    page = (data_root.REPOSITORY / "data" / "README.md").read_text()
    table = page.partition("## All names")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    rows = {line.split("`")[1]: line for line in lines}
    assert len(rows) == len(lines)
    return rows


def test_the_data_page_has_one_row_for_each_name() -> None:
    assert list(rows_of_the_page()) == list(datasets.DATASETS)


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_the_data_page_says_what_the_registry_says(name: str) -> None:
    dataset = datasets.DATASETS[name]
    fields = [field.strip() for field in rows_of_the_page()[name].split("|")[1:-1]]
    shown, what, rung, size, licence, command, source = fields
    assert (shown, licence) == (f"`{name}`", dataset.licence)
    assert rung == f"{datasets.PARTS[dataset.part].split(',')[0].split()[1]}, {dataset.rung}"
    assert f"`{dataset.folder}/`" in what
    assert command == ("on request" if dataset.ask else "by hand" if dataset.how else "`get`")
    assert dataset.homepage in what + source
    megabytes = sum(file.size or 0 for file in dataset.files) / 1e6
    if megabytes:
        assert float(size.removesuffix(" MB")) == pytest.approx(megabytes, abs=0.06, rel=0.01)
    for line in (dataset.ask, dataset.how):
        assert line in source


def test_a_file_of_the_wrong_size_is_not_present(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch)
    assert not data_root.present("digits")
    put(place, GOOD[:-1])
    assert not data_root.present("digits")
    with pytest.raises(FileNotFoundError, match="255999 bytes instead of 256000.*get digits"):
        data_root.locate("digits")
    put(place, GOOD)
    assert data_root.present("digits")
    assert data_root.locate("digits") == place


def test_a_file_whose_size_is_not_published_is_present_once_it_is_there(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch)
    (file,) = datasets.DATASETS["digits"].files
    unsized = replace(datasets.DATASETS["digits"], files=(replace(file, size=None),))
    monkeypatch.setattr(datasets, "DATASETS", {"digits": unsized})
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
    assert Mirror.asked == [("good", "")]
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

    def refuse(*arguments: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere
    with pytest.raises(OSError, match="cannot write under .*denied; set BOOK_DATA") as raised:
        data_root.get("digits")
    assert "\n" not in str(raised.value)


def test_a_broken_download_is_continued_by_the_same_command(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(monkeypatch, f"{mirror}/broken/digits.gz")
    assert data_root.main(["get", "digits"]) == 1
    assert "run the same command to go on" in capsys.readouterr().err
    register(monkeypatch, f"{mirror}/good/digits.gz")
    assert data_root.main(["get", "digits"]) == 0
    assert Mirror.asked == [("broken", ""), ("good", f"bytes={HALF}-")]
    assert [path.name for path in place.iterdir()] == ["digits.gz"]


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


@pytest.mark.parametrize("command", ["get", "verify"])
def test_what_is_given_on_request_says_whom_to_ask(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    place: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    register(monkeypatch, files=(), ask="write to the owner", pattern="*/*.jpg")
    assert data_root.main([command, "digits"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "write to the owner (http://example.org)" in line and str(place) in line
    assert data_root.main(["list"]) == 0
    assert "on request" in capsys.readouterr().out
    (place / "one").mkdir(parents=True)
    assert not data_root.present("digits")
    (place / "one" / "face.jpg").touch()
    assert data_root.present("digits") and data_root.locate("digits") == place
    assert data_root.main([command, "digits"]) == 0


def test_what_is_given_on_request_makes_no_rung(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    register(monkeypatch)
    digits = datasets.DATASETS["digits"]
    faces = replace(digits, files=(), folder="faces", ask="write to the owner", pattern="*")
    both = {"faces": faces, "digits": replace(digits, rung="open")}
    monkeypatch.setattr(datasets, "DATASETS", both)
    (line,) = data_root.rungs()
    assert line[1:] == ("embedded", "run `python -m lib.book.data_root get digits`")


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a module that joins the two halves of GOOD; give its name."""

    def prepare(source: Path, target: Path) -> None:
        halves = [next(source.rglob(name)).read_bytes() for name in ("one", "two")]
        (target / "digits.gz").write_bytes(b"".join(halves))

    module = types.ModuleType("joining")
    monkeypatch.setattr(module, "prepare", prepare, raising=False)
    monkeypatch.setitem(sys.modules, "joining", module)
    return "joining"


def zipped(**members: bytes) -> bytes:
    """Return a zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return content.getvalue()


def sources(mirror: str, *names: str) -> tuple[DataFile, ...]:
    """Return files without checksum that the server has."""
    return tuple(DataFile(name, urls=(f"{mirror}/files/{name}",)) for name in names)


def test_a_dataset_is_made_from_what_its_publisher_offers(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path, converter: str
) -> None:
    register(monkeypatch, converter=converter, sources=sources(mirror, "halves.zip", "two"))
    Mirror.files["/files/halves.zip"] = zipped(**{"top/one": GOOD[:HALF]})
    Mirror.files["/files/two"] = GOOD[HALF:]
    assert data_root.get("digits") == place
    assert (place / "digits.gz").read_bytes() == GOOD
    assert [path.name for path in place.iterdir()] == ["digits.gz"]
    assert not (place.parent / data_root.SOURCES / "digits").exists()
    data_root.get("digits")  # what is there is not made again
    assert len(Mirror.asked) == 2


def test_what_was_made_of_something_else_is_refused(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path, converter: str
) -> None:
    register(monkeypatch, converter=converter, sources=sources(mirror, "halves.zip"))
    Mirror.files["/files/halves.zip"] = zipped(one=GOOD[:HALF], two=WRONG[HALF:])
    there = put(place, b"an older edition")
    with pytest.raises(ValueError, match=r"digits.gz made from .* does not hold what it should"):
        data_root.get("digits")
    assert there.read_bytes() == b"an older edition"
    assert [path.name for path in place.iterdir()] == ["digits.gz"]
    Mirror.files["/files/halves.zip"] = zipped(one=GOOD[:HALF], two=GOOD[HALF:])
    data_root.get("digits")  # the wrong archive is not used again
    assert there.read_bytes() == GOOD


def test_sources_fetched_whole_are_not_fetched_again(
    mirror: str, monkeypatch: pytest.MonkeyPatch, place: Path, converter: str
) -> None:
    Mirror.files["/files/one"] = GOOD[:HALF]
    register(
        monkeypatch,
        converter=converter,
        sources=(*sources(mirror, "one"), DataFile("two", urls=(f"{mirror}/missing/two",))),
    )
    with pytest.raises(ConnectionError, match="two could not be fetched"):
        data_root.get("digits")
    (place.parent / data_root.SOURCES / "digits" / "two").write_bytes(GOOD[HALF:])  # by hand
    data_root.get("digits")
    assert [asked for asked, _ in Mirror.asked] == ["files", "missing"]


def test_an_archive_whose_members_climb_out_is_refused(
    mirror: str,
    monkeypatch: pytest.MonkeyPatch,
    place: Path,
    converter: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    register(monkeypatch, converter=converter, sources=sources(mirror, "halves.zip"))
    Mirror.files["/files/halves.zip"] = zipped(**{"one": GOOD, "../../../evil": b"evil"})
    assert data_root.main(["get", "digits"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "halves.zip is refused" in line and "evil" in line
    assert not list(place.parent.parent.rglob("evil")) and not place.exists()


def test_prepare_makes_a_dataset_from_a_folder(
    monkeypatch: pytest.MonkeyPatch, place: Path, converter: str, tmp_path: Path
) -> None:
    register(monkeypatch, converter=converter)
    folder = tmp_path / "official"
    assert data_root.main(["prepare", "digits", str(folder)]) == 1  # there is none
    folder.mkdir()
    (folder / "one").write_bytes(GOOD[:HALF])
    (folder / "two").write_bytes(GOOD[HALF:])
    assert data_root.main(["prepare", "digits", str(folder)]) == 0
    assert (place / "digits.gz").read_bytes() == GOOD
    register(monkeypatch)
    with pytest.raises(ValueError, match="digits is not made from other files; run .*get digits"):
        data_root.prepare("digits", folder)


def test_rungs_tell_the_best_rung_present(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    (line,) = data_root.rungs()
    assert line[1:] == ("embedded", "run `python -m lib.book.data_root get digits`")
    put(place, GOOD)
    assert data_root.rungs() == [("Part III, adversarial examples", "original", "")]


def test_rungs_pass_over_a_part_without_data(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    monkeypatch.setattr(datasets, "PARTS", {"part1": "Part I", "part3": "Part III"})
    assert [title for title, _, _ in data_root.rungs()] == ["Part III"]


def test_rungs_do_not_count_reference_weights(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    put(place, GOOD)
    weights = replace(datasets.DATASETS["digits"], rung="reference")
    data = replace(datasets.DATASETS["digits"], folder="elsewhere")
    monkeypatch.setattr(datasets, "DATASETS", {"weights": weights, "data": data})
    assert [rung for _, rung, _ in data_root.rungs()] == ["embedded"]


def test_a_rung_of_two_datasets_needs_both(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    register(monkeypatch)
    put(place, GOOD)
    digits = datasets.DATASETS["digits"]
    both = {"digits": digits, "letters": replace(digits, folder="letters")}
    monkeypatch.setattr(datasets, "DATASETS", both)
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


@pytest.mark.parametrize("name", [n for n, d in datasets.DATASETS.items() if d.files])
def test_the_real_files_have_the_registered_checksums(name: str) -> None:
    try:
        data_root.locate(name)
    except FileNotFoundError as error:
        pytest.skip(f"real data needed: {error}")
    data_root.verify(name)
