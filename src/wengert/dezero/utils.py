"""The utilities of the book: pictures of graphs, gradient checks, downloads: `dezero.utils`."""

import os
import sys
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from wengert.arrays import as_array as array_of
from wengert.arrays import sum_to as sum_to
from wengert.dezero.core import as_variable
from wengert.dezero.cuda import as_numpy
from wengert.dispatch import Axis
from wengert.files import replacing
from wengert.functions import logsumexp as wengert_logsumexp
from wengert.names import public
from wengert.viz import dot_graph, render

# ---- Pictures ----


def get_dot_graph(output: Any, verbose: bool = True) -> str:
    """The graph of `output` as text for Graphviz; `verbose` adds shapes and dtypes."""
    return dot_graph(output, verbose)


def plot_dot_graph(output: Any, verbose: bool = True, to_file: str = "graph.png") -> Any:
    """Draws the graph of `output` into a file.

    Args:
        output: a Variable.
        verbose: whether shapes and dtypes are shown.
        to_file: the file; its extension determines the format: png, svg, pdf, …. ".dot" writes the
            text itself, without Graphviz. The file is never half written.

    Returns:
        In a notebook, the picture; else None.

    Raises:
        FileNotFoundError: Graphviz is not installed.
        ValueError: the name has no extension, or one that Graphviz does not know.
    """
    text = get_dot_graph(output, verbose)
    extension = os.path.splitext(to_file)[1][1:]
    if not extension:
        raise ValueError(
            f"plot_dot_graph: got to_file {to_file!r}, needed a name with an extension, as in "
            f"'graph.png'"
        )
    picture = text.encode() if extension == "dot" else render(text, extension)
    with replacing(to_file) as file:
        file.write(picture)
    notebook = sys.modules.get("IPython.display")
    if notebook is None or extension not in ("png", "jpg", "jpeg", "gif"):
        return None
    return notebook.Image(filename=to_file)


# ---- Shapes ----


def reshape_sum_backward(gy: Any, x_shape: Sequence[int], axis: Axis, keepdims: bool) -> Any:
    """The gradient of a sum, reshaped: summed axes have length 1."""
    if axis is None or keepdims or not x_shape:
        return gy
    axes = np.atleast_1d(axis) % len(x_shape)
    return gy.reshape([1 if i in axes else n for i, n in enumerate(x_shape)])


def max_backward_shape(x: Any, axis: Axis) -> list[int]:
    """The shape of x, with 1 for each axis along which a maximum was taken."""
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis) % x.ndim
    return [1 if i in axes else n for i, n in enumerate(x.shape)]


def logsumexp(x: Any, axis: int = 1) -> np.ndarray:
    """log Σ e^x along `axis`, which is kept; an array, computed without overflow."""
    return array_of(wengert_logsumexp(array_of(x), axis=axis, keepdims=True))


def get_deconv_outsize(size: int, k: int, s: int, p: int) -> int:
    """The output size of `deconv2d` along one axis: kernel k, stride s, padding p."""
    return s * (size - 1) + k - 2 * p


def get_conv_outsize(input_size: int, kernel_size: int, stride: int, pad: int) -> int:
    """The output size of `conv2d` along one axis."""
    return (input_size + 2 * pad - kernel_size) // stride + 1


def pair(x: Any) -> tuple[int, int]:
    """(x, x) for an integer; a pair is returned unchanged.

    Raises:
        ValueError: x is neither.
    """
    if isinstance(x, int | np.integer):
        return int(x), int(x)
    if isinstance(x, tuple) and len(x) == 2:
        return x
    raise ValueError(f"pair: got {x!r}, needed an integer, or a tuple of two")


# ---- Checks ----


def numerical_grad(f: Callable[..., Any], x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
    """The gradient of the sum of f(x, …) for x, by central differences of ±1e-4.

    Args:
        f: returns a Variable or an array.
        x: a Variable or an array of floats; it is changed during the computation, and restored.
        args: further arguments of f, like kwargs.

    Raises:
        TypeError: x has no floating-point dtype.
    """
    data = array_of(x)
    if data.dtype.kind != "f":
        raise TypeError(f"numerical_grad: got x of {data.dtype}, needed floats")
    grad = np.zeros_like(data)
    for index in np.ndindex(data.shape):
        value = data[index]
        ys = []
        for step in (1e-4, -1e-4):
            data[index] = value + step
            ys.append(array_of(f(x, *args, **kwargs)).copy())
        data[index] = value
        grad[index] = np.sum(ys[0] - ys[1]) / 2e-4
    return grad


def gradient_check(
    f: Callable[..., Any],
    x: Any,
    *args: Any,
    rtol: float = 1e-4,
    atol: float = 1e-5,
    **kwargs: Any,
) -> bool:
    """Whether `backward` and `numerical_grad` agree for f at x, in float64; prints differences.

    Args:
        f: maps a Variable to a Variable.
        x: a Variable or an array.
        args: further arguments of f, like kwargs.
        rtol: allowed error, relative to the gradient.
        atol: allowed absolute error.
    """
    x = as_variable(x)
    x.data = x.data.astype(np.float64)
    expected = numerical_grad(f, x, *args, **kwargs)
    x.cleargrad()
    f(x, *args, **kwargs).backward()
    found = x.grad.data
    agree = found.shape == expected.shape and array_allclose(found, expected, rtol, atol)
    if not agree:
        print("\n========== FAILED (Gradient Check) ==========")
        for title, grad in (("Numerical Grad", expected), ("Backprop Grad", found)):
            print(f"{title}\n shape: {grad.shape}\n values: {str(grad.reshape(-1)[:10])[1:-1]} ...")
    return agree


def array_equal(a: Any, b: Any) -> bool:
    """Whether two Variables or arrays have the same shape and equal elements."""
    return bool(np.array_equal(as_numpy(a), as_numpy(b)))


def array_allclose(a: Any, b: Any, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Whether |a - b| ≤ rtol·|b| + atol for two Variables or arrays."""
    return bool(np.allclose(as_numpy(a), as_numpy(b), rtol, atol))


# ---- Downloads ----

cache_dir = os.path.join(os.path.expanduser("~"), ".dezero")


def show_progress(block_num: int, block_size: int, total_size: int) -> None:
    """Prints a progress bar for a download of `total_size` bytes."""
    fraction = min(block_num * block_size / total_size, 1) if total_size > 0 else 0
    done = int(30 * fraction)
    print(f"\r[{'#' * done}{'.' * (30 - done)}] {100 * fraction:.2f}%", end="")


def get_file(url: str, file_name: str | None = None) -> str:
    """The path of a file in `cache_dir`, downloaded from `url` if it does not exist.

    Args:
        url: address of the file.
        file_name: its name in `cache_dir`; the last part of the url by default.

    Raises:
        FileNotFoundError: it cannot be downloaded; the message names the folder to put it into. No
            incomplete file is left.
    """
    file_name = file_name or url[url.rfind("/") + 1 :]
    path = os.path.join(cache_dir, file_name)
    if os.path.exists(path):
        return path
    print(f"Downloading: {file_name}")
    os.makedirs(cache_dir, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        urllib.request.urlretrieve(url, temporary, show_progress)
        os.replace(temporary, path)
    except (OSError, ValueError) as error:  # (an interrupted download is an OSError too)
        raise FileNotFoundError(
            f"get_file: could not download {url}: {error}; get {file_name} elsewhere and put it "
            f"into {cache_dir}"
        ) from None
    finally:
        with suppress(FileNotFoundError):
            os.remove(temporary)
    print(" Done")
    return path


__all__, __dir__ = public(globals(), "cache_dir", exports=True)
