"""The networks of Table 3 that the book shows: those of the first rotation, shipped or trained now.

Only networks of one rotation can be asked about the same clips: what one rotation tests on, another
was trained on. A shipped network has a JSON beside it that says how it was made.

    python -m lib.sound.runs.checkpoints ship quick

puts those of a profile into data/checkpoints.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lib.book.files import write_atomically
from lib.runs import results
from lib.runs.weights import file_digest, shipped_run
from lib.sound import features, protocol
from lib.sound.crnn import COMBINATIONS, CRNN
from lib.sound.data.corpus import Corpus
from lib.sound.protocol import Row, short
from lib.sound.runs import experiments, extraction
from lib.sound.runs.profiles import PROFILES

SEED = 0


def networks(common: Mapping[str, Any]) -> dict[Row, CRNN]:
    """Return the network of each row of Table 3, frozen; see `experiments.common`."""
    return {
        row: experiments.load_weights(path, experiments.model_config(_run(common, row)))
        for row, path in paths(common).items()
    }


def inputs(common: Mapping[str, Any], corpus: Corpus, clips: Sequence[str]) -> dict[str, Tensor]:
    """Return the features of some clips by input, as those networks read them."""
    scales = experiments.load_scales(paths(common)["spectral", "audio", "visual"])
    bands = common["mel_bands"]
    return {
        name: features.standardised(
            np.stack(list(extraction.raw_clips(corpus, clips, stream, "index", bands))),
            scales[name],
        )
        for name, stream in common["streams"].items()
    }


def paths(common: Mapping[str, Any]) -> dict[Row, Path]:
    """Return the weights file of the network of each row; train if need be."""
    runs: dict[Row, dict[str, Any]] = {row: _run(common, row) for row in COMBINATIONS}
    shipped: dict[Row, Path] = {row: experiments.shipped_path(run) for row, run in runs.items()}
    same = all(shipped_run(path) == results.plain(runs[row]) for row, path in shipped.items())
    if same and not os.environ.get("BOOK_RETRAIN"):
        return shipped
    experiments.table3(common, 1)
    for run in runs.values():
        if not experiments.weights_path(run).is_file():  # the cache was emptied
            experiments.run_one(run)
    found: dict[Row, Path] = {row: experiments.weights_path(run) for row, run in runs.items()}
    return found


def digests(common: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of the weights of each network, by its row's short name."""
    return {short(row): file_digest(path) for row, path in paths(common).items()}


def _run(common: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """Return the run whose network stands for a row."""
    return experiments.config(common, row, SEED)


def ship(common: Mapping[str, Any]) -> None:
    """Put the network of each row into data/checkpoints, with a record beside it.

    Raises:
        FileNotFoundError: the weights of one are not in the cache; then none is shipped.
    """
    files: dict[Path, bytes] = {}
    for (result,) in protocol.by_row(experiments.table3(common, 1)).values():
        record = {
            "run": result.config,
            "result": results.key(result.config),
            "validation": result.metrics["validation"]["scores"],
            "test": result.metrics["test"]["scores"],
            "provenance": result.provenance,
        }
        target = experiments.shipped_path(result.config)
        files[target] = experiments.weights_path(result.config).read_bytes()
        text = json.dumps(record, indent=1, sort_keys=True) + "\n"
        files[target.with_suffix(".json")] = text.encode()
    for path, content in files.items():
        write_atomically(path, content)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    summary = "Ship the networks of Part I."
    parser = argparse.ArgumentParser(
        prog="python -m lib.sound.runs.checkpoints", description=summary
    )
    parser.add_argument("command", choices=["ship"])
    parser.add_argument("profile", choices=list(PROFILES))
    ship(experiments.common(PROFILES[parser.parse_args(arguments).profile]))


if __name__ == "__main__":
    main()
