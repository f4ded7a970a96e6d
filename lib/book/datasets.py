"""The registry: every dataset and file of weights, where it comes from and how it is known.

`lib.book.data_root` fetches, makes and checks what stands here; `data/README.md` says the same to
a reader.
"""

from dataclasses import dataclass

from lib.book.files import REPOSITORY

LADDER = ("original", "open")  # best first; below both stands "embedded", which is always there
PARTS = {
    "part1": "Part I, sound",
    "part2": "Part II, faces",
    "part3": "Part III, adversarial examples",
}


@dataclass(frozen=True)
class DataFile:
    """One file: its name, size in bytes, checksum ("md5:..." or "sha256:...") and mirrors.

    The size is None where its publisher tells the checksum only. A file that others are made from
    may have neither: what is made of it is checked.
    """

    name: str
    size: int | None = None
    checksum: str = ""
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """One dataset of one part: `rung` is a rung of LADDER, or "reference" for what is optional.

    `folder` lies under the data root. Its files come in one of four ways: each from its `urls`;
    all of them made by the function `prepare` of the module `converter` out of `sources`, what the
    publisher offers; by hand, as the line `how` says; or on request, as the line `ask` says, and
    then they are there once one matches `pattern`.
    """

    title: str
    part: str
    rung: str
    licence: str
    homepage: str
    folder: str
    files: tuple[DataFile, ...] = ()
    sources: tuple[DataFile, ...] = ()
    converter: str = ""
    how: str = ""
    ask: str = ""
    pattern: str = ""

    @property
    def megabytes(self) -> float:
        """Return how large its files are together, as far as their sizes are known."""
        return sum(file.size or 0 for file in self.files) / 1e6


def _raw(repository: str, commit: str, branch: str, path: str) -> tuple[str, ...]:
    """Return the addresses of a file of a GitHub repository: as it was at a commit, and today."""
    host = f"https://raw.githubusercontent.com/{repository}"
    return tuple(f"{host}/{at}/{path}" for at in (commit, branch) if at)


def _archives(commit: str, *repositories: str) -> tuple[str, ...]:
    """Return the addresses of GitHub repositories as they were at a commit, packed as zip."""
    return tuple(f"https://github.com/{each}/archive/{commit}.zip" for each in repositories)


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


def _dcase(path: str, commit: str = "") -> tuple[str, ...]:
    """Return the addresses of a file of the baseline of DCASE 2018 task 4."""
    return _raw("DCASE-REPO/dcase2018_baseline", commit, "master", f"task4/{path}")


def _desed(name: str) -> tuple[str, ...]:
    """Return the addresses of a list of DESED."""
    commit = "af3a5d5be9213239f42cf1c72f538e8058d8d2e4"
    return _raw("turpaultn/DESED", commit, "", f"data/real/metadata/validation/{name}")


def _desed_source(name: str) -> DataFile:
    """Return one of the files that `desed_baseline` is made from, as its repository has it."""
    commit = "c8990debc724cb622fe55245fbfdbbb899f8e503"
    urls = _raw("DCASE-REPO/DESED_task", commit, "master", f"PSDS_Eval/meta/{name}")
    return DataFile(name, urls=urls)


def _lenet(name: str) -> DataFile:
    """Return one of advertorch's files of weights."""
    commit, path = "a83f4c77bbd1487edac84e34720377d0eebccd92", "advertorch_examples/trained_models"
    return DataFile(name, urls=_raw("BorealisAI/advertorch", commit, "master", f"{path}/{name}"))


STUDENT = "metrics_test/student"
POINTS = tuple(
    f"{STUDENT}/predictions_operating_points/predictions_th_{step / 100:.2f}.tsv"
    for step in range(1, 100, 2)
)

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
                (*_desed("eval_dcase2018.tsv"), *_dcase("dataset/metadata/eval/eval.csv")),
            ),
            DataFile(
                "test_dcase2018.tsv",
                47709,
                "sha256:8d8e90a2adef9af526335e8f18e0e105831c72658c8e611c426b62af648b2489",
                _desed("test_dcase2018.tsv"),
            ),
            DataFile(
                "metadata/train/weak.csv",
                72813,
                "sha256:92e3c29539a274b4ad980b7536b0ac74f7676e434ccad9bb2df62199f65554f3",
                _dcase("dataset/metadata/train/weak.csv"),
            ),
            DataFile(
                "baseline_eval_predictions.csv",
                96373,
                "sha256:9b6a8f262fd855cf21494eb7eac03be78824f9873b8e5fb941347750271c83c9",
                _dcase(
                    "notebooks/eval_results_baseline.csv",
                    "416e30f788cae8e45770b056bd80e58055b5dcf3",
                ),
            ),
        ),
    ),
    "dcase2018_clips": Dataset(
        title="DCASE 2018 task 4, the clips themselves",
        part="part1",
        rung="original",
        licence="each clip belongs to whoever made it",
        homepage="https://dcase.community/challenge2018",
        folder="dcase2018_task4",
        ask="they are on YouTube; who is entitled to fetch them runs "
        "`pip install yt-dlp` and `python -m lib.sound.datasets.fetch`",
        pattern="audio/*.*",
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
        sources=(
            _desed_source("validation.tsv"),
            _desed_source("validation_durations.tsv"),
            _desed_source(f"{STUDENT}/predictions0.5.csv"),
            *map(_desed_source, POINTS),
        ),
        converter="lib.sound.fold",
    ),
    "esc10": Dataset(
        title="ESC-10, mono at 22,050 Hz",
        part="part1",
        rung="open",
        licence="CC BY 3.0",
        homepage="https://github.com/karolpiczak/ESC-10",
        folder="esc10",
        files=_listed("esc10"),
        sources=(
            DataFile(
                "ESC-10.zip",
                urls=_archives(
                    "553c8f1743b9dba6b282e1323c3ca8fa76923448",
                    "karolpiczak/ESC-10",
                    "karoldvl/ESC-10",
                ),
            ),
            DataFile(
                "README.txt",
                57414,
                "sha256:ffbfca479dd56a37b5c57a0c539c1c247136dd92d174b72816a08ab01206ceb2",
                _raw(
                    "karolpiczak/ESC-10",
                    "ba074f080951b4d289adf406f0e3e0102d66d832",
                    "",
                    "README.txt",
                ),
            ),
        ),
        converter="lib.sound.datasets.esc10",
    ),
    "speech": Dataset(
        title="Free Spoken Digit Dataset, 1,200 recordings",
        part="part1",
        rung="open",
        licence="CC BY-SA 4.0",
        homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
        folder="speech",
        files=_listed("speech"),
        sources=(
            DataFile(
                "free-spoken-digit-dataset.zip",
                urls=_archives("master", "Jakobovski/free-spoken-digit-dataset"),
            ),
        ),
        converter="lib.sound.datasets.digits",
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
                _raw(
                    "Zulko/moviepy",
                    "d9bebaf57555a5d03d10e284ffcfc469f2838944",
                    "",
                    "media/big_buck_bunny_0_30.webm",
                ),
            ),
            DataFile(
                "big_buck_bunny_432_433.webm",
                86056,
                "sha256:6d7ba9b54f22d07ccbc3d4f407c2874e4a13f6b4a050e3d3e58e3e632f87f4fa",
                _raw(
                    "Zulko/moviepy",
                    "4c46a876cf8e06fd060ed3b3ccc0e211685abb8c",
                    "",
                    "media/big_buck_bunny_432_433.webm",
                ),
            ),
            DataFile(
                "nasa_13013.mp4",
                672981,
                "sha256:53705221cac65086253367787e964e5d7d37beeba007646106a2c780d087c9e1",
                _raw(
                    "pytorch/torchcodec",
                    "db66c05aa827cbd55291b1f42957c84461eb9310",
                    "main",
                    "test/resources/nasa_13013.mp4",
                ),
            ),
        ),
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
        sources=(
            DataFile(
                "ICT-FaceKit.zip",
                urls=_archives(
                    "da5f95a607f5e6b37755b38d3385d7f2853732e5",
                    "USC-ICT/ICT-FaceKit",
                    "ICT-VGL/ICT-FaceKit",
                ),
            ),
        ),
        converter="lib.faces.datasets.ict_source",
    ),
    "bu_4dfe": Dataset(
        title="BU-4DFE",
        part="part2",
        rung="original",
        licence="for research, by agreement",
        homepage="https://www.cs.binghamton.edu/~lijun/Research/3DFE/3DFE_Analysis.html",
        folder="bu_4dfe",
        ask="write to Lijun Yin at Binghamton University and sign the agreement on that page",
        pattern="[FM]*/*/*.jpg",
    ),
    "ck_plus": Dataset(
        title="CK+",
        part="part2",
        rung="original",
        licence="for research, by agreement",
        homepage="http://www.pitt.edu/~emotion/ck-spread.htm",
        folder="ck_plus",
        ask="sign the agreement of the Affect Analysis Group of the University of Pittsburgh",
        pattern="cohn-kanade-images/S*/*/*.png",
    ),
    "mmi": Dataset(
        title="MMI",
        part="part2",
        rung="original",
        licence="for research, by agreement",
        homepage="https://mmifacedb.eu",
        folder="mmi",
        ask="ask for an account on that page and accept its terms",
        pattern="Sessions/*/*.avi",
    ),
    "oulu_casia": Dataset(
        title="Oulu-CASIA",
        part="part2",
        rung="original",
        licence="for research, by agreement",
        homepage="https://www.oulu.fi",
        folder="oulu_casia",
        ask="sign the agreement of the Center for Machine Vision of the University of Oulu",
        pattern="VL/Strong/P*/*/*.jpeg",
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
        sources=(_lenet("mnist_lenet5_clntrained.pt"), _lenet("mnist_lenet5_advtrained.pt")),
        converter="lib.adversarial.convert",
    ),
}
