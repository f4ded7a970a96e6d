"""Every number that Part III can be run with, each with its source or its reason."""

from dataclasses import dataclass

from lib.adversarial.training import TrainingConfig

# Fig. 2 to 4: 0.01 to 0.50. Table II: the fifteen values it prints.
PAPER_EPSILONS = tuple(round(0.01 * step, 2) for step in range(1, 51))
TABLE_EPSILONS = (
    *(0.01, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.33),
    *(0.35, 0.37, 0.40, 0.42, 0.45, 0.47, 0.50),
)


@dataclass(frozen=True)
class Profile:
    """What the chapters of Part III compute at one size."""

    dataset: str  # see `data.SIZES`
    natural: TrainingConfig
    robust: TrainingConfig
    test_images: int  # the paper: all 10,000
    epsilons: tuple[float, ...]  # of Fig. 2 to 4
    table_epsilons: tuple[float, ...]  # of Table II
    ledger_images: int  # for the other readings of what the paper leaves open
    ledger_epsilons: tuple[float, ...] = (0.05, 0.08, 0.10, 0.15, 0.20, 0.30, 0.35, 0.40)
    steps: int = 40  # K; Madry's config.json, left unchanged by the authors' script
    step_size: float = 0.01  # likewise, for every epsilon
    batch_size: int = 200  # the script's; also fixes which random numbers an image gets

    @property
    def trainings(self) -> tuple[TrainingConfig, TrainingConfig]:
        """Return how both networks are trained."""
        return self.natural, self.robust


QUICK = Profile(
    dataset="mnist",
    natural=TrainingConfig("natural", epochs=12),
    robust=TrainingConfig("robust", epochs=30, epsilon=0.3),
    test_images=1000,
    epsilons=PAPER_EPSILONS,
    table_epsilons=TABLE_EPSILONS,
    ledger_images=300,
)

SMOKE = Profile(
    dataset="mnist_small",
    natural=TrainingConfig("natural", epochs=1, batch_size=64),
    robust=TrainingConfig("robust", epochs=1, batch_size=64, epsilon=0.3, attack_steps=2),
    test_images=16,
    epsilons=(0.01, 0.1, 0.3, 0.5),
    table_epsilons=(0.1, 0.3),
    ledger_images=4,
    ledger_epsilons=(0.1, 0.3),
    steps=5,
    step_size=0.08,  # the same 0.4 in all as 40 steps of 0.01
)

# Madry's train.py and config.json at the commit the authors used: 100,000 steps of 50 images,
# here as 84 whole epochs (100,800 steps) of all 60,000 images.
_MADRY = {
    "epochs": 84,
    "batch_size": 50,
    "initial_weights": "truncated_normal",
    "learning_rate": 1e-4,
    "one_cycle": False,
    "attack_steps": 40,
    "attack_step_size": 0.01,
    "ramp_epochs": 0.0,
    "restart_epochs": 1,
    "average_from": 1.0,
}

PAPER = Profile(
    dataset="mnist",
    natural=TrainingConfig("natural", **_MADRY),  # type: ignore[arg-type]
    robust=TrainingConfig("robust", epsilon=0.3, **_MADRY),  # type: ignore[arg-type]
    test_images=10_000,
    epsilons=PAPER_EPSILONS,
    table_epsilons=TABLE_EPSILONS,
    ledger_images=1_000,
)

PROFILES = {"smoke": SMOKE, "quick": QUICK, "paper": PAPER}
