"""Every number that Part I can be run with, each with its source or its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricsProfile:
    """What the chapter on the metrics computes at one size, from labels and scores alone."""

    dataset: str  # "best" rung present, or "drawn" (embedded)
    drawn_clips: int  # of the embedded rung
    thresholds: tuple[float, ...]  # between the published operating points 0.01, 0.03, ... 0.99
    medians: tuple[int, ...]  # frames; 7 is the paper's
    windows: tuple[float, ...]  # seconds; 0.96 is the audio network's
    resamples: int  # of the bootstrap; 2,000 give the ends of an interval to a few hundredths


def _steps(step: float, count: int) -> tuple[float, ...]:
    """Return 0, step, 2 step, ... without the last digits of floating point."""
    return tuple(round(step * index, 6) for index in range(count))


_QUICK = MetricsProfile(
    dataset="best",
    drawn_clips=880,  # as many as the test set has
    thresholds=_steps(0.02, 50),
    medians=(1, 7, 15, 31),
    windows=(0.0, *(round(0.02 + step, 6) for step in _steps(0.04, 75))),  # beside 0.4, not at it
    resamples=2000,
)

METRICS = {
    "smoke": MetricsProfile(
        dataset="drawn",
        drawn_clips=80,
        thresholds=(0.1, 0.3, 0.5, 0.7, 0.9),
        medians=(1, 7, 15),
        windows=(0.0, 0.48, 0.96, 2.0),
        resamples=100,
    ),
    "quick": _QUICK,
    "paper": _QUICK,  # the published protocol is cheap here
}
