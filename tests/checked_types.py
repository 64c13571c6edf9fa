"""What type checkers say of programs: mypy checks this file, and tests/test_types.py runs it.

Each `assert_type` is compared with the type that mypy infers and, when the file is run, with the
type of the value. In `errors`, which is never called, each line is an error to mypy.
"""

import typing
from typing import Any

import numpy as np
from numpy import ndarray

import wengert as wg
import wengert.functions as F
import wengert.layers as L
import wengert.optimizers as optimizers
from wengert import Parameter, Variable
from wengert.functions.types import Array

array = np.linspace(0.1, 0.9, 16).reshape(4, 4)
x = Variable(array)
p = Parameter(array)
labels = np.array([0, 3, 1, 1])
images = np.ones((1, 4, 5, 5))
kernel = Parameter(np.ones((4, 4, 3, 3)))
sequences = np.ones((2, 3, 4))


def functions_of_one_input() -> None:
    typing.assert_type(F.relu(x), Variable)
    typing.assert_type(F.relu(p), Variable)
    typing.assert_type(F.relu(array), Array)
    z: ndarray = F.relu(array)
    typing.assert_type(F.relu(z), Array)
    typing.assert_type(F.relu(F.relu(array)), Array)
    typing.assert_type(F.relu(3.0), Array)
    typing.assert_type(F.relu(np.float32(3)), Array)
    typing.assert_type(F.relu([1.0, 2.0]), Array)
    typing.assert_type(F.softmax(x, axis=-1), Variable)
    typing.assert_type(F.sum(array, axis=(0, 1), keepdims=True), Array)
    typing.assert_type(F.argmax(x), Variable)
    typing.assert_type(F.reshape(x, (2, 8)), Variable)
    typing.assert_type(F.dropout(array, 0.5), Array)
    typing.assert_type(F.one_hot(labels, 4), Array)
    typing.assert_type(F.get_item(x, 0), Variable)
    typing.assert_type(F.zeros_like(x), Variable)


def functions_of_several_inputs() -> None:
    typing.assert_type(F.add(x, array), Variable)
    typing.assert_type(F.add(array, x), Variable)
    typing.assert_type(F.add(array, 2), Array)
    typing.assert_type(F.less(x, 1.0), Variable)
    typing.assert_type(F.where(array > 0.5, x, 0.0), Variable)
    typing.assert_type(F.where(array > 0.5, array, 0.0), Array)
    typing.assert_type(F.clip(array, 0.0, p), Variable)
    typing.assert_type(F.linear(array, array), Array)
    typing.assert_type(F.linear(array, p), Variable)
    typing.assert_type(F.linear(F.relu(array), p), Variable)
    typing.assert_type(F.linear(array, array, Parameter(np.ones(4))), Variable)
    typing.assert_type(F.einsum("ij,jk", array, x), Variable)
    typing.assert_type(F.conv2d(images, kernel), Variable)
    typing.assert_type(F.conv2d(images, kernel.data, padding="same"), Array)
    typing.assert_type(F.embedding(labels, p), Variable)
    typing.assert_type(
        F.batch_norm(images, running_mean=np.zeros(4), running_var=np.ones(4)), Array
    )
    typing.assert_type(F.layer_norm(x, np.ones(4)), Variable)
    typing.assert_type(F.softmax_cross_entropy(x, labels), Variable)
    typing.assert_type(F.softmax_cross_entropy(array, labels, weight=[1.0] * 4), Array)
    typing.assert_type(F.mean_squared_error(array, x), Variable)
    typing.assert_type(F.accuracy(array, labels), Array)


def functions_with_sequences_of_inputs() -> None:
    typing.assert_type(F.concatenate([x, array]), Variable)
    typing.assert_type(F.concatenate([array, x, p], axis=1), Variable)
    typing.assert_type(F.concatenate((array, array)), Array)
    typing.assert_type(F.stack([p, p]), Variable)
    typing.assert_type(F.vstack([array, [[1.0] * 4]]), Array)
    typing.assert_type(F.hstack([array, x]), Variable)


def functions_of_several_outputs() -> None:
    y, h = F.rnn(sequences, [(p, array)])
    typing.assert_type(y, Variable)
    typing.assert_type(h, Variable)
    typing.assert_type(F.slogdet(array)[0], Array)
    typing.assert_type(F.split(x, 2)[0], Variable)
    typing.assert_type(F.topk(array, 2)[1], Array)


def functions_of_anything(anything: Any) -> None:
    typing.assert_type(F.relu(anything), Any)
    typing.assert_type(F.add(anything, anything), Any)


def operators_and_methods() -> None:
    typing.assert_type(x + 1, Variable)
    typing.assert_type(1 - x, Variable)
    typing.assert_type(x @ array, Variable)
    typing.assert_type(-p, Variable)
    typing.assert_type(x**2 > 0.5, Variable)
    typing.assert_type(abs(x), Variable)
    typing.assert_type(divmod(x, 2.0)[0], Variable)
    typing.assert_type(x[1:, ..., None], Variable)
    typing.assert_type(next(iter(x)), Variable)
    typing.assert_type(p.sum(axis=0, keepdims=True), Variable)
    typing.assert_type(x.reshape(2, 8).T, Variable)
    typing.assert_type(p.astype(np.float32), Variable)
    typing.assert_type(p.argmax(), Variable)
    typing.assert_type(x.shape, tuple[int, ...])
    typing.assert_type(x.data, ndarray)
    typing.assert_type(x.grad, Variable | None)
    typing.assert_type(x.detach(), Variable)
    typing.assert_type(float(F.sum(x)), float)


def differentiation() -> None:
    y = F.sum(F.sin(x) * p)
    y.backward(retain_grad=True)
    typing.assert_type(wg.grad(y, x), Variable)
    typing.assert_type(wg.grad(y, [x, p]), Any)
    value, slope = wg.value_and_grad(F.sin)(3.0)
    typing.assert_type(value, Any)
    typing.assert_type(slope, Any)
    typing.assert_type(wg.vjp(F.sin, 3.0)[0], Any)
    typing.assert_type(wg.jacobian(F.sin)(array[0]), Any)
    with wg.no_grad():
        typing.assert_type(F.tanh(x), Variable)


def layers_and_optimizers() -> None:
    model = L.Sequential(L.Conv2d(8, 3, in_size=3, padding="same"), L.ReLU(), L.Flatten())
    typing.assert_type(model, L.Sequential)
    typing.assert_type(model(np.ones((1, 3, 4, 4), np.float32)), Any)
    typing.assert_type(model.params(), list[Parameter])
    typing.assert_type(L.Linear(10, in_size=4).forward(array), Variable)
    typing.assert_type(L.ReLU().forward(array), Array)
    typing.assert_type(L.ReLU().forward(x), Variable)
    typing.assert_type(L.Linear(10, bias=False).out_size, int)
    typing.assert_type(model.astype(np.float64), L.Sequential)
    optimizers.Adam(lr=1e-3, weight_decay=0.1).setup(model)
    optimizers.SGD(wg.schedules.cosine(0.1, steps=10))


def modules_that_are_loaded_when_they_are_used() -> None:
    y = F.sin(x)
    typing.assert_type(wg.viz.dot_graph(y), str)
    typing.assert_type(wg.initializers.zeros((2,), np.dtype(float), None), ndarray)
    typing.assert_type(wg.layers.Linear(3), L.Linear)
    typing.assert_type(wg.functions.add(x, 1), Variable)


def errors() -> None:
    F.relu(array).backward()  # type: ignore[attr-defined]
    print(F.add(array, array).creator)  # type: ignore[attr-defined]
    F.concatenate([array, array]).backward()  # type: ignore[attr-defined]
    F.relu("x")  # type: ignore[type-var]
    F.relu(None)  # type: ignore[type-var]
    F.relu(x, axis=1)  # type: ignore[call-arg]
    F.reluu(x)  # type: ignore[attr-defined]
    F.conv2d(images)  # type: ignore[call-arg]
    x.summ()  # type: ignore[attr-defined]
    (x + 1).zero_grad()  # type: ignore[attr-defined]
    L.Linear("x")  # type: ignore[arg-type]
    L.Linear(3, 4)  # type: ignore[call-arg]
    L.Linear(3, bais=False)  # type: ignore[call-arg]
    L.Conv2d(8)  # type: ignore[call-arg]
    optimizers.Adam(beta=0.9)  # type: ignore[call-arg]
    print(wg.vizz)  # type: ignore[attr-defined]
    wg.viz.dot_graphs(x)  # type: ignore[attr-defined]
