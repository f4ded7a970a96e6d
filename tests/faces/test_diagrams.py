"""Fig. 2 and the table of stages: what is drawn is what the networks are."""

import pytest
import torch
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from lib.faces.de_gan import (
    CODE,
    NOISE,
    Discriminator,
    Generator,
    ModelConfig,
    Trunk,
    count_parameters,
)
from lib.faces.figures import diagrams
from lib.faces.runs.workload import PRETRAINING
from lib.runs import workload

pytestmark = pytest.mark.usefixtures("no_open_figures")
FORMS = {
    "paper": PRETRAINING,
    "tiny": ModelConfig(identities=5, expressions=3, side=32, width=0.125),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_stages_multiply_as_often_as_a_counter_of_operations_says(form: ModelConfig) -> None:
    found = diagrams.stages(form)
    ours = {name: sum(stage.macs for stage in part) for name, part in found.items()}
    generator, discriminator = Generator(form), Discriminator(form)
    images, noise = torch.zeros(2, 3, form.side, form.side), torch.zeros(2, NOISE)
    with torch.no_grad():
        encoder = workload.flop(lambda: generator.encoder(images))
        both = workload.flop(lambda: generator(images, torch.tensor([0, 1]), noise))
        judged = workload.flop(lambda: discriminator(images))
    assert [2 * 2 * each for each in ours.values()] == [encoder, both - encoder, judged]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_no_parameter_is_lost_or_counted_twice(form: ModelConfig) -> None:
    found = diagrams.stages(form)
    ours = {name: sum(stage.parameters for stage in part) for name, part in found.items()}
    generator, discriminator = Generator(form), Discriminator(form)
    assert ours["encoder"] + ours["decoder"] == count_parameters([generator])
    assert ours["discriminator"] == count_parameters([discriminator])


def test_maps_are_those_that_leave_the_stages() -> None:
    form = FORMS["tiny"]
    maps = Trunk(form, CODE).eval().maps(torch.zeros(1, 3, 32, 32))
    shapes = [stage.shape for stage in diagrams.stages(form)["encoder"]]
    assert shapes[1:] == [tuple(each.shape[1:]) for each in maps]
    assert shapes[0][1:] == (32, 32)


def test_sides_are_halved_to_six_pixels_and_doubled_back() -> None:
    found = diagrams.stages(FORMS["paper"])
    assert [stage.shape[1] for stage in found["encoder"]] == [96, 48, 24, 12, 6]
    assert [stage.shape[1] for stage in found["decoder"]] == [6, 6, 12, 24, 48, 96, 96]
    assert found["decoder"][-1].shape == (3, 96, 96)
    assert [stage.shape for stage in found["discriminator"][-2:]] == [(7,), (101,)]


def test_the_table_has_every_stage_in_both_forms() -> None:
    table = diagrams.table(FORMS)
    assert len(table) == sum(map(len, diagrams.stages(FORMS["tiny"]).values()))
    row = table[table["stage"] == "discriminator, expression head"].iloc[0]
    assert row["maps, paper"] == "7"
    assert row["maps, tiny"] == "4"
    assert row["parameters, tiny"] == f"{320 * 4 + 4:,}"


def test_fig_2_has_a_block_for_each_picture_map_and_vector() -> None:
    form = FORMS["tiny"]
    found = diagrams.stages(form)
    axes = diagrams.de_gan(form).axes[0]
    blocks = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    pictures, vectors, heads = 2, 3, 2
    assert len(blocks) == sum(map(len, found.values())) + pictures + vectors - heads
    words = {text.get_text() for text in axes.findobj(Text)}
    assert {"$f(x)$  350", "$I$  5", "$z$  50"} <= words
    assert any("3 expressions" in each for each in words)
    assert {f"{s.shape[0]}\n{s.shape[1]}²" for s in found["decoder"]} <= words


def test_blocks_are_as_much_taller_as_their_maps_are_larger() -> None:
    axes = diagrams.de_gan(FORMS["tiny"]).axes[0]
    heights = [patch.get_height() for patch in axes.patches[:6]]  # x and the encoder's stages
    assert heights[0] == heights[1] == diagrams.TALLEST
    assert heights[1:] == sorted(heights[1:], reverse=True)
