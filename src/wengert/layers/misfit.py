"""Error messages for inputs that do not fit a layer: each mistake has its own hint.

The functions are called after an error, with the shapes that caused it. They return the message, or
"" if they know no better one.
"""

import math
from typing import Any

import numpy as np

from wengert.core import Variable

Shape = tuple[int, ...]
AXES = {1: "L", 2: "H, W", 3: "D, H, W"}


def no_array(layer: str, x: Any) -> str:
    """For an input that is no array: None, or the outputs of a layer that has several."""
    if isinstance(x, tuple) and x and isinstance(x[0], Variable | np.ndarray):
        return (
            f"{layer}: got a tuple of {len(x)} arrays as x, needed one; for the outputs of a "
            f"recurrent layer, put lambda ys: ys[0] before this layer"
        )
    if x is None:
        return f"{layer}: got None as x, needed an array; does what comes before return its result?"
    return ""


def features(layer: str, shape: Shape, size: int | None, out_size: int | None, axes: str) -> str:
    """For a layer that works on the last axis.

    Args:
        size: length of that axis.
        out_size: length of the output's, for layers where the two can be swapped.
        axes: the axes before, as the message names them.
    """
    if size is None or not shape or shape[-1] == size:
        return ""
    got = f"{layer}: got x {shape}, needed ({axes}, {size})"
    for i in range(1, len(shape) - 1):
        if math.prod(shape[i:]) == size:
            how = "L.Flatten() before this layer" if i == 1 else f"x.reshape(*x.shape[:{i}], -1)"
            return f"{got}: {size} features are {'·'.join(map(str, shape[i:]))}; write {how}"
    if shape[-1] == out_size:
        return (
            f"{got}; if in_size and out_size are swapped, write {layer}({size}, in_size={out_size})"
        )
    if len(shape) == 1 and size == 1:
        return f"{got}; for {shape[0]} samples of one number write x.reshape(-1, 1)"
    if len(shape) == 2 and shape[0] == size:
        return f"{got}, a sample in each row; if the samples are columns, write x.T"
    if len(shape) > 2 and shape[1] == size:
        return f"{got}: the features are the last axis; write np.moveaxis(x, 1, -1)"
    return (
        f"{got}; for inputs with {shape[-1]} features, write {layer}(..., in_size={shape[-1]}), or "
        f"leave in_size out"
    )


def image(layer: str, shape: Shape, channels: int | None, n_axes: int) -> str:
    """For a layer that takes (N, C, ...) with `n_axes` axes after the channels."""
    C = "C" if channels is None else str(channels)
    got = f"{layer}: got x {shape}, needed (N, {C}, {AXES[n_axes]})"
    if len(shape) == n_axes + 2:
        return _channels(got, layer, shape, channels)
    if len(shape) == n_axes + 1:
        if shape[0] == channels or (channels is None and shape[0] <= 4):
            return f"{got}: the axis of the samples is missing; for one sample write x[None]"
        return f"{got}: the axis of the channels is missing; write np.expand_dims(x, 1)"
    if len(shape) == 2:
        count = channels or 1
        side = round((shape[1] / count) ** (1 / n_axes))
        if count * side**n_axes == shape[1]:
            sides = ", ".join([str(side)] * n_axes)
            return f"{got}; if the rows are images, write x.reshape(-1, {count}, {sides})"
    return ""


def channels_first(layer: str, shape: Shape, channels: int | None) -> str:
    """For a normalization over the channels of (N, C) or (N, C, ...)."""
    if len(shape) == 1:
        return f"{layer}: got x {shape}, needed (N, C): a batch; for one sample write x[None]"
    got = f"{layer}: got x {shape}, needed (N, {channels}) or (N, {channels}, ...)"
    return _channels(got, layer, shape, channels) if len(shape) > 1 else ""


def _channels(got: str, layer: str, shape: Shape, channels: int | None) -> str:
    if channels is None or shape[1] == channels:
        return ""
    if len(shape) > 2 and shape[-1] == channels:
        return f"{got}: the channels are axis 1; write np.moveaxis(x, -1, 1)"
    return (
        f"{got}; for inputs with {shape[1]} channels, write {layer}(..., in_size={shape[1]}), or "
        f"leave in_size out"
    )


def sequence(layer: str, x: Any, state: tuple[Any, ...], size: int | None) -> str:
    """For a recurrent layer, which takes (B, T, D)."""
    shape: Shape = np.shape(x)
    if state and isinstance(state[0], tuple):
        return states_in_a_tuple(layer, state)
    D = "in_size" if size is None else str(size)
    got = f"{layer}: got x {shape}, needed (B, T, {D})"
    if len(shape) == 2:
        if x.dtype.kind in "iu":
            return f"{got}; for ids, put L.Embedding(number_of_ids, size) before this layer"
        if size == 1 and shape[1] != 1:
            return f"{got}; for sequences of one number at each step, write np.expand_dims(x, 2)"
        return f"{got}; for one sequence write x[None], for one step of each np.expand_dims(x, 1)"
    if len(shape) == 3:
        return features(layer, shape, size, None, "B, T")
    return ""


def step(layer: str, x: Any, state: tuple[Any, ...], size: int | None) -> str:
    """For a cell, which takes (B, D)."""
    shape: Shape = np.shape(x)
    if state and isinstance(state[0], tuple):
        return states_in_a_tuple(layer, state)
    D = "in_size" if size is None else str(size)
    got = f"{layer}: got x {shape}, needed (B, {D}), one step"
    if len(shape) == 3:
        whole = layer.removesuffix("Cell")
        return f"{got}; for step t of a sequence write x[:, t], for all steps use L.{whole}"
    if len(shape) == 1:
        return f"{got}; for one sample write x[None]"
    return features(layer, shape, size, None, "B")


def states_in_a_tuple(layer: str, state: tuple[Any, ...]) -> str:
    """For PyTorch's lstm(x, (h, c))."""
    names = "h, c" if len(state[0]) > 1 else "h"
    return f"{layer}: got a tuple as h, needed an array; write layer(x, {names})"


def ids(layer: str, x: Any, size: int) -> str:
    """For an embedding, which takes integers."""
    shape: Shape = np.shape(x)
    if x.dtype.kind not in "fb":
        return ""
    got = f"{layer}: got ids of {x.dtype} {shape}, needed integers from 0 to {size - 1}"
    values = np.asarray(getattr(x, "data", x))
    one_hot = shape[-1:] == (size,) and bool(((values != 0).sum(axis=-1) == 1).all())
    if one_hot:
        return f"{got}; for one-hot rows write x.argmax(axis=-1)"
    return f"{got}; write x.astype(np.int64)" + (
        ", or use L.Linear for numbers that are not ids" if (values % 1 != 0).any() else ""
    )
