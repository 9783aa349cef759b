"""Columns of a CSV file, checked: a file is right as a whole, or refused with file, line, column and reason."""

from __future__ import annotations

import csv
import io
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray, IntArray

MOST_WORDS = 64


class FileError(Exception):
    """A broken line: file name, line from 1, column name ("" for the whole line) and a reason in a sentence part."""

    def __init__(self, file: str, line: int, column: str, reason: str) -> None:
        self.file, self.line, self.column, self.reason = file, line, column, reason
        place = f", column {column}" if column else ""
        super().__init__(f"{file}, line {line}{place}: {reason}")


@dataclass(slots=True)
class Vocabulary:
    """Words and their numbers, in order of appearance.

    limit: how many there may be. fixed: other words are an error. known_only: other words are passed over.
    """

    thing: str
    numbers: dict[str, int] = field(default_factory=dict)
    limit: int = MOST_WORDS
    fixed: bool = False
    known_only: bool = False

    @property
    def names(self) -> list[str]:
        """The words, by number."""
        return list(self.numbers)

    def closed(self) -> Vocabulary:
        """The same words for reading a file in which other words do not matter."""
        return Vocabulary(self.thing, self.numbers, self.limit, known_only=True)

    def number(self, word: str) -> int | None:
        """The number of a word, None where it does not matter. Raises ValueError with a reason."""
        known = self.numbers.get(word)
        if known is not None or self.known_only:
            return known
        if self.fixed:
            raise ValueError(f"“{word}” is not a {self.thing}; a {self.thing} looks like {next(iter(self.numbers))}")
        if len(self.numbers) >= self.limit:
            raise ValueError(f"“{word}” is one {self.thing} too many: there can be {self.limit} different ones")
        self.numbers[word] = len(self.numbers)
        return self.numbers[word]

    def mask(self, text: str) -> int:
        """The bits of a list like `a|b`; 0 when empty. Raises ValueError with a reason."""
        mask = 0
        for word in text.split("|") if text else ():
            if not word or word != word.strip():
                raise ValueError(f"“{text}” has an empty item or a space around an item")
            number = self.number(word)
            if number is not None:
                mask |= 1 << number
        return mask


@dataclass(frozen=True, slots=True)
class Table:
    """A file read into columns of text; lines[i] is the line on which row i ends."""

    file: str
    lines: Sequence[int]
    columns: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.lines)

    def error(self, row: int, column: str, reason: str) -> FileError:
        """The error to raise for this row."""
        return FileError(self.file, self.lines[row], column, reason)

    def refuse(self, column: str, wrong: npt.NDArray[np.bool_], reason: str) -> None:
        """Raise FileError for the first row where `wrong` (bool[rows]) is true."""
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.error(row, column, f"“{self.columns[column][row]}” {reason}")

    def ids(self, column: str) -> list[str]:
        """Names that are not empty and not repeated."""
        names = self.columns[column]
        if "" in names or len(set(names)) < len(names):
            seen: set[str] = set()
            for row, name in enumerate(names):
                if not name:
                    raise self.error(row, column, "is empty")
                if name in seen:
                    raise self.error(row, column, f"“{name}” was used on an earlier line")
                seen.add(name)
        return names

    def words(self, column: str, vocabulary: Vocabulary) -> IntArray:
        """int32[rows]: the number of each word; an empty one is an error."""
        numbers = self._translated(column, vocabulary.number)
        self._refuse_empty(column)
        return np.fromiter(numbers, np.int32, len(self))

    def masks(self, column: str, vocabulary: Vocabulary) -> npt.NDArray[np.uint64]:
        """uint64[rows]: the bits of each list."""
        return np.fromiter(self._translated(column, vocabulary.mask), np.uint64, len(self))

    def known(self, column: str, numbers: dict[str, int], file: str) -> IntArray:
        """int32[rows]: the index of each id that stands in another file."""
        indices = np.array([numbers.get(name, -1) for name in self.columns[column]], np.int32)
        self.refuse(column, indices < 0, f"is not in {file}")
        return indices

    def _translated(self, column: str, translate: Callable[[str], int | None]) -> Iterator[Any]:
        """The number of each text; every different text is translated once, in order of appearance."""
        texts = self.columns[column]
        seen = dict.fromkeys(texts)
        for text in seen:
            try:
                seen[text] = translate(text)
            except ValueError as wrong:
                raise self.error(texts.index(text), column, str(wrong)) from None
        return map(seen.__getitem__, texts)

    def numbers(
        self,
        column: str,
        *,
        at_least: float = -np.inf,
        at_most: float = np.inf,
        may_be_empty: bool = False,
        may_be_infinite: bool = False,
    ) -> FloatArray:
        """float64[rows]; nan where empty, if that is allowed."""
        texts = self.columns[column]
        if not may_be_empty:
            self._refuse_empty(column)
        empty = np.fromiter(map(operator.not_, texts), bool, len(texts)) if may_be_empty else np.zeros(len(texts), bool)
        values = self._floats(column, [text or "0" for text in texts] if may_be_empty else texts)
        finite = np.isfinite(values) | (may_be_infinite & (values == np.inf))
        self.refuse(column, ~finite, "is not a finite number")
        self.refuse(column, (values < at_least) & ~empty, f"is less than {at_least:g}")
        self.refuse(column, (values > at_most) & ~empty, f"is more than {at_most:g}")
        values[empty] = np.nan
        return values

    def whole_numbers(self, column: str, *, at_most: int) -> IntArray:
        """int32[rows]: whole numbers from 0."""
        values = self.numbers(column, at_least=0.0, at_most=float(at_most))
        self.refuse(column, values != np.rint(values), "is not a whole number")
        return values.astype(np.int32)

    def _refuse_empty(self, column: str) -> None:
        texts = self.columns[column]
        if "" in texts:
            raise self.error(texts.index(""), column, "“” is empty")

    def _floats(self, column: str, texts: list[str]) -> FloatArray:
        together = "".join(texts)
        if "_" in together or not together.isascii():
            # Python would read 1_000, and digits of any script; a file that has them is more likely broken.
            self.refuse(column, np.array([not text.isascii() or "_" in text for text in texts]), "is not a number")
        try:
            return np.fromiter(map(float, texts), np.float64, len(texts))
        except ValueError:
            row = next(row for row, text in enumerate(texts) if not _is_number(text))
            raise self.error(row, column, f"“{texts[row]}” is not a number") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_table(path: Path, names: tuple[str, ...]) -> Table:
    """Read a CSV file with exactly these columns, in any order. Raises FileError; numbers are not yet checked."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise FileError(path.name, 1, "", "the file is missing") from None
    except UnicodeDecodeError:
        raise FileError(path.name, _undecodable_line(path), "", "is not UTF-8") from None
    plain = _plain_table(path, text, names)
    return plain if plain is not None else _any_table(path, text, names)


def _plain_table(path: Path, text: str, names: tuple[str, ...]) -> Table | None:
    """The same table as _any_table, in a fraction of the time, or None for a file in which anything is unusual.

    Usual: no quotes, no blank lines, on each line as many fields as in a correct header. Then all cells are one list.
    """
    text = text.replace("\r\n", "\n").removesuffix("\n")
    if not text or '"' in text or "\r" in text:
        return None
    header = text[: text.find("\n")].split(",") if "\n" in text else text.split(",")
    if sorted(header) != sorted(names) or not _is_even(text, len(header)):
        return None
    cells = text.replace("\n", ",").split(",")
    columns = {name: cells[len(header) + place :: len(header)] for place, name in enumerate(header)}
    return Table(path.name, range(2, 1 + len(cells) // len(header)), columns)


def _is_even(text: str, fields: int) -> bool:
    """Whether each line has this many fields, and is short enough for the reader of any file."""
    signs = np.frombuffer(text.encode(), np.uint8)
    ends = np.append(np.flatnonzero(signs == ord("\n")), len(signs))
    commas = np.searchsorted(np.flatnonzero(signs == ord(",")), ends)
    longest = int(np.diff(ends, prepend=-1).max())
    return bool((np.diff(commas, prepend=0) == fields - 1).all()) and longest <= csv.field_size_limit()


def _any_table(path: Path, text: str, names: tuple[str, ...]) -> Table:
    """With quotes, blank lines and line breaks within cells; says what is wrong and where."""
    lines: list[int] = []
    cells: list[list[str]] = [[] for _ in names]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(_rows(path, reader), [])
    _check_header(path, header, names)
    for row in _rows(path, reader):
        if len(row) != len(header):
            reason = f"has {len(row)} fields where the header has {len(header)}"
            raise FileError(path.name, reader.line_num, "", reason)
        lines.append(reader.line_num)
        for column, cell in zip(cells, row, strict=True):
            column.append(cell)
    return Table(path.name, lines, dict(zip(header, cells, strict=True)))


def _rows(path: Path, reader: Any) -> Iterator[list[str]]:
    """Rows that are not blank."""
    try:
        yield from filter(None, reader)
    except csv.Error as wrong:
        raise FileError(path.name, reader.line_num, "", f"is not valid CSV ({wrong})") from None


def _check_header(path: Path, header: list[str], names: tuple[str, ...]) -> None:
    for name in header:
        if name not in names:
            raise FileError(path.name, 1, name, f"is not a column of this file; these are {', '.join(names)}")
        if header.count(name) > 1:
            raise FileError(path.name, 1, name, "is there twice")
    for name in names:
        if name not in header:
            raise FileError(path.name, 1, name, "is missing from the header")


def _undecodable_line(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1
