"""How fast Part I's mean teacher takes a step at the paper's size, beside the usual way to do so.

    python -m tools.bench.sound_speed

In half precision or not, with torch's own dropout, with channels first; that all ways compute the
same network is looked at first.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from lib.runs import device, workload
from lib.sound import features
from lib.sound.crnn import CRNN, DROPOUT, ModelConfig, SpectralEncoder, Stack
from lib.sound.events import CLASSES
from lib.sound.fast import Dropout
from lib.sound.mean_teacher import Trainer, TrainingConfig, TrainingSet
from tools.bench import timing

CLIPS = 24  # weak, and as many unlabelled
SAME = 1e-4  # by which what networks say or make may differ


def in_precision(bfloat16: bool, work: Callable[[], object]) -> None:
    """Do something as on a processor that has instructions for bfloat16, or as on one without."""
    device.half_precision = lambda _: bfloat16
    work()


class UsualEncoder(nn.Module):
    """The convolutions of Table 1 as they are usually called, channels first."""

    def __init__(self, stacks: nn.Module) -> None:
        super().__init__()
        self.stacks = stacks

    def forward(self, spectrogram: Tensor) -> Tensor:
        return self.stacks(spectrogram.unsqueeze(1)).squeeze(3).transpose(1, 2)


def usual_memory(network: CRNN) -> None:
    """Let a network's convolutions have their channels first."""
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    encoder = network.encoders["spectral"]
    assert isinstance(encoder, SpectralEncoder)
    network.encoders["spectral"] = UsualEncoder(encoder.stacks)


def usual_dropout(network: CRNN) -> None:
    """Put torch's own dropout in the place of ours."""
    for stack in [module for module in network.modules() if isinstance(module, Stack)]:
        for index, layer in enumerate(stack):
            if isinstance(layer, Dropout):
                stack[index] = nn.Dropout(DROPOUT)


def trainer(*changes: Callable[[CRNN], None]) -> Trainer:
    """Return a mean teacher of the paper's size, on noise, its networks changed."""
    generator = torch.Generator().manual_seed(0)
    noise = {"spectral": torch.randn(CLIPS, features.FRAMES, features.BANDS, generator=generator)}
    targets = (torch.rand(CLIPS, len(CLASSES), generator=generator) < 0.2).float()
    config = TrainingConfig(weak_batch=CLIPS, unlabelled_batch=CLIPS)
    made = Trainer(ModelConfig(("spectral",)), config, TrainingSet(noise, targets, noise), seed=0)
    for change in changes:
        change(made.student)
        change(made.teacher)
    return made


def mean_teacher(rounds: int) -> bool:
    """Time steps of the mean teacher; return whether all ways compute the same network."""
    trainers = {
        "this book: bfloat16": trainer(),
        "bfloat16, torch's dropout": trainer(usual_dropout),
        "float32": trainer(),
        "float32, torch's dropout": trainer(usual_dropout),
        "float32, torch's dropout, channels first": trainer(usual_dropout, usual_memory),
    }
    first = next(iter(trainers.values()))
    batch, _ = first.batch()
    agree = same_outputs([each.student for each in trainers.values()], batch)
    flop = workload.flop(partial(first.train_step, 0))
    ways = {
        name: partial(in_precision, "bfloat16" in name, partial(each.train_step, 0))
        for name, each in trainers.items()
    }
    seconds = timing.in_turns(ways, rounds)
    timing.show(f"Mean teacher, a step with {CLIPS} + {CLIPS} clips", seconds, flop)
    return agree


@torch.no_grad()
def same_outputs(networks: list[CRNN], batch: Mapping[str, Tensor]) -> bool:
    """Return whether networks say the same at evaluation."""
    few = {name: values[:2] for name, values in batch.items()}
    outputs = [network.eval()(few).frame for network in networks]
    for network in networks:
        network.train()
    return all(torch.allclose(each, outputs[0], atol=SAME) for each in outputs)


if __name__ == "__main__":
    asked = timing.rounds_asked("tools.bench.sound_speed")
    sys.exit(timing.exit_code({"networks": mean_teacher(asked)}))
