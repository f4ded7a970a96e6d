"""Every number that Part II can be run with, each with its source or its reason."""

from dataclasses import dataclass, replace

from lib.faces.classifier import ClassifierConfig
from lib.faces.data.corpus import CK_PLUS, Shape, Sizes
from lib.faces.de_gan import ModelConfig
from lib.faces.gan_training import GANConfig
from lib.faces.render.made import MMI, OULU_CASIA


@dataclass(frozen=True)
class Profile:
    """What the chapters of Part II compute at one size."""

    dataset: str  # "best": the original sets where there are enough, else "ict"
    sizes: Sizes
    width: float  # of all convolutions; 1 is DR-GAN's
    gan: GANConfig
    judge: ClassifierConfig  # the judges, and the supervised encoder
    recogniser: ClassifierConfig  # the second stage
    baseline: ClassifierConfig  # the CNN that begins from nothing
    fine_tuning: GANConfig  # of DE-GAN on the training people of a fold
    fine_tuned_folds: int  # in how many of the folds; the paper's are all of them
    folds: int
    real_side: int  # of photographs of real people
    real_people: GANConfig  # fine-tuning on them


PRETRAINING = ModelConfig(identities=101, expressions=6)  # the paper's, on BU-4DFE

_QUICK = (
    GANConfig(  # where rates fell to 9000 steps, some people came out alike whatever they showed
        steps=5400,
        intervals=54,
        batch=32,
        learning_rate=2e-4,
        generator_rate=5,
        augmentation="flips",
        warm_up=1000,
        own_identity=0.3,
        reconstruction=5.0,
        average=0.995,
    )
)
_TINY = replace(_QUICK, steps=8, intervals=4, batch=8, warm_up=2, own_identity=0.25)
# 1e-4 is made for 32,350 steps. At 1e-3 some of these networks did not leave chance in this many.
_FROM_SCRATCH = ClassifierConfig(steps=1200, batch=32, learning_rate=3e-4, falling=0.5)
_SHAPES = {"ck": CK_PLUS, "mmi": MMI, "oulu": OULU_CASIA}

PROFILES = {
    "smoke": Profile(
        dataset="ict",
        sizes=Sizes(
            side=32,
            people=6,
            frames=2,
            held_out=2,
            shapes={"ck": Shape(9, {"anger": 6, "happiness": 6, "surprise": 6}, 2)},
        ),
        width=0.125,
        gan=_TINY,
        judge=ClassifierConfig(steps=6, batch=8, learning_rate=1e-3),
        recogniser=ClassifierConfig(steps=4, batch=8, learning_rate=1e-3),
        baseline=ClassifierConfig(steps=4, batch=8, learning_rate=1e-3),
        fine_tuning=replace(_TINY, warm_up=0, steps=4, intervals=1),
        fine_tuned_folds=1,
        folds=3,
        real_side=32,
        real_people=replace(_TINY, steps=4, intervals=1),
    ),
    "quick": Profile(
        dataset="best",
        sizes=Sizes(side=48, people=101, frames=12, held_out=4, shapes=_SHAPES),
        width=0.5,
        gan=_QUICK,
        judge=replace(_FROM_SCRATCH, steps=1500, batch=48),
        # 18 epochs of a fold of CK+; on a frozen encoder larger steps do no harm, and it takes them
        # for a linear layer to get somewhere
        recogniser=replace(_FROM_SCRATCH, steps=500, learning_rate=3e-3),
        baseline=_FROM_SCRATCH,
        fine_tuning=replace(_QUICK, warm_up=300, steps=1500, intervals=15, falling=0.4),
        fine_tuned_folds=3,
        folds=10,
        real_side=64,
        # fixed before any result was seen: as above, but shorter
        real_people=replace(_QUICK, warm_up=150, steps=1500, intervals=15, falling=0.3),
    ),
    "paper": Profile(
        dataset="best",
        sizes=Sizes(side=96, people=101, frames=86, held_out=12, shapes=_SHAPES),  # 60,802 faces
        width=1.0,
        gan=GANConfig(),
        judge=ClassifierConfig(),
        recogniser=ClassifierConfig(),
        baseline=ClassifierConfig(),
        fine_tuning=GANConfig(steps=194_100, intervals=300),  # 300 epochs of 647 batches
        fine_tuned_folds=10,
        folds=10,
        real_side=96,
        real_people=replace(_QUICK, warm_up=150, steps=30_000, intervals=300, falling=0.3),
    ),
}
