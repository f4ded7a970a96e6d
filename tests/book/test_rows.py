"""Rows on disk: what was written is read, those asked for and no others; a cut file is noticed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.runs import rows
from lib.runs.rows import Rows

VALUES = np.random.default_rng(0).standard_normal((11, 3, 4)).astype(np.float16)

NONE = np.array([], dtype=np.int64)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a file of eleven rows, written in three parts."""
    rows.write(tmp_path / "rows.npy", np.split(VALUES, [4, 5]))
    return tmp_path / "rows.npy"


def stored(place: Path) -> Rows:
    """Return the rows in a file that must be whole."""
    found = rows.read(place)
    assert found is not None
    return found


def test_a_file_holds_all_parts_and_numpy_reads_it(place: Path) -> None:
    found = stored(place)
    assert found.shape == (11, 3, 4) and len(found) == 11 and found.dtype == np.float16
    assert np.array_equal(found, VALUES) and np.array_equal(np.load(place), VALUES)
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize(
    "index",
    [3, -1, slice(2, 9, 3), slice(None, None, -1), [7, 1, 1], np.array([[0, 5]]), NONE],
    ids=str,
)
def test_indexing_is_numpys(place: Path, index: object) -> None:
    found, expected = stored(place)[index], VALUES[index]  # type: ignore[index]
    assert found.shape == expected.shape and found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    for outside in (11, [0, 11], -12):
        with pytest.raises(IndexError):
            stored(place)[outside]


def test_a_tensor_of_numbers_gives_the_same_rows_from_memory_and_disk(place: Path) -> None:
    wanted = torch.tensor([10, 0, 0, 6])
    for values in (VALUES, torch.from_numpy(VALUES), stored(place)):
        found = rows.take(values, wanted)
        assert torch.equal(found, torch.from_numpy(VALUES[[10, 0, 0, 6]]))


def test_a_choice_of_rows_is_rows(place: Path) -> None:
    some = stored(place).only(np.array([8, 2, 5])).only(slice(1, None))
    assert some.shape == (2, 3, 4) and np.array_equal(some, VALUES[[2, 5]])
    assert [row.tolist() for row in some] == VALUES[[2, 5]].tolist()


def test_only_what_is_asked_for_is_read(place: Path) -> None:
    found, content = stored(place), bytearray(place.read_bytes())
    begin = len(content) - VALUES.nbytes
    content[begin : begin + VALUES[0].nbytes * 10] = b"\xff" * (VALUES[0].nbytes * 10)
    place.write_bytes(content)
    assert np.array_equal(found[10], VALUES[10])


@pytest.mark.parametrize("left", [0, 40, 150, -1])
def test_a_file_that_is_missing_or_cut_short_holds_nothing(place: Path, left: int) -> None:
    place.write_bytes(place.read_bytes()[:left])
    assert rows.read(place) is None
    assert rows.read(place.with_name("missing.npy")) is None


def test_a_file_cut_while_it_is_in_use_is_told(place: Path) -> None:
    found = stored(place)
    place.write_bytes(place.read_bytes()[:150])
    with pytest.raises(OSError, match="rows.npy is shorter than it was; run again, it is made"):
        found[10]


@pytest.mark.parametrize("last", [np.zeros((1, 3, 5), np.float16), np.zeros((1, 3, 4)), None])
def test_an_interruption_or_a_part_that_does_not_fit_leaves_what_was_there(
    place: Path, last: np.ndarray | None
) -> None:
    def parts() -> Iterator[np.ndarray]:
        yield VALUES
        if last is None:
            raise KeyboardInterrupt
        yield last

    before = place.read_bytes()
    with pytest.raises(KeyboardInterrupt if last is None else ValueError):
        rows.write(place, parts())
    assert place.read_bytes() == before and list(place.parent.iterdir()) == [place]
