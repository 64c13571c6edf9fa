"""Tables of the user, in CSV files: for training, and for predictions."""

import hashlib
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.cli.failure import Failure, reason
from wengert.cli.recipes import Settings
from wengert.data.table import column_index
from wengert.data.table_columns import (
    FLOAT32_MAX,
    Column,
    category_columns,
    encoded,
    indicators,
    missing_rows,
    targets,
)
from wengert.data.table_file import (
    MISSING,
    Rows,
    TableError,
    TableFormat,
    is_decimal_comma,
    read_lines,
    read_rows,
)

Facts = dict[str, Any]

FEW = 20  # different integers that are taken as classes
# fmt: off
HINTS = {  # what to do about a TableError, as options of `wengert train`
    "delimiter": "--delimiter sets the character between the columns, is it {guess} there?",
    "comment": "delete the lines of comments",
    "encoding": "--encoding names its encoding, as in --encoding {guess}",
    "missing": "--missing mean or --missing 0 replaces it, --missing skip leaves out such rows",
    "text": "correct it, or --leave-out {column} leaves the column out, or --categories {column} "
            "reads its values as categories",
    "decimal": "--decimal , reads decimal commas",
    "out": "--leave-out {column} leaves it out",
    "many": "--leave-out {column} leaves it out, --categories {column} reads it nevertheless",
    "names": "--kind classes takes it as the name of a class; else leave the line out, as "
             "--missing skip does",
    "kind": "--kind classes takes every text as the name of a class",
    "line": "leave the line out, as --missing skip does",
    "other": "--target names another column",
    "target": "--kind classes takes the texts as classes, --target names another column",
}
# fmt: on


class TableData:
    """The samples of a table, the facts about its columns, and messages for the user.

    Attributes:
        x: float64, (N, features), with NaN where a number is missing.
        t: float32 or, for classes, int64, (N,).
        facts: what predictions need to read other files.
        notes: what was decided about the table.
    """

    def __init__(self, x: ndarray, t: ndarray, facts: Facts, notes: list[str]) -> None:
        self.x, self.t, self.facts, self.notes = x, t, facts, notes


def load_table(settings: Settings) -> TableData:
    """The table of the settings.

    Raises:
        OSError: the file cannot be read.
        TableError: it cannot be used.
    """
    style = _format(settings)
    rows = read_rows(settings["data"], style)
    digest = _digest(rows)
    target = _column(rows, "--target", settings["target"])
    out = {_column(rows, "--leave-out", name) for name in settings["leave_out"]}
    if target in out:
        raise TableError(f"the column {rows.label(target)!r} is left out, but it is the target")
    used = [i for i in range(len(rows.header)) if i not in out | {target}]
    if not used:
        raise TableError(f"no column of {rows.name} is left to predict from")
    _check_names(rows, [*used, target])
    chosen = {_column(rows, "--categories", name) for name in settings["categories"]}
    columns = _columns(rows, used, chosen)
    notes = _notes(rows, columns)
    if settings["missing"] == "skip":
        rows = _skipped(rows, columns, target, settings["kind"], notes)
    kind = _kind(rows, target, settings["kind"], notes)
    t, classes = targets(rows, target, kind)
    if classes is not None and len(classes) > max(FEW, len(t) // 2):
        raise TableError(
            f"{rows.name}: column {rows.label(target)!r} has {len(classes)} different texts in "
            f"{len(t)} rows, too many for classes; --target names the column to predict"
        )
    x = encoded(rows, columns, _replacement(settings["missing"]))
    facts = {
        "columns": [column.name for column in columns],
        "categories": {c.name: list(c.categories) for c in columns if c.categories is not None},
        "positions": used,
        "width": len(rows.header),
        "named": rows.named,
        "target": rows.label(target),
        "classes": classes,
        "digest": digest,
    }
    return TableData(x, t, facts, notes)


def _format(settings: Settings) -> TableFormat:
    header = {"auto": None, "yes": True, "no": False}[settings["header"]]
    return TableFormat(settings["delimiter"], settings["decimal"], header, settings["encoding"])


def _digest(rows: Rows) -> str:
    """A number for the content of a table, whatever its line ends and quotes."""
    content = json.dumps([rows.header, rows.fields], ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _column(rows: Rows, option: str, name: str) -> int:
    """The position of a column, from its name or else its index."""
    if name not in rows.header and name.removeprefix("-").isdecimal():
        return column_index(rows, option, int(name))
    return column_index(rows, option, name)


def _check_names(rows: Rows, used: Sequence[int]) -> None:
    names = [rows.header[i] for i in used]
    for name in names:
        if names.count(name) > 1:
            same = [i for i in used if rows.header[i] == name]
            raise TableError(
                f"{rows.name} has two columns {name!r}; give each column a different name, or "
                f"leave one out by its index, as in --leave-out {same[-1]}"
            )


def _columns(rows: Rows, used: Sequence[int], chosen: set[int]) -> list[Column]:
    wanted: str | Mapping[int, None] = dict.fromkeys(chosen)
    found = []
    for i in used:
        (column,) = category_columns(rows, [i], wanted if i in chosen else "auto")
        found.append(column)
    return found


def _notes(rows: Rows, columns: Sequence[Column]) -> list[str]:
    """What the user should know about the columns."""
    notes = []
    if rows.guessed:
        option, what = ("no", "names") if rows.named else ("yes", "a sample")
        other = "a sample" if rows.named else "names"
        notes.append(f"the first line is taken as {what}; --header {option} takes it as {other}")
    texts = [f"{c.name} ({len(c.categories)})" for c in columns if c.categories is not None]
    if texts:
        notes.append(f"columns of categories: {_listed(texts)}")
    counting = [rows.label(c.index) for c in columns if _counts_rows(rows, c.index)]
    notes += [f"column {n!r} counts the rows; --leave-out {n} leaves it out" for n in counting]
    equal = [rows.label(c.index) for c in columns if _is_constant(rows.column(c.index))]
    if equal:
        notes.append(f"columns with one value in all rows: {_listed(equal)}")
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _is_constant(fields: Sequence[str]) -> bool:
    return all(field == fields[0] for field in fields)


def _counts_rows(rows: Rows, index: int) -> bool:
    fields = rows.column(index)
    if len(fields) < 10 or not fields[0].isdecimal():
        return False
    return fields == [str(int(fields[0]) + i) for i in range(len(fields))]


def _skipped(
    rows: Rows, columns: Sequence[Column], target: int, kind: str, notes: list[str]
) -> Rows:
    """The rows that lack no number and no target."""
    drop = missing_rows(rows, [column.index for column in columns if column.categories is None])
    if kind == "classes":  # in which only an empty field is no name
        drop |= {i for i, field in enumerate(rows.column(target)) if not field}
    else:
        drop |= missing_rows(rows, [target])
    if len(drop) == len(rows.fields):
        raise TableError(f"{rows.name}: every row lacks a number: --missing skip leaves no rows")
    if drop:
        notes.append(f"{len(drop)} of {len(rows.fields)} rows lack a number and are left out")
    return rows.without(drop)


def _kind(rows: Rows, target: int, kind: str, notes: list[str]) -> str:
    """The `kind` of `targets`; a message says what "auto" has found."""
    if kind != "auto":
        return {"classes": "classes", "regression": "numbers"}[kind]
    fields, name = rows.column(target), rows.label(target)
    if not all(map(rows.format.is_number, fields)):
        return "auto"
    values = sorted({rows.format.number(field) for field in fields})
    if not all(value.is_integer() for value in values) or 5 * len(set(fields)) > len(fields):
        return "auto"
    is_few = len(set(fields)) <= FEW
    taken, other = "classes", "regression predicts a number"
    if not is_few:
        taken, other = "numbers", "classes makes each of them a class"
    notes.append(
        f"target {name!r} has {len(values)} different integers, from {values[0]:g} to "
        f"{values[-1]:g}, which are taken as {taken}; --kind {other}"
    )
    return taken


def _replacement(missing: str) -> float | None:
    if missing in ("refuse", "skip"):
        return None
    return math.nan if missing == "mean" else float(missing)


# ---- Rows to predict ----


def rows_to_predict(path: Path, settings: Settings, facts: Facts) -> ndarray:
    """The rows of a file as the model of a run takes them, float64, (N, features).

    The columns are found by name if the first line has names; else all are needed, in order.

    Raises:
        Failure: a column is missing, or a field is not what the model was trained on.
    """
    style = _format(settings)
    try:
        lines = read_lines(path, str(path), style)
    except TableError as error:
        raise Failure(error.message(HINTS | {"encoding": "save it as UTF-8"})) from None
    except OSError as error:
        raise Failure(f"{path} cannot be read as a table: {reason(error)}") from None
    indices = _positions(path, lines, facts, style)
    features = [
        _feature(path, lines, indices[k], name, facts, style)
        for k, name in enumerate(facts["columns"])
    ]
    return np.concatenate(features, axis=1)


def _positions(
    path: Path, lines: list[tuple[int, list[str]]], facts: Facts, style: TableFormat
) -> list[int]:
    """The positions of the model's columns; a line of names is removed from `lines`."""
    columns = facts["columns"]
    if not lines:
        return [*range(len(columns))]
    line, first = lines[0]
    if _is_header(first, facts, style):
        del lines[0]
        if facts["named"]:
            return _found(path, first, columns, style)
    width = len(first)
    whole = width == facts["width"] and not facts["named"]  # with the target, as when trained
    if width != len(columns) and not whole:
        raise Failure(
            f"{path}: line {line} has {width} fields, needed {len(columns)}: "
            f"{', '.join(columns)}; or a first line with the names of the columns"
        )
    indices = facts["positions"] if whole else [*range(len(columns))]
    for line, row in lines:
        if len(row) != width:
            raise Failure(f"{path}: line {line} has {len(row)} fields, needed {width}")
    return indices


def _is_header(first: list[str], facts: Facts, style: TableFormat) -> bool:
    """Whether a line has names: those of the model, or a text where it takes numbers only."""
    if facts["named"] and set(facts["columns"]) & set(first):
        return True
    takes_numbers = len(facts["categories"]) < len(facts["columns"])
    return takes_numbers and not any(map(style.is_number, first))


def _found(path: Path, header: list[str], columns: list[str], style: TableFormat) -> list[int]:
    if len(header) == 1 < len(columns) and header[0] not in columns:
        raise Failure(
            f"{path}: has one column, {header[0][:60]!r}; its delimiter must be "
            f"{style.delimiter!r}, as in the table that the run was trained on"
        )
    missing = [name for name in columns if name not in header]
    if missing:
        shown = ", ".join(header)
        raise Failure(
            f"{path}: has no column {', '.join(missing)}; it has "
            f"{shown[:300]}{', …' if len(shown) > 300 else ''}"
        )
    for name in columns:
        if header.count(name) > 1:
            raise Failure(f"{path}: has two columns {name!r}; give each column a different name")
    return [header.index(name) for name in columns]


def _feature(
    path: Path,
    lines: list[tuple[int, list[str]]],
    index: int,
    name: str,
    facts: Facts,
    style: TableFormat,
) -> ndarray:
    """A column of the file as the model takes it, (N, 1) or (N, categories)."""
    for line, row in lines:
        if len(row) <= index:
            raise Failure(f"{path}: line {line} has {len(row)} fields, needed {index + 1}")
    fields = [row[index] for _, row in lines]
    categories = facts["categories"].get(name)
    if categories is not None:
        for field in sorted(set(fields) - set(categories)):
            known = ", ".join(map(repr, categories[:5])) + (", …" if len(categories) > 5 else "")
            warnings.warn(
                f"{path}: {field!r} in column {name!r} is a category that the model was not "
                f"trained on; it counts as none of {known}",
                stacklevel=2,
            )
        return indicators(fields, categories)
    fill = facts["fill"].get(name)
    values = [_value(path, line, row[index], name, fill, style) for line, row in lines]
    return np.array(values, np.float64).reshape(-1, 1)


def _value(
    path: Path, line: int, field: str, name: str, fill: float | None, style: TableFormat
) -> float:
    is_missing = field.lower() in MISSING
    if is_missing and fill is not None:
        return fill
    value = style.number(field) if style.is_number(field) else math.nan
    if not abs(value) <= FLOAT32_MAX:
        hint = ""
        if is_decimal_comma(field, style):
            hint = "; the run was trained on decimal points"
        elif is_missing:
            hint = "; a run trained with --missing mean takes missing numbers"
        raise Failure(
            f"{path}: line {line} has {field[:60]!r}, needed a finite number in column "
            f"{name!r}{hint}"
        )
    return value
