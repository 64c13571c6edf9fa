"""Names and arrangements of weights in PyTorch, for the layers that both have.

PyTorch's name for a Parameter or Buffer is ours, with the words on the way to it that `NAMES` has
for layers on that way: `layer1.layers.0.conv1.W` is `layer1.0.conv1.weight` there. What has no
entry keeps its word: attributes of a model, running statistics, Parameters of a user's own layers.
So a model fits the PyTorch module whose attributes have the same names, and the architectures of
`wengert.models` fit those of torchvision.

Matrices of `x W` are (in, out) here and (out, in) there. The weights of queries, keys and values
are one array there. `num_batches_tracked` has no counterpart, and PyTorch loads without it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from wengert import layers as L
from wengert.layers.conv import Conv
from wengert.layers.normalization import Normalization
from wengert.layers.recurrent import Cell, Recurrent


class There(NamedTuple):
    """Where PyTorch has what is a Parameter or Buffer here."""

    name: str
    turned: bool = False  # it is transposed
    third: int | None = None  # it is this third of the rows

    def fetch(self, array: ndarray) -> ndarray:
        """What is here, of what is there."""
        if self.third is not None:
            array = np.split(array, 3)[self.third]
        return array.T if self.turned else array

    def fits(self, array: ndarray, shape: tuple[int, ...] | None) -> bool:
        """Whether `array` can be there; `shape` is what is needed there, if that is known."""
        if shape is not None:
            return array.shape == shape
        return self.third is None or (array.ndim > 0 and len(array) % 3 == 0)

    def shape(self, here: tuple[int, ...]) -> tuple[int, ...]:
        """The shape there of what has the shape `here`."""
        shape = here[::-1] if self.turned else here
        return shape if self.third is None else (3 * shape[0], *shape[1:])


# What is called what. A word that ends in a dot is on the way to what is further inside.
Table = dict[str, There]


def _cell(ours: str = "weights.", end: str = "") -> Table:
    return {
        f"{ours}Wx": There(f"weight_ih{end}", turned=True),
        f"{ours}Wh": There(f"weight_hh{end}", turned=True),
        f"{ours}bx": There(f"bias_ih{end}"),
        f"{ours}bh": There(f"bias_hh{end}"),
    }


def _recurrent(layer: Any) -> Table:
    directions = ["", "_reverse"] if layer.bidirectional else [""]
    ends = [f"_l{k}{direction}" for k in range(layer.layers) for direction in directions]
    tables = [_cell(f"weights.{i}.", end) for i, end in enumerate(ends)]
    return {ours: there for table in tables for ours, there in table.items()}


_TRANSFORMER = {
    "attention.": There("self_attn."),
    "attention_norm.": There("norm1."),
    "network.layers.0.": There("linear1."),
    "network.layers.3.": There("linear2."),
}
NAMES: dict[type[L.Layer], Table | Callable[[Any], Table]] = {
    L.Sequential: {"layers.": There("")},
    L.Linear: {"W": There("weight", turned=True), "b": There("bias")},
    Conv: {"W": There("weight"), "b": There("bias")},
    L.Embedding: {"W": There("weight")},
    L.PReLU: {"slope": There("weight")},
    Normalization: {"gamma": There("weight"), "beta": There("bias")},
    L.RMSNorm: {"gamma": There("weight")},
    Cell: _cell(),
    Recurrent: _recurrent,
    L.MultiHeadAttention: {
        **{f"W{x}": There("in_proj_weight", turned=True, third=i) for i, x in enumerate("qkv")},
        **{f"b{x}": There("in_proj_bias", third=i) for i, x in enumerate("qkv")},
        "Wo": There("out_proj.weight", turned=True),
        "bo": There("out_proj.bias"),
    },
    L.TransformerEncoderLayer: {**_TRANSFORMER, "network_norm.": There("norm2.")},
    L.TransformerDecoderLayer: {
        **_TRANSFORMER,
        "memory_attention.": There("multihead_attn."),
        "memory_norm.": There("norm2."),
        "network_norm.": There("norm3."),
    },
}


def to_pytorch(state: Mapping[str, ndarray], model: L.Layer) -> dict[str, ndarray]:
    """The state of `model` with PyTorch's names and arrangements."""
    parts: dict[str, list[ndarray]] = {}
    for name, there in places(model).items():
        array = state[name].T if there.turned else state[name]
        parts.setdefault(there.name, []).append(array)
    return {name: np.concatenate(p) if len(p) > 1 else p[0] for name, p in parts.items()}


def load(
    arrays: Mapping[str, ndarray], model: L.Layer, strict: bool
) -> tuple[list[str], list[str]]:
    """Gives `model` the weights of a PyTorch module; two names of one array count as one.

    Returns:
        The names that are missing and those that are unexpected, as PyTorch has them.

    Raises:
        ValueError: names or shapes do not fit; nothing has been loaded then.
    """
    theirs = places(model)
    known = model.named_params() | model.named_buffers()
    needed = {
        there.name: there.shape(known[name].shape) if name in known else None
        for name, there in theirs.items()
    }
    used = {id(arrays[name]) for name in needed if name in arrays}
    missing = [name for name in needed if name not in arrays]
    unexpected = [
        name
        for name, array in arrays.items()
        if id(array) not in used and name.split(".")[-1] != "num_batches_tracked"
    ]
    misshaped = {
        there.name: f"{there.name} is {arrays[there.name].shape}, needed {needed[there.name]}"
        for there in theirs.values()
        if there.name in arrays and not there.fits(arrays[there.name], needed[there.name])
    }
    lists = {
        "missing": [f"{name} {needed[name] or ''}".strip() for name in missing if strict],
        "unexpected": [f"{name} {arrays[name].shape}" for name in unexpected if strict],
        "of another shape": list(misshaped.values()),
    }
    problems = [f"{what}: {', '.join(names)}" for what, names in lists.items() if names]
    if problems:
        raise ValueError(
            f"in PyTorch's names, {'; '.join(problems)}. Nothing was loaded"
            f"{_hint(missing, unexpected)}"
        )
    state = {
        name: there.fetch(arrays[there.name])
        for name, there in theirs.items()
        if there.name in arrays
    }
    model.load_state_dict(state, strict=False)
    return missing, unexpected


def with_second_names(
    arrays: Mapping[str, ndarray], metadata: Mapping[str, str]
) -> dict[str, ndarray]:
    """Arrays also by the names that `safetensors.torch.save_model` has dropped.

    It writes a tied array once, and leaves in the metadata which name stands for which.
    """
    second = {name: arrays[kept] for name, kept in metadata.items() if kept in arrays}
    return {**second, **arrays}


def places(model: L.Layer) -> dict[str, There]:
    """For each Parameter and Buffer, of known size or not, where PyTorch has it."""
    names, _ = model.load_state_dict({}, strict=False)
    layers = model.named_layers()
    return {name: _place(name, layers) for name in names}


def _place(name: str, layers: Mapping[str, L.Layer]) -> There:
    way, theirs = "", ""
    while way != name:
        rest = name[len(way) :]
        table = _table(layers.get(way.removesuffix(".")))
        if rest in table:
            return table[rest]._replace(name=theirs + table[rest].name)
        word = next((w for w in table if w.endswith(".") and rest.startswith(w)), None)
        if word is None:
            first, dot, _ = rest.partition(".")
            word = first + dot
            theirs += word
        else:
            theirs += table[word].name
        way += word
    return There(theirs)


def _table(layer: L.Layer | None) -> Table:
    for kind in type(layer).__mro__:
        if kind in NAMES:
            table = NAMES[kind]
            return table(layer) if callable(table) else table
    return {}


def _hint(missing: list[str], unexpected: list[str]) -> str:
    """What to do where all that differs is how the names begin, as in `module.fc.weight`."""
    for name in unexpected:
        if missing and name.endswith("." + missing[0]):
            start = name.removesuffix(missing[0])
            return f"; to drop {start!r}: rename=lambda name: name.removeprefix({start!r})"
    return ""
