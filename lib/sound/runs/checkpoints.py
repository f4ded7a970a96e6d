"""The networks of Table 3 that the book shows: those of the first rotation, shipped or trained now.

Only networks of one rotation can be asked about the same clips: what one rotation tests on, another
was trained on. A shipped network has a JSON beside it that says how it was made.

    python -m lib.sound.runs.checkpoints ship quick

puts those of a profile into data/checkpoints.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lib.book.files import write_atomically
from lib.runs import results
from lib.runs.checkpoints import command, file_digest, place, write_record
from lib.sound import features, pretrained
from lib.sound.crnn import COMBINATIONS, CRNN
from lib.sound.data.corpus import Corpus
from lib.sound.features import Standardiser
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


def scales(common: Mapping[str, Any]) -> dict[str, Standardiser]:
    """Return by input what the features of those networks are standardised by."""
    return experiments.load_scales(paths(common)["spectral", "audio", "visual"])


def inputs(common: Mapping[str, Any], corpus: Corpus, clips: Sequence[str]) -> dict[str, Tensor]:
    """Return the features of some clips by input, as those networks read them."""
    by_input, bands = scales(common), common["mel_bands"]
    return {
        name: features.standardised(
            np.stack(list(extraction.raw_clips(corpus, clips, stream, "index", bands))),
            by_input[name],
        )
        for name, stream in common["streams"].items()
    }


def paths(common: Mapping[str, Any]) -> dict[Row, Path]:
    """Return the weights file of the network of each row: all shipped, or all trained here."""
    runs: dict[Row, dict[str, Any]] = {row: _run(common, row) for row in COMBINATIONS}
    shipped = {row: experiments.shipped_path(run) for row, run in runs.items()}
    cached = {row: experiments.weights_path(run) for row, run in runs.items()}
    if all(place(shipped[row], cached[row], run) == shipped[row] for row, run in runs.items()):
        return shipped
    experiments.trained(list(runs.values()))
    for row, run in runs.items():
        if not cached[row].is_file():  # the cache was emptied
            experiments.run_one(run)
    return cached


def digests(common: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the networks, by row, and of the pretrained ones that they read."""
    read = {name: pretrained.digest(name) for names in reads(common).values() for name in names}
    return {short(row): file_digest(path) for row, path in paths(common).items()} | read


def reads(common: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return whose outputs each of these networks reads, by its row's short name."""
    streams = {row: [common["streams"][each] for each in row] for row in COMBINATIONS}
    return {short(row): [n for n in s if n in pretrained.NETWORKS] for row, s in streams.items()}


def _run(common: Mapping[str, Any], row: Row) -> dict[str, Any]:
    return results.plain(experiments.config(common, row, SEED))


def ship(profile: str) -> list[Path]:
    """Put the network of each row of a profile into data/checkpoints, with a record beside it.

    Raises:
        FileNotFoundError: the weights of one are not in the cache; then none is shipped.
    """
    common = experiments.common(PROFILES[profile])
    found = experiments.trained([_run(common, row) for row in COMBINATIONS])
    contents = [experiments.weights_path(result.config).read_bytes() for result in found]
    paths = [experiments.shipped_path(result.config) for result in found]
    for path, content, result in zip(paths, contents, found, strict=True):
        write_atomically(path, content)
        scores = {split: result.metrics[split]["scores"] for split in ("validation", "test")}
        made = {"result": results.key(result.config), "provenance": result.provenance}
        write_record(path, {"run": result.config, **scores, **made})
    return paths


if __name__ == "__main__":
    command("lib.sound.runs.checkpoints", list(PROFILES), ship)
