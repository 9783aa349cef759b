"""Reading a folder with the places of one gemeente. Everything is checked before anything is returned; no database.

Required: gebieden.csv, gemeente_<year>.geojson, wijken_<year>.geojson, buurten_<year>.geojson, buurt_buren.json,
kerncijfers_wijken_<year>.csv and pc4_wijk.csv. Read where present: kerncijfers_buurten_<year>.csv,
gezondheid_<year>_<age>.csv and pc6_buurt.csv. What is in them: matching/data/hilversum/SOURCES.md.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matching.errors import OmzienError
from matching.models.places import Outline
from matching.services.outlines import check_point, count_points, read_outline

LEVELS = {"gemeente": r"GM\d{4}", "wijk": r"WK\d{6}", "buurt": r"BU\d{8}"}
NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
TEXT_COLUMNS = frozenset({"code", "name", "naam", "province", "urbanity", "year", "jaar", "soort", "leeftijd"})
LONGEST_NAME, LONGEST_TOPIC = 120, 60
MOST_POINTS = 6_000  # of all buurten together: more would make the map too heavy for a phone


class PlaceFileError(OmzienError):
    """A file that is refused: `file` its name, `line` where (None when it is about the whole file), `reason` why."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}" if line else f"{file}: {reason}")
        self.file, self.line, self.reason = file, line, reason


@dataclass(frozen=True, slots=True)
class Place:
    """A line of gebieden.csv: `parent` is the code of the place above it, empty for the gemeente."""

    code: str
    name: str
    parent: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure about a place; an estimate comes from a model, not from counting."""

    place_code: str
    source: str
    topic: str
    year: int
    value: float
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class PlaceData:
    """A whole folder, checked."""

    year: int
    gemeente: Place
    wijken: tuple[Place, ...]
    buurten: tuple[Place, ...]
    outlines: dict[str, Outline]
    borders: dict[tuple[str, str], int]  # buurt, neighbour: metres; in both directions
    figures: tuple[Figure, ...]
    postcodes: dict[str, str]  # four or six characters to a wijk or a buurt

    @property
    def codes(self) -> set[str]:
        return {place.code for place in (self.gemeente, *self.wijken, *self.buurten)}


def read_places(folder: Path) -> PlaceData:
    """The places in `folder`. Raises PlaceFileError for the first thing that is wrong."""
    levels = _read_areas(folder)
    everywhere = {code for level in levels.values() for code in level}
    outlines: dict[str, Outline] = {}
    for level, pattern in (("gemeente", "gemeente_*"), ("wijk", "wijken_*"), ("buurt", "buurten_*")):
        outlines |= _read_outlines(_only(folder, f"{pattern}.geojson"), set(levels[level]))
    (gemeente,) = levels["gemeente"].values()
    return PlaceData(
        year=_year_in_name(_only(folder, "gemeente_*.geojson")),
        gemeente=gemeente,
        wijken=tuple(levels["wijk"].values()),
        buurten=tuple(levels["buurt"].values()),
        outlines=outlines,
        borders=_read_borders(folder / "buurt_buren.json", set(levels["buurt"])),
        figures=_read_all_figures(folder, everywhere),
        postcodes=_read_postcodes(folder, levels),
    )


# Areas


def _read_areas(folder: Path) -> dict[str, dict[str, Place]]:
    """Level to code to place. Every place but the gemeente lies in one that was named before it."""
    file = folder / "gebieden.csv"
    found: dict[str, dict[str, Place]] = {level: {} for level in LEVELS}
    above = {"gemeente": {""}, "wijk": found["gemeente"], "buurt": found["wijk"]}
    for line, row in _rows(file, ("niveau", "code", "naam", "bovenliggend", "lon", "lat")):
        level, code, parent = row["niveau"], row["code"], row["bovenliggend"]
        if level not in LEVELS:
            raise PlaceFileError(file.name, line, f"unknown niveau {level!r}: gemeente, wijk or buurt")
        if not re.fullmatch(LEVELS[level], code):
            raise PlaceFileError(file.name, line, f"{code!r} is not the code of a {level}")
        if code in found[level]:
            raise PlaceFileError(file.name, line, f"{code} is there twice")
        if parent not in above[level] or not code[2:].startswith(parent[2:]):
            raise PlaceFileError(file.name, line, f"{code} cannot lie in {parent!r}")
        found[level][code] = _place(file, line, row)
    _check_levels(file, found)
    return found


def _place(file: Path, line: int, row: dict[str, str]) -> Place:
    name = row["naam"]
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise PlaceFileError(file.name, line, f"a name has 1 to {LONGEST_NAME} characters on one line")
    lon, lat = _number(file, line, "lon", row["lon"]), _number(file, line, "lat", row["lat"])
    try:
        check_point(lon, lat)
    except ValueError as error:
        raise PlaceFileError(file.name, line, str(error)) from None
    return Place(row["code"], name, row["bovenliggend"], lon, lat)


def _check_levels(file: Path, found: dict[str, dict[str, Place]]) -> None:
    if len(found["gemeente"]) != 1:
        raise PlaceFileError(file.name, None, f"a folder holds one gemeente, not {len(found['gemeente'])}")
    without = set(found["wijk"]) - {buurt.parent for buurt in found["buurt"].values()}
    if without or not found["wijk"]:
        raise PlaceFileError(file.name, None, f"every wijk needs a buurt: {', '.join(sorted(without)) or 'no wijken'}")


# Outlines and borders


def _read_outlines(file: Path, wanted: set[str]) -> dict[str, Outline]:
    text, content = _json(file)
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        raise PlaceFileError(file.name, 1, "this is not a GeoJSON FeatureCollection")
    found: dict[str, Outline] = {}
    for feature in features:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        code = properties.get("code") if isinstance(properties, dict) else None
        line = _line_of(text, code)
        if not isinstance(code, str) or code not in wanted:
            raise PlaceFileError(file.name, line, f"unknown code {code!r}: gebieden.csv does not have it")
        if code in found:
            raise PlaceFileError(file.name, line, f"{code} is there twice")
        try:
            found[code] = read_outline(feature.get("geometry"))
        except ValueError as error:
            raise PlaceFileError(file.name, line, f"{code}: {error}") from None
    if set(found) != wanted:
        raise PlaceFileError(file.name, None, f"no outline for {', '.join(sorted(wanted - set(found)))}")
    if (points := sum(map(count_points, found.values()))) > MOST_POINTS:
        raise PlaceFileError(file.name, None, f"{points} points are too many for a map: simplify to {MOST_POINTS}")
    return found


def _read_borders(file: Path, buurten: set[str]) -> dict[tuple[str, str], int]:
    text, content = _json(file)
    borders = content.get("buren") if isinstance(content, dict) else None
    if not isinstance(borders, dict) or not all(isinstance(others, dict) for others in borders.values()):
        raise PlaceFileError(file.name, 1, 'this needs "buren": a buurt, its neighbours and the metres they share')
    for code in [*borders, *(other for others in borders.values() for other in others)]:
        if code not in buurten:
            raise PlaceFileError(file.name, _line_of(text, code), f"unknown buurt {code!r}")
    found = {(one, other): metres for one, others in borders.items() for other, metres in others.items()}
    for (one, other), metres in found.items():
        line = _line_of(text, one)
        if isinstance(metres, bool) or not isinstance(metres, int) or not 0 < metres < 1_000_000:
            raise PlaceFileError(file.name, line, f"{one} to {other}: {metres!r} is not a number of metres")
        if one == other:
            raise PlaceFileError(file.name, line, f"{one} cannot border on itself")
        if found.get((other, one)) != metres:
            raise PlaceFileError(file.name, line, f"{one} and {other} must have the same border in both directions")
    return found


# Figures and postcodes


def _read_all_figures(folder: Path, places: set[str]) -> tuple[Figure, ...]:
    counted = [*_some(folder, "kerncijfers_wijken_*.csv"), *sorted(folder.glob("kerncijfers_buurten_*.csv"))]
    found: dict[tuple[str, str, str, int], Figure] = {}
    for file in [*counted, *sorted(folder.glob("gezondheid_*_*.csv"))]:
        for line, figure in _read_figures(file, places, estimates=file not in counted):
            key = (figure.place_code, figure.source, figure.topic, figure.year)
            if key in found:
                raise PlaceFileError(file.name, line, f"{figure.place_code} has {figure.topic} twice in {figure.year}")
            found[key] = figure
    return tuple(found.values())


def _read_figures(file: Path, places: set[str], *, estimates: bool) -> Iterator[tuple[int, Figure]]:
    year_column = "jaar" if estimates else "year"
    for line, row in _rows(file, ("code", "leeftijd", year_column) if estimates else ("code", year_column)):
        if row["code"] not in places:
            raise PlaceFileError(file.name, line, f"unknown code {row['code']!r}")
        if row[year_column] != str(_year_in_name(file)):
            raise PlaceFileError(file.name, line, f"the year {row[year_column]!r} is not the one in the name")
        source = f"gezondheid_{row['leeftijd'].replace('+', 'plus')}" if estimates else "kerncijfers"
        if estimates and not file.stem.endswith(source.removeprefix("gezondheid")):
            raise PlaceFileError(file.name, line, f"the age {row['leeftijd']!r} is not the one in the name")
        for topic, text in row.items():
            if topic not in TEXT_COLUMNS and text:
                value = _number(file, line, topic, text)
                if value < 0 or (value > 100 and (estimates or topic.startswith("pop_"))):
                    raise PlaceFileError(file.name, line, f"{topic} cannot be {text}")
                yield line, Figure(row["code"], source, topic, int(row[year_column]), value, estimates)


def _read_postcodes(folder: Path, levels: dict[str, dict[str, Place]]) -> dict[str, str]:
    found = _read_postcode_file(folder / "pc4_wijk.csv", "pc4", r"[1-9]\d{3}", "wijk_code", set(levels["wijk"]))
    fine = folder / "pc6_buurt.csv"
    if fine.exists():
        found |= _read_postcode_file(fine, "pc6", r"[1-9]\d{3}[A-Z]{2}", "buurt_code", set(levels["buurt"]))
    return found


def _read_postcode_file(file: Path, column: str, shape: str, place_column: str, places: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, row in _rows(file, (column, place_column)):
        code, place = row[column].replace(" ", ""), row[place_column]
        if not re.fullmatch(shape, code, re.ASCII):
            raise PlaceFileError(file.name, line, f"{row[column]!r} is not a postcode of this kind")
        if code in found:
            raise PlaceFileError(file.name, line, f"{code} is there twice")
        if place not in places:
            raise PlaceFileError(file.name, line, f"unknown code {place!r}")
        found[code] = place
    return found


# Files


def _some(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise PlaceFileError(pattern.replace("*", "<year>"), None, "this file is missing")
    return found


def _only(folder: Path, pattern: str) -> Path:
    found = _some(folder, pattern)
    if len(found) > 1:
        raise PlaceFileError(found[1].name, None, f"there is also {found[0].name}: keep the outlines of one year")
    return found[0]


def _year_in_name(file: Path) -> int:
    years = re.findall(r"_(\d{4})(?=[_.])", file.name)
    if len(years) != 1:
        raise PlaceFileError(file.name, None, "the name must hold the year, as in buurten_2022.geojson")
    return int(years[0])


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise PlaceFileError(file.name, None, "this file is missing") from None
    except OSError as error:
        raise PlaceFileError(file.name, None, f"this file cannot be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PlaceFileError(file.name, line, "this is not UTF-8 text") from None
    if not text.strip():
        raise PlaceFileError(file.name, None, "this file is empty")
    return text


def _rows(file: Path, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells (without space around them) of each line after the header."""
    reader = csv.reader(io.StringIO(_text(file)), strict=True)
    try:
        header = [cell.strip() for cell in next(reader)]
        missing = [name for name in required if name not in header]
        if missing:
            raise PlaceFileError(file.name, 1, f"the column {', '.join(missing)} is missing")
        if len(set(header)) < len(header) or not all(0 < len(name) <= LONGEST_TOPIC for name in header):
            raise PlaceFileError(file.name, 1, f"columns need different names of at most {LONGEST_TOPIC} characters")
        cells = None
        for cells in filter(None, reader):
            if len(cells) != len(header):
                raise PlaceFileError(file.name, reader.line_num, f"{len(cells)} cells, but {len(header)} columns")
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise PlaceFileError(file.name, reader.line_num, f"this is not CSV: {error}") from None
    if cells is None:
        raise PlaceFileError(file.name, None, "this file has only a header")


def _json(file: Path) -> tuple[str, Any]:
    """The text and what it says. A key that is there twice would silently win, so it is refused."""
    text = _text(file)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _value in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise PlaceFileError(file.name, _line_of(text, twice), f"{twice} is there twice")
        return found

    def refuse(word: str) -> float:
        raise PlaceFileError(file.name, _line_of(text, word), f"{word} is not a number")

    try:
        return text, json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise PlaceFileError(file.name, error.lineno, f"this is not JSON: {error.msg}, column {error.colno}") from None
    except RecursionError:
        raise PlaceFileError(file.name, None, "this is nested too deeply") from None


def _line_of(text: str, word: Any) -> int:
    """The first line that has this word; the first line of the file when there is none."""
    at = text.find(word) if isinstance(word, str) else -1
    return text.count("\n", 0, at) + 1 if at >= 0 else 1


def _number(file: Path, line: int, column: str, text: str) -> float:
    if not NUMBER.fullmatch(text):
        raise PlaceFileError(file.name, line, f"{column} is not a number: {text[:40]!r}")
    return float(text)
