"""Where the heavy work is done, and how exactly: a GPU in full float32 precision, else the CPU.

What `./run_all.sh --deterministic` sets is all here. Libraries read environment variables once,
when they are loaded: `pinned_environment` is for processes that have not begun. Torch's own
switches are set by `best_device`, which everything that trains or attacks asks first.
"""

import os

import torch

from lib.book.told import told

ALWAYS = {
    "PYTHONHASHSEED": "0",  # the order of a set of strings
    "OMP_NUM_THREADS": "1",  # one sum in one order, outside sweeps too
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # of its two fixed workspaces the faster one
}
PINNED = {  # instructions that x86 processors have had since 2013, whatever else this one has
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # its convolutions
    "MKL_CBWR": "COMPATIBLE",  # its matrix products; "AVX2" is heeded on Intel's processors alone
    "OPENBLAS_CORETYPE": "Haswell",  # NumPy's matrix products
}


def pinned_environment() -> dict[str, str]:
    """Return what libraries read when they are loaded.

    Instructions are pinned where this processor has them; another kind keeps its own.
    """
    return ALWAYS | (PINNED if torch.cpu.get_capabilities().get("avx2") else {})


def best_device() -> torch.device:
    """Return the GPU, if torch can use one, else the CPU; set torch's switches for it.

    On a GPU, float32 stays float32: the faster TF32 keeps ten bits of a gradient of which an attack
    takes nothing but the sign, and would change results without a trace.

    Raises:
        RuntimeError: the run is to be deterministic, but the process began without what that needs.
    """
    if told().deterministic:
        _be_deterministic()
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda")


def half_precision(device: torch.device) -> bool:
    """Return whether networks train faster in bfloat16 on a device than in float32.

    Processors without instructions for it emulate it, several times slower.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def autocast(device: torch.device) -> torch.autocast:
    """Return the context in which networks are trained: bfloat16 where that is faster.

    How a training computes is no hyperparameter: it is chosen here and recorded in provenance.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=half_precision(device))


def _be_deterministic() -> None:
    """Let torch use only what gives the same bits each time; an operation without that raises."""
    lacking = [name for name, value in ALWAYS.items() if os.environ.get(name) != value]
    if lacking:
        raise RuntimeError(
            f"this process began without {', '.join(lacking)}; use ./run_all.sh --deterministic"
        )
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.nnpack.set_flags(False)  # it goes by the sizes of the processor's caches
