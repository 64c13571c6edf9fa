"""`summary`: a table of the layers of a model."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.config import no_grad, test_mode
from wengert.core import Parameter
from wengert.graph import layer_calls
from wengert.random import get_state, set_state


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: of the layer.
        kind: its class.
        shapes: of its outputs.
        params: number of elements of the Parameters that it holds itself.
    """

    name: str
    kind: str
    shapes: tuple[tuple[int, ...], ...]
    params: int


@dataclass(frozen=True)
class Summary:
    """The layers of a model, each before the layers inside it; printed, a table."""

    rows: list[Row]
    params: int
    trained: int
    bytes: int

    def __str__(self) -> str:
        table = [("layer", "class", "output", "parameters")]
        for row in self.rows:
            shapes = " ".join(map(str, row.shapes)) or "not called"
            table.append((row.name or "(model)", row.kind, shapes, f"{row.params:,}"))
        a, b, c, d = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [f"{w:{a}}  {x:{b}}  {y:{c}}  {z:>{d}}" for w, x, y, z in table]
        lines.insert(1, "-" * len(lines[0]))
        frozen = self.params - self.trained
        lines += [
            lines[1],
            f"{self.params:,} parameters"
            + (f", {frozen:,} of them frozen" if frozen else "")
            + f", {self.bytes / 2**20:,.2f} MiB",
        ]
        return "\n".join(lines)

    __repr__ = __str__


def summary(model: Any, *xs: Any) -> Summary:
    """The layers of `model`, their output shapes for the inputs `xs`, and their parameters.

    A parameter is counted once, for the layer that holds it. A copy of the model is called, in
    inference mode and without recording: nothing in the model changes, and a size that is not yet
    known stays unknown.

    Example:
        >>> import numpy as np
        >>> from wengert.functions import relu
        >>> from wengert.layers import Linear, Sequential
        >>> Sequential(Linear(100), relu, Linear(10)).summary(np.ones((1, 64)))
        layer     class       output    parameters
        ------------------------------------------
        (model)   Sequential  (1, 10)            0
        layers.0  Linear      (1, 100)       6,500
        layers.2  Linear      (1, 10)        1,010
        ------------------------------------------
        7,510 parameters, 0.03 MiB
    """
    shared = {id(p): p for p in model.named_params().values()}  # a forward does not change them
    model = copy.deepcopy(model, shared)
    drawn = get_state()
    try:
        with no_grad(), test_mode(), layer_calls() as calls:
            model(*[_in_dtype_of(model, x) for x in xs])
    finally:
        set_state(drawn)
    shapes: dict[int, tuple[tuple[int, ...], ...]] = {}
    for call in calls:
        ys = call.output if isinstance(call.output, tuple) else (call.output,)
        shapes.setdefault(id(call.layer), tuple([as_array(y).shape for y in ys]))
    rows: list[Row] = []
    counted: set[Parameter] = set()
    for name, layer in model.named_layers().items():
        own = [p for p in layer.own_params() if p not in counted]
        counted.update(own)
        size = sum([p.size for p in own])
        rows.append(Row(name, type(layer).__name__, shapes.get(id(layer), ()), size))
    return Summary(
        rows,
        params=sum(p.size for p in counted),
        trained=sum(p.size for p in counted if p.requires_grad),
        bytes=sum(p.data.nbytes for p in counted),
    )


def _in_dtype_of(model: Any, x: Any) -> Any:
    """An array of floats in the dtype of the model's Parameters, so that np.ones(shape) will do."""
    dtypes = {p.dtype for p in model.named_params().values()}
    if len(dtypes) == 1 and isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return x.astype(*dtypes)
    return x
