"""Names and layouts of weights in PyTorch, for the layers that both frameworks have.

The name of a Parameter or Buffer in PyTorch is its name here, with the components replaced that
`NAMES` has for the layers along its path: `layer1.layers.0.conv1.W` becomes
`layer1.0.conv1.weight`. Components without an entry are the same: attributes of a model, running
statistics, Parameters of a user's own layers. So a model fits the PyTorch module whose attributes
have the same names, and the architectures of `wengert.models` fit those of torchvision.

Matrices of `x W` are (in, out) here and (out, in) in PyTorch. The weights of queries, keys and
values are one array in PyTorch. `num_batches_tracked` has no counterpart; PyTorch loads without it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from wengert import layers as L
from wengert.layers.conv import Conv
from wengert.layers.normalization import Normalization
from wengert.layers.recurrent import Cell, Recurrent
from wengert.state import Mismatch


class TorchName(NamedTuple):
    """The name and layout in PyTorch of a Parameter or Buffer.

    Attributes:
        name: in the `state_dict` of the module.
        transposed: whether PyTorch has the transpose.
        third: 0, 1 or 2 if PyTorch's array has three times as many rows, and this is that third.
    """

    name: str
    transposed: bool = False
    third: int | None = None

    def fetch(self, array: ndarray) -> ndarray:
        """Our array, from PyTorch's."""
        if self.third is not None:
            array = np.split(array, 3)[self.third]
        return array.T if self.transposed else array

    def fits(self, array: ndarray, shape: tuple[int, ...] | None) -> bool:
        """Whether PyTorch's array has the needed shape, which is None for lazy parameters."""
        if shape is not None:
            return array.shape == shape
        return self.third is None or (array.ndim > 0 and len(array) % 3 == 0)

    def shape(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of PyTorch's array, from the shape of ours."""
        shape = ours[::-1] if self.transposed else ours
        return shape if self.third is None else (3 * shape[0], *shape[1:])


# From our names to PyTorch's. A name that ends in a dot is a prefix of other names.
Table = dict[str, TorchName]


def _cell(ours: str = "weights.", end: str = "") -> Table:
    return {
        f"{ours}Wx": TorchName(f"weight_ih{end}", transposed=True),
        f"{ours}Wh": TorchName(f"weight_hh{end}", transposed=True),
        f"{ours}bx": TorchName(f"bias_ih{end}"),
        f"{ours}bh": TorchName(f"bias_hh{end}"),
    }


def _recurrent(layer: Any) -> Table:
    directions = ["", "_reverse"] if layer.bidirectional else [""]
    ends = [f"_l{k}{direction}" for k in range(layer.layers) for direction in directions]
    tables = [_cell(f"weights.{i}.", end) for i, end in enumerate(ends)]
    return {ours: theirs for table in tables for ours, theirs in table.items()}


_TRANSFORMER = {
    "attention.": TorchName("self_attn."),
    "attention_norm.": TorchName("norm1."),
    "network.layers.0.": TorchName("linear1."),
    "network.layers.3.": TorchName("linear2."),
}
NAMES: dict[type[L.Layer], Table | Callable[[Any], Table]] = {
    L.Sequential: {"layers.": TorchName("")},
    L.Linear: {"W": TorchName("weight", transposed=True), "b": TorchName("bias")},
    Conv: {"W": TorchName("weight"), "b": TorchName("bias")},
    L.Embedding: {"W": TorchName("weight")},
    L.PReLU: {"slope": TorchName("weight")},
    Normalization: {"gamma": TorchName("weight"), "beta": TorchName("bias")},
    L.RMSNorm: {"gamma": TorchName("weight")},
    Cell: _cell(),
    Recurrent: _recurrent,
    L.MultiHeadAttention: {
        **{
            f"W{x}": TorchName("in_proj_weight", transposed=True, third=i)
            for i, x in enumerate("qkv")
        },
        **{f"b{x}": TorchName("in_proj_bias", third=i) for i, x in enumerate("qkv")},
        "Wo": TorchName("out_proj.weight", transposed=True),
        "bo": TorchName("out_proj.bias"),
    },
    L.TransformerEncoderLayer: {**_TRANSFORMER, "network_norm.": TorchName("norm2.")},
    L.TransformerDecoderLayer: {
        **_TRANSFORMER,
        "memory_attention.": TorchName("multihead_attn."),
        "memory_norm.": TorchName("norm2."),
        "network_norm.": TorchName("norm3."),
    },
}


def to_pytorch(state: Mapping[str, ndarray], model: L.Layer) -> dict[str, ndarray]:
    """The state of `model` with PyTorch's names and layouts."""
    parts: dict[str, list[ndarray]] = {}
    for name, theirs in torch_names(model).items():
        array = state[name].T if theirs.transposed else state[name]
        parts.setdefault(theirs.name, []).append(array)
    return {name: np.concatenate(p) if len(p) > 1 else p[0] for name, p in parts.items()}


def load(
    arrays: Mapping[str, ndarray], model: L.Layer, strict: bool
) -> tuple[list[str], list[str]]:
    """Loads the weights of a PyTorch module into `model`; two names of one array count as one.

    Returns:
        The missing and the unexpected names, as PyTorch has them.

    Raises:
        ValueError: names or shapes do not fit; nothing is loaded.
    """
    names = torch_names(model)
    known = model.named_params() | model.named_buffers()
    needed = {
        theirs.name: theirs.shape(known[name].shape) if name in known else None
        for name, theirs in names.items()
    }
    used = {id(arrays[name]) for name in needed if name in arrays}
    missing = [name for name in needed if name not in arrays]
    unexpected = [
        name
        for name, array in arrays.items()
        if id(array) not in used and name.split(".")[-1] != "num_batches_tracked"
    ]
    unfit = {
        theirs.name: f"{theirs.name} is {arrays[theirs.name].shape}, needed {needed[theirs.name]}"
        for theirs in names.values()
        if theirs.name in arrays and not theirs.fits(arrays[theirs.name], needed[theirs.name])
    }
    Mismatch(
        [f"{name} {needed[name] or ''}".strip() for name in missing],
        [f"{name} {arrays[name].shape}" for name in unexpected],
        list(unfit.values()),
    ).check("in PyTorch's names", _hint(missing, unexpected), strict=strict)
    state = {
        name: theirs.fetch(arrays[theirs.name])
        for name, theirs in names.items()
        if theirs.name in arrays
    }
    model.load_state_dict(state, strict=False)
    return missing, unexpected


def with_tied_names(
    arrays: Mapping[str, ndarray], metadata: Mapping[str, str]
) -> dict[str, ndarray]:
    """Arrays also by the names that `safetensors.torch.save_model` has dropped.

    It writes a tied array once, and notes in the metadata the name under which it is written.
    """
    tied = {name: arrays[kept] for name, kept in metadata.items() if kept in arrays}
    return {**tied, **arrays}


def torch_names(model: L.Layer) -> dict[str, TorchName]:
    """The name and layout in PyTorch of each Parameter and Buffer, lazy ones included."""
    names, _ = model.load_state_dict({}, strict=False)
    layers = model.named_layers()
    return {name: _torch_name(name, layers) for name in names}


def _torch_name(name: str, layers: Mapping[str, L.Layer]) -> TorchName:
    path, theirs = "", ""  # the part of `name` that is translated, and its translation
    while path != name:
        rest = name[len(path) :]
        table = _table(layers.get(path.removesuffix(".")))
        if rest in table:
            return table[rest]._replace(name=theirs + table[rest].name)
        prefix = next((p for p in table if p.endswith(".") and rest.startswith(p)), None)
        if prefix is None:
            first, dot, _ = rest.partition(".")
            prefix = first + dot
            theirs += prefix
        else:
            theirs += table[prefix].name
        path += prefix
    return TorchName(theirs)


def _table(layer: L.Layer | None) -> Table:
    for kind in type(layer).__mro__:
        if kind in NAMES:
            table = NAMES[kind]
            return table(layer) if callable(table) else table
    return {}


def _hint(missing: list[str], unexpected: list[str]) -> str:
    """What to do if the names differ only by a common prefix, as in `module.fc.weight`."""
    for name in unexpected:
        if missing and name.endswith("." + missing[0]):
            prefix = name.removesuffix(missing[0])
            return f"to drop {prefix!r}: rename=lambda name: name.removeprefix({prefix!r})"
    return ""
