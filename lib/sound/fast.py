"""Dropout in a fraction of the time, for `nn.Dropout` would take a quarter of a training step.

On a CPU, drawing random bits is what takes long: they are drawn 64 at a time and cut into 16.
"""

import math

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout whose mask comes from a generator of its own, so that a training can be resumed."""

    def __init__(self, generator: torch.Generator, share: float) -> None:
        super().__init__()
        self.generator, self.share = generator, share
        self.limit = round((1 - share) * 2**16) - 2**15  # of a signed 16-bit number

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, in training a share of them 0 and the others scaled up."""
        if not self.training:
            return values
        count = values.numel()
        whole = torch.empty(math.ceil(count / 4), dtype=torch.int64, device=values.device)
        whole.random_(-(2**63), 2**63 - 1, generator=self.generator)
        kept = whole.view(torch.int16)[:count] < self.limit
        mask = torch.empty_like(values)  # in the memory order of the values
        mask.as_strided((count,), (1,)).copy_(kept).mul_(1 / (1 - self.share))
        return values * mask
