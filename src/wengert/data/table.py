"""Tables of numbers in text files: CSV and its relatives."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy import ndarray

from wengert.data.arguments import check_type
from wengert.data.dataset import ArrayDataset
from wengert.files import path_of

MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none"}  # in any case
KINDS = ("auto", "classes", "numbers")


class Table(ArrayDataset):
    """Samples (x, t): a row's numbers, float32, (columns,), and its target.

    Attributes:
        columns: names of the columns that x has, in order; numbers as text if there is no header.
        classes: names of the classes that t counts, or None if t are numbers.
    """

    def __init__(
        self, x: ndarray, t: ndarray, columns: Sequence[str], classes: Sequence[str] | None
    ) -> None:
        super().__init__(x, t)
        self.columns = tuple(columns)
        self.classes = None if classes is None else tuple(classes)


@dataclass(frozen=True)
class _Rows:
    """The fields of a file, each with where it is for the errors."""

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
    """A table of numbers, one row a sample, with one column to be predicted from the others.

    Args:
        target: the column to be predicted, by its name in the header or its number; -1 is the last.
        kind: "classes" takes each different text in the target column for a class, in the order of
            the alphabet, or of size if all are numbers: t is int64, (N,), from 0, and `classes`
            has the names. "numbers" makes t float32, (N,). "auto" takes classes unless all are
            numbers.
        header: whether the first line has names. None takes it so if no field in it is a number.
        missing: what to put where a number is missing: nothing, or NA, NaN, null, none, ? or - in
            small or capital letters. None refuses such a file. A missing target is always refused.
        leave_out: a column that is not read, or several, by name or number.
        encoding: of the file; "utf-8-sig" is UTF-8 with or without a mark at its start.

    Raises:
        FileNotFoundError, OSError: it cannot be read.
        ValueError: rows differ in length, a field is no finite number, or no column is the target;
            it names line and column.
    """
    if kind not in KINDS:
        raise ValueError(f"load_csv: got kind {kind!r}, needed one of {', '.join(KINDS)}")
    if header is not None:
        check_type("load_csv", "header", header, bool, "True, False or None")
    if missing is not None:
        check_type("load_csv", "missing", missing, Real, "a number, or None")
        if not abs(missing) <= float(np.finfo(np.float32).max):
            raise ValueError(f"load_csv: got missing={missing!r:.80}, needed a float32, or None")
    rows = _rows(path, delimiter, header, encoding)
    place = _place(rows, "target", target)
    left_out = leave_out if isinstance(leave_out, tuple | list) else (leave_out,)
    out = {place, *(_place(rows, "leave_out", column) for column in left_out)}
    t, classes = _targets(rows, place, kind)
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
    except (csv.Error, ValueError, LookupError, TypeError) as error:  # of delimiter or encoding
        raise ValueError(f"load_csv: {name} cannot be read as it was asked for: {error}") from None
    if not numbered:
        raise ValueError(f"load_csv: {name} is empty, needed rows of numbers")
    first = numbered[0][1]
    named = not any(map(_is_number, first)) if header is None else header
    names = first if named else [str(i) for i in range(len(first))]
    if len(names) < 2:
        raise ValueError(
            f"load_csv: {name} has one column, {names[0][:60]!r}, needed two or more; delimiter is "
            f"{delimiter!r}, is it ';' or '\\t' there?"
        )
    numbered = numbered[named:]
    if not numbered:
        raise ValueError(f"load_csv: {name} has a header but no rows")
    for line, row in numbered:
        if len(row) != len(names):
            raise ValueError(
                f"load_csv: {name}: line {line} has {len(row)} fields, needed {len(names)}"
            )
    return _Rows(name, names, [line for line, _ in numbered], [row for _, row in numbered])


def _float(field: str) -> float:
    if "_" in field:  # Python takes 12_34 for a number
        raise ValueError
    return float(field)


def _is_number(field: str) -> bool:
    try:
        _float(field)
    except ValueError:
        return False
    return True


def _place(rows: _Rows, option: str, column: str | int) -> int:
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


def _targets(rows: _Rows, place: int, kind: str) -> tuple[ndarray, list[str] | None]:
    fields = [row[place] for row in rows.fields]
    numeric = all(map(_is_number, fields))
    if kind == "numbers" or (kind == "auto" and numeric):
        return _numbers(rows, place, None), None
    for line, field in zip(rows.lines, fields, strict=True):
        if field.lower() in MISSING:
            raise ValueError(
                f"load_csv: {rows.name}: line {line} has no target in column "
                f"{rows.header[place]!r}; leave the line out"
            )
    classes = sorted(sorted(set(fields)), key=float if numeric else None)  # 1.0 and 1 by text
    number = {name: i for i, name in enumerate(classes)}
    return np.array([number[field] for field in fields], np.int64), classes


def _numbers(rows: _Rows, place: int, missing: float | None) -> ndarray:
    column = [_number(rows, i, place, missing) for i in range(len(rows.fields))]
    with np.errstate(over="ignore"):
        numbers = np.array(column, np.float64).astype(np.float32)
    if not np.isfinite(numbers).all():
        worst = int(np.isfinite(numbers).argmin())
        raise _refusal(rows, worst, place, "a number within the range of float32")
    return numbers


def _number(rows: _Rows, row: int, place: int, missing: float | None) -> float:
    field = rows.fields[row][place]
    if field.lower() in MISSING:
        if missing is None:
            raise _refusal(rows, row, place, "a number; fill what is missing with missing=0.0")
        return missing
    try:
        return _float(field)
    except ValueError:
        raise _refusal(rows, row, place, "a number; leave_out leaves the column out") from None


def _refusal(rows: _Rows, row: int, place: int, needed: str) -> ValueError:
    return ValueError(
        f"load_csv: {rows.name}: line {rows.lines[row]}, column {rows.header[place]!r} has "
        f"{rows.fields[row][place][:60]!r}, needed {needed}"
    )
