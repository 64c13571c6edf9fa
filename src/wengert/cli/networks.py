"""The model of a run: the network that its settings name, with the sizes of its data."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

import wengert.functions as F
from wengert import data
from wengert.cli.recipes import DATASETS, Settings
from wengert.data.text import Vocabulary
from wengert.data.transforms import StandardScaler
from wengert.layers import (
    LSTM,
    BatchNorm,
    Buffer,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    Sequential,
)
from wengert.models import GPT, MLP, BasicBlock, LeNet5, ResNet


def make_model(settings: Settings, facts: Mapping[str, Any]) -> Layer:
    """The model of the settings, for data with these facts.

    Raises:
        KeyError, TypeError: these are not facts of such data.
        MemoryError, ValueError: the model is too large.
    """
    kind = DATASETS[settings["dataset"]].kind
    return {
        "images": _image_model,
        "table": _table_model,
        "curve": _curve_model,
        "text": _text_model,
    }[kind](settings, facts)


def vocabulary(facts: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of a text."""
    characters = facts["characters"]
    return data.ByteVocabulary() if characters is None else data.CharacterVocabulary(characters)


def _image_model(settings: Settings, facts: Mapping[str, Any]) -> Layer:
    C, H, W = facts["shape"]
    classes = len(facts["classes"])
    hidden = settings.get("hidden", [])
    name = settings["model"]
    if name in ("linear", "mlp"):
        return Sequential(Flatten(), MLP((*hidden, classes), in_size=C * H * W))
    if name == "lstm":
        return Sequential(_rows, *_lstms(C * W, hidden), _last, Linear(classes, in_size=hidden[-1]))
    if name == "cnn":
        return _cnn((C, H, W), classes, hidden, settings["dropout"])
    if name == "lenet":
        return LeNet5(classes, in_size=C, padding=(32 - H) // 2)
    if name == "resnet8":
        widths = (16, 32, 64)
        return ResNet(BasicBlock, (1, 1, 1), classes, in_size=C, widths=widths, small_images=True)
    return ResNet(BasicBlock, (2, 2, 2, 2), classes, in_size=C, small_images=H <= 64)


def _cnn(shape: Sequence[int], classes: int, hidden: Sequence[int], dropout: float) -> Layer:
    """3 × 3 convolutions, each followed by batch normalisation, ReLU and, while the image is
    large enough, pooling; then two Linear layers."""
    C, H, W = shape
    layers: list[Callable[[Any], Any]] = []
    for size in hidden:
        layers += [Conv2d(size, 3, in_size=C, padding=1, bias=False), BatchNorm(size), F.relu]
        C = size
        if min(H, W) >= 8 or (size is hidden[-1] and min(H, W) > 1):
            layers.append(MaxPool2d(2))
            H, W = H // 2, W // 2
    layers += [
        Flatten(),
        Linear(128, in_size=C * H * W),
        F.relu,
        Dropout(dropout),
        Linear(classes, in_size=128),
    ]
    return Sequential(*layers)


def _lstms(in_size: int, sizes: Sequence[int]) -> list[Callable[[Any], Any]]:
    """LSTM layers along a sequence, (B, T, in_size) to (B, T, sizes[-1])."""
    layers: list[Callable[[Any], Any]] = []
    for size in sizes:
        layers += [LSTM(size, in_size=in_size), itemgetter(0)]
        in_size = size
    return layers


def _rows(x: Any) -> Any:
    """Images (N, C, H, W) as sequences of rows, (N, H, C·W)."""
    N, C, H, W = x.shape
    return np.reshape(np.transpose(x, (0, 2, 1, 3)), (N, H, C * W))


def _last(x: Any) -> Any:
    """The last step of (B, T, H)."""
    return x[:, -1]


def _table_model(settings: Settings, facts: Mapping[str, Any]) -> Layer:
    classes, scaler = facts["classes"], Scaled(facts["x_scaler"])
    out = 1 if classes is None else len(classes)
    mlp = MLP((*settings.get("hidden", []), out), in_size=len(scaler.mean.data))
    layers: list[Callable[[Any], Any]] = [scaler, mlp]
    if classes is None:
        layers += [_only_column, Unscaled(facts["t_scaler"])]
    return Sequential(*layers)


class Scaled(Layer):
    """A `StandardScaler` as a layer: its state is saved with the weights.

    Args:
        state: of the scaler; values, or lists of them, by name.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.count, self.mean, self.squares = (
            Buffer(np.array(state[name], np.float64)) for name in ("count", "mean", "squares")
        )

    def scaler(self) -> StandardScaler:
        scaler = StandardScaler()
        buffers = {"count": self.count, "mean": self.mean, "squares": self.squares}
        scaler.load_state_dict({name: buffer.data for name, buffer in buffers.items()})
        return scaler

    def forward(self, x: Any) -> Any:
        return self.scaler()(x).astype(np.float32)


class Unscaled(Scaled):
    """The inverse of `Scaled`."""

    def forward(self, x: Any) -> Any:
        return self.scaler().inverse(x)


def _only_column(y: Any) -> Any:
    """(N, 1) to (N,)."""
    return y[:, 0]


def _curve_model(settings: Settings, facts: Mapping[str, Any]) -> Layer:
    hidden = settings["hidden"]
    return Sequential(*_lstms(1, hidden), Linear(1, in_size=hidden[-1]))


def _text_model(settings: Settings, facts: Mapping[str, Any]) -> Layer:
    return GPT(
        len(vocabulary(facts)),
        settings["context"],
        layers=settings["layers"],
        width=settings["width"],
        heads=settings["heads"],
        dropout=settings["dropout"],
    )
