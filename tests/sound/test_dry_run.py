"""What Part I still has to compute: operations by hand, runs as the chapters ask for them."""

from dataclasses import asdict

from lib import dry_run
from lib.sound.crnn import published_embeddings
from lib.sound.mean_teacher import TrainingConfig

FRAMES, HIDDEN, CLASSES = 151, 128, 10


def test_a_training_costs_what_its_layers_do_in_each_step() -> None:
    run = {
        "inputs": ["audio"],
        "streams": {"audio": "vggish"},
        "width": 1.0,
        "mel_bands": 128,
        "embeddings": published_embeddings(["audio"]),
        "pooling": "linear",
        "training": asdict(TrainingConfig()),
    }
    embedding = FRAMES * 128 * 64
    first = 2 * FRAMES * 3 * HIDDEN * 64  # of the GRU, both directions: of what comes in ...
    second = 2 * FRAMES * 3 * HIDDEN * 2 * HIDDEN
    again = 2 * FRAMES * 3 * HIDDEN * HIDDEN  # ... and of what was before, in each of two layers
    head = FRAMES * 2 * HIDDEN * CLASSES
    forward = embedding + first + second + 2 * again + head
    # back: twice as much, but none for the features, nor for the state before the first frame
    backward = 2 * forward - embedding - 2 * 2 * 3 * HIDDEN * HIDDEN
    teacher = forward
    assert dry_run.mean_teacher_flop(run) == 50_000 * 48 * 2 * (forward + backward + teacher)
