"""Fig. 1 shows what the generator really does."""

import numpy as np
import pytest
import torch

from lib.book.show import PAGE_WIDTH, png
from lib.faces import augment
from lib.faces.de_gan import CODE, NOISE, Generator, ModelConfig, initialise
from lib.faces.figures import grids, overview

pytestmark = pytest.mark.usefixtures("no_open_figures")

SIDE = 32


@pytest.fixture
def network() -> Generator:
    """Give a small generator, not trained."""
    made = Generator(ModelConfig(5, 3, SIDE, 0.125))
    initialise(made, torch.Generator().manual_seed(0))
    return made.eval()


@pytest.fixture
def picture() -> np.ndarray:
    """Give a picture of the size that sets have."""
    side = augment.source_side(SIDE)
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_a_transfer_is_the_generators_own(network: Generator, picture: np.ndarray) -> None:
    noise = torch.linspace(-1, 1, NOISE)
    shown = overview.transfer(network, picture, 3, noise)
    image = augment.centre(torch.from_numpy(picture[None]))
    with torch.no_grad():
        made = network(image, torch.tensor([3]), noise[None])
        assert np.array_equal(shown.code, network.encoder(image)[0].numpy())
    assert np.array_equal(shown.made, augment.pixels(made)[0])
    assert np.array_equal(shown.source, augment.pixels(image)[0])
    assert [maps.shape[1] for maps in shown.maps] == [SIDE // 2**n for n in range(1, 5)]
    assert shown.identity.tolist() == [0, 0, 0, 1, 0] and len(shown.code) == CODE


def test_figure_1_has_its_pictures_and_words(network: Generator, picture: np.ndarray) -> None:
    shown = overview.transfer(network, picture, 0, torch.zeros(NOISE) + 0.5)
    figure = overview.figure1(shown, picture, "a source", "a target")
    (axes,) = figure.axes
    words = " ".join(text.get_text() for text in axes.texts)
    for word in ("a source", "a target, real", "$f(x)$: 350", "one of 5", "$z$: 50", "residue"):
        assert word in words
    images = [np.asarray(image.get_array()) for image in axes.images]
    large = grids.enlarged(shown.made, round(overview.FACE * grids.DPI))
    assert any(np.array_equal(image, large) for image in images)
    assert len(images) == 3 + 2 + 4  # pictures, f(x) and z, maps
    for image in axes.images:
        left, right, bottom, top = image.get_extent()
        assert 0 <= left < right <= PAGE_WIDTH and 0 <= bottom < top <= overview.HEIGHT
    for text in axes.texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert len(png(figure)) > 3000
