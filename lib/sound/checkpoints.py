"""The best network of each row of Table 3: shipped, or trained now.

A shipped network has a JSON beside it that says how it was made. `best` takes it where it belongs
to the profile and the clips at hand; else the runs of Table 3 are trained here, and the best of
them kept in data/cache.

    python -m lib.sound.checkpoints ship quick

puts the best networks of the best rung present into data/checkpoints; with `--drawn` those of the
embedded rung.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from lib.book import results
from lib.book.files import write_atomically
from lib.book.results import Result
from lib.book.weights import file_digest, shipped_run
from lib.sound import data, experiments, preparation, protocol
from lib.sound.data import Corpus
from lib.sound.evaluation import METRICS
from lib.sound.models import COMBINATIONS, CRNN, ModelConfig
from lib.sound.profiles import PROFILES, Profile
from lib.sound.protocol import Row, short


def best(profile: Profile, corpus: Corpus) -> dict[Row, CRNN]:
    """Return the best network of each row of Table 3, frozen."""
    found = paths(profile, corpus)
    return {row: experiments.load_weights(*found[row]) for row in COMBINATIONS}


def inputs(profile: Profile, corpus: Corpus, clips: Sequence[str]) -> dict[str, Tensor]:
    """Return the features of some clips by input, as the networks of `best` read them."""
    common = experiments.describe(profile, corpus)
    everything, _ = paths(profile, corpus)["spectral", "audio", "visual"]
    scales = experiments.load_scales(everything)
    return {
        name: preparation.standardised(
            np.stack(
                list(preparation.raw_clips(corpus, clips, stream, "index", profile.mel_bands))
            ),
            scales[name],
        )
        for name, stream in common["streams"].items()
    }


def paths(profile: Profile, corpus: Corpus) -> dict[Row, tuple[Path, ModelConfig]]:
    """Return the weights file and the form of the best network of each row; train if need be."""
    common = experiments.describe(profile, corpus)
    shipped: dict[Row, tuple[Path, ModelConfig]] = {
        row: (experiments.shipped_path(corpus.rung, row), experiments.model_config(run))
        for row in COMBINATIONS
        if (run := shipped_run(experiments.shipped_path(corpus.rung, row)))
        and results.plain(experiments.config(common, row, run["seed"])) == run
    }
    if len(shipped) == len(COMBINATIONS) and not os.environ.get("BOOK_RETRAIN"):
        return shipped
    runs = protocol.by_row(experiments.table3(common, profile.trainings))
    chosen = {row: best_run(found).config for row, found in runs.items()}
    for run in chosen.values():
        if not experiments.weights_path(run).is_file():  # the cache was emptied
            experiments.run_one(run)
    return {
        row: (experiments.weights_path(run), experiments.model_config(run))
        for row, run in chosen.items()
    }


def digests(profile: Profile, corpus: Corpus) -> dict[str, str]:
    """Return the digest of the weights of each network of `best`, by its row's short name."""
    return {short(row): file_digest(path) for row, (path, _) in paths(profile, corpus).items()}


def best_run(runs: Sequence[Result]) -> Result:
    """Return the run with the best mean of the three validation scores."""
    means = [
        np.mean([result.metrics["validation"]["scores"][name] for name in METRICS])
        for result in runs
    ]
    return runs[int(np.argmax(means))]


def ship(profile: Profile) -> None:
    """Put the best network of each row into data/checkpoints, with a record beside it.

    Raises:
        FileNotFoundError: the weights of one are not in the cache; then none is shipped.
    """
    files: dict[Path, bytes] = {}
    corpus = data.load(profile.dataset, profile.sizes)
    common = experiments.describe(profile, corpus)
    for row, runs in protocol.by_row(experiments.table3(common, profile.trainings)).items():
        result = best_run(runs)
        record = {
            "run": result.config,
            "result": results.key(result.config),
            "validation": result.metrics["validation"]["scores"],
            "test": result.metrics["test"]["scores"],
            "provenance": result.provenance,
        }
        target = experiments.shipped_path(corpus.rung, row)
        files[target] = experiments.weights_path(result.config).read_bytes()
        text = json.dumps(record, indent=1, sort_keys=True) + "\n"
        files[target.with_suffix(".json")] = text.encode()
    for path, content in files.items():
        write_atomically(path, content)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    summary = "Ship the best networks of Part I."
    parser = argparse.ArgumentParser(prog="python -m lib.sound.checkpoints", description=summary)
    parser.add_argument("command", choices=["ship"])
    parser.add_argument("profile", choices=list(PROFILES))
    parser.add_argument("--drawn", action="store_true", help="those of the embedded rung")
    options = parser.parse_args(arguments)
    profile = PROFILES[options.profile]
    ship(profile.drawn if options.drawn and profile.drawn else profile)


if __name__ == "__main__":
    main()
