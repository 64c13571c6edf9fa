"""The graph behind a Variable, in the DOT language of Graphviz."""

import shutil
import subprocess

from wengert.core import Function, Variable
from wengert.walk import wengert_list


def dot_graph(output: Variable, verbose: bool = True) -> str:
    """The DOT text of all that `output` was computed from: Variables are ovals, Functions boxes.

    Args:
        output: where to start; a leaf is a graph of one.
        verbose: whether shapes and dtypes are shown beside the names of Variables.

    Nodes are numbered in the order of their lines, so that equal programs have equal texts.

    Raises:
        TypeError: output is no Variable.
    """
    if not isinstance(output, Variable):
        raise TypeError(f"dot_graph: got {type(output).__name__}, needed a Variable")
    numbers: dict[Variable | Function, int] = {}
    lines = []

    def number(node: Variable | Function) -> int:
        if node not in numbers:
            numbers[node] = len(numbers)
            if isinstance(node, Variable):
                style = "color=orange, style=filled"
            else:
                style = "color=lightblue, style=filled, shape=box"
            label = _label(node, verbose).replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{numbers[node]} [label="{label}", {style}]')
        return numbers[node]

    number(output)
    for f in reversed(wengert_list(output)):
        lines += [f"{number(x)} -> {number(f)}" for x in f.inputs]
        lines += [f"{number(f)} -> {number(y)}" for y in f.outputs]
    return "\n".join(["digraph g {", *lines, "}"])


def _label(node: Variable | Function, verbose: bool) -> str:
    if isinstance(node, Function):
        return type(node).__name__
    name = node.name or ""
    if not verbose or node.data is None:
        return name
    return f"{name}{': ' if name else ''}{node.shape} {node.dtype}"


def render(text: str, extension: str) -> bytes:
    """The picture of a DOT text, as a file of that extension holds it: "png", "svg", "pdf", ….

    Raises:
        FileNotFoundError: Graphviz is not installed.
        ValueError: Graphviz knows no such format, or the text is no DOT text.
    """
    dot = shutil.which("dot")
    if dot is None:
        raise FileNotFoundError(
            "render: there is no program `dot` to draw with; install Graphviz "
            "(https://graphviz.org/download), or write the text to a .dot file"
        )
    run = subprocess.run([dot, f"-T{extension}"], input=text.encode(), capture_output=True)
    if run.returncode:
        reason = run.stderr.decode(errors="replace").strip()
        raise ValueError(f"render: got extension {extension!r}, and Graphviz says: {reason}")
    return run.stdout
