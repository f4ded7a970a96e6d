"""Each kind of interval is simulated at the sizes used: 93 of 100 hold the truth, or more.

The unit of an interval (rotations, people, images, clips, onsets) is drawn anew in each repetition,
and what belongs to one stays together.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import astuple, replace
from functools import partial

import numpy as np
import pytest
from scipy import special, stats

from lib.adversarial.profiles import PAPER_EPSILONS
from lib.adversarial.verdicts import RELIABLE, SETTINGS, TABLE2, apart, counted, crossing
from lib.book.claims import MADE, Source, bootstrap_interval, mean_interval
from lib.faces import protocol
from lib.faces.runs import synthesis, verdicts
from lib.sound import probes
from lib.sound.events import Events
from lib.sound.features import GRID_TIMES
from tests.adversarial.made_up import run
from tests.adversarial.test_verdicts import judge

REPETITIONS, COVERED = 1500, 0.93  # of so many, 0.95 and 0.90 are three standard errors away
Held = list[bool]  # whether each of some intervals holds the truth
Random = np.random.Generator
MANY = 200_000  # units, which know the truth
PEOPLE = Source("part2", "made", "open", "quick", "23_faces_synthesis", MADE, "people", scale=100)


def held(interval: tuple[float, float], truth: float) -> bool:
    """Return whether an interval holds the truth."""
    return interval[0] <= truth <= interval[1]


# --- means of few values


def rotations(random: Random) -> Held:
    """Simulate paired differences of five rotations, which share recordings to learn from.

    These make a twentieth of the variance here; of a tenth 93 of 100 are left, of three tenths 89.
    """
    learnt, found = random.normal(0, math.sqrt(0.15), 5), random.normal(0, math.sqrt(0.95), 5)
    found += [learnt[[(k + fold) % 5 for fold in range(3)]].mean() for k in range(5)]
    return [held(mean_interval(found), 0)]


def folds(random: Random) -> Held:
    """Simulate accuracies of ten folds of a dozen people with three pictures each."""
    people = random.binomial(3, random.beta(3.2, 0.8, (10, 12))) / 3
    return [held(mean_interval(people.mean(axis=1).tolist()), 0.8)]


def noise(random: Random) -> Held:
    """Simulate seven pictures of a dozen people, who differ in level and in what z does to them."""
    people = np.arange(12).repeat(7)
    level = random.normal(0, 0.5, 12).repeat(7) + random.normal(0, 0.5, 84)
    drawn = random.normal(0, 0.5, (84, 2, 4))
    drawn *= random.lognormal(0, 0.3, 12).repeat(7)[:, None, None]
    pairs = np.stack([level, level + random.normal(0, 0.5, 84)])
    looks = (
        (partial(synthesis._share_of_z, level[:, None, None] + drawn), 0.285),
        (partial(synthesis._correlation, pairs), math.sqrt(2 / 3)),
    )
    return [held(synthesis._over_people(look, people)[1:3], truth) for look, truth in looks]


# --- bootstraps over people and clips

Tallies, Statistic = np.ndarray, Callable[[np.ndarray], np.ndarray]


@functools.cache
def drawn(n: int) -> np.ndarray:
    """Return how often each of n units is drawn in each resample, (resamples, n)."""
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), 2000).astype(float)


def bootstrapped(tallies: Tallies, statistic: Statistic) -> tuple[float, float]:
    """Return what `bootstrap_interval` does of a statistic of sums, a hundred times as fast."""
    n = len(tallies)
    sums = (drawn(n) @ tallies.reshape(n, -1)).reshape(-1, *tallies.shape[1:])
    upper = special.ndtr(math.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    low, high = np.quantile(statistic(sums), (1 - upper, upper))
    return low, high


def share(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def macro_recall(sums: np.ndarray) -> np.ndarray:
    return (sums[..., 0] / sums[..., 1]).mean(axis=-1)


def macro_f1(sums: np.ndarray) -> np.ndarray:
    both, truth, found = np.moveaxis(sums, -1, 0)
    return (2 * both / (truth + found)).mean(axis=-1)


def hits(random: Random, people: int, images: int, level: float) -> np.ndarray:
    """Return (people, 2): how many images of each are recognised, and how many there are."""
    found = random.binomial(images, random.beta(4 * level, 4 - 4 * level, people))
    return np.stack([found, np.full(people, images)], axis=1)


def classes(random: Random, people: int) -> np.ndarray:
    """Return (people, 6, 2): the same by class; people show some classes, and differ."""
    level = np.linspace(0.6, 0.95, 6)
    images = random.binomial(2, 0.7, (people, 6))
    able = random.beta(9, 1, (people, 1)) / 0.9
    return np.stack([random.binomial(images, np.minimum(able * level, 1)), images], axis=-1)


def gains(random: Random, people: int) -> np.ndarray:
    """Return (people, 2): by how many of five images one method is better, and the images."""
    hard = random.normal(0, 1.5, people)
    one, other = (random.binomial(5, special.expit(hard + level)) for level in (2, 1.2))
    return np.stack([one - other, np.full(people, 5)], axis=1)


def clips(random: Random, count: int) -> np.ndarray:
    """Return counts (clips, 10, 3) of one or two classes each: found, there, given."""
    there = random.poisson(0.25, (count, 10))
    able = random.beta(2, 1, (count, 1)) * np.linspace(0.3, 1, 10)
    both = random.binomial(there, able)
    return np.stack([both, there, both + random.poisson(0.1, (count, 10))], axis=-1)


RESAMPLED: dict[str, tuple[Callable[[Random, int], Tallies], Statistic, int]] = {
    "a probe's share": (partial(hits, images=2, level=0.13), share, 102),
    "a high share": (partial(hits, images=5, level=0.92), share, 118),
    "of few people": (partial(hits, images=7, level=0.8), share, 31),
    "macro recall": (classes, macro_recall, 80),
    "difference, few people": (gains, share, 31),
    "difference of probes": (gains, share, 102),
    "macro F1": (clips, macro_f1, 288),
}


@pytest.mark.parametrize("name", RESAMPLED)
def test_a_bootstrap_holds_the_truth(name: str) -> None:
    """Shares are far enough from 1: of 0.97, and 102 people, nine intervals in ten hold it."""
    world, statistic, units = RESAMPLED[name]
    random = np.random.default_rng(0)
    truth = float(statistic(world(np.random.default_rng(1), MANY).sum(axis=0)))
    one = world(random, units)
    found = bootstrapped(one, statistic)
    expected = bootstrap_interval(one, lambda some: float(statistic(some.sum(axis=0))), random)
    assert found == pytest.approx(expected, abs=0.1 * (expected[1] - expected[0]))
    again = (bootstrapped(world(random, units), statistic) for _ in range(REPETITIONS))
    assert np.mean([held(each, truth) for each in again]) >= COVERED


# --- two ways, and ratios


def lent(random: Random, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return hits and pictures where 24 people lend to each other: lenders and borrowers differ."""
    lends, borrows = random.normal(0, 1, (2, 24))
    pictures = ~np.eye(24, dtype=bool)
    seen = random.random((24, 24)) < special.expit(level + lends[:, None] + borrows)
    return pictures * seen, pictures


def borrowed(random: Random) -> Held:
    """Simulate shares over lenders and borrowers, and over what is seen in 24 photographs."""
    half, many = (protocol.crossed(*lent(random, level)) for level in (0, 2.5))
    stored = half, protocol.share(np.arange(24), random.random(24) < 0.95)
    claim = verdicts._as_asked(PEOPLE, "", *(each._asdict() for each in stored), 0)
    (ratio,) = claim.readings
    return [
        held(half[1:3], 0.5),
        held(many[1:3], 0.868),  # that of very many
        held((ratio.low, ratio.high), 50 / 0.95),
    ]


# --- over onsets

WHOLE = np.full(96, 10.0)
ONE_EACH = Events(
    tuple("c" * 96), WHOLE, np.arange(96), np.zeros(96, int), 0.5 * WHOLE, 0.9 * WHOLE, ("c",)
)


def onsets(random: Random) -> Held:
    """Simulate 96 clips with an onset each; responses differ in height and in when they rise."""
    height, late = random.gamma(4, 0.5, 96), random.normal(0.1, 0.15, 96)
    rises = np.clip((GRID_TIMES - 5 - late[:, None]) / 0.6 + 0.5, 0, 1)
    logits = height[:, None] * rises + random.normal(0, 0.5, (96, 151))
    found = probes.steps(logits[..., None], ONE_EACH, np.arange(96))
    return [held(found["sharp interval"], 0.553)]  # that of the mean response


# --- shares of images, over strengths

SETTING = judge(images=20)  # whose runs are replaced
TRUTH = {
    kind: {e: 0.05 + 0.94 * float(special.expit(60 * (e - at))) for e in PAPER_EPSILONS}
    for kind, at in (("natural", 0.16), ("robust", 0.3))
}


def counts(random: Random, truth: dict[float, float]) -> dict[float, int]:
    """Return how many of 300 images are hit at each strength."""
    order = np.sort(random.random(300))
    return {epsilon: int(np.searchsorted(order, level)) for epsilon, level in truth.items()}


def curves(random: Random) -> Held:
    """Simulate curves over 50 strengths: lowest point, where they pass, averages, distances.

    The same 300 images are attacked at each; one that is hit stays so.
    """
    runs = {
        ("ours", kind): [run(e, 300 - n, n, images=300) for e, n in counts(random, truth).items()]
        for kind, truth in TRUTH.items()
    }
    one, both = replace(SETTING, runs=runs), list(TRUTH.values())
    passing = [one.passing(kind, TABLE2, 0.5) for kind in TRUTH]
    average = [(*one.average(kind, TABLE2), 300) for kind in TRUTH]
    first = [crossing(truth, 0.5) for truth in both]
    mean = [np.mean(list(truth.values())) for truth in both]
    reliable = one.combinations().readings[0]
    pairs = (
        (one.lowest("natural", TABLE2), min(both[0].values())),
        (passing[1], first[1]),
        (apart(*passing), first[0] - first[1]),
        (average[0], mean[0]),
        (apart(*average), mean[0] - mean[1]),
        (astuple(reliable)[2:5], sum(level >= RELIABLE for level in both[0].values())),
    )
    return [held(found[1:3], truth) for found, truth in pairs]


def images(random: Random) -> Held:
    """Simulate shares of 300 and 1,000 images, and of the few attacks that succeed."""
    known = [(n, level) for n in (300, 1000) for level in (0.06, 0.5, 0.93)]
    known += [(int(random.binomial(300, rare)), 0.8) for rare in (0.05, 0.3)]
    return [
        held(counted(int(random.binomial(n, level)), n, among)[1:3], level)
        for n, level in known
        for among in (1, 2 * len(SETTINGS))
    ]


SIMULATED = {
    **{rotations: 3000, folds: 1000, noise: 500, borrowed: 300},
    **{onsets: 400, curves: 100, images: 1000},
}


@pytest.mark.parametrize("simulate", SIMULATED, ids=lambda each: each.__name__)
def test_an_interval_holds_the_truth(
    simulate: Callable[[Random], Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer resamples, which cost time, make an interval rather shorter."""
    monkeypatch.setattr(protocol, "RESAMPLES", 300)
    monkeypatch.setattr(probes, "RESAMPLES", 600)
    monkeypatch.setattr(protocol, "bootstrap_interval", partial(bootstrap_interval, resamples=100))
    monkeypatch.setattr(probes, "centre_of_rise", lambda means: means[:, 0])  # takes longest
    random = np.random.default_rng(0)
    covered = [simulate(random) for _ in range(SIMULATED[simulate])]
    assert np.mean(covered, axis=0).min() >= COVERED
