"""Where weights come from: trained once, shipped with a record, and measured again here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import fisher_exact

from lib.adversarial import attacks, checkpoints, classifiers, data, training
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import Digits
from lib.adversarial.profiles import PROFILES
from lib.adversarial.training import TrainingConfig
from lib.book.files import REPOSITORY
from lib.runs import results
from tests.together import GATE, together

TINY = TrainingConfig("natural", epochs=1, batch_size=16)
SHIPPED = REPOSITORY / "data" / "checkpoints"
FILES = sorted(SHIPPED.glob("part3_*.safetensors"))
Few = Callable[[int, int], Digits]


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record which networks are really trained."""
    done: list[str] = []
    train = training.train

    def counted(config: TrainingConfig, *arguments: Any, **keywords: Any) -> Any:
        done.append(config.name)
        return train(config, *arguments, **keywords)

    monkeypatch.setattr(training, "train", counted)
    return done


def ship_by_hand(config: TrainingConfig, digits: Digits, folder: Path) -> Path:
    """Put random weights and a matching record where shipped networks lie."""
    path = folder / f"part3_original_{config.name}.safetensors"
    checkpoints.save_weights(classifiers.build("madry", torch.Generator().manual_seed(9)), path)
    run = checkpoints.training_run(config, digits)
    path.with_suffix(".json").write_text(json.dumps({"run": run}))
    return path


def test_a_network_is_trained_once_and_then_loaded(
    private_folders: Path, trainings: list[str], few: Few
) -> None:
    digits = few(32, 8)
    first = checkpoints.own_weights(TINY, digits)
    before = first.read_bytes()
    assert checkpoints.own_weights(TINY, digits) == first
    assert trainings == ["natural"]
    assert first.read_bytes() == before
    assert first.parent == private_folders / "cache"
    assert [file.name for file in first.parent.iterdir()] == [first.name]  # no progress is left
    assert Network("ours", "natural", first).load()(torch.zeros(1, 1, 28, 28)).shape == (1, 10)


TRAIN = f"""
import sys
from pathlib import Path
import torch
from lib.adversarial import checkpoints, data
from lib.adversarial.data import Digits
from lib.adversarial.training import TrainingConfig
torch.set_num_threads(1)
checkpoints.SHIPPED = checkpoints.CACHE = Path(sys.argv[1])
found = data.load("mnist_small")
digits = Digits("few", found.train_images[:32], found.train_labels[:32],
                found.test_images[:8], found.test_labels[:8])
{GATE}
config = TrainingConfig("natural", epochs=4, batch_size=16)
print(checkpoints.own_weights(config, digits).name)
"""


def test_two_processes_that_train_the_same_network_do_not_disturb_each_other(
    private_folders: Path, few: Few, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainingConfig(**{**vars(TINY), "epochs": 4})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = checkpoints.own_weights(config, few(32, 8))
    torch.set_num_threads(threads)
    folder = private_folders / "shared"
    assert together(TRAIN, [[str(folder)]] * 2) == [f"{alone.name}\n"] * 2
    assert [path.name for path in folder.iterdir()] == [alone.name]  # no state is left
    assert (folder / alone.name).read_bytes() == alone.read_bytes()


def test_another_configuration_or_other_data_is_another_network(
    private_folders: Path, trainings: list[str], few: Few
) -> None:
    paths = {
        checkpoints.own_weights(TINY, few(32, 8)),
        checkpoints.own_weights(TINY, few(48, 8)),
        checkpoints.own_weights(TrainingConfig(**{**vars(TINY), "seed": 1}), few(32, 8)),
    }
    assert len(paths) == len(trainings) == 3


def test_a_shipped_network_is_taken_if_its_record_fits(
    private_folders: Path, trainings: list[str], few: Few
) -> None:
    shipped = ship_by_hand(TINY, few(32, 8), private_folders / "shipped")
    assert checkpoints.own_weights(TINY, few(32, 8)) == shipped
    assert trainings == []
    assert checkpoints.own_weights(TINY, few(48, 8)) != shipped
    assert trainings == ["natural"]


def test_book_retrain_passes_over_what_is_shipped(
    private_folders: Path, trainings: list[str], few: Few, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = ship_by_hand(TINY, few(32, 8), private_folders / "shipped")
    before = shipped.read_bytes()
    monkeypatch.setenv("BOOK_RETRAIN", "1")
    found = checkpoints.own_weights(TINY, few(32, 8))
    assert found != shipped and trainings == ["natural"]
    assert shipped.read_bytes() == before


def test_a_record_without_its_weights_ships_nothing(
    private_folders: Path, trainings: list[str], few: Few
) -> None:
    shipped = ship_by_hand(TINY, few(32, 8), private_folders / "shipped")
    shipped.unlink()
    assert checkpoints.own_weights(TINY, few(32, 8)).is_file()
    assert trainings == ["natural"]


def test_stored_weights_are_half_precision_and_close(private_folders: Path) -> None:
    model = classifiers.build("madry", torch.Generator().manual_seed(0))
    path = private_folders / "new" / "x.safetensors"
    checkpoints.save_weights(model, path)
    assert [file.name for file in path.parent.iterdir()] == ["x.safetensors"]
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}
    for name, value in classifiers.load(path).state_dict().items():
        exact = model.state_dict()[name]
        assert bool(((value - exact).abs() <= exact.abs() / 2000 + 1e-7).all()), name


def test_a_network_is_found_by_its_digest(private_folders: Path, few: Few) -> None:
    shipped = ship_by_hand(TINY, few(32, 8), private_folders / "shipped")
    trained = checkpoints.own_weights(TINY, few(48, 8))
    for path in (shipped, trained):
        assert checkpoints.find_by_digest(Network("ours", "natural", path).digest) == path
    with pytest.raises(FileNotFoundError, match="no weights with digest 0123"):
        checkpoints.find_by_digest("0123")


def test_the_reference_pair_stands_beside_ours(few: Few, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "own_weights", lambda config, digits: Path(config.name))
    networks = checkpoints.networks(PROFILES["quick"], few(32, 8))
    assert [(network.pair, network.kind, network.architecture) for network in networks] == [
        (pair, kind, architecture)
        for pair, architecture in (("ours", "madry"), ("reference", "reference"))
        for kind in ("natural", "robust")
    ]


# --- what is shipped


def test_every_shipped_network_has_a_record_and_every_record_a_network() -> None:
    assert FILES, "the book ships its networks"
    assert {path.stem for path in FILES} == {path.stem for path in SHIPPED.glob("part3_*.json")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_record_says_how_its_network_was_made(path: Path) -> None:
    record = json.loads(path.with_suffix(".json").read_text())
    assert set(record) == {"run", "command", "licence", "metrics", "provenance"}
    assert set(record["run"]) == {"training", "dataset", "fingerprint"}
    metrics = {"clean_accuracy", "clean_images", "pgd40_accuracy_at_0.3", "attacked_images"}
    assert set(record["metrics"]) == metrics
    assert set(record["provenance"]) == set(results.provenance(0.0))
    kind = path.stem.split("_")[-1]
    assert record["command"] == f"python -m lib.adversarial.checkpoints ship {kind}"
    TrainingConfig(**record["run"]["training"])  # still a configuration of this book


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_weights_are_half_precision_and_fit(path: Path) -> None:
    stored = load_file(path)
    assert {value.dtype for value in stored.values()} == {torch.float16}
    assert all(bool(torch.isfinite(value).all()) for value in stored.values())
    assert path.stat().st_size < 7e6
    classifiers.load(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_profile_quick_uses_the_shipped_network(
    path: Path, mnist: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("what is shipped does not fit profile quick: it would be trained")

    monkeypatch.setattr(training, "train", refuse)
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    found = {c.name: c for c in PROFILES["quick"].trainings}
    assert checkpoints.own_weights(found[path.stem.split("_")[-1]], mnist) == path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recorded_accuracies_are_measured_again(path: Path, mnist: Digits) -> None:
    recorded = json.loads(path.with_suffix(".json").read_text())["metrics"]
    network = classifiers.load(path)
    images, labels = data.to_batch(mnist.test_images), torch.from_numpy(mnist.test_labels)
    clean = training.accuracy(network, images, labels)
    assert recorded["clean_images"] == len(images)
    off = abs(clean - recorded["clean_accuracy"]) * len(images)
    assert off <= 2.5  # two images: another machine rounds
    few, truth = images[:100], labels[:100]
    attacked = attacks.pgd(network, few, truth, 0.3, generator=torch.Generator().manual_seed(0))
    right = round(100 * training.accuracy(network, attacked, truth))
    n = recorded["attacked_images"]
    before = round(n * recorded["pgd40_accuracy_at_0.3"])
    assert fisher_exact([[right, 100 - right], [before, n - before]]).pvalue > 1e-4


@pytest.mark.parametrize("network", checkpoints.reference_networks(), ids=lambda each: each.kind)
def test_the_reference_pair_is_what_its_publishers_say(network: Network, mnist: Digits) -> None:
    images = data.to_batch(mnist.test_images[:2000])
    labels = torch.from_numpy(mnist.test_labels[:2000])
    assert training.accuracy(network.load(), images, labels) > 0.97
