"""Columns of tables as numbers: numbers themselves, categories, and targets."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from wengert.data.table_file import MISSING, Rows, TableError, is_decimal_comma

MANY = 50  # different texts; a column of more, which rarely repeat, holds names and no categories
_UNIT = re.compile(r"\D{0,3}[\d.,]+\D{0,3}")  # 5%, $5, 5 km
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Column:
    """A column that a model takes: a number, or categories, of which each is an indicator.

    Attributes:
        name: in the header, or its number there.
        index: its position in the file.
        categories: the texts that occur, in order; None for a column of numbers.
    """

    name: str
    index: int
    categories: tuple[str, ...] | None = None

    @property
    def features(self) -> list[str]:
        """Names of the numbers that it gives."""
        if self.categories is None:
            return [self.name]
        return [f"{self.name}={category}" for category in self.categories]


def category_columns(
    rows: Rows, indices: Sequence[int], wanted: str | Mapping[int, Sequence[str] | None]
) -> list[Column]:
    """These columns of a table, as numbers or as categories.

    Args:
        wanted: "auto" converts the columns of texts to categories; or the columns to convert, each
            with its categories, or None for those that occur.

    Raises:
        TableError: "auto", and a column has no values, or texts that are no categories.
    """
    columns = []
    for i in indices:
        given = None if isinstance(wanted, str) else wanted.get(i)
        is_wanted = _is_text(rows, i) if isinstance(wanted, str) else i in wanted
        found = sorted(set(rows.column(i))) if is_wanted and given is None else given
        columns.append(Column(rows.header[i], i, None if found is None else tuple(found)))
    return columns


def _is_text(rows: Rows, index: int) -> bool:
    """Whether a column has texts, not numbers.

    Raises:
        TableError: it has neither; or texts among numbers; or too many texts for categories.
    """
    fields = rows.column(index)
    values = [field for field in fields if field.lower() not in MISSING]
    label = rows.label(index)
    if not values:
        raise TableError(f"{rows.name}: column {label!r} has no values", "out", column=label)
    numbers = sum(map(rows.format.is_number, values))
    if numbers == len(values):
        return False
    if 2 * numbers >= len(values) or all(is_decimal_comma(f, rows.format) for f in values):
        is_number = rows.format.is_number
        first = next(
            i for i, f in enumerate(fields) if f.lower() not in MISSING and not is_number(f)
        )
        raise number_error(rows, first, index)
    different = len(set(values))
    if different > MANY and all(_UNIT.fullmatch(field) for field in values):
        raise rows.error(fields.index(values[0]), index, "a number without a unit", "text")
    if different > MANY and 2 * different > len(values):
        raise TableError(
            f"{rows.name}: column {label!r} has {different} different texts in {len(values)} "
            f"rows, too many for categories",
            "many",
            column=label,
        )
    return True


def encoded(rows: Rows, columns: Sequence[Column], missing: float | None) -> ndarray:
    """The rows as numbers, float64, (N, features); missing numbers become `missing`.

    A text that is not among the categories has 0 in each of their features.

    Raises:
        TableError: a field is not a finite number; or it is missing, and `missing` is None.
    """
    parts = [
        numbers(rows, column.index, missing)[:, None]
        if column.categories is None
        else indicators(rows.column(column.index), column.categories)
        for column in columns
    ]
    return np.concatenate(parts, axis=1)


def indicators(fields: Sequence[str], categories: Sequence[str]) -> ndarray:
    """1 where a field is that category, else 0, (N, categories)."""
    return (np.array(fields)[:, None] == np.array(categories)[None, :]).astype(np.float64)


def numbers(rows: Rows, index: int, missing: float | None) -> ndarray:
    """A column of numbers, float64, (N,)."""
    values = _plain_numbers(rows, index)
    if values is not None:
        return values
    values = np.array([_number(rows, i, index, missing) for i in range(len(rows.fields))])
    wrong = ~(abs(values) <= FLOAT32_MAX)
    if missing is not None:
        wrong &= [field.lower() not in MISSING for field in rows.column(index)]
    if wrong.any():
        raise rows.error(int(wrong.argmax()), index, "a number within the range of float32")
    return values


def _plain_numbers(rows: Rows, index: int) -> ndarray | None:
    """A column of finite numbers with a point; None if it has other fields."""
    fields = rows.column(index)
    if rows.format.decimal != "." or any("_" in field for field in fields):
        return None
    try:
        values = np.array([*map(float, fields)])
    except ValueError:
        return None
    return values if (abs(values) <= FLOAT32_MAX).all() else None


def _number(rows: Rows, row: int, index: int, missing: float | None) -> float:
    field = rows.fields[row][index]
    if field.lower() in MISSING:
        if missing is None:
            raise rows.error(row, index, "a number", "missing")
        return missing
    try:
        return rows.format.number(field)
    except ValueError:
        raise number_error(rows, row, index) from None


def number_error(rows: Rows, row: int, index: int) -> TableError:
    """The error for a field that is not a number."""
    comma = is_decimal_comma(rows.fields[row][index], rows.format)
    return rows.error(row, index, "a number", "decimal" if comma else "text")


def missing_rows(rows: Rows, columns: Collection[int]) -> set[int]:
    """The positions of the rows in which one of these columns has a missing number."""
    return {
        i for i, row in enumerate(rows.fields) if any(row[c].lower() in MISSING for c in columns)
    }


# ---- Targets ----

FEW = 20  # different texts among numbers that "auto" still takes for classes


def targets(rows: Rows, column: int, kind: str) -> tuple[ndarray, list[str] | None]:
    """The targets in a column: numbers, float32; or classes, int64, and their names."""
    fields = rows.column(column)
    if not any(fields):
        raise TableError(f"{rows.name}: column {rows.label(column)!r} has no values", "other")
    if kind == "auto":
        kind = target_kind(rows, column)
    if kind == "numbers":
        for i, field in enumerate(fields):
            if field.lower() in MISSING:
                raise _no_target(rows, i, column, "line")
            if not (rows.format.is_number(field) or is_decimal_comma(field, rows.format)):
                raise rows.error(i, column, "a number to predict", "target")
        return numbers(rows, column, None).astype(np.float32), None
    for i, field in enumerate(fields):
        if not field:
            raise _no_target(rows, i, column, "line")
    numeric = all(rows.format.is_number(f) and f.lower() not in MISSING for f in fields)
    order = rows.format.number if numeric else None
    classes = sorted(sorted(set(fields)), key=order)  # 1.0 and 1 differ
    label = {name: i for i, name in enumerate(classes)}
    return np.array([label[field] for field in fields], np.int64), classes


def target_kind(rows: Rows, column: int) -> str:
    """ "numbers" if all targets are numbers, else "classes".

    Raises:
        TableError: a target is missing, or there are numbers with texts among them.
    """
    fields = rows.column(column)
    for i, field in enumerate(fields):
        if field.lower() in MISSING:
            raise _no_target(rows, i, column, "names" if field else "line")
    wrong = [i for i, field in enumerate(fields) if not rows.format.is_number(field)]
    if not wrong:
        return "numbers"
    if all(is_decimal_comma(field, rows.format) for field in fields):
        raise number_error(rows, wrong[0], column)
    if 2 * len(wrong) < len(fields) and len(set(fields)) > FEW:
        raise rows.error(wrong[0], column, "a number, as most lines have", "kind")
    return "classes"


def _no_target(rows: Rows, row: int, column: int, hint: str) -> TableError:
    shown = f": {rows.fields[row][column]!r}" if rows.fields[row][column] else ""
    return TableError(
        f"{rows.name}: line {rows.lines[row]} has no target in column "
        f"{rows.header[column]!r}{shown}",
        hint,
    )
