"""What the trained networks know, computed once: probes of their features, and what judges see.

Section 1 claims that f(x) holds the expression and not the identity, and that synthesised faces
show both as they were asked. Encoders are probed on pictures they never saw: for the identity of
the people they learnt from, for the expression of people they never met.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import nn

from lib.faces import judges, probes, protocol
from lib.faces.data import datasets
from lib.faces.data.corpus import Faces, Shape, Sizes
from lib.faces.de_gan import Generator
from lib.faces.judges import Judges
from lib.faces.probes import Knowledge
from lib.faces.protocol import Estimate
from lib.faces.runs import checkpoints, sources
from lib.faces.runs.experiments import DATASETS, PART, find_by_digest
from lib.faces.runs.profiles import Profile
from lib.runs import results, sweep
from lib.runs.results import Result

EXPERIMENT = "knowledge"
PROBED = ("de_gan", "supervised")  # whose encoders are probed
JUDGING = ("expression_judge", "identity_judge")
SEED = 0  # of the identities and the noise that are drawn


def describe(profile: Profile, rung: str, networks: Mapping[str, str]) -> dict[str, Any]:
    """Return the run, as plain JSON; `networks` are the digests of each of PROBED and JUDGING."""
    sizes = asdict(profile.sizes)
    sizes["shapes"] = {"ck": sizes["shapes"]["ck"]}
    return results.plain(
        {"dataset": DATASETS[rung], "rung": rung, "sizes": sizes, "networks": dict(networks)}
    )


def find(profile: Profile, rung: str, networks: Mapping[str, str]) -> Result:
    """Return what the networks know; what has no result yet is computed."""
    wanted = [describe(profile, rung, networks)]
    code = (*sources.KNOWN, run_one, probed, _transfer, protocol.crossed)
    return sweep.only(sweep.run(PART, EXPERIMENT, wanted, run_one, sources=code))


def run_one(config: dict[str, Any]) -> dict[str, Any]:
    """Probe the encoders and let the judges look.

    Returns:
        `probes`: of each network and kind of features, what a probe reads "about" the identity or
        the expression, with interval and chance, and how many "images" each person has and how many
        "hits". `ceiling`: how often the judges are right about real pictures. `transfer` and
        `strangers`: what they see in pictures made from people DE-GAN learnt from, and from others.
        All but the counts are shares.
    """
    sizes = Sizes(**{**config["sizes"], "shapes": {"ck": Shape(**config["sizes"]["shapes"]["ck"])}})
    corpus = datasets.load(config["dataset"], sizes)
    known, others = corpus.held_out(), corpus.sets["ck"]()
    network = {
        kind: checkpoints.load(checkpoints.stored(find_by_digest(digest)))
        for kind, digest in config["networks"].items()
    }
    panel = judges.seated(network["expression_judge"], network["identity_judge"], corpus)
    generator = network["de_gan"]
    assert isinstance(generator, Generator)
    return {
        "probes": [row for kind in PROBED for row in probed(kind, network[kind], known, others)],
        "ceiling": {name: value._asdict() for name, value in judges.ceiling(panel, known).items()},
        "transfer": _transfer(generator, panel, known, strangers=False),
        "strangers": _transfer(generator, panel, others, strangers=True),
    }


def probed(kind: str, network: nn.Module, known: Faces, others: Faces) -> list[dict[str, Any]]:
    """Return what probes read from each kind of an encoder's features."""
    of_known, of_others = (probes.features(network, faces.images) for faces in (known, others))
    rows = []
    for name in of_known:
        found = {
            "identity": probes.identity(of_known[name], known),
            "expression": probes.expression(of_others[name], others),
        }
        rows += [
            {"network": kind, "features": name, "about": about, **_plain(each)}
            for about, each in found.items()
        ]
    return rows


def _plain(found: Knowledge) -> dict[str, Any]:
    """Return a probe's accuracy with its interval, chance, and the hits and images by person."""
    by_person = {"hits": found.hits.tolist(), "images": found.images.tolist()}
    return {**found.accuracy._asdict(), "chance": found.chance, **by_person}


def _transfer(
    generator: Generator, panel: Judges, sources: Faces, *, strangers: bool
) -> dict[str, Any]:
    """Return what the judges see in pictures made from some sources, with two-way intervals."""
    seen = judges.seen(generator, panel, sources, SEED, strangers=strangers)
    pairs = seen.people, seen.wanted
    hits = {"expression": seen.expression == seen.asked, "identity": seen.identity == seen.wanted}
    if not strangers:
        hits["leak"] = seen.identity == seen.people
    tables = {name: np.zeros((sources.people, panel.identities)) for name in (*hits, "pictures")}
    for name, values in {**hits, "pictures": np.ones(len(seen.people))}.items():
        np.add.at(tables[name], pairs, values)
    pictures = tables.pop("pictures")
    return {
        **{name: protocol.crossed(each, pictures)._asdict() for name, each in tables.items()},
        "confusion": judges.confusion(seen, len(panel.classes)).tolist(),
        "classes": list(panel.classes),
    }


def transfer(generator: Generator, panel: Judges, sources: Faces) -> dict[str, Any]:
    """Return what judges see in pictures made from people whom DE-GAN knows, as in `run_one`."""
    return _transfer(generator, panel, sources, strangers=False)


def row(known: Mapping[str, Any], network: str, features: str, about: str) -> dict[str, Any]:
    """Return one of the `probes` in metrics, see `run_one`; ValueError where there is none."""
    wanted = {"network": network, "features": features, "about": about}
    for row in known["probes"]:
        if wanted.items() <= row.items():
            return row
    raise ValueError(f"no probe of {network} was asked about the {about} in {features!r}")


def estimate(stored: Mapping[str, float]) -> Estimate:
    """Return an estimate from a result."""
    return Estimate(stored["value"], stored["low"], stored["high"], int(stored["n"]))


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> Estimate:
    """Return by how much one probe reads more images than another, each a `row`.

    People are drawn with replacement once for both: what is hard about a person cancels. ValueError
    tells of different images.
    """
    if (first["about"], first["images"]) != (second["about"], second["images"]):
        raise ValueError("these probes read different images; compare two of one question")
    more = np.subtract(first["hits"], second["hits"])
    return protocol.pooled(more, np.array(first["images"]))
