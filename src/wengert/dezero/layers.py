"""The layers of the book: `import wengert.dezero.layers as L`.

An input size that is not given is taken from the first input; until then `W.data` is None.
"""

import math
import os
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert import layers as wengert_layers
from wengert.arrays import DTypeLike, as_array
from wengert.core import Parameter as AnyParameter
from wengert.dezero import functions as F
from wengert.dezero.core import Parameter
from wengert.dezero.utils import pair
from wengert.io.arrays import read, save_arrays
from wengert.names import public


class Layer(wengert_layers.Layer):
    """A component of a model. A subclass assigns Parameters and Layers to attributes.

    It defines `forward`, or overrides `__call__`. Names of weights in files are paths such as
    `l0/W`. `inputs` and `outputs` are weak references to those of the last call:
    `layer.outputs[0]()`.
    """

    casts_inputs = ""

    def __call__(self, *xs, **options):
        y = super().__call__(*xs, **options)
        self.inputs = [_weakly(x) for x in xs]
        self.outputs = [_weakly(y) for y in (y if isinstance(y, tuple) else (y,))]
        return y

    def __getstate__(self) -> dict[str, Any]:
        """The state for copies and pickles, without the last call."""
        state = super().__getstate__()
        return {name: x for name, x in state.items() if name not in ("inputs", "outputs")}

    @property
    def _params(self) -> set[str]:
        """The names of the attributes that hold Parameters and Layers."""
        return set(_parts(self))

    def _flatten_params(self, params_dict: dict[str, Any], parent_key: str = "") -> None:
        """Puts the Parameters into `params_dict`, by name."""
        prefix = f"{parent_key}/" if parent_key else ""
        for name, value in _parts(self).items():
            if isinstance(value, AnyParameter):
                params_dict[prefix + name] = value
            else:
                Layer._flatten_params(value, params_dict, prefix + name)
        named = set(params_dict.values())
        for name, p in wengert_layers.Layer.named_params(self).items():
            if p not in named:  # it is in a list
                params_dict[prefix + name.replace(".", "/")] = p

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Writes the Parameters to a file; a name without `.npz` gets it.

        Raises:
            RuntimeError: a Parameter has no size yet.
            OSError: the file cannot be written; an older file stays intact.
        """
        arrays = {key: p.data for key, p in self._with_sizes("save_weights").items()}
        name = os.fspath(path)
        save_arrays(name if name.endswith(".npz") else name + ".npz", arrays)

    def _with_sizes(self, caller: str) -> dict[str, Any]:
        """The Parameters by name, if all have their sizes."""
        params: dict[str, Any] = {}
        self._flatten_params(params)
        for key, p in params.items():
            if p.data is None:
                raise RuntimeError(
                    f"{caller}: {key} has no size yet; call the model on an input first"
                )
        return params

    def state_dict(self) -> dict[str, np.ndarray]:
        """See `wengert.layers.Layer`: here the names are `l0.W`."""
        self._with_sizes("state_dict")
        return super().state_dict()

    def load_state_dict(
        self, state: Mapping[str, Any], *, strict: bool = True
    ) -> tuple[list[str], list[str]]:
        """See `wengert.layers.Layer`; sizes must be known, unlike for `load_weights`."""
        self._with_sizes("load_state_dict")
        return super().load_state_dict(state, strict=strict)

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Reads the Parameters from an npz file, with the shapes and dtypes of the file.

        Raises:
            OSError: there is no such file, or it cannot be read.
            ValueError: it is damaged, or lacks a Parameter; nothing is loaded then.
        """
        params: dict[str, Any] = {}
        self._flatten_params(params)
        arrays, _ = read("load_weights", path)
        missing = [key for key in params if key not in arrays]
        if missing:
            raise ValueError(f"load_weights: {path} has no {', '.join(missing)}")
        for key, p in params.items():
            p.data = arrays[key]

    def to_cpu(self) -> None:
        """Moves the Parameters to the CPU, where they already are."""
        for p in self.params():
            p.to_cpu()  # type: ignore[attr-defined]

    def to_gpu(self) -> None:
        """Moves the Parameters to the GPU, if CuPy is installed: see `cuda`."""
        for p in self.params():
            p.to_gpu()  # type: ignore[attr-defined]


def _weakly(x: Any) -> Callable[[], Any]:
    """A weak reference to x; for numbers and lists, which have none, a function that returns x."""
    return weakref.ref(x) if type(x).__weakrefoffset__ else lambda: x


def _parts(layer: wengert_layers.Layer) -> dict[str, Any]:
    held = (AnyParameter, wengert_layers.Layer)
    return {name: value for name, value in vars(layer).items() if isinstance(value, held)}


def _normal(shape: tuple[int, ...], fan_in: int, dtype: DTypeLike) -> np.ndarray:
    """Normally distributed numbers with variance 1 / fan_in."""
    draws = np.random.randn(*shape).astype(dtype)
    return draws * np.asarray(np.sqrt(1 / fan_in), dtype)


def _bias(size: int, nobias: bool, dtype: DTypeLike) -> Parameter | None:
    return None if nobias else Parameter(np.zeros(size, dtype), name="b")


class Linear(Layer):
    """y = x W + b.

    Args:
        out_size: features of y.
        nobias: leave out b.
        dtype: of the Parameters.
        in_size: features of x; by default those of the first x.
    """

    def __init__(
        self,
        out_size: int,
        nobias: bool = False,
        dtype: DTypeLike = np.float32,
        in_size: int | None = None,
    ) -> None:
        self.in_size = in_size
        self.out_size = out_size
        self.dtype = dtype
        self.W = Parameter(None, name="W")
        if in_size is not None:
            self._init_W()
        self.b = _bias(out_size, nobias, dtype)

    def _init_W(self, xp: Any = np) -> None:  # noqa: N802
        assert self.in_size is not None
        self.W.data = _normal((self.in_size, self.out_size), self.in_size, self.dtype)

    def forward(self, x):
        if self.W.data is None:
            self.in_size = np.shape(x)[1]
            self._init_W()
        return F.linear(x, self.W, self.b)


class Conv2d(Layer):
    """Convolution of x (N, C, H, W) with W (O, C, KH, KW), plus b.

    Args:
        out_channels: channels of y.
        kernel_size: a number, or a pair for the two axes; stride and pad too.
        stride: distance between windows, in pixels.
        pad: zeros around x.
        nobias: leave out b.
        dtype: of the Parameters.
        in_channels: channels of x; by default those of the first x.
    """

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        pad: Any = 0,
        nobias: bool = False,
        dtype: DTypeLike = np.float32,
        in_channels: int | None = None,
    ) -> None:
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.dtype = dtype
        self.W = Parameter(None, name="W")
        if in_channels is not None:
            self._init_W()
        self.b = _bias(out_channels, nobias, dtype)

    def _init_W(self, xp: Any = np) -> None:  # noqa: N802
        assert self.in_channels is not None
        kernel = pair(self.kernel_size)
        shape = (*self._channels(self.in_channels), *kernel)
        self.W.data = _normal(shape, self.in_channels * math.prod(kernel), self.dtype)

    def _channels(self, in_channels: int) -> tuple[int, int]:
        return self.out_channels, in_channels

    def _size_from(self, x: Any) -> None:
        if self.W.data is None:
            self.in_channels = np.shape(x)[1]
            self._init_W()

    def forward(self, x):
        self._size_from(x)
        return F.conv2d(x, self.W, self.b, self.stride, self.pad)


class Deconv2d(Conv2d):
    """Transposed convolution of x (N, C, H, W) with W (C, O, KH, KW), plus b; see Conv2d."""

    def _channels(self, in_channels: int) -> tuple[int, int]:
        return in_channels, self.out_channels

    def forward(self, x):
        self._size_from(x)
        return F.deconv2d(x, self.W, self.b, self.stride, self.pad)


class RNN(Layer):
    """h = tanh(x Wx + b + h Wh), from step to step; `reset_state` starts a new sequence.

    Args:
        hidden_size: features of h.
        in_size: features of x; by default those of the first x.
    """

    def __init__(self, hidden_size: int, in_size: int | None = None) -> None:
        self.x2h = Linear(hidden_size, in_size=in_size)
        self.h2h = Linear(hidden_size, nobias=True)
        self.reset_state()

    def reset_state(self) -> None:
        """Sets h to None."""
        self.h: Any = None

    def forward(self, x):
        z = self.x2h(x)
        self.h = F.tanh(z if self.h is None else z + self.h2h(self.h))
        return self.h


class LSTM(Layer):
    """A long short-term memory, from step to step; `reset_state` starts a new sequence.

    With gates f, i, o = sigmoid(x Wx + b + h Wh) and u = tanh(x Wx + b + h Wh), each with its own
    weights, c = f c + i u and h = o tanh c.

    Args:
        hidden_size: features of h and c.
        in_size: features of x; by default those of the first x.
    """

    def __init__(self, hidden_size: int, in_size: int | None = None) -> None:
        for gate in "fiou":
            setattr(self, f"x2{gate}", Linear(hidden_size, in_size=in_size))
        for gate in "fiou":
            setattr(self, f"h2{gate}", Linear(hidden_size, in_size=hidden_size, nobias=True))
        self.reset_state()

    def reset_state(self) -> None:
        """Sets h and c to None."""
        self.h: Any = None
        self.c: Any = None

    def forward(self, x):
        f, i, o, u = [self._before(gate, x) for gate in "fiou"]
        f, i, o, u = F.sigmoid(f), F.sigmoid(i), F.sigmoid(o), F.tanh(u)
        self.c = i * u if self.c is None else f * self.c + i * u
        self.h = o * F.tanh(self.c)
        return self.h

    def _before(self, gate: str, x: Any) -> Any:
        """The input of a gate's activation."""
        z = getattr(self, f"x2{gate}")(x)
        return z if self.h is None else z + getattr(self, f"h2{gate}")(self.h)


class EmbedID(Layer):
    """A row of W (in_size, out_size) for each index."""

    def __init__(self, in_size: int, out_size: int) -> None:
        self.W = Parameter(np.random.randn(in_size, out_size), name="W")

    def forward(self, x):
        return F.embed_id(x, self.W)


class BatchNorm(Layer):
    """Batch normalisation; the running statistics are Parameters, so they are saved too."""

    def __init__(self) -> None:
        self.avg_mean = Parameter(None, name="avg_mean")
        self.avg_var = Parameter(None, name="avg_var")
        self.gamma = Parameter(None, name="gamma")
        self.beta = Parameter(None, name="beta")

    def _init_params(self, x: Any) -> None:
        C, dtype = np.shape(x)[1], as_array(x).dtype
        for p, value in ((self.avg_mean, 0), (self.avg_var, 1), (self.gamma, 1), (self.beta, 0)):
            if p.data is None:
                p.data = np.full(C, value, dtype)

    def forward(self, x):
        self._init_params(x)
        return F.batch_nrom(x, self.gamma, self.beta, self.avg_mean.data, self.avg_var.data)


__all__, __dir__ = public(globals(), exports=True)
