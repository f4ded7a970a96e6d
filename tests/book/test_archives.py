"""Archives from elsewhere: what does not belong into one is refused before anything is written."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from lib.book import archives

FORMS = ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.xz"]
ESCAPES = [
    *("../evil", "good/../../evil", "/tmp/evil", "..\\evil", "\\evil", "C:\\evil", "C:evil"),
    *("good/..", ".."),
]
KINDS = {
    "symbolic link": (tarfile.SYMTYPE, stat.S_IFLNK),
    "link": (tarfile.LNKTYPE, None),
    "character device": (tarfile.CHRTYPE, stat.S_IFCHR),
    "block device": (tarfile.BLKTYPE, stat.S_IFBLK),
    "pipe": (tarfile.FIFOTYPE, stat.S_IFIFO),
}


def pack(path: Path, members: dict[str, bytes], odd: int | bytes | None = None) -> Path:
    """Write an archive; `odd` is the kind of its last member, where it is no plain file."""
    last = list(members)[-1]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                if isinstance(odd, int) and name == last:
                    entry.external_attr = (odd | 0o644) << 16
                packed.writestr(entry, content)
        return path
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as packed:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            if isinstance(odd, bytes) and name == last:
                entry.type, entry.linkname, entry.size = odd, "good/file", 0
            packed.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_files_come_out_as_they_went_in(tmp_path: Path, form: str) -> None:
    members = {"top/one.txt": b"one", "top/below/two.txt": b"two" * 1000, "..dots": b""}
    archives.unpack(pack(tmp_path / form, members), tmp_path / "out")
    found = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == members
    assert form.endswith(archives.ENDINGS)


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("form", ["a.zip", "a.tar.gz"])
def test_a_member_that_climbs_out_refuses_the_archive(tmp_path: Path, form: str, name: str) -> None:
    archive = pack(tmp_path / form, {"good/file": b"good", name: b"evil"})
    with pytest.raises(ValueError, match="is refused: its member .* outside the folder") as raised:
        archives.unpack(archive, tmp_path / "below" / "out")
    assert "\n" not in str(raised.value)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == [archive] and not Path("/tmp/evil").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_devices_refuse_the_archive(tmp_path: Path, kind: str) -> None:
    in_tar, in_zip = KINDS[kind]
    members = {"good/file": b"good", "odd": b"/etc/passwd"}
    packed = [pack(tmp_path / "a.tar", members, in_tar)]
    if in_zip:
        packed.append(pack(tmp_path / "a.zip", members, in_zip))
    for archive in packed:
        with pytest.raises(ValueError, match="its member 'odd' is a link or a device"):
            archives.unpack(archive, tmp_path / f"out{archive.suffix}")
        assert not list((tmp_path / f"out{archive.suffix}").iterdir())


@pytest.mark.parametrize("form", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("limit", ["LARGEST", "MOST"])
def test_absurd_sizes_refuse_the_archive(
    tmp_path: Path, form: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(tmp_path / form, {"zeros": bytes(1_000_000), "more": b"", "most": b""})
    archives.unpack(archive, tmp_path / "fits")
    monkeypatch.setattr(archives, limit, {"LARGEST": 999_999, "MOST": 2}[limit])
    with pytest.raises(ValueError, match="is refused: it holds more than"):
        archives.unpack(archive, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_zip_that_lies_about_its_sizes_writes_no_more_than_it_says(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"zeros": bytes(1_000_000)})
    lying = archive.read_bytes().replace((1_000_000).to_bytes(4, "little"), b"\x10\0\0\0")
    assert lying != archive.read_bytes()
    archive.write_bytes(lying)
    with pytest.raises(ValueError, match="a.zip cannot be unpacked"):
        archives.unpack(archive, tmp_path / "out")
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) <= 16


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("damage", ["empty", "text", "cut off"])
def test_a_damaged_archive_is_one_line(tmp_path: Path, form: str, damage: str) -> None:
    archive = pack(tmp_path / form, {"file": bytes(range(256)) * 999})
    whole = archive.read_bytes()
    archive.write_bytes(
        {"empty": b"", "text": b"<html>not found</html>", "cut off": whole[: len(whole) // 2]}[
            damage
        ]
    )
    with pytest.raises(ValueError, match=f"{form} cannot be unpacked .*get it again") as raised:
        archives.unpack(archive, tmp_path / "out")
    assert "\n" not in str(raised.value)


def test_a_zip_behind_a_password_is_one_line(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"file": b"secret"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # the flag of an encrypted member, before it
    content[content.index(b"PK\1\2") + 8] |= 1  # and in the directory
    archive.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="a.zip cannot be unpacked") as raised:
        archives.unpack(archive, tmp_path / "out")
    assert "\n" not in str(raised.value)
