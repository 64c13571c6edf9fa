"""The book's models: `dezero.models`.

Images are (N, 3, H, W) in float32. The names of the weights are those of the book's files.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.arrays import DTypeLike
from wengert.dezero import functions as F
from wengert.dezero import layers as L
from wengert.dezero import utils
from wengert.dezero.layers import Layer
from wengert.names import public

RELEASE = "https://github.com/koki0702/dezero-models/releases/download/v0.1/"


class Model(Layer):
    """A Layer with `plot`."""

    def plot(self, *inputs: Any, to_file: str = "model.png") -> Any:
        """Draws the graph of a call with these inputs: see `utils.plot_dot_graph`."""
        return utils.plot_dot_graph(self.forward(*inputs), verbose=True, to_file=to_file)


class Sequential(Model):
    """Layers and functions, one after the other; `l0` is the first."""

    def __init__(self, *layers: Any) -> None:
        for i, layer in enumerate(layers):
            setattr(self, f"l{i}", layer)
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class MLP(Model):
    """Linear layers of these sizes, with an activation between them; `l0` is the first."""

    def __init__(
        self, fc_output_sizes: Sequence[int], activation: Callable[[Any], Any] = F.sigmoid
    ) -> None:
        self.activation = activation
        layers = [L.Linear(size) for size in fc_output_sizes]
        for i, layer in enumerate(layers):
            setattr(self, f"l{i}", layer)
        self.layers = layers

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class VGG16(Model):
    """VGG with 16 layers, for images of 224 × 224 and 1000 classes.

    Args:
        pretrained: load the weights of the book; their file is downloaded if it does not exist.

    Source: K. Simonyan, A. Zisserman, arXiv:1409.1556, configuration D.
    """

    WEIGHTS_PATH = RELEASE + "vgg16.npz"
    STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions

    def __init__(self, pretrained: bool = False) -> None:
        for i, (channels, depth) in enumerate(self.STAGES, start=1):
            for j in range(1, depth + 1):
                setattr(self, f"conv{i}_{j}", L.Conv2d(channels, kernel_size=3, stride=1, pad=1))
        self.fc6 = L.Linear(4096)
        self.fc7 = L.Linear(4096)
        self.fc8 = L.Linear(1000)
        if pretrained:
            self.load_weights(utils.get_file(self.WEIGHTS_PATH))

    def forward(self, x):
        for i, (_, depth) in enumerate(self.STAGES, start=1):
            for j in range(1, depth + 1):
                x = F.relu(getattr(self, f"conv{i}_{j}")(x))
            x = F.pooling(x, 2, 2)
        x = F.flatten(x)
        x = F.dropout(F.relu(self.fc6(x)))
        x = F.dropout(F.relu(self.fc7(x)))
        return self.fc8(x)

    @staticmethod
    def preprocess(image: Any, size: Any = (224, 224), dtype: DTypeLike = np.float32) -> np.ndarray:
        """A PIL image as (3, H, W): resized, in the order BGR, minus the mean colour."""
        image = image.convert("RGB")
        if size:
            image = image.resize(size)
        pixels = np.asarray(image, dtype)[:, :, ::-1] - np.array([103.939, 116.779, 123.68], dtype)
        return pixels.transpose(2, 0, 1)


class ResNet(Model):
    """A residual network with bottlenecks, for images of 224 × 224 and 1000 classes.

    Args:
        n_layers: 50, 101 or 152.
        pretrained: load the weights of the book; their file is downloaded if it does not exist.

    Raises:
        ValueError: n_layers is another number.

    Source: K. He et al., arXiv:1512.03385.
    """

    WEIGHTS_PATH = RELEASE + "resnet{}.npz"
    DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # noqa: RUF012

    def __init__(self, n_layers: int = 152, pretrained: bool = False) -> None:
        if n_layers not in self.DEPTHS:
            raise ValueError(f"ResNet: got n_layers {n_layers}, needed one of {[*self.DEPTHS]}")
        depths = self.DEPTHS[n_layers]
        self.conv1 = L.Conv2d(64, 7, 2, 3, in_channels=3)
        self.bn1 = L.BatchNorm()
        self.res2 = BuildingBlock(depths[0], 64, 64, 256, 1)
        self.res3 = BuildingBlock(depths[1], 256, 128, 512, 2)
        self.res4 = BuildingBlock(depths[2], 512, 256, 1024, 2)
        self.res5 = BuildingBlock(depths[3], 1024, 512, 2048, 2)
        self.fc6 = L.Linear(1000)
        if pretrained:
            self.load_weights(utils.get_file(self.WEIGHTS_PATH.format(n_layers)))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.pooling(x, kernel_size=3, stride=2)
        for block in (self.res2, self.res3, self.res4, self.res5):
            x = block(x)
        x = F.flatten(F.average_pooling(x, x.shape[2:], stride=1))
        return self.fc6(x)


# fmt: off
class ResNet152(ResNet):
    """ResNet with 152 layers."""

    def __init__(self, pretrained: bool = False) -> None: super().__init__(152, pretrained)


class ResNet101(ResNet):
    """ResNet with 101 layers."""

    def __init__(self, pretrained: bool = False) -> None: super().__init__(101, pretrained)


class ResNet50(ResNet):
    """ResNet with 50 layers."""

    def __init__(self, pretrained: bool = False) -> None: super().__init__(50, pretrained)
# fmt: on


class BuildingBlock(Layer):
    """A BottleneckA, `a`, and n_layers - 1 BottleneckBs, `b1` and so on.

    Args:
        n_layers: number of bottlenecks.
        in_channels: channels of x.
        mid_channels: channels between the convolutions.
        out_channels: channels of y.
        stride: of the first bottleneck.
        downsample_fb: see BottleneckA.
    """

    def __init__(
        self,
        n_layers: int,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        stride: int,
        downsample_fb: bool = False,
    ) -> None:
        self.a = BottleneckA(in_channels, mid_channels, out_channels, stride, downsample_fb)
        self._forward = ["a", *[f"b{i}" for i in range(1, n_layers)]]
        for name in self._forward[1:]:
            setattr(self, name, BottleneckB(out_channels, mid_channels))

    def forward(self, x):
        for name in self._forward:
            x = getattr(self, name)(x)
        return x


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> L.Conv2d:
    pad = kernel_size // 2
    return L.Conv2d(out_channels, kernel_size, stride, pad, nobias=True, in_channels=in_channels)


class BottleneckA(Layer):
    """y = relu(f(x) + g(x)): 1×1, 3×3 and 1×1 convolutions, and a 1×1 convolution as shortcut.

    Args:
        in_channels: channels of x.
        mid_channels: channels between the convolutions.
        out_channels: channels of y.
        stride: of f and g.
        downsample_fb: whether the 3×3 convolution of f has the stride, not the first 1×1 one.
    """

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        stride: int = 2,
        downsample_fb: bool = False,
    ) -> None:
        first, second = (1, stride) if downsample_fb else (stride, 1)
        self.conv1 = _conv(in_channels, mid_channels, 1, first)
        self.bn1 = L.BatchNorm()
        self.conv2 = _conv(mid_channels, mid_channels, 3, second)
        self.bn2 = L.BatchNorm()
        self.conv3 = _conv(mid_channels, out_channels, 1)
        self.bn3 = L.BatchNorm()
        self.conv4 = _conv(in_channels, out_channels, 1, stride)
        self.bn4 = L.BatchNorm()

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        return F.relu(self.bn3(self.conv3(h)) + self.bn4(self.conv4(x)))


class BottleneckB(Layer):
    """y = relu(f(x) + x): 1×1, 3×3 and 1×1 convolutions.

    Args:
        in_channels: channels of x and y.
        mid_channels: channels between the convolutions.
    """

    def __init__(self, in_channels: int, mid_channels: int) -> None:
        self.conv1 = _conv(in_channels, mid_channels, 1)
        self.bn1 = L.BatchNorm()
        self.conv2 = _conv(mid_channels, mid_channels, 3)
        self.bn2 = L.BatchNorm()
        self.conv3 = _conv(mid_channels, in_channels, 1)
        self.bn3 = L.BatchNorm()

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        return F.relu(self.bn3(self.conv3(h)) + x)


class SqueezeNet(Model):
    """A class without a network, as in the book: it cannot be called.

    `wengert.models.SqueezeNet` is the network.
    """

    def __init__(self, pretrained: bool = False) -> None:
        if pretrained:
            raise ValueError(
                "SqueezeNet: got pretrained=True, but the book has no such weights; "
                "see wengert.models.SqueezeNet"
            )


__all__, __dir__ = public(globals(), exports=True)
