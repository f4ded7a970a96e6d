"""The data ladder: where the data lie, which rung of it is present, and how to fetch and check it.

Rungs: *original* (the data of the paper), *open* (real and free to fetch, but other data),
*embedded* (comes with the book's libraries, so that every chapter runs). From the command line:
`python -m lib.book.data_root list|get NAME|verify NAME`.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests

from lib.book.files import REPOSITORY

LADDER = ("original", "open")  # best first; below both stands "embedded", which is always there
PARTS = {
    "part1": "Part I, sound",
    "part2": "Part II, faces",
    "part3": "Part III, adversarial examples",
}
TIMEOUT = 30  # seconds without an answer before the next mirror is tried


@dataclass(frozen=True)
class DataFile:
    """One file: its name, size in bytes, checksum ("md5:..." or "sha256:...") and mirrors.

    The size is None where its publisher tells the checksum only.
    """

    name: str
    size: int | None
    checksum: str
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """One dataset of one part: `rung` is a rung of LADDER, or "reference" for optional weights.

    `folder` lies under the data root. `how` says in one line how a reader gets files that have
    no address to download from.
    """

    title: str
    part: str
    rung: str
    licence: str
    homepage: str
    folder: str
    files: tuple[DataFile, ...]
    how: str = ""


def _mnist_file(name: str, size: int, md5: str) -> DataFile:
    """Return one of the four official files of MNIST, with its mirrors."""
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    return DataFile(name, size, f"md5:{md5}", tuple(mirror + name for mirror in mirrors))


def _listed(name: str) -> tuple[DataFile, ...]:
    """Return the many files of a dataset from their list, data/checksums/<name>.tsv."""
    lines = (REPOSITORY / "data" / "checksums" / f"{name}.tsv").read_text().splitlines()[1:]
    fields = (line.split("\t") for line in lines)
    return tuple(DataFile(file, int(size), f"sha256:{digest}") for file, size, digest in fields)


DATASETS = {
    "dcase2018_task4": Dataset(
        title="DCASE 2018 task 4, labels",
        part="part1",
        rung="reference",  # labels without sound train nothing
        licence="MIT",
        homepage="https://github.com/DCASE-REPO/dcase2018_baseline",
        folder="dcase2018_task4",
        files=(
            DataFile(
                "eval_dcase2018.tsv",
                173641,
                "sha256:f000d9f352d2487f57a0e40c81ce5317e0bc3cb151b50a993f432e06de6b6705",
            ),
            DataFile(
                "test_dcase2018.tsv",
                47709,
                "sha256:8d8e90a2adef9af526335e8f18e0e105831c72658c8e611c426b62af648b2489",
            ),
            DataFile(
                "metadata/train/weak.csv",
                72813,
                "sha256:92e3c29539a274b4ad980b7536b0ac74f7676e434ccad9bb2df62199f65554f3",
            ),
            DataFile(
                "baseline_eval_predictions.csv",
                96373,
                "sha256:9b6a8f262fd855cf21494eb7eac03be78824f9873b8e5fb941347750271c83c9",
            ),
        ),
        how="from DCASE-REPO/dcase2018_baseline take the folder task4/dataset/metadata, its "
        "eval/eval.csv as eval_dcase2018.tsv and task4/notebooks/eval_results_baseline.csv as "
        "baseline_eval_predictions.csv; from turpaultn/DESED take "
        "data/real/metadata/validation/test_dcase2018.tsv",
    ),
    "desed_baseline": Dataset(
        title="DESED_task baseline, labels and frame scores",
        part="part1",
        rung="reference",
        licence="MIT",
        homepage="https://github.com/DCASE-REPO/DESED_task",
        folder="desed_baseline",
        files=(
            DataFile(
                "validation.tsv",
                221316,
                "sha256:aa137f17507407ff08fd245ba63c2af4383c0a8fff9e5a89938df7de0c363871",
            ),
            DataFile(
                "validation_durations.tsv",
                42624,
                "sha256:58e0699fde847d6abe27872df9f353aaefa8fd4fd49f109b1995661dba6f503b",
            ),
            DataFile(
                "student_predictions_0.5.tsv",
                180467,
                "sha256:d11cf710f0a0dc0df280bd016d5a5d43f8d577d064fd14b47575180fb3ce1f93",
            ),
            DataFile(
                "student_scores.npz",
                261798,
                "sha256:a2b7f13fdfc723af4302b55ecafa09c742e97661b4203760009715b816d3cc6f",
            ),
        ),
        how="from DCASE-REPO/DESED_task, folder PSDS_Eval/meta, take validation.tsv, "
        "validation_durations.tsv and metrics_test/student/predictions0.5.csv as "
        "student_predictions_0.5.tsv, and run `python -m lib.sound.fold FOLDER` on "
        "metrics_test/student/predictions_operating_points",
    ),
    "esc10": Dataset(
        title="ESC-10, mono at 22,050 Hz",
        part="part1",
        rung="open",
        licence="CC BY 3.0",
        homepage="https://github.com/karoldvl/ESC-10",
        folder="esc10",
        files=_listed("esc10"),
        how="take karoldvl/ESC-10 at commit 553c8f1, and lay down the files of "
        "data/checksums/esc10.tsv: its sounds mixed to mono, brought to 22,050 Hz and encoded as "
        "Ogg Vorbis, with authors, licences and active parts in meta.csv",
    ),
    "speech": Dataset(
        title="Free Spoken Digit Dataset, 1,200 recordings",
        part="part1",
        rung="open",
        licence="CC BY-SA 4.0",
        homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
        folder="speech",
        files=_listed("speech"),
        how="from Jakobovski/free-spoken-digit-dataset take the recordings that "
        "data/checksums/speech.tsv lists, as FLAC",
    ),
    "av": Dataset(
        title="two excerpts of Big Buck Bunny and a film of NASA",
        part="part1",
        rung="reference",
        licence="CC BY 3.0; NASA's in the public domain (US)",
        homepage="https://www.bigbuckbunny.org",
        folder="av",
        files=(
            DataFile(
                "big_buck_bunny_0_30.webm",
                1293041,
                "sha256:3f75b7340272df508ebc95ca57c8e30089069310762547b7b45c189e8b4987d5",
            ),
            DataFile(
                "big_buck_bunny_432_433.webm",
                86056,
                "sha256:6d7ba9b54f22d07ccbc3d4f407c2874e4a13f6b4a050e3d3e58e3e632f87f4fa",
            ),
            DataFile(
                "nasa_13013.mp4",
                672981,
                "sha256:53705221cac65086253367787e964e5d7d37beeba007646106a2c780d087c9e1",
            ),
        ),
        how="take the two WebM files from Zulko/moviepy (media) and nasa_13013.mp4 from "
        "pytorch/torchcodec (test/resources)",
    ),
    "yamnet": Dataset(
        title="YAMNet, trained on AudioSet",
        part="part1",
        rung="reference",
        licence="Apache-2.0",
        homepage="https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
        folder="weights",
        files=(
            DataFile(
                "yamnet_f16.npz",
                5607695,
                "sha256:f22d89f7779ec891157fb8b9c8508b837c67359a6cda5627dd278563df719c62",
            ),
        ),
        how="the 56 arrays of the quantised TensorFlow Lite release, times their scales, as "
        "float16 under the names `lib.sound.pretrained.yamnet` reads",
    ),
    "vggish": Dataset(
        title="VGGish, trained on YouTube-8M",
        part="part1",
        rung="reference",
        licence="Apache-2.0",
        homepage="https://github.com/harritaylor/torchvggish",
        folder="weights",
        files=(
            DataFile(
                "vggish-10086976.pth",
                None,
                "sha256:10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b",
                (
                    "https://github.com/harritaylor/torchvggish/releases/download/v0.1/"
                    "vggish-10086976.pth",
                ),
            ),
        ),
    ),
    "vgg16": Dataset(
        title="VGG16, trained on ImageNet",
        part="part1",
        rung="reference",
        licence="BSD-3-Clause",
        homepage="https://github.com/pytorch/vision",
        folder="weights",
        files=(
            DataFile(
                "vgg16-397923af.pth",
                553433881,
                "sha256:397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
                ("https://download.pytorch.org/models/vgg16-397923af.pth",),
            ),
        ),
    ),
    "ict_facekit": Dataset(
        title="ICT-FaceKit, the light face model",
        part="part2",
        rung="open",
        licence="MIT",
        homepage="https://github.com/ICT-VGL/ICT-FaceKit",
        folder="ict_facekit",
        files=(
            DataFile(
                "ict_light_full_int16.npz",
                15234299,
                "sha256:cebf0d7c7da2f1496bb226b82189066f443620f98c4ff4031c2db1e358144c36",
            ),
        ),
        how="made from the folder FaceXModel of the official repository ICT-VGL/ICT-FaceKit at "
        "da5f95a: its 157 meshes in one file, offsets as int16, without the eyes' outer layers",
    ),
    "mnist": Dataset(
        title="MNIST",
        part="part3",
        rung="original",
        licence="CC BY-SA 3.0, as commonly stated",
        homepage="http://yann.lecun.com/exdb/mnist/",
        folder="mnist",
        files=(
            _mnist_file("train-images-idx3-ubyte.gz", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            _mnist_file("train-labels-idx1-ubyte.gz", 28881, "d53e105ee54ea40749a09fcbcd1e9432"),
            _mnist_file("t10k-images-idx3-ubyte.gz", 1648877, "9fb629c4189551a2d022fa330f9573f3"),
            _mnist_file("t10k-labels-idx1-ubyte.gz", 4542, "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
    ),
    "reference_lenet": Dataset(
        title="advertorch's LeNet pair",
        part="part3",
        rung="reference",
        licence="LGPL-3.0",
        homepage="https://github.com/BorealisAI/advertorch",
        folder="weights",
        files=(
            DataFile(
                "advertorch_lenet5_natural.safetensors",
                2593520,
                "sha256:1414adc7c56b50edc51ebe1e8c62d8af2290600bc368c7964c2ba4eba295b220",
            ),
            DataFile(
                "advertorch_lenet5_robust.safetensors",
                2593520,
                "sha256:be56397c84df419b8a8d845cb02e1a1111e437a8e71e0f66030f7c4a1df11037",
            ),
        ),
        how="download mnist_lenet5_clntrained.pt and mnist_lenet5_advtrained.pt from "
        "BorealisAI/advertorch (advertorch_examples/trained_models) and run "
        "`python -m lib.adversarial.convert advertorch FILE.pt KIND`",
    ),
}


class UnknownDatasetError(ValueError):
    """No dataset is registered under the name asked for."""


def root() -> Path:
    """Return the data root: the environment variable BOOK_DATA, else data/raw in the repository.

    Raises:
        FileNotFoundError: BOOK_DATA names a folder that does not exist.
    """
    named = os.environ.get("BOOK_DATA")
    if not named:
        return REPOSITORY / "data" / "raw"
    if not Path(named).is_dir():
        raise FileNotFoundError(
            f"BOOK_DATA names {named}, which is no folder; make it, or unset BOOK_DATA"
        )
    return Path(named)


def present(name: str) -> bool:
    """Return whether all files of a dataset are there with the right size (bytes are not read).

    Raises:
        ValueError: no dataset has that name.
    """
    return next(_lacking(name), None) is None


def locate(name: str) -> Path:
    """Return the folder of a dataset that is present.

    Raises:
        ValueError: no dataset has that name.
        FileNotFoundError: a file is missing or has the wrong size.
    """
    lacking = next(_lacking(name), None)
    if lacking:
        raise FileNotFoundError(_not_found(name, lacking))
    return _folder(name)


def verify(name: str) -> None:
    """Compare every file of a dataset with its checksum.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file holds other bytes, or no dataset has that name.
    """
    folder = _folder(name)
    for file in DATASETS[name].files:
        if not (folder / file.name).is_file():
            raise FileNotFoundError(_not_found(name, f"{file.name} is missing"))
        if not _is_good(file, folder):
            raise ValueError(
                f"{_shown(folder / file.name)} is truncated or altered (wrong checksum); "
                f"run `python -m lib.book.data_root get {name}`"
            )


def get(name: str) -> Path:
    """Show a dataset's licence, download what is missing or wrong, and return its folder.

    Raises:
        ValueError: no dataset has that name, or a file that cannot be fetched is bad.
        FileNotFoundError: a file is missing and has no address to download from.
        ConnectionError: no mirror gave a file with the right checksum; what was there stays.
        OSError: the folder cannot be written.
    """
    folder, dataset = _folder(name), DATASETS[name]
    megabytes = sum(file.size or 0 for file in dataset.files) / 1e6
    print(f"{dataset.title}, licence {dataset.licence}, {megabytes:.1f} MB, {dataset.homepage}")
    if dataset.how and not present(name):
        raise FileNotFoundError(
            f"{dataset.title} has no direct download: {dataset.how}; "
            f"the files belong under {_shown(folder)}"
        )
    for file in dataset.files:
        if file.urls and not _is_good(file, folder):
            _download(file, folder)
    verify(name)
    return folder


def rungs() -> list[tuple[str, str, str]]:
    """Return for each part its title, the best rung present and what to do for a better one."""
    lines = []
    for part, title in PARTS.items():
        ladder = {rung: _names(part, rung) for rung in LADDER if _names(part, rung)}
        if not ladder:
            continue
        whole = (rung for rung, names in ladder.items() if all(map(present, names)))
        best = next(iter(ladder.values()))
        lacking = [f"`python -m lib.book.data_root get {n}`" for n in best if not present(n)]
        todo = f"run {' and '.join(lacking)}" if lacking else ""
        lines.append((title, next(whole, "embedded"), todo))
    return lines


def _names(part: str, rung: str) -> list[str]:
    """Return the datasets that together make a rung of a part."""
    return [n for n, dataset in DATASETS.items() if (dataset.part, dataset.rung) == (part, rung)]


def _dataset(name: str) -> Dataset:
    """Return a registered dataset, or raise UnknownDatasetError with the names there are."""
    if name not in DATASETS:
        raise UnknownDatasetError(f"unknown dataset {name!r}; choose one of: {', '.join(DATASETS)}")
    return DATASETS[name]


def _folder(name: str) -> Path:
    """Return where a dataset lies or will lie."""
    return root() / _dataset(name).folder


def _shown(path: Path) -> Path:
    """Return a path as a reader types it: relative inside the repository."""
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


def _lacking(name: str) -> Iterator[str]:
    """Yield one phrase for each file that is missing or has the wrong size."""
    folder = _folder(name)
    for file in DATASETS[name].files:
        path = folder / file.name
        if not path.is_file():
            yield f"{file.name} is missing"
        elif file.size is not None and path.stat().st_size != file.size:
            yield f"{file.name} has {path.stat().st_size} bytes instead of {file.size}"


def _not_found(name: str, lacking: str) -> str:
    """Return the line that says what is lacking and what to do."""
    return (
        f"{DATASETS[name].title} not found under {_shown(_folder(name))} ({lacking}); "
        f"run `python -m lib.book.data_root get {name}`, or set BOOK_DATA"
    )


def _is_good(file: DataFile, folder: Path) -> bool:
    """Return whether a file is there with the right checksum."""
    algorithm, _, expected = file.checksum.partition(":")
    path = folder / file.name
    return path.is_file() and pooch.file_hash(str(path), alg=algorithm) == expected


def _download(file: DataFile, folder: Path) -> None:
    """Fetch one file from the first mirror that gives the right bytes; raise as `get` does."""
    pooch.get_logger().setLevel("WARNING")  # one line of ours instead of its two
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT)
    failures = []
    for url in file.urls:
        host = urlsplit(url).netloc
        print(f"{file.name} from {host}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            pooch.retrieve(url, file.checksum, file.name, folder, downloader=downloader)
            return
        except (requests.RequestException, ValueError) as error:
            failures.append(f"{host} {_reason(error)}")
        except OSError as error:
            reason = error.strerror or "no permission"  # pooch's own PermissionError has none
            raise OSError(f"cannot write under {_shown(folder)}: {reason}; set BOOK_DATA") from None
    raise ConnectionError(
        f"{file.name} could not be fetched ({'; '.join(failures)}); "
        f"check the connection, or put the file into {_shown(folder)} yourself"
    )


def _reason(error: Exception) -> str:
    """Return in a few words why a mirror did not serve."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "did not answer in time"
    if isinstance(error, requests.RequestException):
        return "could not be reached or broke off"
    return "sent other bytes than expected (wrong checksum)"


def _print_list() -> None:
    """Print one line for each dataset."""
    for name, dataset in DATASETS.items():
        state = "present" if present(name) else "missing"
        megabytes = sum(file.size or 0 for file in dataset.files) / 1e6
        print(
            f"{name:16} {dataset.part}  {dataset.rung:10} {state:8} {megabytes:7.1f} MB  "
            f"{dataset.title} ({dataset.licence})"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 1 (data missing or bad), 2 (wrong use)."""
    summary = "List, download and check the data of the book."
    parser = argparse.ArgumentParser(prog="python -m lib.book.data_root", description=summary)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show every dataset, its licence and whether it is present")
    commands.add_parser("get", help="download a dataset and check it").add_argument("name")
    commands.add_parser("verify", help="check the files of a dataset").add_argument("name")
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            _print_list()
        else:
            {"get": get, "verify": verify}[options.command](options.name)
            print(f"{options.name} is complete under {_shown(_folder(options.name))}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UnknownDatasetError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
