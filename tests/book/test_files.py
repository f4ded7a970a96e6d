"""Writing a file: all of it is there, or what was there before."""

import os
from pathlib import Path

import pytest

from lib.book.files import write_atomically


def test_text_and_bytes_are_written_and_replaced(tmp_path: Path) -> None:
    target = tmp_path / "new" / "page.txt"
    write_atomically(target, "größer\n")
    assert target.read_bytes() == "größer\n".encode()
    write_atomically(target, b"\x00\xff")
    assert target.read_bytes() == b"\x00\xff"
    assert list(target.parent.iterdir()) == [target]


def test_a_file_is_readable_by_others_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "page.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "page.txt").stat().st_mode & 0o777 == 0o644


def test_an_interruption_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.txt"
    target.write_text("old")

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_place_of_the_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises(OSError, match="cannot write .*page.txt: .*; nothing was changed") as raised:
        write_atomically(tmp_path / "folder" / "page.txt", "x")
    assert "\n" not in str(raised.value)
