"""Pictures of graphs."""

from wengert.viz.dot import dot_graph as dot_graph
from wengert.viz.dot import render as render
