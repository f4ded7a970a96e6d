"""Writing a file: all of it or what was there before, one at a time; and whose lib runs."""

import os
import time
from pathlib import Path
from threading import Thread

import pytest

from lib.book.files import REPOSITORY, locked, refuse_another_lib, write_atomically


def test_text_and_bytes_are_written_and_replaced_and_others_may_read_them(tmp_path: Path) -> None:
    target = tmp_path / "new" / "page.txt"
    before = os.umask(0o022)
    try:
        write_atomically(target, "größer\n")
    finally:
        os.umask(before)
    assert target.read_bytes() == "größer\n".encode()
    assert target.stat().st_mode & 0o777 == 0o644
    write_atomically(target, b"\x00\xff")
    assert target.read_bytes() == b"\x00\xff"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("fault", "said"),
    [(KeyboardInterrupt(), "^$"), (OSError(28, "No space left"), "cannot write .*: No space left")],
    ids=["interrupted", "full"],
)
def test_an_interruption_and_a_full_disk_leave_the_old_file_and_nothing_beside_it(
    fault: BaseException, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.txt"
    target.write_text("old")

    def fail(descriptor: int) -> None:
        raise fault

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(fault), match=said):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_place_of_the_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises(OSError, match="cannot write .*page.txt: .*; nothing was changed") as raised:
        write_atomically(tmp_path / "folder" / "page.txt", "x")
    assert "\n" not in str(raised.value)


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    done: list[str] = []

    def other() -> None:
        with locked(tmp_path / "deep" / "lock", lambda: done.append("waits")):
            done.append("has it")

    thread = Thread(target=other)
    with locked(tmp_path / "deep" / "lock", lambda: done.append("never")):
        thread.start()
        until = time.monotonic() + 30
        while not done and time.monotonic() < until:
            time.sleep(0.01)
        assert done == ["waits"]
    thread.join(30)
    assert done == ["waits", "has it"]


def test_the_library_of_another_copy_is_refused(tmp_path: Path) -> None:
    refuse_another_lib(REPOSITORY / "notebooks")
    refuse_another_lib(tmp_path)
    (tmp_path / "lib" / "book").mkdir(parents=True)
    (tmp_path / "lib" / "book" / "files.py").touch()
    (tmp_path / "notebooks").mkdir()
    with pytest.raises(ImportError) as raised:
        refuse_another_lib(tmp_path / "notebooks")
    assert f"set PYTHONPATH={tmp_path}" in str(raised.value) and "\n" not in str(raised.value)
