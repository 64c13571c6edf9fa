"""Pictures of graphs."""

from wengert.names import public
from wengert.viz.dot import dot_graph as dot_graph
from wengert.viz.dot import render as render

__all__, __dir__ = public(globals())
