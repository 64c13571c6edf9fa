"""`load_csv`: tables in text files, such as CSV."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, number
from wengert.data.dataset import ArrayDataset
from wengert.data.table_columns import FLOAT32_MAX, Column, category_columns, encoded, targets
from wengert.data.table_file import Rows, TableError, TableFormat, read_rows

KINDS = ("auto", "classes", "numbers")


class Table(ArrayDataset):
    """Samples (x, t): the numbers of a row, float32, (columns,), and its target.

    Attributes:
        columns: names of the columns of x, in order; their numbers as strings if there is no
            header. A column of categories gives one for each of them, such as "colour=red".
        classes: names of the classes in t, or None if the targets are numbers.
        categories: of each column that was read as categories, by its name.
    """

    def __init__(
        self,
        x: ndarray,
        t: ndarray,
        columns: Sequence[str],
        classes: Sequence[str] | None,
        categories: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(x, t)
        self.columns = tuple(columns)
        self.classes = None if classes is None else tuple(classes)
        self.categories = {name: tuple(found) for name, found in (categories or {}).items()}

    def __repr__(self) -> str:
        target = "numbers" if self.classes is None else f"{len(self.classes)} classes"
        return f"Table({len(self)} samples, columns={self.columns!r}, t: {target})"


Columns = str | int | Sequence[str | int]


def load_csv(
    path: str | os.PathLike[str],
    target: str | int = -1,
    *,
    kind: str = "auto",
    delimiter: str = ",",
    decimal: str = ".",
    header: bool | None = None,
    missing: float | None = None,
    leave_out: Columns = (),
    categories: Columns | Mapping[str, Sequence[str]] = (),
    encoding: str = "utf-8-sig",
) -> Table:
    """A table: each row is a sample, one column is predicted from the others.

    Args:
        target: the column to be predicted, by its name in the header or its number; -1 is the last.
        kind: "classes" makes a class of each different text in the target column. The classes are
            in alphabetical order, or sorted by value if all are numbers; t is int64, (N,), from 0,
            and `classes` has the names. "numbers" makes t float32, (N,). "auto" means "numbers" if
            all targets are numbers, else "classes". Texts such as "none", "NA", "-" and "?" are
            names of classes only for "classes".
        decimal: "," reads 1,5 as 1.5; the delimiter is then another character.
        header: whether the first line has names. None decides: it does if no field in it is a
            number, unless all occur again below; also if a column has numbers below a text.
        missing: replaces missing numbers: empty fields, and NA, NaN, null, none, ? or - in lower or
            upper case. None raises an error for them. A missing target is always an error.
        leave_out: a column that is not read, or several, by name or number.
        categories: columns of texts, or one: each different text becomes a column of x, which is 1
            in the rows that have it and else 0. "auto": the columns without numbers. A dict of
            names and texts, as `Table.categories`, reads another file with the same columns of x;
            texts that it lacks have 0 in all of them.
        encoding: of the file; "utf-8-sig" is UTF-8 with or without a byte order mark.

    Raises:
        FileNotFoundError, OSError: the file cannot be read.
        ValueError: rows differ in length, a field is not a finite number, or there is no target
            column; the message names line and column.
    """
    if kind not in KINDS:
        raise ValueError(f"load_csv: got kind {kind!r}, needed one of {', '.join(KINDS)}")
    if decimal not in (".", ",") or decimal == delimiter:
        raise ValueError(
            f"load_csv: got decimal {decimal!r} with delimiter {delimiter!r}, needed '.', or ',' "
            f"with another delimiter"
        )
    if header is not None:
        header = boolean("load_csv", "header", header)
    if missing is not None:
        missing = number("load_csv", "missing", missing)
        if abs(missing) > FLOAT32_MAX:
            raise ValueError(f"load_csv: got missing {missing!r}, needed a float32, or None")
    rows = read_rows(path, TableFormat(delimiter, decimal, header, encoding))
    column = column_index(rows, "target", target)
    out = {column, *_indices(rows, "leave_out", leave_out)}
    others = [i for i in range(len(rows.header)) if i not in out]
    if not others:
        raise TableError(f"no column of {rows.name} is left to predict from")
    t, classes = targets(rows, column, kind)
    columns = category_columns(rows, others, _wanted(rows, categories))
    x = encoded(rows, columns, missing).astype(np.float32)
    return Table(x, t, _features(columns), classes, _categories(columns))


def _wanted(
    rows: Rows, categories: Columns | Mapping[str, Sequence[str]]
) -> str | dict[int, Sequence[str] | None]:
    if categories == "auto":
        return "auto"
    if isinstance(categories, Mapping):
        return {column_index(rows, "categories", n): tuple(v) for n, v in categories.items()}
    return dict.fromkeys(_indices(rows, "categories", categories))


def _features(columns: Sequence[Column]) -> list[str]:
    return [name for column in columns for name in column.features]


def _categories(columns: Sequence[Column]) -> dict[str, Sequence[str]]:
    return {column.name: column.categories for column in columns if column.categories is not None}


def _indices(rows: Rows, option: str, columns: Any) -> list[int]:
    several = columns if isinstance(columns, tuple | list) else (columns,)
    return [column_index(rows, option, name) for name in several]


def column_index(rows: Rows, option: str, column: Any) -> int:
    """The number of a column, from its name or number."""
    if isinstance(column, str):
        if rows.header.count(column) != 1:
            several = ", which several have" if column in rows.header else ""
            raise TableError(
                f"got {option} {column!r}{several}, needed one of the columns of {rows.name}: "
                f"{', '.join(rows.header)[:300]}"
            )
        return rows.header.index(column)
    width = len(rows.header)
    if not hasattr(column, "__index__") or isinstance(column, bool):
        raise TypeError(f"load_csv: got {option} {column!r}, needed a column's name or number")
    if not -width <= column < width:
        raise TableError(f"got {option} {column}, but {rows.name} has {width} columns")
    return int(column) % width
