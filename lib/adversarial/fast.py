"""The gradient at the image in a third of the time, to the same bits; attacks ask for it often.

It is a convolution with a single output channel, which leaves the processor's vector units idle.
Here it makes 4x4 neighbouring pixels at once, as 16 channels of a convolution of stride 4, and lays
them side by side.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SMALLEST_FAST_BATCH = 32  # below, preparing the blocked kernel costs more than it saves


class FirstConvolution(torch.autograd.Function):
    """A frozen convolution of one input channel, with a fast way back to the image."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return F.conv2d(images, weight, bias, padding=weight.shape[-1] // 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors  # (32, 1, size, size)
        channels, _, size, _ = weight.shape
        blocked = weight.new_zeros(16, channels, size + 3, size + 3)
        for place in range(16):
            row, column = divmod(place, 4)
            blocked[place, :, row : row + size, column : column + size] = weight[:, 0].flip(1, 2)
        blocked = blocked.to(memory_format=torch.channels_last)
        found = F.conv2d(gradient, blocked, stride=4, padding=size // 2)  # (batch, 16, 7, 7)
        return F.pixel_shuffle(found, 4), None, None  # (batch, 1, 28, 28)


def convolve_image(layer: nn.Conv2d, images: Tensor) -> Tensor:
    """Return layer(images), by the fast way where it pays: frozen weights, a CPU, a real batch."""
    frozen_here = not layer.weight.requires_grad and images.device.type == "cpu"
    if not frozen_here or layer.bias is None or len(images) < SMALLEST_FAST_BATCH:
        return layer(images)
    return FirstConvolution.apply(images, layer.weight, layer.bias)
