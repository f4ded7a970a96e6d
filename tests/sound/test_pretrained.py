"""Pretrained networks: published sizes, an independent front end and convolution, real sounds."""

import csv
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lib.book import data_root
from lib.book.vision import load_torchvision
from lib.sound import pretrained
from lib.sound.data import media
from lib.sound.data.corpus import Waveform

mobilenetv2 = load_torchvision().models.mobilenetv2

# names and shapes in the torchvggish release
VGGISH_LAYERS = {
    "features.0": (64, 1, 3, 3),
    "features.3": (128, 64, 3, 3),
    "features.6": (256, 128, 3, 3),
    "features.8": (256, 256, 3, 3),
    "features.11": (512, 256, 3, 3),
    "features.13": (512, 512, 3, 3),
    "embeddings.0": (4096, 12288),
    "embeddings.2": (4096, 4096),
    "embeddings.4": (128, 4096),
}


class Command:
    """What an attacker would put into a file of weights."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def reference_log_mel(samples: np.ndarray, offset: float) -> np.ndarray:
    """Compute VGGish's log-mel frame by frame, band by band, in float64."""

    def mel(hertz: float) -> float:
        return 2595 * np.log10(1 + hertz / 700)

    edges = np.linspace(mel(125), mel(7500), 66)
    weights = np.zeros((257, 64))
    for index in range(1, 257):
        place = mel(index * 16000 / 512)
        for band in range(64):
            low, centre, high = edges[band : band + 3]
            height = min((place - low) / (centre - low), (high - place) / (high - centre))
            weights[index, band] = max(0.0, height)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    starts = range(0, len(samples) - 399, 160)
    spectra = [np.abs(np.fft.rfft(samples[s : s + 400] * window, 512)) for s in starts]
    return np.log(np.array(spectra) @ weights + offset)


def test_patches_inside_the_clip_are_the_papers_151(rng: np.random.Generator) -> None:
    samples = (rng.normal(size=160000) * 0.1).astype(np.float32)
    patches = pretrained.log_mel_patches(Waveform(samples, 16000), 0.001)
    assert patches.shape == (167, 96, 64) and patches.dtype == np.float32
    log_mel = reference_log_mel(samples.astype(np.float64), 0.001)
    assert len(log_mel) == 998
    expected = [log_mel[start : start + 96] for start in range(0, 998 - 95, 6)]
    assert len(expected) == 151
    np.testing.assert_allclose(patches[8:159], expected, atol=1e-4)


def test_margins_are_silence_and_patches_are_where_they_say() -> None:
    samples = np.zeros(160000, dtype=np.float32)
    place = 16000 * 3 + 1234
    samples[place] = 1.0
    patches = pretrained.log_mel_patches(Waveform(samples, 16000), 0.01)
    hears = (patches > np.log(0.01) + 0.1).any(axis=(1, 2))
    begins = 0.06 * np.arange(167) - 0.48
    second = place / 16000
    inside = (begins + 0.01 < second) & (second < begins + 0.965)
    outside = (begins > second) | (begins + 0.975 < second)
    assert hears[inside].all() and not hears[outside].any()


# --- the paper's networks, whose weights the book may not hold


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that lays down weights in the form and the place of a release."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))

    def lay_down(name: str, shapes: dict[str, tuple[int, ...]], bias: str, values: Tensor) -> None:
        # zeros take no room in the file; one bias tells that the outputs are the right ones
        weights = {key: torch.zeros(1).expand(shape) for key, shape in shapes.items()}
        path = data_root.sources()[name].place / pretrained.NETWORKS[name].file
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(weights | {bias: values}, path, _use_new_zipfile_serialization=False)

    pretrained.loaded.cache_clear()
    yield lay_down
    pretrained.loaded.cache_clear()


def test_vggish_has_the_published_layers_and_reads_the_release(
    fetched: Callable[..., None], rng: np.random.Generator
) -> None:
    with torch.device("meta"):
        vggish = pretrained.VGGish()
    shapes = {f"{name}.weight": shape for name, shape in VGGISH_LAYERS.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in VGGISH_LAYERS.items()}
    assert {name: tuple(value.shape) for name, value in vggish.state_dict().items()} == shapes
    fetched("vggish", shapes, "embeddings.4.bias", torch.arange(128.0) - 64)
    found = pretrained.embeddings("vggish", rng.normal(size=(2, 96, 64)).astype(np.float32))
    np.testing.assert_array_equal(found, np.tile(np.arange(128) - 64, (2, 1)))  # negative, too
    vggish.features = vggish.embeddings = torch.nn.Identity()
    maps = rng.normal(size=(2, 512, 6, 4)).astype(np.float32)
    flat = maps.transpose(0, 2, 3, 1).reshape(2, -1)  # channels last, as TensorFlow has it
    np.testing.assert_array_equal(vggish(torch.from_numpy(maps)).numpy(), flat)


def test_vgg16_ends_behind_its_last_hidden_layer(fetched: Callable[..., None]) -> None:
    with torch.device("meta"):
        whole = load_torchvision().models.vgg16()
    shapes = {name: tuple(value.shape) for name, value in whole.state_dict().items()}
    fetched("vgg16", shapes, "classifier.3.bias", torch.arange(4096.0) - 2048)
    found = pretrained.embeddings("vgg16", np.zeros((1, 48, 64, 3), dtype=np.uint8))
    np.testing.assert_array_equal(found, np.maximum(0, np.arange(4096) - 2048)[None])


def of_another(name: str, folder: Path, rng: np.random.Generator) -> bytes:
    """Return the bytes of a file of weights for another network."""
    path = folder / "weights.npz"
    if name == "mobilenet_v2":
        save_file(dict(list(load_file(pretrained.NETWORKS[name].path).items())[1:]), path)
    elif name == "yamnet":
        np.savez(path, **yamnet_arrays(rng) | {"3_pointwise_conv_w": np.zeros((64, 1, 1, 64))})
    else:
        torch.save({"features.0.weight": torch.zeros(9, 9)}, path)
    return path.read_bytes()


@pytest.mark.parametrize("name", list(pretrained.NETWORKS))
def test_bad_files_of_weights_are_one_line_and_run_nothing(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    made, path = tmp_path / "made by the file", tmp_path / "file"
    other = of_another(name, tmp_path, rng)
    command = pickle.dumps(Command(made), protocol=2)
    for content in (other[:-300], b"<html>not found</html>", command):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="file holds no weights .*; get it again"):
            pretrained.load(name, path)
    path.write_bytes(other)
    with pytest.raises(ValueError, match="file does not hold the weights of .*; get it again"):
        pretrained.load(name, path)
    assert not made.exists()


# --- YAMNet


def yamnet_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return small random arrays in the form of YAMNet's release."""

    def draw(*shape: int) -> np.ndarray:
        fan_in = np.prod(shape[1:]) if shape[0] != 1 else 9
        return (rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype(np.float16)

    arrays = {"1_conv_w": draw(32, 3, 3, 1), "fc_w": draw(521, 1024)}
    widths = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    for index in range(13):
        arrays[f"{index + 2}_depthwise_conv_w"] = draw(1, 3, 3, widths[index])
        arrays[f"{index + 2}_pointwise_conv_w"] = draw(widths[index + 1], 1, 1, widths[index])
    for name, value in list(arrays.items()):
        outputs = value.shape[-1] if "depthwise" in name else value.shape[0]
        arrays[f"{name[:-2]}_b"] = (rng.normal(size=outputs) * 0.1).astype(np.float16)
    return arrays


def same_convolution(maps: Tensor, weights: Tensor, stride: int) -> Tensor:
    """Convolve (1, channels, height, width) maps as TensorFlow defines its padding "SAME"."""
    depthwise = weights.shape[0] == 1 and maps.shape[1] > 1
    kernel = weights.permute(3, 0, 1, 2) if depthwise else weights.permute(0, 3, 1, 2)
    pads: list[int] = []
    for length in (maps.shape[3], maps.shape[2]):
        total = max((-(-length // stride) - 1) * stride + weights.shape[1] - length, 0)
        pads += [total // 2, total - total // 2]
    groups = maps.shape[1] if depthwise else 1
    return nn.functional.conv2d(nn.functional.pad(maps, pads), kernel, None, stride, groups=groups)


def test_yamnet_agrees_with_convolutions_padded_as_tensorflow_defines_it(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    arrays = yamnet_arrays(rng)
    np.savez(tmp_path / "yamnet.npz", **arrays)
    network = pretrained.load("yamnet", tmp_path / "yamnet.npz")
    patch = torch.from_numpy(rng.normal(size=(1, 1, 96, 64)))
    maps = patch
    strides = {1: 2, 3: 2, 5: 2, 7: 2, 13: 2}
    for index in range(1, 15):
        for kind in ("conv",) if index == 1 else ("depthwise_conv", "pointwise_conv"):
            stride = strides.get(index, 1) if kind != "pointwise_conv" else 1
            weights, bias = (
                torch.from_numpy(arrays[f"{index}_{kind}_{part}"].astype(np.float64))
                for part in "wb"
            )
            maps = torch.relu(same_convolution(maps, weights, stride) + bias[:, None, None])
    assert maps.shape == (1, 1024, 3, 2)
    with torch.inference_mode():
        found = network(patch.float())
    np.testing.assert_allclose(found, maps.mean(dim=(2, 3)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "number"), [("dog_bark", 69), ("rain", 283)])  # in AudioSet
def test_yamnet_hears_what_real_recordings_hold(kind: str, number: int) -> None:
    folder = data_root.locate("esc10")
    with (folder / "meta.csv").open() as file:
        clip = next(row["clip"] for row in csv.DictReader(file) if row["label"] == kind)
    waveform = media.read_audio(folder / "audio_ogg22k" / f"{clip}.ogg")
    patches = pretrained.log_mel_patches(waveform, 0.001)[8:80:4]
    embeddings = torch.from_numpy(pretrained.embeddings("yamnet", patches))
    with torch.inference_mode():
        said = pretrained.loaded("yamnet").classifier(embeddings).sigmoid().mean(dim=0)
    assert number in said.topk(3).indices


def test_mobilenet_sees_what_a_photograph_shows() -> None:
    path = data_root.locate("photos") / "dog" / "dalmatian_0006.jpg"
    picture = np.array(Image.open(path).convert("RGB"))[None]
    values = torch.from_numpy(pretrained.embeddings("mobilenet_v2", picture))
    with torch.inference_mode():
        said = pretrained.loaded("mobilenet_v2").classifier(values)[0]
    assert 252 in said.topk(5).indices  # ImageNet's 251, behind a class of background


def test_pictures_are_squared_and_scaled_as_imagenet_wants() -> None:
    network = pretrained.NETWORKS["vgg16"]
    frames = torch.zeros(2, 180, 320, 3, dtype=torch.uint8)
    frames[0] = torch.tensor([255, 0, 51])
    frames[1, :, 160:] = 255  # the right half
    found = pretrained.pictures(frames, network)
    assert found.shape == (2, 3, 224, 224)
    expected = (np.array([1.0, 0.0, 0.2]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(found[0, :, 100, 100].numpy(), expected, atol=1e-5)
    bright = found[1, 0] > 0
    assert not bright[:, :110].any() and bright[:, 114:].all()


# --- MobileNet v2


@pytest.mark.parametrize(
    ("width", "stride", "expansion"), [(8, 1, 6), (12, 1, 6), (12, 2, 6), (12, 1, 1)]
)
def test_a_block_is_torchvisions(width: int, stride: int, expansion: int) -> None:
    """Torchvision pads at stride 2 left and above, TensorFlow right and below: a mirror."""
    theirs = mobilenetv2.InvertedResidual(8, width, stride, expansion).eval()
    ours = pretrained.InvertedResidual(8, width, stride, expansion)
    names = ["expand"] * (expansion > 1) + ["depthwise", "project"]
    layers = [each for each in theirs.modules() if isinstance(each, nn.Conv2d | nn.BatchNorm2d)]
    mirror = (2, 3) if stride == 2 else ()
    for name, layer, norm in zip(names, layers[::2], layers[1::2], strict=True):
        own = getattr(ours, name)
        norm.eps = 0.0
        norm.bias.data.copy_(own.bias.data)
        layer.weight.data.copy_(own.weight.data.flip(mirror))
    maps = torch.randn(2, 8, 6, 10, generator=torch.Generator().manual_seed(0)) * 5
    with torch.inference_mode():
        expected = theirs(maps.flip(mirror)).flip(mirror)
        assert torch.allclose(ours(maps), expected, atol=1e-5)


def test_the_digest_of_weights_is_that_of_their_file() -> None:
    sums = (data_root.locate("weights") / data_root.SUMS).read_text().splitlines()
    digests = {name: digest for digest, name in (line.split("  ") for line in sums)}
    for stream in ("yamnet", "mobilenet_v2"):
        assert pretrained.digest(stream) == digests[pretrained.NETWORKS[stream].file][:8]
    for stream in ("vggish", "vgg16"):  # the releases name their files by theirs
        assert data_root.sources()[stream].sha256[:8] in pretrained.NETWORKS[stream].file
