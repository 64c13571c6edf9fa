"""Trees: nested tuples, lists and dicts of leaves."""

from collections.abc import Callable, Sequence
from typing import Any


def flatten(tree: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The leaves of nested tuples, lists and dicts, and a function that builds the same
    structure of other leaves. None is no leaf: it stays where it is."""
    if tree is None:
        return [], lambda new: None
    if isinstance(tree, dict):
        leaves, rebuild_values = flatten(list(tree.values()))
        keys = list(tree)
        return leaves, lambda new: dict(zip(keys, rebuild_values(new), strict=True))
    if not isinstance(tree, tuple | list):
        return [tree], lambda new: new[0]
    parts = [flatten(part) for part in tree]
    builders = [(len(leaves), rebuild_part) for leaves, rebuild_part in parts]
    kind = type(tree)

    def rebuild(new: Sequence[Any]) -> Any:
        start = 0
        built = []
        for size, rebuild_part in builders:
            built.append(rebuild_part(new[start : start + size]))
            start += size
        return kind(*built) if hasattr(kind, "_fields") else kind(built)

    return [leaf for leaves, _ in parts for leaf in leaves], rebuild
