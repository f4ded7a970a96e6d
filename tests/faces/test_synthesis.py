"""Who lends and who borrows follows from rules; leaks are found where they were planted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lib.faces import augment
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, NEUTRAL, Requests
from lib.faces.de_gan import NOISE, Generator, ModelConfig
from lib.faces.protocol import Estimate
from lib.faces.runs import synthesis
from lib.faces.runs.profiles import PROFILES
from tests.faces.made_up import greys

MODEL = ModelConfig(identities=3, expressions=7, side=32, width=0.125)
SMOKE = PROFILES["smoke"]
RANDOM = torch.Generator().manual_seed(0)


def test_of_people_in_a_set_the_middle_picture_is_taken_and_contempt_left_out() -> None:
    found = greys([5, 5, 5, 5, 6], [1, 1, 1, 0, 1], ("contempt", "anger"))
    taken = synthesis.first_people(found, [5, 7])
    assert taken.images[:, 0, 0, 0].tolist() == [1]
    assert (taken.classes, taken.expressions.tolist()) == (("anger",), [0])


def test_lenders_are_in_no_set(asked: list[Requests]) -> None:
    corpus = datasets.load("ict", SMOKE.sizes)
    many = replace(SMOKE, sizes=replace(SMOKE.sizes, people=20))
    strangers = synthesis.strangers(many, corpus)
    assert strangers.people == synthesis.STRANGERS
    assert strangers.sequences.min() > corpus.judging_sequences.stop * 2
    assert len(np.unique(strangers.sequences)) == len(EXPRESSIONS)
    side = augment.source_side(SMOKE.sizes.side)
    assert synthesis.portraits(many, corpus, [3, 8]).shape == (2, side, side, 3)
    *_, portraits = asked
    assert portraits.people.tolist() == [3, 8] and (portraits.expressions == NEUTRAL).all()
    assert not portraits.intensity.any() and (asked[0].intensity == 0.9).all()


def test_light_is_read_where_it_is() -> None:
    image = -torch.ones(3, 32, 32)
    image[:, 8:24, 8:16] = 1  # the left half of the face
    image[0, :5, :5] = image[0, :5, 27:] = 1  # a red wall
    found = synthesis.looks(image)
    names = ("brightness of the face", "face: left less right half")
    assert [float(found[name]) for name in names] == [0.5, 1.0]
    assert float(found["background: red less blue"]) == 1
    assert float(found["brightness of the background"]) == pytest.approx(1 / 3)


def planted(source: float, drawn: float) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Return pictures whose grey is owed to the source and to the noise, so much each."""
    random = torch.Generator().manual_seed(0)
    light, noise = (0.2 * torch.randn(size, generator=random) for size in ((40, 1, 1), (1, 1, 30)))
    made = (source * light + drawn * noise).expand(40, 2, 30)
    before, after = (
        level[..., None, None, None].expand(*level.shape, 3, 32, 32)
        for level in (light[:, 0, 0], made)
    )
    return before, after, np.arange(40) // 4


def test_the_commonest_confusion_is_of_its_row() -> None:
    counts = [[8, 2, 0], [0, 1, 3], [50, 0, 50]]
    asked, seen, share = synthesis.commonest(counts, [[0, 0, 0], [0, 1, 1], [0, 0, 0]])
    assert (asked, seen) == (1, 2)
    assert share == pytest.approx(4 / 6)


def test_each_expression_is_lent_by_somebody_else() -> None:
    everybody = greys([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 1, 2])
    rows = synthesis.one_of_each(everybody)
    assert rows.tolist() == [0, 3, 5]  # person 0, then 1, then 2
    assert synthesis.one_of_each(greys([4, 4], [0, 3])).tolist() == [0, 1]  # there is nobody else


def test_every_code_meets_every_person_and_every_noise() -> None:
    generator = Generator(MODEL).eval().requires_grad_(False)
    for weight in generator.parameters():  # else every face would be the same grey
        weight.mul_(2 if weight.dim() > 1 else 1)
    code, z = (torch.randn(n, size, generator=RANDOM) for n, size in ((70, 350), (2, NOISE)))
    made = synthesis.synthesise(generator, code, [2, 0], z)  # more than go through at a time
    assert made.shape == (70, 2, 2, 3, 32, 32)
    with torch.no_grad():
        alone = generator.decoder(code[66:67], F.one_hot(torch.tensor([0]), 3).float(), z[:1])
    torch.testing.assert_close(made[66, 1, 0], alone[0], atol=1e-5, rtol=1e-4)


def test_light_that_comes_along_is_told_from_what_the_noise_decides() -> None:
    follows, by_z = synthesis.traced(*planted(source=1, drawn=0))["brightness of the face"]
    assert follows.value == pytest.approx(1) and follows.low == pytest.approx(1)
    assert by_z.value == pytest.approx(0, abs=1e-9) and follows.n == 10
    found = synthesis.traced(*planted(source=0, drawn=1))
    follows, by_z = found["brightness of the face"]
    assert by_z.low == pytest.approx(1) and follows.value == 0
    for still in found["background: red less blue"]:  # what never changes
        assert still[:3] == (0, 0, 0)
    values = np.random.default_rng(0).normal(size=(200, 3, 50))
    values += 2 * np.random.default_rng(1).normal(size=(200, 1, 1))
    by_z = synthesis._share_of_z(values, np.arange(200))
    assert by_z == pytest.approx(1 / 5, abs=0.05)  # variances 1 and 4


def test_differences_are_told_where_intervals_part() -> None:
    other = {"low": 0.25, "high": 0.4}
    assert synthesis.compare({"low": 0.5, "high": 0.6}, other).startswith("more often than")
    assert synthesis.compare({"low": 0.1, "high": 0.2}, other).startswith("less often than")
    assert synthesis.compare({"low": 0.3, "high": 0.6}, other).startswith("as often")
    less = synthesis.by_how_much(Estimate(-0.2, -0.25, -0.1, 9))
    assert less.startswith("20.0 points (10.0 to 25.0) less often than")
    open_ = synthesis.by_how_much(Estimate(0.2, -0.1, 0.25, 9))
    assert open_.startswith("no more or less often, as far as the interval tells (-10.0 to +25.0)")


def test_a_sheet_has_sources_left_and_targets_above() -> None:
    columns, rows = (np.full((n, 4, 4, 3), level, np.uint8) for n, level in ((3, 10), (2, 20)))
    sheet = synthesis.crossed(columns, rows, np.full((2, 3, 4, 4, 3), 30, np.uint8))
    assert sheet[:, :, 0, 0, 0].tolist() == [[255, 10, 10, 10], [20, 30, 30, 30], [20, 30, 30, 30]]
