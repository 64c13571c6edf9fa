"""The names that a module shows: in `dir`, `help`, tab completion and `from module import *`."""

from collections.abc import Callable
from types import ModuleType
from typing import Any


def public(
    namespace: dict[str, Any], *others: str, exports: bool = False
) -> tuple[list[str], Callable[[], list[str]]]:
    """`__all__` and `__dir__` for the end of a module: `__all__, __dir__ = public(globals())`.

    A module shows the functions and classes that it defines. A package, and a module that
    `exports`, shows all it has of this framework, and its constants. Nothing shows the modules that
    it imports, or names with an underscore, unless they are among `others`.
    """
    home = namespace["__name__"]
    exports = exports or "__path__" in namespace

    def shown(name: str, value: Any) -> bool:
        if name.startswith("_") or value is public or isinstance(value, ModuleType | bool):
            return False
        origin = getattr(value, "__module__", None)  # (constants have none)
        if not isinstance(origin, str):
            return exports and name.isupper()
        return origin.startswith("wengert") if exports else origin == home

    names = sorted({*others, *[name for name, value in namespace.items() if shown(name, value)]})
    return names, lambda: names
