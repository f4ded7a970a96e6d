"""Unpacking archives from elsewhere: nothing in them leaves the folder, or is more than a file."""

import stat
import tarfile
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
LARGEST = 4 << 30  # bytes of all members together, unpacked
MOST = 50_000  # members
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar archive into a folder that is made for it.

    Every member is looked at before the first is written. Folders and plain files with relative
    names are taken; anything else refuses the whole archive.

    Raises:
        ValueError: the archive is damaged, or holds what does not belong into one.
    """
    folder.mkdir(parents=True)
    try:
        if archive.suffix == ".zip":
            _unpack_zip(archive, folder)
        else:
            _unpack_tar(archive, folder)
    except (*DAMAGE, OSError, RuntimeError, NotImplementedError, UnicodeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{archive.name} cannot be unpacked ({reason}); get it again") from None


def _unpack_zip(archive: Path, folder: Path) -> None:
    """Unpack a zip archive."""
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where packed on Windows
            plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            _check(archive, member.orig_filename, plain)
        _check_sizes(archive, [member.file_size for member in members])
        opened.extractall(folder)


def _unpack_tar(archive: Path, folder: Path) -> None:
    """Unpack a tar archive, compressed or not."""
    with tarfile.open(archive) as opened:
        sizes: list[int] = []
        for member in opened:
            _check(archive, member.name, member.isreg() or member.isdir())
            sizes.append(member.size)
            _check_sizes(archive, sizes)  # at once: a compressed archive may go on for ever
        opened.extractall(folder, filter="data")


def _check(archive: Path, name: str, plain: bool) -> None:
    """Raise ValueError for a member that is no plain file or folder, or lies elsewhere."""
    windows, parts = PureWindowsPath(name), PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or windows.drive or ".." in parts or "\0" in name:
        raise ValueError(
            f"{archive.name} is refused: its member {name!r} would be written outside the folder"
        )
    if not plain:
        raise ValueError(f"{archive.name} is refused: its member {name!r} is a link or a device")


def _check_sizes(archive: Path, sizes: list[int]) -> None:
    """Raise ValueError for too many members, or too large ones."""
    if len(sizes) > MOST or sum(sizes) > LARGEST:
        raise ValueError(
            f"{archive.name} is refused: it holds more than {MOST} members or {LARGEST} bytes"
        )
