"""The pictures of the network show the network: its shapes, its tables, its boxes."""

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lib.book.show import PAGE_WIDTH
from lib.sound.crnn import COMBINATIONS, CRNN, ModelConfig, count_parameters
from lib.sound.figures import diagrams

pytestmark = pytest.mark.usefixtures("no_open_figures")
ALL = ("spectral", "audio", "visual")


def small(inputs: tuple[str, ...], bands: int = 32) -> CRNN:
    """Return a narrow network."""
    form = ModelConfig(inputs, audio_features=12, visual_features=20, width=0.125, mel_bands=bands)
    return CRNN(form)


@pytest.fixture(scope="module")
def published() -> CRNN:
    """Give the network of the paper."""
    return CRNN(ModelConfig(ALL))


def shapes(steps: list[diagrams.Step]) -> list[tuple[int, ...]]:
    return [step.shape for step in steps]


def test_the_shapes_are_the_published_ones(published: CRNN) -> None:
    ways = diagrams.trace(published)
    assert list(ways) == [*ALL, "fused"]
    stacks = [(16, 302, 64), (32, 151, 32), (64, 151, 16), (128, 151, 8), (128, 151, 4)]
    assert shapes(ways["spectral"]) == [(604, 128), *stacks, (128, 151, 2), (128, 151, 1)]
    assert shapes(ways["audio"]) == [(151, 128), (151, 16)]
    assert shapes(ways["visual"]) == [(151, 4096), (151, 4)]
    assert shapes(ways["fused"]) == [(151, 148), (151, 256), (151, 10), (10,)]


@pytest.mark.parametrize("inputs", COMBINATIONS, ids="+".join)
def test_every_row_joins_what_it_reads(inputs: tuple[str, ...]) -> None:
    ways = diagrams.trace(small(inputs))
    assert list(ways) == [*inputs, "fused"]
    spectral = [16] if "spectral" in inputs else []
    embedded = [ways[name][-1].shape[-1] for name in inputs if name != "spectral"]
    assert ways["fused"][0].shape == (151, sum(spectral + embedded))


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training: bool) -> None:
    model = small(ALL).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    diagrams.trace(model)
    assert {module.training for module in model.modules()} == {training}
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_table_1_is_the_papers(published: CRNN) -> None:
    table = diagrams.table1(published)
    assert table["stack"].tolist() == list(range(7))
    assert set(table["kernel size"]) == {"(3, 3)"} and set(table["stride"]) == {"(1, 1)"}
    assert table["output channels"].tolist() == [16, 32, 64, 128, 128, 128, 128]
    channels = [1, *table["output channels"]]
    expected = [9 * channels[i] * channels[i + 1] + 3 * channels[i + 1] for i in range(7)]
    assert table["parameters"].tolist() == expected  # weights, biases, and BN's two per channel
    assert sum(expected) == count_parameters(published.encoders["spectral"])


def test_table_2_is_the_papers(published: CRNN) -> None:
    table = diagrams.table2(published)
    assert table["kernel size = stride"].tolist() == ["(2, 2)"] * 2 + ["(1, 2)"] * 5
    assert table["frames left"].tolist() == [302] + [151] * 6
    assert table["bands left"].tolist() == [64, 32, 16, 8, 4, 2, 1]
    narrow = diagrams.table2(small(ALL))
    assert narrow["bands left"].tolist() == [16, 8, 4, 2, 1, 1, 1]
    assert narrow["kernel size = stride"].tolist()[-2:] == ["(1, 1)"] * 2


def boxes(figure: Figure) -> list[FancyBboxPatch]:
    return [p for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch)]


@pytest.mark.parametrize("inputs", [("spectral",), ("audio",), ("audio", "visual"), ALL])
def test_every_step_has_a_box_with_its_shape(inputs: tuple[str, ...]) -> None:
    model = small(inputs)
    steps = [step for way in diagrams.trace(model).values() for step in way]
    if len(inputs) == 1:
        steps = [step for step in steps if "concatenated" not in step.text]
    figure = diagrams.architecture(model)
    drawn = [" ".join(t.get_text().split()) for t in figure.axes[0].texts if t.get_text()]
    expected = [f"{step.text} {' × '.join(map(str, step.shape))}" for step in steps]
    assert sorted(drawn) == sorted(expected)
    assert len(boxes(figure)) == len(steps)
    assert figure.get_figwidth() == PAGE_WIDTH


@pytest.mark.parametrize("inputs", COMBINATIONS, ids="+".join)
def test_no_text_is_wider_than_its_box_and_no_boxes_touch(inputs: tuple[str, ...]) -> None:
    figure = diagrams.architecture(CRNN(ModelConfig(inputs)))
    figure.canvas.draw()
    extents = [box.get_window_extent() for box in boxes(figure)]
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    for extent, text in zip(extents, texts, strict=True):
        written = text.get_window_extent()
        assert written.x0 >= extent.x0 and written.x1 <= extent.x1, text.get_text()
        assert written.y0 >= extent.y0 and written.y1 <= extent.y1, text.get_text()
    for place, extent in enumerate(extents):
        assert not any(extent.overlaps(other) for other in extents[place + 1 :])
