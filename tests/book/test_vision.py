"""torchvision imports, whichever build of torch it meets."""

import os
import subprocess
import sys


def test_torchvision_can_be_imported_whichever_build_it_is() -> None:
    code = (
        "from lib.book.vision import load_torchvision\n"
        "import torch\n"
        "torchvision = load_torchvision()\n"
        "from torchvision.utils import make_grid\n"
        "assert load_torchvision() is torchvision\n"
        "print(tuple(make_grid(torch.rand(4, 1, 8, 8)).shape))"
    )
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.stdout.strip() == "(3, 12, 42)", result.stderr
