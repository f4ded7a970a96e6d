"""torchvision, also where its compiled operators do not fit the installed torch.

A CPU build of torch beside PyPI's torchvision, which is compiled for CUDA, fails at import with
"operator torchvision::nms does not exist". Declaring the two operators that torchvision describes
at import is enough for its models, datasets, transforms and make_grid; `torchvision.ops` and
reading images or encoding JPEG through torchvision stay out of reach.
"""

import importlib
import sys
from types import ModuleType

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []  # an operator vanishes with the library that holds it


def load_torchvision() -> ModuleType:
    """Return torchvision, with its operators declared if (and only if) the plain import needs it.

    Raises:
        ImportError: torchvision is not installed.
        RuntimeError: its import fails for another reason.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # half-imported: the second attempt starts afresh
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in _OPERATORS:
        library.define(operator)
    _declared.append(library)
    return importlib.import_module("torchvision")
