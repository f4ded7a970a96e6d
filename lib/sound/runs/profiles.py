"""Every number that Part I can be run with, each with its source or its reason."""

from dataclasses import dataclass, replace

from lib.sound.data.corpus import Sizes
from lib.sound.mean_teacher import TrainingConfig


@dataclass(frozen=True)
class MetricsProfile:
    """What the chapter on the metrics computes at one size, from labels and scores alone."""

    clips: int  # of the 880 of the test set
    thresholds: tuple[float, ...]  # between the published operating points 0.01, 0.03, ... 0.99
    medians: tuple[int, ...]  # frames; 7 is the paper's
    windows: tuple[float, ...]  # seconds; 0.96 is the audio network's
    resamples: int  # of the bootstrap; 2,000 give the ends of an interval to a few hundredths


def _steps(step: float, count: int) -> tuple[float, ...]:
    """Return 0, step, 2 step, ... without the last digits of floating point."""
    return tuple(round(step * index, 6) for index in range(count))


_QUICK = MetricsProfile(
    clips=880,
    thresholds=_steps(0.02, 50),
    medians=(1, 7, 15, 31),
    windows=(0.0, *(round(0.02 + step, 6) for step in _steps(0.04, 75))),  # beside 0.4, not at it
    resamples=2000,
)

METRICS = {
    "smoke": MetricsProfile(
        clips=60,
        thresholds=(0.1, 0.3, 0.5, 0.7, 0.9),
        medians=(1, 7, 15),
        windows=(0.0, 0.48, 0.96, 2.0),
        resamples=100,
    ),
    "quick": _QUICK,
    "paper": _QUICK,  # the published protocol is cheap here
}


@dataclass(frozen=True)
class Profile:
    """What the chapters of Part I compute at one size."""

    dataset: str  # of `datasets.load`; "best" is the paper's own where most of its clips are there
    sizes: Sizes  # of a corpus that is made; the original has its own
    audio: str  # of `pretrained.NETWORKS`, whose output is the pretrained audio features
    visual: str
    width: float  # of convolutions and GRU; 1 is the paper's
    mel_bands: int
    training: TrainingConfig
    trainings: int  # of each row of Table 3, each on the next rotation; the paper's 20
    best: int  # of them are averaged, chosen on validation; the paper's 5
    shown_clips: int  # test clips that the chapters look at one by one


def _schedule(steps: int, epochs: int, clips: int = 12) -> TrainingConfig:
    """Return the published schedule in fewer steps: a quarter of ramp, then the same decay.

    The teacher looks back over the same share of the training as the paper's, a fiftieth.
    """
    rest = steps - steps // 4
    return TrainingConfig(
        epochs=epochs,
        steps_per_epoch=steps // epochs,
        weak_batch=clips,
        unlabelled_batch=clips,
        ramp_steps=steps // 4,
        decay=round(0.99995 ** (37_500 / rest), 6),
        teacher_decay=max(0.0, round(1 - 50 / steps, 6)),
    )


PROFILES = {
    "smoke": Profile(
        dataset="esc10",
        sizes=Sizes(weak=8, unlabelled=8, validation=6, test=8),
        audio="yamnet",
        visual="mobilenet_v2",
        width=0.125,
        mel_bands=32,
        training=_schedule(steps=4, epochs=2, clips=4),
        trainings=2,
        best=1,
        shown_clips=4,
    ),
    "quick": Profile(
        dataset="best",
        # validation and training share the timing of the 288 published validation clips, half each
        sizes=Sizes(weak=500, unlabelled=700, validation=144, test=400),
        audio="yamnet",
        visual="mobilenet_v2",
        width=0.5,
        mel_bands=64,
        training=_schedule(steps=640, epochs=8),
        trainings=1,  # a pilot on the first of the five rotations
        best=1,
        shown_clips=12,
    ),
    "paper": Profile(
        dataset="best",
        sizes=Sizes(weak=1439, unlabelled=13_017, validation=144, test=779),  # section 4.1
        audio="vggish",
        visual="vgg16",
        width=1.0,
        mel_bands=128,
        training=TrainingConfig(),
        trainings=20,
        best=5,
        shown_clips=12,
    ),
}

_SMALL = replace(
    PROFILES["quick"],
    dataset="esc10",  # what is shown was tried on these, whatever else is there
    # a slow core takes 0.65 s to hear a clip: the first idea waits for about a minute
    sizes=Sizes(weak=40, unlabelled=30, validation=0, test=40),
    # three times the learning rate, for there are few steps: chosen by what the paper's own learns
    training=replace(_schedule(steps=80, epochs=1, clips=8), learning_rate=3e-3),
    trainings=3,
)
LABORATORY = {"smoke": PROFILES["smoke"], "quick": _SMALL, "paper": _SMALL}
