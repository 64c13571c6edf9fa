"""Tables of numbers in text files, such as CSV."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, number
from wengert.data.dataset import ArrayDataset
from wengert.files import path_of

MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none"}  # in lower or upper case
KINDS = ("auto", "classes", "numbers")


class Table(ArrayDataset):
    """Samples (x, t): the numbers of a row, float32, (columns,), and its target.

    Attributes:
        columns: names of the columns of x, in order; their numbers as strings if there is no
            header.
        classes: names of the classes in t, or None if the targets are numbers.
    """

    def __init__(
        self, x: ndarray, t: ndarray, columns: Sequence[str], classes: Sequence[str] | None
    ) -> None:
        super().__init__(x, t)
        self.columns = tuple(columns)
        self.classes = None if classes is None else tuple(classes)

    def __repr__(self) -> str:
        target = "numbers" if self.classes is None else f"{len(self.classes)} classes"
        return f"Table({len(self)} samples, columns={self.columns!r}, t: {target})"


@dataclass(frozen=True)
class _Rows:
    """The fields of a file, with the line numbers for error messages."""

    name: str
    header: list[str]
    lines: list[int]
    fields: list[list[str]]


def load_csv(
    path: str | os.PathLike[str],
    target: str | int = -1,
    *,
    kind: str = "auto",
    delimiter: str = ",",
    header: bool | None = None,
    missing: float | None = None,
    leave_out: str | int | Sequence[str | int] = (),
    encoding: str = "utf-8-sig",
) -> Table:
    """A table of numbers: each row is a sample, one column is predicted from the others.

    Args:
        target: the column to be predicted, by its name in the header or its number; -1 is the last.
        kind: "classes" makes a class of each different text in the target column, in alphabetical
            order, or sorted by value if all are numbers: t is int64, (N,), from 0, and `classes`
            has the names. "numbers" makes t float32, (N,). "auto" means "numbers" if all targets
            are numbers, else "classes".
        header: whether the first line has names. None: it has, if no field in it is a number.
        missing: replaces missing numbers: empty fields, and NA, NaN, null, none, ? or - in lower or
            upper case. None raises an error for them. A missing target is always an error.
        leave_out: a column that is not read, or several, by name or number.
        encoding: of the file; "utf-8-sig" is UTF-8 with or without a byte order mark.

    Raises:
        FileNotFoundError, OSError: the file cannot be read.
        ValueError: rows differ in length, a field is not a finite number, or there is no target
            column; the message names line and column.
    """
    if kind not in KINDS:
        raise ValueError(f"load_csv: got kind {kind!r}, needed one of {', '.join(KINDS)}")
    if header is not None:
        header = boolean("load_csv", "header", header)
    if missing is not None:
        missing = number("load_csv", "missing", missing)
        if abs(missing) > float(np.finfo(np.float32).max):
            raise ValueError(f"load_csv: got missing {missing!r}, needed a float32, or None")
    rows = _rows(path, delimiter, header, encoding)
    column = _column(rows, "target", target)
    left_out = leave_out if isinstance(leave_out, tuple | list) else (leave_out,)
    out = {column, *(_column(rows, "leave_out", name) for name in left_out)}
    t, classes = _targets(rows, column, kind)
    others = [i for i in range(len(rows.header)) if i not in out]
    if not others:
        raise ValueError(f"load_csv: no column of {rows.name} is left to predict from")
    columns = [_numbers(rows, i, missing) for i in others]
    return Table(np.stack(columns, axis=1), t, [rows.header[i] for i in others], classes)


def _rows(
    path: str | os.PathLike[str], delimiter: str, header: bool | None, encoding: str
) -> _Rows:
    file_path, name = path_of("load_csv", "path", path), str(path)
    if not file_path.is_file():
        raise FileNotFoundError(f"load_csv: there is no file {name!r}")
    try:
        with file_path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            numbered = [(reader.line_num, [f.strip() for f in row]) for row in reader if row]
    except (csv.Error, ValueError, LookupError, TypeError) as error:  # from delimiter or encoding
        raise ValueError(f"load_csv: {name} cannot be read: {error}") from None
    if not numbered:
        raise ValueError(f"load_csv: {name} is empty, needed rows of numbers")
    first = numbered[0][1]
    has_names = not any(map(_is_number, first)) if header is None else header
    names = first if has_names else [str(i) for i in range(len(first))]
    if len(names) < 2:
        raise ValueError(
            f"load_csv: {name} has one column, {names[0][:60]!r}, needed two or more; delimiter is "
            f"{delimiter!r}, is it ';' or '\\t' there?"
        )
    numbered = numbered[has_names:]
    if not numbered:
        raise ValueError(f"load_csv: {name} has a header but no rows")
    for line, row in numbered:
        if len(row) != len(names):
            raise ValueError(
                f"load_csv: {name}: line {line} has {len(row)} fields, needed {len(names)}"
            )
    return _Rows(name, names, [line for line, _ in numbered], [row for _, row in numbered])


def _float(field: str) -> float:
    if "_" in field:  # Python reads 12_34 as a number
        raise ValueError
    return float(field)


def _is_number(field: str) -> bool:
    try:
        _float(field)
    except ValueError:
        return False
    return True


def _column(rows: _Rows, option: str, column: str | int) -> int:
    """The number of a column, from its name or number."""
    if isinstance(column, str):
        if rows.header.count(column) != 1:
            raise ValueError(
                f"load_csv: got {option} {column!r}, needed one of the columns of {rows.name}: "
                f"{', '.join(rows.header)[:300]}"
            )
        return rows.header.index(column)
    width = len(rows.header)
    if not hasattr(column, "__index__") or isinstance(column, bool):
        raise TypeError(f"load_csv: got {option} {column!r}, needed a column's name or number")
    if not -width <= column < width:
        raise ValueError(f"load_csv: got {option} {column}, but {rows.name} has {width} columns")
    return column % width


def _targets(rows: _Rows, column: int, kind: str) -> tuple[ndarray, list[str] | None]:
    fields = [row[column] for row in rows.fields]
    numeric = all(map(_is_number, fields))
    if kind == "numbers" or (kind == "auto" and numeric):
        return _numbers(rows, column, None), None
    for line, field in zip(rows.lines, fields, strict=True):
        if field.lower() in MISSING:
            raise ValueError(
                f"load_csv: {rows.name}: line {line} has no target in column "
                f"{rows.header[column]!r}; leave the line out"
            )
    classes = sorted(sorted(set(fields)), key=float if numeric else None)  # 1.0 and 1 differ
    label = {name: i for i, name in enumerate(classes)}
    return np.array([label[field] for field in fields], np.int64), classes


def _numbers(rows: _Rows, column: int, missing: float | None) -> ndarray:
    values = [_number(rows, i, column, missing) for i in range(len(rows.fields))]
    with np.errstate(over="ignore"):
        numbers = np.array(values, np.float64).astype(np.float32)
    if not np.isfinite(numbers).all():
        worst = int(np.isfinite(numbers).argmin())
        raise _error(rows, worst, column, "a number within the range of float32")
    return numbers


def _number(rows: _Rows, row: int, column: int, missing: float | None) -> float:
    field = rows.fields[row][column]
    if field.lower() in MISSING:
        if missing is None:
            raise _error(rows, row, column, "a number; missing=0.0 replaces missing ones by 0")
        return missing
    try:
        return _float(field)
    except ValueError:
        raise _error(rows, row, column, "a number; leave_out leaves the column out") from None


def _error(rows: _Rows, row: int, column: int, needed: str) -> ValueError:
    return ValueError(
        f"load_csv: {rows.name}: line {rows.lines[row]}, column {rows.header[column]!r} has "
        f"{rows.fields[row][column][:60]!r}, needed {needed}"
    )
