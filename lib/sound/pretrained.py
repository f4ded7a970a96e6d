"""Networks trained elsewhere, whose outputs are features here (section 4.2).

The paper takes VGGish for sound and VGG16 for pictures. They are too large to come with the book,
which takes YAMNet and MobileNet v2 in their place. All are frozen. VGGish and YAMNet share a front
end: log-mel patches of 0.96 s with 64 bands, not the paper's 128, which neither could take.
"""

import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import librosa
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lib.book import data_root
from lib.book.vision import load_torchvision
from lib.runs.checkpoints import file_digest
from lib.runs.device import best_device
from lib.sound.data.corpus import Waveform
from lib.sound.events import CLIP_SECONDS

RATE = 16000  # Hz
WINDOW, HOP, FFT = 400, 160, 512  # samples: 25 ms, 10 ms
BANDS, LOWEST, HIGHEST = 64, 125.0, 7500.0  # Hz
PATCH, STEP = 96, 6  # frames: 960 ms, and 60 ms from one patch to the next ("overlap of 900 ms")
MARGIN = 48  # frames of silence at both ends of a clip: half a patch, a whole number of steps
PATCHES = 167  # of a clip with its margins; without them it has the paper's 151
YAMNET_LAYERS = (  # stride and outputs of its 13 separable convolutions
    *((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)),
    *((1, 512),) * 5,
    *((2, 1024), (1, 1024)),
)
MOBILENET_BLOCKS = (  # width, repeats, stride of the first (Sandler et al. 2018, table 2)
    *((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2)),
    *((96, 3, 1), (160, 3, 2), (320, 1, 1)),
)
EXPANSION = 6  # of all blocks of MobileNet v2 but the first
BATCH = 16  # patches or pictures at a time: fastest on one core, activations stay in its cache


def log_mel_patches(waveform: Waveform, offset: float) -> np.ndarray:
    """Return the log-mel patches of a clip that VGGish and YAMNet look at.

    The clip is cut or zero-padded to CLIP_SECONDS and gets a margin of 0.48 s of silence at both
    ends, so that patch i is centred 0.0075 + 0.06 i seconds into the clip.

    Args:
        waveform: of any rate.
        offset: added to the mel magnitudes before the logarithm, 0.01 VGGish, 0.001 YAMNet.

    Returns:
        (167, 96, 64) float32: patches, frames of 10 ms, mel bands.
    """
    samples = fitted(waveform, RATE)
    samples = np.pad(samples, MARGIN * HOP)
    frames = torch.from_numpy(samples).unfold(0, WINDOW, HOP)
    window = torch.hann_window(WINDOW, periodic=True)
    magnitude = torch.fft.rfft(frames * window, n=FFT).abs()
    log_mel = torch.log(magnitude @ torch.from_numpy(mel_weights()) + offset)
    return log_mel.unfold(0, PATCH, STEP).transpose(1, 2).contiguous().numpy()


def fitted(waveform: Waveform, rate: int) -> np.ndarray:
    """Return a clip at another rate, cut or zero-padded to CLIP_SECONDS, (n,) float32.

    Raises:
        ValueError: it has no samples, or some that are not finite.
    """
    samples = waveform.samples[: round(CLIP_SECONDS * waveform.rate)]
    if not len(samples) or not np.isfinite(samples).all():
        raise ValueError("its sound is empty or not finite; leave it out")
    if waveform.rate != rate:
        samples = librosa.resample(samples, orig_sr=waveform.rate, target_sr=rate)
    length = round(CLIP_SECONDS * rate)
    samples = samples[:length].astype(np.float32)
    return np.pad(samples, (0, length - len(samples)))


@cache
def mel_weights() -> np.ndarray:
    """Return the (FFT / 2 + 1, BANDS) float32 weights of VGGish's mel bands.

    Triangles in mel, not in Hz as librosa has them; the constant component counts for nothing.
    """
    mel = _mel(np.linspace(0, RATE / 2, FFT // 2 + 1))[:, None]
    edges = np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)
    rise = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rise, fall))
    weights[0] = 0
    return weights.astype(np.float32)


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    """Return frequencies in mel, by the formula of HTK."""
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


class VGGish(nn.Module):
    """VGGish: six convolutions and three fully connected layers, 72,141,184 parameters.

    Its 128 outputs are taken as they are, without a ReLU, PCA or rounding to 8 bits. Names of
    parameters are those of the published weights.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for block in ((64,), (128,), (256, 256), (512, 512)):
            for width in block:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            *(nn.Linear(channels * 6 * 4, 4096), nn.ReLU(inplace=True)),
            *(nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 128)),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Return the (n, 128) embeddings of (n, 1, 96, 64) log-mel patches (offset 0.01)."""
        maps = self.features(patches).permute(0, 2, 3, 1)  # channels last, as it was trained
        return self.embeddings(maps.flatten(1))


class Yamnet(nn.Module):
    """YAMNet: a convolution and 13 separable ones, then the mean over time and frequency.

    Batch normalisation is already part of its weights and biases.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [Convolution(1, 32, 3, stride=2), nn.ReLU(inplace=True)]
        channels = 32
        for stride, width in YAMNET_LAYERS:
            layers += [Convolution(channels, channels, 3, stride, channels), nn.ReLU(inplace=True)]
            layers += [Convolution(channels, width, 1), nn.ReLU(inplace=True)]
            channels = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, 521)

    def forward(self, patches: Tensor) -> Tensor:
        """Return the (n, 1024) embeddings of (n, 1, 96, 64) log-mel patches (offset 0.001)."""
        return self.features(patches).mean(dim=(2, 3))


class MobileNetV2(nn.Module):
    """MobileNet v2: a convolution, 17 inverted residuals and a convolution, then the mean.

    Batch normalisation is already part of its weights and biases, whose names are the file's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = Convolution(3, 32, 3, stride=2)
        self.blocks: list[InvertedResidual] = []
        channels = 32
        for width, repeats, first in MOBILENET_BLOCKS:
            for stride in (first, *[1] * (repeats - 1)):
                block = InvertedResidual(channels, width, stride, EXPANSION if self.blocks else 1)
                self.add_module(f"block{len(self.blocks):02d}", block)
                self.blocks.append(block)
                channels = width
        self.conv_last = Convolution(channels, 1280, 1)
        self.classifier = nn.Linear(1280, 1001)

    def forward(self, images: Tensor) -> Tensor:
        """Return the (n, 1280) embeddings of (n, 3, side, side) images, x / 128 - 1."""
        maps = F.relu6(self.conv0(images))
        for block in self.blocks:
            maps = block(maps)
        return F.relu6(self.conv_last(maps)).mean(dim=(2, 3))


class InvertedResidual(nn.Module):
    """A block of MobileNet v2: widen, filter each channel alone, narrow; added where it can be."""

    def __init__(self, channels: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        if expansion > 1:
            self.expand = Convolution(channels, wide, 1)
        self.depthwise = Convolution(wide, wide, 3, stride, groups=wide)
        self.project = Convolution(wide, width, 1)
        self.widens, self.adds = expansion > 1, stride == 1 and channels == width

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, width, side / stride, side / stride) from (n, channels, side, side)."""
        wide = F.relu6(self.expand(maps)) if self.widens else maps
        narrow = self.project(F.relu6(self.depthwise(wide)))
        return maps + narrow if self.adds else narrow


class Convolution(nn.Conv2d):
    """A convolution padded as TensorFlow pads ("SAME"): inputs of even size, stride 1 or 2."""

    def __init__(
        self, channels: int, width: int, size: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            channels, width, size, stride, size // 2 if stride == 1 else 0, groups=groups
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return the convolved maps; at stride 2 the extra pixel is right and below."""
        return super().forward(maps if self.stride == (1, 1) else F.pad(maps, (0, 1, 0, 1)))


def torch_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file of torch, read without running what it might hold."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(f"{path} holds no weights ({first}); get it again") from None


def vgg16_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of torchvision's release, without those of its classes."""
    weights = torch_weights(path)
    return {name: value for name, value in weights.items() if not name.startswith("classifier.6.")}


def mobilenet_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of the TensorFlow Lite release as the book has them."""
    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except SafetensorError as error:
        raise ValueError(f"{path} holds no weights ({error}); get it again") from None


def yamnet_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights in the arrays of YAMNet's TensorFlow Lite release by our names."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
        names = ["1_conv"]
        for index in range(2, len(YAMNET_LAYERS) + 2):
            names += [f"{index}_depthwise_conv", f"{index}_pointwise_conv"]
        weights = {"classifier.weight": arrays["fc_w"], "classifier.bias": arrays["fc_b"]}
        for place, name in enumerate(names):  # every other layer is a ReLU
            # stored (out, height, width, in), a depthwise one (1, height, width, channels)
            order = (3, 0, 1, 2) if "depthwise" in name else (0, 3, 1, 2)
            kernel = arrays[f"{name}_w"].permute(order).contiguous()
            weights[f"features.{2 * place}.weight"] = kernel
            weights[f"features.{2 * place}.bias"] = arrays[f"{name}_b"]
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no weights of YAMNet ({error}); get it again") from None
    return weights


@dataclass(frozen=True)
class Network:
    """A frozen network: `dimensions` of its output, its form and weights, what it wants to see.

    `source` is the name of its weights in data/sources.toml, `file` their file. `offset` of the
    logarithm for a network that hears; `side` in pixels, `mean` and `std` of the three colours for
    one that sees. `instead_of` names the paper's network in whose place it stands, and
    `trained_on` what it learnt from.
    """

    dimensions: int
    form: Callable[[], nn.Module]
    weights: Callable[[Path], dict[str, Tensor]]
    source: str
    file: str
    trained_on: str
    instead_of: str = ""
    offset: float = 0.01
    side: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def sees(self) -> bool:
        """Return whether its inputs are pictures."""
        return self.side > 0

    @property
    def path(self) -> Path:
        """Return the file of its weights."""
        return data_root.locate(self.source) / self.file


def vgg16() -> nn.Module:
    """Return VGG16 up to the ReLU behind its last hidden layer ("fc7", 4096 outputs)."""
    network = load_torchvision().models.vgg16()
    network.classifier = network.classifier[:5]  # without the 1000 classes
    return network


NETWORKS = {
    "vggish": Network(
        128, VGGish, torch_weights, "vggish", "vggish-10086976.pth", "YouTube-8M, preliminary"
    ),
    "yamnet": Network(
        *(1024, Yamnet, yamnet_weights, "weights", "yamnet_f16.npz", "AudioSet", "VGGish"),
        offset=0.001,
    ),
    "vgg16": Network(
        *(4096, vgg16, vgg16_weights, "vgg16", "vgg16-397923af.pth", "ImageNet"),
        side=224,
        mean=(0.485, 0.456, 0.406),  # of ImageNet
        std=(0.229, 0.224, 0.225),
    ),
    "mobilenet_v2": Network(
        *(1280, MobileNetV2, mobilenet_weights, "weights", "mobilenet_v2_f16.safetensors"),
        *("ImageNet", "VGG16"),
        side=64,  # what the photographs are brought to; see `data.photos`
        mean=(128 / 255,) * 3,  # x / 128 - 1
        std=(128 / 255,) * 3,
    ),
}


def load(name: str, path: Path) -> nn.Module:
    """Return one of NETWORKS, frozen, with the weights in a file.

    Raises:
        ValueError: the file holds something else.
    """
    with torch.device("meta"):
        module = NETWORKS[name].form()
    try:
        module.load_state_dict(NETWORKS[name].weights(path), assign=True)
    except (RuntimeError, TypeError, AttributeError):
        kind = type(module).__name__
        raise ValueError(f"{path} does not hold the weights of {kind}; get it again") from None
    return module.eval().requires_grad_(False)


@cache
def loaded(name: str) -> nn.Module:
    """Return one of NETWORKS, frozen, on the best device, channels last as convolutions like it."""
    module = load(name, NETWORKS[name].path)
    return module.to(best_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]


def digest(name: str) -> str:
    """Return eight hex digits that change with the weights of one of NETWORKS."""
    return file_digest(NETWORKS[name].path)[:8]


@torch.inference_mode()
def embeddings(name: str, inputs: np.ndarray) -> np.ndarray:
    """Return what one of NETWORKS makes of its inputs, (n, dimensions) float32.

    Args:
        inputs: (n, 96, 64) float32 log-mel patches, or (n, height, width, 3) uint8 pictures.
    """
    network, module = NETWORKS[name], loaded(name)
    device = best_device()
    outputs = []
    for piece in torch.from_numpy(inputs).split(BATCH):
        ready = pictures(piece.to(device), network) if network.sees else piece.to(device)[:, None]
        outputs.append(module(ready.contiguous(memory_format=torch.channels_last)).cpu())
    return torch.cat(outputs).numpy()


def pictures(frames: Tensor, network: Network) -> Tensor:
    """Return (n, height, width, 3) uint8 frames as a network wants them, (n, 3, side, side).

    The whole frame is brought to a square, so that nothing at its margins is lost.
    """
    values = frames.permute(0, 3, 1, 2).float() / 255
    size = (network.side, network.side)
    values = F.interpolate(values, size=size, mode="bilinear", antialias=True)
    mean, std = (
        torch.tensor(colours, device=frames.device).view(1, 3, 1, 1)
        for colours in (network.mean, network.std)
    )
    return (values - mean) / std
