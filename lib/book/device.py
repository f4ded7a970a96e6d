"""Where the heavy work is done: a GPU in full float32 precision if there is one, else the CPU."""

import torch


def best_device() -> torch.device:
    """Return the GPU, if torch can use one, else the CPU.

    On a GPU, float32 stays float32: the faster TF32 keeps ten bits of a gradient of which an attack
    takes nothing but the sign, and would change results without a trace.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda")
