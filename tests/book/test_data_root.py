"""Where data lie: what is committed is whole, what is fetched is right, what is held is found."""

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib.book import data_root
from lib.book.chapters import PARTS
from lib.book.data_root import Source
from lib.book.files import REPOSITORY

SOURCES = data_root.sources()
COMMITTED = [name for name, source in SOURCES.items() if source.committed]
FETCHED = [name for name, source in SOURCES.items() if source.file]
ON_REQUEST = [name for name, source in SOURCES.items() if source.ask]
OF_THE_BOOK = {"checkpoints", "paper", "results"}  # in data/, but made here
DIGITS, PAGE = b"a seven and a nine", b"Digits, CC0"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty data root."""
    folder = tmp_path / "data of mine"
    folder.mkdir()
    monkeypatch.setenv("BOOK_DATA", str(folder))
    return folder


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make "digits" the only source, committed with two files; give its folder."""
    folder = tmp_path / "committed" / "digits"
    (folder / "train").mkdir(parents=True)
    (folder / "README.md").write_bytes(PAGE)
    (folder / "train" / "digits.gz").write_bytes(DIGITS)
    lines = [
        f"{digest(DIGITS)}  train/digits.gz",
        f"{digest(PAGE)}  README.md",
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    only = {"digits": Source("digits", "Digits", "part3", "CC0", "https://example.org")}
    monkeypatch.setattr(data_root, "COMMITTED", folder.parent)
    monkeypatch.setattr(data_root, "sources", lambda: only)
    yield folder
    data_root._verify.cache_clear()


# ---- what is committed


@pytest.mark.parametrize("name", COMMITTED)
def test_what_is_committed_has_a_licence_and_the_digest_of_every_file(name: str) -> None:
    folder = data_root.locate(name)  # which compares every file that is listed
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    listed = [line.split("  ", 1)[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert sorted(listed) == sorted(files - {"SHA256SUMS"})
    words = "".join(
        (folder / file).read_text().lower() for file in files if file.endswith((".md", ".txt"))
    )
    named = re.split("[;,]", SOURCES[name].licence)[0].lower()
    assert any(file.startswith("LICENSE") for file in files) or named in words


def test_every_folder_of_data_from_elsewhere_is_in_the_list_of_sources() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "data"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    folders = {line.split("/")[1] for line in listed.stdout.splitlines() if line.count("/") > 1}
    assert folders - OF_THE_BOOK == set(COMMITTED)


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_says_whose_it_is_and_comes_in_one_of_three_ways(name: str) -> None:
    source = SOURCES[name]
    assert source.title and source.licence and source.origin
    assert set(source.part.split()) <= set(PARTS)
    assert [name in kind for kind in (COMMITTED, FETCHED, ON_REQUEST)].count(True) == 1
    assert bool(source.changes) == source.committed
    assert bool(source.ask) == bool(source.pattern)
    if source.file:
        assert source.url.startswith("https://") and source.megabytes > 1
        assert len(bytes.fromhex(source.sha256)) == 32


def change(file: Path) -> str:
    file.write_bytes(DIGITS.upper())
    said = f"was changed: its SHA-256 is {digest(DIGITS.upper())[:16]}..., "
    return said + f"not {digest(DIGITS)[:16]}...; run `git checkout -- {file}`"


def lose(file: Path) -> str:
    file.unlink()
    return f"is missing; run `git checkout -- {file}`"


@pytest.mark.parametrize(
    ("name", "damage"),
    [("train/digits.gz", lose), ("train/digits.gz", change), ("SHA256SUMS", lose)],
)
def test_a_file_that_is_not_as_committed_is_named_with_the_command_that_restores_it(
    digits: Path, name: str, damage: Callable[[Path], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert data_root.main(["verify"]) == 0
    assert capsys.readouterr().out == "all files of digits are as committed\n"
    data_root._verify.cache_clear()
    said = f"{digits / name} {damage(digits / name)}"
    if name == "SHA256SUMS":
        said = said.replace(f"checkout -- {digits / name}", f"checkout -- {digits}")
    with pytest.raises((FileNotFoundError, ValueError)) as raised:
        data_root.locate("digits")
    assert str(raised.value) == said
    assert data_root.main(["verify", "digits"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and said in captured.err and len(captured.err.splitlines()) == 1


# ---- what is fetched


@pytest.fixture
def network(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make "net" the only source; give the file that its address leads to."""
    offered = tmp_path / "elsewhere" / "net.pth"
    offered.parent.mkdir()
    offered.write_bytes(DIGITS)
    source = replace(SOURCES["vggish"], name="net", title="Net", file="net.pth")
    source = replace(source, url=offered.as_uri(), sha256=digest(DIGITS))
    monkeypatch.setattr(data_root, "sources", lambda: {"net": source})
    return offered


def test_a_network_is_fetched_once_after_its_licence_was_shown(
    network: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not data_root.present("net")
    with pytest.raises(FileNotFoundError, match="Net not found under .*data_root get net` .289 MB"):
        data_root.locate("net")
    assert data_root.main(["get", "net"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Net, licence Apache-2.0, 289 MB")
    assert printed[-1] == f"net is complete under {root / 'weights'}"
    assert (root / "weights" / "net.pth").read_bytes() == DIGITS
    network.unlink()  # what is there is not fetched again
    assert data_root.get("net") == data_root.locate("net") == root / "weights"


def test_what_is_not_the_network_is_refused(
    network: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network.write_bytes(b"an error page")
    with pytest.raises(ValueError, match="gave something else .*invalid hash value"):
        data_root.get("net")
    assert list((root / "weights").iterdir()) == [] and not data_root.present("net")
    (root / "weights" / "net.pth").write_bytes(DIGITS[:-1])  # a damaged copy is kept
    with pytest.raises(ValueError, match="net.pth is truncated or altered; delete it and run"):
        data_root.get("net")
    assert (root / "weights" / "net.pth").read_bytes() == DIGITS[:-1]
    (root / "weights" / "net.pth").unlink()
    network.unlink()
    capsys.readouterr()
    assert data_root.main(["get", "net"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnist", r"it comes with the book \(data/mnist\)"),
        ("ck_plus", "sign the agreement"),
        ("nonesuch", "unknown data 'nonesuch'; choose one of: mnist, "),
    ],
)
def test_what_is_not_fetched_says_why(name: str, message: str, root: Path) -> None:
    with pytest.raises(ValueError, match=message):
        data_root.get(name)


# ---- what a reader holds


def test_the_root_is_data_raw_unless_book_data_names_a_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_root.root() == root
    monkeypatch.setenv("BOOK_DATA", str(root / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"nowhere, which is no folder; make it, or unset"):
        data_root.locate("ck_plus")
    assert data_root.locate("mnist") == REPOSITORY / "data" / "mnist"  # that is not looked for
    for unset in (lambda: monkeypatch.setenv("BOOK_DATA", ""), monkeypatch.undo):
        unset()
        monkeypatch.delenv("BOOK_DATA", raising=False)
        assert data_root.root() == REPOSITORY / "data" / "raw"


def put(path: Path) -> None:
    """Lay an empty file down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


PICTURE = "cohn-kanade-images/S005/001/S005_001_00000001.png"


def test_a_set_is_there_once_a_picture_is(root: Path) -> None:
    put(root / "holidays" / "2024" / "beach.jpg")  # nobody's business
    assert not data_root.present("ck_plus")
    with pytest.raises(FileNotFoundError, match=f"not found under {root}/ck_plus.*set BOOK_DATA$"):
        data_root.locate("ck_plus")
    put(root / "ck_plus" / PICTURE)
    assert data_root.present("ck_plus")
    assert data_root.locate("ck_plus") == root / "ck_plus"
    assert list(data_root.files("ck_plus")) == [root / "ck_plus" / PICTURE]


@pytest.mark.parametrize(
    ("there", "looked_for"),
    [
        ("ck_plus/a/b/" + PICTURE, True),  # too deep
        ("ck_plus/cohn-kanade-images/S005/001/._S005.png", True),  # macOS's, without data
        ("CK+/" + PICTURE, False),
    ],
)
def test_what_is_nearly_a_set_is_told_what_is_looked_for(
    root: Path, there: str, looked_for: bool
) -> None:
    put(root / there)
    assert not data_root.present("ck_plus")
    with pytest.raises(FileNotFoundError) as raised:
        data_root.locate("ck_plus")
    said, source = str(raised.value), SOURCES["ck_plus"]
    assert f"not found under {root}/ck_plus" in said and source.ask in said and "\n" not in said
    assert (f"no file {source.pattern} under {root}/ck_plus" in said) is looked_for
