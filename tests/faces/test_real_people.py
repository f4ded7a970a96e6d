"""DE-GAN on photographs: who is held out, where it begins, what D sees, and what judges say."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from lib.faces import augment, real_people
from lib.faces.classifier import Classifier
from lib.faces.data import london
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import NOISE, Generator, ModelConfig, initialise
from lib.faces.runs import real
from lib.faces.runs.profiles import PROFILES

SMOKE = PROFILES["smoke"]
BEFORE, AFTER = ModelConfig(3, 7, 32, 0.125), ModelConfig(102, 2, 48, 0.125)


@cache
def faces() -> Faces:
    """Return the photographs."""
    return london.load(32)


def generator(form: ModelConfig, seed: int = 0) -> Generator:
    """Return a generator with initial weights."""
    made = Generator(form)
    initialise(made, torch.Generator().manual_seed(seed))
    return made.eval()


def test_the_smiles_of_a_quarter_are_held_out_and_nothing_else() -> None:
    everybody, learnt = faces(), real_people.training_set(faces())
    held = real_people.held_out(everybody.people)
    assert len(np.unique(held)) == real_people.HELD_OUT == 24
    smiling = set(learnt.identities[learnt.expressions == 1].tolist())
    assert smiling == set(range(102)) - set(held.tolist())
    assert np.array_equal(learnt.identities[learnt.expressions == 0], np.arange(102))


def test_people_begin_as_the_mean_of_those_known_and_a_code_means_what_it_meant() -> None:
    known, begun = generator(BEFORE), generator(replace(BEFORE, identities=5), seed=1)
    apart = begun.decoder.start.weight[:, BEFORE.code : -NOISE].clone()
    real_people.begin_from(begun, known)
    old, new = known.decoder.start.weight, begun.decoder.start.weight
    for columns in (slice(BEFORE.code), slice(-NOISE, None)):
        assert torch.equal(new[:, columns], old[:, columns])
    people = slice(BEFORE.code, -NOISE)
    mean = old[:, people].mean(dim=1, keepdim=True)
    assert torch.equal(new[:, people], mean + apart)
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    assert torch.equal(begun.encoder(pictures), known.encoder(pictures))


def test_maps_are_stretched_as_scipy_stretches_them() -> None:
    rows = torch.rand(4 * 2 * 2, 3, generator=torch.Generator().manual_seed(0))
    found = real_people.stretched(rows, BEFORE, AFTER).unflatten(0, (4, 3, 3))
    maps = rows.unflatten(0, (4, 2, 2)).numpy()
    wanted = ndimage.zoom(maps, (1, 1.5, 1.5, 1), order=1, grid_mode=False)
    assert np.allclose(found, wanted, atol=1e-6)


def test_d_sees_pictures_moved_no_farther_than_the_variants() -> None:
    side, count = 64, 400
    picture = torch.zeros(1, 3, side, side, requires_grad=True)
    upright = torch.linspace(-1, 1, side).expand(1, 3, side, side)  # dark at the left
    real_people.moved(picture, torch.Generator()).sum().backward()
    assert (picture.grad != 0).float().mean() > 0.5  # what D says teaches the generator
    picture = torch.zeros(1, 3, side, side)
    picture[..., side // 2 - 2 : side // 2 + 2, side // 2 - 2 : side // 2 + 2] = 1
    random = torch.Generator().manual_seed(0)
    found = real_people.moved(picture.expand(count, -1, -1, -1), random)[:, 0].numpy()
    places = np.array([ndimage.center_of_mass(each) for each in found]) - (side - 1) / 2
    distance, most = np.hypot(*places.T), np.hypot(1, 1) * augment.SHIFT * side
    assert 0.8 * most < distance.max() < most + 0.5
    turned = real_people.moved(upright.expand(count, -1, -1, -1), random)
    left, right = (part.mean(dim=(1, 2, 3)) for part in turned.split(side // 2, dim=3))
    assert 0.4 < (left > right).float().mean() < 0.6  # half of them mirrored


def test_an_interrupted_fine_tuning_ends_at_the_same_bits(tmp_path: Path) -> None:
    learnt = real_people.training_set(faces())
    form = ModelConfig(102, 2, 32, 0.125)
    config = replace(SMOKE.real_people, steps=4, intervals=2, warm_up=1)
    known, path = generator(replace(BEFORE, width=0.125)), tmp_path / "state"
    whole, _ = real_people.fine_tune(known, form, config, learnt, 0)
    first = real_people.FineTuning(known, form, config, learnt, 0)
    first.rounds = 2
    first.run(path, (form, config, learnt.fingerprint(), 0, "fine-tuned"))
    again, history = real_people.fine_tune(known, form, config, learnt, 0, path)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert len(history["generator"]) == 2


class Painter(nn.Module):
    """Return the photograph of the person asked for that has the expression of the source."""

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()
        self.pictures = pictures

    def forward(self, code: Tensor, identity: Tensor, noise: Tensor) -> Tensor:
        """Return photographs (n, 3, side, side); a code is a picture's pixels."""
        every = self.pictures.flatten(0, 1).flatten(1)
        row = torch.cdist(code, every).argmin(dim=1)
        return self.pictures[identity.argmax(1), row % 2]


def test_a_perfect_generator_is_seen_as_well_as_the_photographs() -> None:
    judge = Classifier(ModelConfig(3, 7, 32, 0.125), 7)
    initialise(judge, torch.Generator().manual_seed(0))
    panel = real.Panel(judge.eval(), judge, faces())
    people = real_people.held_out(102)[:6]
    perfect = Generator(ModelConfig(102, 2, 32, 0.125))
    perfect.encoder, perfect.decoder = nn.Flatten(), Painter(panel.pictures)  # type: ignore[assignment]
    made, taken = panel.transfer(perfect, people), panel.photographs(people)
    assert set(made) == {*taken, "leak"}
    assert made["leak"]["value"] < 0.2
    for name in ("smile", "happier"):
        assert made[name]["value"] == pytest.approx(taken[name]["value"])
    # half of what is made are the very smiles among which the nearest is sought
    for name in ("identity", "pixels"):
        assert made[name]["value"] == pytest.approx((1 + taken[name]["value"]) / 2)
