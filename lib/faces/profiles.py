"""Every number that Part II can be run with, each with its source or its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GANConfig:
    """How DE-GAN is trained (section 4.1); the defaults are the paper's."""

    steps: int = 121_200  # 300 epochs of 404 batches, BU-4DFE's 60,600 pictures
    intervals: int = 300
    batch: int = 150
    learning_rate: float = 1e-4  # of D
    generator_rate: float = 1.0  # times D's, of G
    strong: float = 0.9  # D's mean accuracy from which on it is near its optimum; DR-GAN's port
    generator_steps: int = 4  # of G for one of D from there on; DR-GAN's port
    augmentation: str = "all"  # of pictures: "all" 110, or "flips"
    warm_up: int = 0  # first steps in which D learns from real pictures, G waits
    own_identity: float = 0.0  # share of the batch that keeps its identity ...
    reconstruction: float = 0.0  # ... and the weight of its mean difference from the source
    average: float = 0.999  # decay of the running mean of G's weights
    bfloat16: bool = False


@dataclass(frozen=True)
class ClassifierConfig:
    """How a classifier is trained (section 4.1); the defaults are the paper's."""

    steps: int = 32_350  # 50 epochs of 647 batches: 981 x 0.9 pictures of CK+, 110 variants each
    batch: int = 150
    learning_rate: float = 1e-4
    bfloat16: bool = False
