"""Writes the tables of docs/numpy.md: what becomes of each function of NumPy on Variables.

Run `python scripts/numpy_page.py` after a function was registered or refused. The text outside of
the marks is written by hand.
"""

import textwrap
from pathlib import Path

import numpy as np

from wengert import dispatch, refusals

PAGE = Path(__file__).parent.parent / "docs" / "numpy.md"
BEGIN, END = "<!-- begin: made by scripts/numpy_page.py -->", "<!-- end -->"
MODULES = {"numpy": np, "numpy.linalg": np.linalg}
TITLES = {
    "recorded": "Recorded: the result is a Variable with derivatives",
    "constant": "Constant: the result is piecewise constant, or not made of real numbers",
    "refused": "Refused: a TypeError names what to write instead",
    "": "Without Variables: these make arrays of numbers or files, or do not take arrays",
}


def functions(module: object) -> dict[str, object]:
    """The public functions of a module, by name, without types."""
    names = sorted(name for name in module.__all__ if not name.startswith("_"))  # type: ignore
    found = {name: getattr(module, name) for name in names}
    return {name: f for name, f in found.items() if callable(f) and not isinstance(f, type)}


def kinds() -> dict[str, dict[str, list[str]]]:
    """For each kind and module, the names."""
    dispatch.import_rest()
    found: dict[str, dict[str, list[str]]] = {kind: {} for kind in TITLES}
    for name, module in MODULES.items():
        for function_name, function in functions(module).items():
            kind = dispatch.kind_of(function)  # type: ignore
            found[kind].setdefault(name, []).append(function_name)
    return found


def tables() -> str:
    """The text between the marks."""
    parts = []
    for kind, modules in kinds().items():
        parts.append(f"### {TITLES[kind]}")
        if kind == "refused":
            rows = [
                f"| `{module.replace('numpy', 'np', 1)}.{name}` | "
                f"{refusals.hint(getattr(MODULES[module], name))} |"
                for module, names in modules.items()
                for name in names
            ]
            rows += [f"| all of `np.{name}` | {hint} |" for name, hint in refusals.MODULES.items()]
            parts.append(
                "\n".join(["| function | why not, and what to write |", "|---|---|", *rows])
            )
            continue
        for module, names in modules.items():
            listed = ", ".join(f"`{name}`" for name in names)
            text = f"**{module}** ({len(names)}): {listed}."
            parts.append(textwrap.fill(text, 110, break_on_hyphens=False))
    version = ".".join(np.__version__.split(".")[:2])
    return "\n\n".join([f"(The public functions of NumPy {version}.)", *parts])


def page(text: str) -> str:
    """The page with new tables."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n\n{tables()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
