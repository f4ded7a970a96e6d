"""Fig. 2 and the table of stages: what is drawn is what the networks are."""

import pytest
import torch

from lib.book.show import png
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
def test_stages_multiply_as_often_as_counted_and_lose_no_parameter(
    form: ModelConfig,
) -> None:
    found = diagrams.stages(form)
    ours = {name: sum(stage.macs for stage in part) for name, part in found.items()}
    generator, discriminator = Generator(form), Discriminator(form)
    images, noise = torch.zeros(2, 3, form.side, form.side), torch.zeros(2, NOISE)
    with torch.no_grad():
        encoder = workload.flop(lambda: generator.encoder(images))
        both = workload.flop(lambda: generator(images, torch.tensor([0, 1]), noise))
        judged = workload.flop(lambda: discriminator(images))
    assert [2 * 2 * each for each in ours.values()] == [encoder, both - encoder, judged]
    ours = {name: sum(stage.parameters for stage in part) for name, part in found.items()}
    assert ours["encoder"] + ours["decoder"] == count_parameters([generator])
    assert ours["discriminator"] == count_parameters([discriminator])
    table = diagrams.table({"here": form})
    assert len(table) == sum(map(len, found.values()))
    assert len(png(diagrams.de_gan(form))) > 3000


def test_maps_are_those_that_leave_the_stages() -> None:
    form = FORMS["tiny"]
    maps = Trunk(form, CODE).eval().maps(torch.zeros(1, 3, 32, 32))
    shapes = [stage.shape for stage in diagrams.stages(form)["encoder"]]
    assert shapes[1:] == [tuple(each.shape[1:]) for each in maps]
    assert shapes[0][1:] == (32, 32)
