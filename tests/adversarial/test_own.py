"""A reader's own digit comes to the form of MNIST, or one line says why not."""

import base64
import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from lib.adversarial import checkpoints, classifiers, data, own
from lib.adversarial.data import Digits
from lib.book.show import Page

CASE = Path(__file__).with_name("own_digit.png")  # a 0, 280 x 280, black on white, RGB


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def dressed(image: np.ndarray, way: str) -> bytes:
    """Return the PNG of one of MNIST's images as readers may bring it."""
    large = Image.fromarray(image).resize((280, 280), Image.Resampling.NEAREST)
    if way == "white on black":
        return png(large)
    dark = np.array(large)[..., None] / 255.0
    ground, ink = {
        "black on white": (255, 0),
        "blue on yellow": ((240, 230, 120), (20, 30, 160)),
        "red on green": ((0, 255, 0), (255, 0, 0)),  # equally bright
    }[way]
    return png(Image.fromarray((dark * ink + (1 - dark) * np.full(3, ground)).astype(np.uint8)))


@pytest.mark.parametrize(
    "way", ["white on black", "black on white", "blue on yellow", "red on green"]
)
def test_mnists_own_digits_come_back(mnist: Digits, way: str) -> None:
    """The oracle is MNIST: its digits, dressed otherwise, are brought back to what they were."""
    few, labels = mnist.test_images[:40], torch.from_numpy(mnist.test_labels[:40])
    found = torch.cat([own.digit(dressed(each.reshape(28, 28), way)) for each in few])
    apart = (found - data.to_batch(few)).abs().mean(dim=(1, 2, 3))
    assert apart.median() < 0.03 and apart.max() < 0.12
    network = classifiers.load(checkpoints.shipped_path("natural"))
    assert (network(found).argmax(dim=1) == labels).float().mean() > 0.95
    assert int(network(own.digit(CASE)).argmax()) == 0


def test_a_speck_does_not_shrink_the_digit() -> None:
    paper = Image.new("L", (100, 100), 250)
    ImageDraw.Draw(paper).line((50, 20, 50, 80), fill=10, width=9)
    plain = own.digit(png(paper))
    ImageDraw.Draw(paper).point((5, 5), fill=0)
    torch.testing.assert_close(own.digit(png(paper)), plain, rtol=0, atol=0.05)


PAPER = Image.new("RGB", (50, 50), (250, 250, 250))
SHADOW = Image.fromarray(np.tile(np.arange(100, dtype=np.uint8) * 2, (100, 1)))


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (png(PAPER), "nothing is drawn"),
        (png(SHADOW), "hard to tell"),
        (b"a text", "no image"),
        (Path("missing.png"), "no file"),
    ],
    ids=["white paper", "shadow", "text", "missing"],
)
def test_what_shows_no_digit_is_refused(picture: Path | bytes, words: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        own.digit(picture)


class Board:
    """The drawing board, used as a reader uses it."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []
        self.kept: list[torch.Tensor] = []
        box = own.drawing_board(
            self.kept, self.draw, {"epsilon": (0.0, 0.5, 0.1)}, {"epsilon": 0.1}, "{epsilon}"
        )
        self.square, buttons, self.line, self.place = box.children
        self.clear, self.button = buttons.children

    def draw(self, epsilon: float) -> Figure:
        self.seen.append(self.kept[0])
        return Figure((1, 1))

    def stroke(self, picture: Image.Image) -> None:
        self.square.drawn = "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def drawn(x: int) -> Image.Image:
    paper = Image.new("L", (196, 196), 0)
    ImageDraw.Draw(paper).line((x, 40, x, 150), fill=255, width=15)
    return paper


def test_each_stroke_is_seen_the_settings_stay_and_a_wrong_file_is_one_line() -> None:
    board = Board()
    board.stroke(drawn(60))
    panel = board.place.children[0]
    panel.children[0].value = 0.3
    board.stroke(drawn(150))
    assert board.place.children == (panel,) and panel.children[0].value == 0.3
    assert len(board.seen) == 3 and torch.equal(board.seen[0], board.seen[2])  # both are centred
    file = {"content": memoryview(b"text"), "name": "a.txt", "size": 4, "type": ""}
    board.button.value = ({**file, "last_modified": datetime.now(UTC)},)
    assert "no image" in board.line.value and board.button.value == ()
    board.clear.click()
    assert board.square.drawn == "" and len(board.seen) == 3
    board.stroke(drawn(80))
    assert board.line.value == "" and len(board.seen) == 4


def test_where_no_one_can_draw_a_printed_digit_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mnist: Digits
) -> None:
    seen = list[torch.Tensor]()
    page = Page("x", "smoke", "mnist", "original", folder=tmp_path)
    example, start = data.to_batch(mnist.test_images[:1]), {"epsilon": 0.1}

    def draw(image: torch.Tensor, epsilon: float) -> Figure:
        seen.append(image)
        return Figure((1, 1))

    monkeypatch.setenv("BOOK_HEADLESS", "1")
    attack_drawn = own.own_digit(page, "own", draw, {}, start, example)
    assert (tmp_path / "smoke" / "own.png").is_file()
    assert (seen[0] - example).abs().mean() < 0.05
    assert isinstance(attack_drawn(epsilon=0.2), Figure)
    monkeypatch.delenv("BOOK_HEADLESS")
    with pytest.raises(ValueError, match="no digit yet"):
        own.own_digit(page, "own", draw, {}, start, example)(epsilon=0.1)
