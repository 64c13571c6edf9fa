"""The graph behind a Variable, in the DOT language of Graphviz."""

import shutil
import subprocess

from wengert.core import Variable
from wengert.graph import Graph, Node, Value


def dot_graph(output: Variable, verbose: bool = True) -> str:
    """The graph of `output` as DOT text, with Variables as ovals and Functions as boxes.

    Args:
        output: where to start; a leaf is a graph of one node.
        verbose: whether shapes and dtypes are shown beside the names of Variables.

    Nodes are numbered in the order of their lines, so that equal programs have equal texts.

    Raises:
        TypeError: output is not a Variable.
    """
    if not isinstance(output, Variable):
        raise TypeError(f"dot_graph: got {type(output).__name__}, needed a Variable")
    graph = Graph(output)
    numbers: dict[Value | Node, int] = {}
    lines = []

    def number(thing: Value | Node) -> int:
        if thing not in numbers:
            numbers[thing] = len(numbers)
            if isinstance(thing, Value):
                style = "color=orange, style=filled"
            else:
                style = "color=lightblue, style=filled, shape=box"
            label = _label(thing, verbose).replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{numbers[thing]} [label="{label}", {style}]')
        return numbers[thing]

    number(graph.value(output))
    for node in reversed(graph.nodes):
        lines += [f"{number(x)} -> {number(node)}" for x in node.inputs]
        lines += [f"{number(node)} -> {number(y)}" for y in node.outputs]
    return "\n".join(["digraph g {", *lines, "}"])


def _label(thing: Value | Node, verbose: bool) -> str:
    if isinstance(thing, Node):
        return thing.kind
    name = thing.name or ""
    if not verbose or thing.variable.data is None:
        return name
    return f"{name}{': ' if name else ''}{thing.shape} {thing.dtype}"


def render(text: str, extension: str) -> bytes:
    """The picture of a DOT text, as a file of that extension holds it: "png", "svg", "pdf", ….

    Raises:
        FileNotFoundError: Graphviz is not installed.
        ValueError: Graphviz knows no such format, or the text is not valid.
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
