"""Files of tables: their rows of fields, and the names of the columns."""

import csv
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wengert.files import path_of

MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none"}  # in lower or upper case

# What to do about a TableError, as arguments of Python; the command has its own.
HINTS = {
    "delimiter": "delimiter is {delimiter!r}, is it {guess} there?",
    "comment": "delete the lines of comments",
    "encoding": "name its encoding, as encoding={guess!r}",
    "missing": "missing=0.0 replaces missing ones by 0",
    "text": "leave_out leaves the column out, categories reads its texts as categories",
    "decimal": "decimal=',' reads decimal commas",
    "out": "leave_out leaves the column out",
    "many": "leave_out leaves the column out, categories=[{column!r}] reads it nevertheless",
    "names": "kind='classes' takes it as the name of a class; else leave the line out",
    "kind": "kind='classes' takes every text as the name of a class",
    "line": "leave the line out",
    "other": "target names another column",
    "target": "kind='classes' takes the texts as classes, target names another column",
}


class TableError(ValueError):
    """A table that cannot be used.

    Attributes:
        fact: what is wrong.
        hint: what to do, a key of `HINTS`; or "".
        details: values to be filled in.
    """

    def __init__(self, fact: str, hint: str = "", **details: Any) -> None:
        self.fact, self.hint, self.details = fact, hint, details
        super().__init__(f"load_csv: {self.message(HINTS)}")

    def message(self, hints: Mapping[str, str]) -> str:
        """The message, with what to do from these hints."""
        end = hints[self.hint].format(**self.details) if self.hint else ""
        return f"{self.fact}; {end}" if end else self.fact


@dataclass(frozen=True)
class TableFormat:
    """How a file is read; the fields are options of `load_csv`."""

    delimiter: str = ","
    decimal: str = "."
    header: bool | None = None
    encoding: str = "utf-8-sig"

    def number(self, field: str) -> float:
        """The number in a field.

        Raises:
            ValueError: it has none.
        """
        if "_" in field:  # Python reads 12_34 as a number
            raise ValueError
        if self.decimal != ".":
            if "." in field:
                raise ValueError
            field = field.replace(self.decimal, ".")
        return float(field)

    def is_number(self, field: str) -> bool:
        try:
            self.number(field)
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class Rows:
    """The fields of a file, with the line numbers for error messages.

    Attributes:
        header: names of the columns; their numbers if the file has none.
        named: whether the file has a line of names.
        guessed: whether that was decided against the plain rule that names have no numbers in them.
    """

    name: str
    format: TableFormat
    header: list[str]
    named: bool
    guessed: bool
    lines: list[int]
    fields: list[list[str]]

    def column(self, index: int) -> list[str]:
        return [row[index] for row in self.fields]

    def label(self, index: int) -> str:
        """The name of a column, or its number if other columns have that name, too."""
        name = self.header[index]
        return name if name and self.header.count(name) == 1 else str(index)

    def without(self, drop: set[int]) -> "Rows":
        """The rows whose positions are not in `drop`."""
        kept = [i for i in range(len(self.fields)) if i not in drop]
        lines, fields = [self.lines[i] for i in kept], [self.fields[i] for i in kept]
        return Rows(self.name, self.format, self.header, self.named, self.guessed, lines, fields)

    def error(self, row: int, column: int, needed: str, hint: str = "") -> TableError:
        """The error for a field."""
        return TableError(
            f"{self.name}: line {self.lines[row]}, column {self.header[column]!r} has "
            f"{self.fields[row][column][:60]!r}, needed {needed}",
            hint,
            column=self.label(column),
        )


def read_lines(path: Path, name: str, style: TableFormat) -> list[tuple[int, list[str]]]:
    """The lines of a file that are not empty: their numbers and their fields, stripped.

    Raises:
        OSError: the file cannot be read.
        TableError: it is no table, or not in this encoding.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        raise TableError(f"{name} is a spreadsheet or another packed file; save it as CSV")
    try:
        with path.open(encoding=style.encoding, newline="") as text:
            reader = csv.reader(text, delimiter=style.delimiter, skipinitialspace=True, strict=True)
            lines = [*_filled(reader)]
    except UnicodeError as error:
        guess = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        raise TableError(f"{name} cannot be read: {error}", "encoding", guess=guess) from None
    except (csv.Error, ValueError, LookupError, TypeError) as error:  # from delimiter or encoding
        raise TableError(f"{name} cannot be read: {error}") from None
    declared = bool(lines) and re.fullmatch("sep=.?", lines[0][1][0]) is not None
    return lines[declared:]  # without the line in which some programs name the delimiter


def _without_last(lines: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """The lines without a last field that is empty in all: each ends with a delimiter."""
    if len(lines) > 1 and all(len(row) > 2 and not row[-1] for _, row in lines):
        return [(line, row[:-1]) for line, row in lines]
    return lines


def _filled(reader: Any) -> Iterator[tuple[int, list[str]]]:
    for row in reader:
        fields = [field.strip() for field in row]
        if any(fields):
            yield reader.line_num, fields


def read_rows(path: str | os.PathLike[str], style: TableFormat) -> Rows:
    """The rows of a file.

    Raises:
        FileNotFoundError, OSError: the file cannot be read.
        TableError: it is no table.
    """
    file_path, name = path_of("load_csv", "path", path), str(path)
    if not file_path.is_file():
        what = f"{name} is a folder, needed a file" if file_path.is_dir() else ""
        raise FileNotFoundError(f"load_csv: {what or f'there is no file {name!r}'}")
    numbered = _without_last(read_lines(file_path, name, style))
    if not numbered:
        raise TableError(f"{name} is empty, needed rows of numbers")
    first, rest = numbered[0][1], [row for _, row in numbered[1:]]
    plain = not any(map(style.is_number, first))
    named = has_names(first, rest, style) if style.header is None else style.header
    names = first if named else [str(i) for i in range(len(first))]
    if len(names) < 2:
        raise TableError(
            f"{name} has one column, {first[0][:60]!r}, needed two or more",
            "comment" if first[0].startswith("#") else "delimiter",
            delimiter=style.delimiter,
            guess=_guess(first[0], style.delimiter),
        )
    numbered = numbered[named:]
    if not numbered:
        raise TableError(f"{name} has a header but no rows")
    for line, row in numbered:
        if len(row) != len(names):
            raise TableError(f"{name}: line {line} has {len(row)} fields, needed {len(names)}")
    lines, fields = [line for line, _ in numbered], [row for _, row in numbered]
    guessed = style.header is None and named != plain
    return Rows(name, style, names, named, guessed, lines, fields)


def has_names(first: list[str], rest: list[list[str]], style: TableFormat) -> bool:
    """Whether the first line of a table has the names of its columns.

    A line without numbers has names, unless each of its fields occurs again in its column. A line
    with numbers, such as years, has names in three cases: a column has a text there and numbers
    everywhere below; its numbers increase by 1, and its texts do not occur below; or it counts its
    columns from 0, as pandas writes columns without names.
    """
    numeric = [style.is_number(field) for field in first]
    if not any(numeric):
        return not (rest and all(_is_below(field, i, rest) for i, field in enumerate(first)))
    texts = [i for i, n in enumerate(numeric) if not n and first[i].lower() not in MISSING]
    for i in texts:
        values = [row[i] for row in rest if i < len(row) and row[i].lower() not in MISSING]
        if values and all(map(style.is_number, values)):
            return True
    if _is_counted(first, rest):
        return True
    counting = [style.number(field) for field, n in zip(first, numeric, strict=True) if n]
    new = bool(texts) and not any(_is_below(first[i], i, rest) for i in texts)
    return new and len(counting) > 1 and _counts_on(counting)


def _is_below(field: str, column: int, rest: list[list[str]]) -> bool:
    """Whether a field of the first line is found again in its column."""
    return any(column < len(row) and row[column] == field for row in rest)


def _is_counted(first: list[str], rest: list[list[str]]) -> bool:
    """Whether the first line is 0, 1, 2, …, or the same after an empty field, for an index.

    Two numbers alone may be a sample, and so may a line that is found again below.
    """
    names = first[1:] if first[0] == "" else first
    counted = names == [str(i) for i in range(len(names))] and len(first) > 2
    return counted and bool(rest) and not all(_is_below(f, i, rest) for i, f in enumerate(first))


def _counts_on(values: list[float]) -> bool:
    return all(v == values[0] + i for i, v in enumerate(values))


def _guess(field: str, delimiter: str) -> str:
    """The delimiter that a line with one field probably has."""
    found = [d for d in (";", "\t", ",", "|") if d in field and d != delimiter]
    return " or ".join(map(repr, found or [d for d in (";", "\t") if d != delimiter]))


def is_decimal_comma(field: str, style: TableFormat) -> bool:
    """Whether a field is a number with a comma in place of the point."""
    return style.decimal == "." and re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", field) is not None
