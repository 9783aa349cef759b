"""Reading a folder with the places of one gemeente. Pure: files in, checked values out, no database.

A folder is right as a whole or refused as a whole: every file is read and checked before anything is handed on.
The form of the files is that of matching/data/hilversum; its SOURCES.md says what each one holds.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from matching.errors import OmzienError
from matching.models.places import Outline
from matching.services.outlines import why_not_a_ring

LEVELS = {"gemeente": r"GM\d{4}", "wijk": r"WK\d{6}", "buurt": r"BU\d{8}"}
WORDS = ("code", "name", "province", "urbanity", "year")  # columns of the key figures that hold no figure
HEALTH_WORDS = ("code", "soort", "leeftijd", "jaar")
CBS, HEALTH = "CBS kerncijfers", "Gezondheidsmonitor"  # sources; HEALTH is followed by the ages: 18+ or 65+
WEST, EAST, SOUTH, NORTH = 3.2, 7.3, 50.7, 53.7  # the Netherlands, in degrees
FigureKey = tuple[str, str, str, int]  # place, source, topic, year
Row = tuple[int, dict[str, str]]  # line, cells


class PlaceFileError(OmzienError):
    """A file that can't be used: which one, on what line (None: the file as a whole) and why."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Area:
    """A gemeente, wijk or buurt: `parent` is the code of what it lies in, lon and lat its label point in degrees."""

    level: str
    code: str
    name: str
    parent: str
    lon: float
    lat: float
    outline: Outline


@dataclass(frozen=True, slots=True)
class PlaceFiles:
    """Everything in the folder. Borders are in both directions, in metres; a postcode gives wijk and buurt."""

    year: int
    gemeente: Area
    wijken: tuple[Area, ...]
    buurten: tuple[Area, ...]
    borders: dict[tuple[str, str], int]
    figures: dict[FigureKey, tuple[float | None, bool]]  # value, is_estimate
    postcodes: dict[str, tuple[str, str | None]]
    inhabitants: int | None


def read_folder(folder: Path) -> PlaceFiles:
    """The places in `folder`. Raises PlaceFileError for whatever is missing or wrong, before anything is written."""
    areas = _areas(folder)
    for level, names in (("gemeente", "gemeente_*"), ("wijk", "wijken_*"), ("buurt", "buurten_*")):
        file = _newest(folder, f"{names}.geojson")
        areas = _with_outlines(file, areas, level)
    year = _year(file)
    by_level = {level: tuple(a for a in areas.values() if a.level == level) for level in LEVELS}
    (gemeente,) = by_level["gemeente"]
    figures = _all_figures(folder, areas)
    population = [f for key, f in sorted(figures.items()) if key[0] == gemeente.code and key[2] == "population"]
    return PlaceFiles(
        year,
        gemeente,
        by_level["wijk"],
        by_level["buurt"],
        _borders(folder / "buurt_buren.json", areas),
        figures,
        _postcodes(folder, areas),
        round(population[-1][0]) if population and population[-1][0] is not None else None,
    )


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise PlaceFileError(file.name, None, "this file is missing") from None
    except OSError as error:
        raise PlaceFileError(file.name, None, f"this file can't be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PlaceFileError(file.name, line, "this is not UTF-8 text") from None
    if not text.strip():
        raise PlaceFileError(file.name, None, "this file is empty")
    return text


def _newest(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise PlaceFileError(pattern, None, "this file is missing")
    return found[-1]


def _year(file: Path) -> int:
    found = re.search(r"_((?:19|20)\d\d)\.", file.name)
    if found is None:
        raise PlaceFileError(file.name, None, "the name needs a year before its ending, as in buurten_2022.geojson")
    return int(found[1])


def _rows(file: Path, *columns: str) -> Iterator[Row]:
    """The rows of a CSV file with their line numbers; every column named must be there."""
    reader = csv.reader(io.StringIO(_text(file), newline=""), strict=True)
    try:
        header = next(reader)
        for column in columns:
            if column not in header:
                raise PlaceFileError(file.name, 1, f"the column {column!r} is missing")
        if len(set(header)) != len(header) or not all(0 < len(name) <= 60 and name.isprintable() for name in header):
            raise PlaceFileError(file.name, 1, "every column needs a name of its own, of at most 60 characters")
        is_empty = True
        for cells in (row for row in reader if row):
            is_empty = False
            if len(cells) != len(header):
                raise PlaceFileError(
                    file.name, reader.line_num, f"{len(cells)} cells where the first line has {len(header)}"
                )
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise PlaceFileError(file.name, reader.line_num, f"this is not CSV: {error}") from None
    if is_empty:
        raise PlaceFileError(file.name, None, "this file has no rows")


def _unique(file: Path, column: str, rows: Iterator[Row]) -> Iterator[tuple[int, str, dict[str, str]]]:
    """The rows with their code, which may come once."""
    seen = set()
    for line, row in rows:
        if row[column] in seen:
            raise PlaceFileError(file.name, line, f"{row[column]} is in this file twice")
        seen.add(row[column])
        yield line, row[column], row


def _number(file: Path, line: int, column: str, text: str, low: float = -1e12, high: float = 1e12) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise PlaceFileError(file.name, line, f"{column} is no number: {text[:40]!r}")
    if not low <= value <= high:
        raise PlaceFileError(file.name, line, f"{column} is {text[:40]}, and must lie between {low:g} and {high:g}")
    return value


def _areas(folder: Path) -> dict[str, Area]:
    """Gemeente, wijken and buurten by code, from gebieden.csv, still without outlines."""
    file = folder / "gebieden.csv"
    found: dict[str, Area] = {}
    parents = {"gemeente": "", "wijk": "gemeente", "buurt": "wijk"}
    lines = {}
    for line, code, row in _unique(file, "code", _rows(file, "niveau", "code", "naam", "bovenliggend", "lon", "lat")):
        level, name, parent = row["niveau"], row["naam"], row["bovenliggend"]
        if level not in LEVELS:
            raise PlaceFileError(file.name, line, f"niveau is {level[:40]!r}, not gemeente, wijk or buurt")
        if not re.fullmatch(LEVELS[level], code, re.ASCII):
            raise PlaceFileError(file.name, line, f"{code[:40]!r} is no CBS code of a {level}")
        if not 0 < len(name) <= 120 or not name.isprintable():
            raise PlaceFileError(file.name, line, "naam needs 1 to 120 characters")
        lon = _number(file, line, "lon", row["lon"], WEST, EAST)
        lat = _number(file, line, "lat", row["lat"], SOUTH, NORTH)
        found[code], lines[code] = Area(level, code, name, parent, lon, lat, []), line
    for code, area in found.items():
        above = found.get(area.parent)
        nests = above is not None and above.level == parents[area.level] and code[2:].startswith(above.code[2:])
        if area.level != "gemeente" and not nests:
            raise PlaceFileError(
                file.name, lines[code], f"{code} lies in {area.parent[:40]!r}, which is no {parents[area.level]} of it"
            )
    _check_levels(file, found)
    return found


def _check_levels(file: Path, areas: dict[str, Area]) -> None:
    counts = {level: sum(1 for area in areas.values() if area.level == level) for level in LEVELS}
    if counts["gemeente"] != 1 or not counts["wijk"] or not counts["buurt"]:
        raise PlaceFileError(file.name, None, "a folder holds one gemeente, with its wijken and buurten")


def _json(file: Path) -> tuple[str, Any]:
    """The text and what it says. A name that comes twice in one object is refused: the first would be lost."""
    text = _text(file)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _value in items]
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice is not None:
            raise PlaceFileError(file.name, _line(text, twice, last=True), f"{twice[:40]} is in this object twice")
        return dict(items)

    try:
        return text, json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise PlaceFileError(file.name, error.lineno, f"this is not JSON: {error.msg}") from None
    except (RecursionError, ValueError):  # nested too deeply, or a number with thousands of digits
        raise PlaceFileError(file.name, None, "this JSON can't be read") from None


def _line(text: str, word: str, *, last: bool = False) -> int:
    """The line on which a code stands."""
    where = text.rfind(f'"{word}"') if last else text.find(f'"{word}"')
    return text.count("\n", 0, max(where, 0)) + 1


def _with_outlines(file: Path, areas: dict[str, Area], level: str) -> dict[str, Area]:
    """The areas, those of this level with the outline that the file gives them."""
    text, content = _json(file)
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not features:
        raise PlaceFileError(file.name, 1, "this is no GeoJSON FeatureCollection with features")
    outlines: dict[str, Outline] = {}
    for number, feature in enumerate(features, 1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        code = properties.get("code") if isinstance(properties, dict) else None
        if not isinstance(code, str):
            raise PlaceFileError(file.name, 1, f"feature {number} has no properties.code")
        line = _line(text, code)
        if code not in areas or areas[code].level != level:
            raise PlaceFileError(file.name, line, f"{code[:40]} is no {level} in gebieden.csv")
        if code in outlines:
            raise PlaceFileError(file.name, _line(text, code, last=True), f"{code} is in this file twice")
        outlines[code] = _outline(file, line, code, feature.get("geometry"))
    without = next((a.code for a in areas.values() if a.level == level and a.code not in outlines), None)
    if without is not None:
        raise PlaceFileError(file.name, None, f"{without} has no outline")
    return {
        code: Area(a.level, code, a.name, a.parent, a.lon, a.lat, outlines.get(code, a.outline))
        for code, a in areas.items()
    }


def _outline(file: Path, line: int, code: str, geometry: Any) -> Outline:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise PlaceFileError(file.name, line, f"{code} needs a Polygon or MultiPolygon")
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(polygons, list) or not polygons or not all(isinstance(p, list) and p for p in polygons):
        raise PlaceFileError(file.name, line, f"{code} has no coordinates")
    for ring in (ring for polygon in polygons for ring in polygon):
        if not isinstance(ring, list) or not all(map(_is_point, ring)):
            raise PlaceFileError(
                file.name, line, f"{code} has a point that is no [lon, lat] in degrees in the Netherlands"
            )
        if reason := why_not_a_ring(ring):
            raise PlaceFileError(file.name, line, f"{code} has a ring that {reason}")
    return [[[[float(lon), float(lat)] for lon, lat in ring] for ring in polygon] for polygon in polygons]


def _is_point(point: Any) -> bool:
    if not isinstance(point, list) or len(point) != 2 or not all(type(value) in (int, float) for value in point):
        return False
    return bool(WEST <= point[0] <= EAST and SOUTH <= point[1] <= NORTH)


def _borders(file: Path, areas: dict[str, Area]) -> dict[tuple[str, str], int]:
    """Metres of shared border by pair, in both directions also where the file gives only one."""
    text, content = _json(file)
    borders = content.get("buren") if isinstance(content, dict) else None
    if not isinstance(borders, dict) or not all(isinstance(others, dict) for others in borders.values()):
        raise PlaceFileError(file.name, 1, "'buren' must give each buurt its neighbours with metres")
    found: dict[tuple[str, str], int] = {}
    for code, others in borders.items():
        line = _line(text, code)
        for name in (code, *others):
            if name not in areas or areas[name].level != "buurt":
                raise PlaceFileError(file.name, _line(text, name), f"{name[:40]} is no buurt in gebieden.csv")
        for other, metres in others.items():
            if type(metres) is not int or not 0 < metres < 1_000_000 or other == code:
                raise PlaceFileError(file.name, line, f"the border of {code} with {other} is no length in metres")
            if found.get((other, code), metres) != metres:
                raise PlaceFileError(file.name, line, f"the border of {code} with {other} has two lengths")
            found[code, other] = found[other, code] = metres
    return found


def _all_figures(folder: Path, areas: dict[str, Area]) -> dict[FigureKey, tuple[float | None, bool]]:
    found = _figures(_newest(folder, "kerncijfers_wijken_*.csv"), areas, CBS, WORDS, "year")
    for extra in sorted(folder.glob("kerncijfers_buurten_*.csv"))[-1:]:
        found |= _figures(extra, areas, CBS, WORDS, "year")
    for age in ("18plus", "65plus"):
        file = _newest(folder, f"gezondheid_*_{age}.csv")
        source = f"{HEALTH} {age.removesuffix('plus')}+"
        found |= _figures(file, areas, source, HEALTH_WORDS, "jaar")
    return found


def _figures(
    file: Path, areas: dict[str, Area], source: str, words: tuple[str, ...], year_column: str
) -> dict[FigureKey, tuple[float | None, bool]]:
    """Every cell as a figure of its place; an empty cell is unknown. The health monitor holds model estimates."""
    needed = ("code", "population", "area", "year") if source == CBS else words
    found: dict[FigureKey, tuple[float | None, bool]] = {}
    for line, code, row in _unique(file, "code", _rows(file, *needed)):
        if code not in areas:
            raise PlaceFileError(file.name, line, f"{code[:40]} is not in gebieden.csv")
        year = int(_number(file, line, year_column, row[year_column], 1900, 2200))
        for topic in (name for name in row if name not in words):
            value = _number(file, line, topic, row[topic], 0) if row[topic] else None
            found[code, source, topic, year] = (value, source != CBS)
    return found


def _postcodes(folder: Path, areas: dict[str, Area]) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    file = folder / "pc4_wijk.csv"
    for line, code, row in _unique(file, "pc4", _rows(file, "pc4", "wijk_code")):
        _check_postcode(file, line, code, r"[1-9]\d{3}")
        found[code] = (_known(file, line, areas, row["wijk_code"], "wijk"), None)
    file = folder / "pc6_buurt.csv"
    if file.exists():
        for line, code, row in _unique(file, "pc6", _rows(file, "pc6", "buurt_code")):
            _check_postcode(file, line, code, r"[1-9]\d{3}[A-Z]{2}")
            buurt = _known(file, line, areas, row["buurt_code"], "buurt")
            found[code] = (areas[buurt].parent, buurt)
    return found


def _check_postcode(file: Path, line: int, code: str, form: str) -> None:
    if not re.fullmatch(form, code, re.ASCII):
        raise PlaceFileError(file.name, line, f"{code[:40]!r} is no postcode such as 1234, or 1234AB in pc6_buurt.csv")


def _known(file: Path, line: int, areas: dict[str, Area], code: str, level: str) -> str:
    if code not in areas or areas[code].level != level:
        raise PlaceFileError(file.name, line, f"{code[:40]!r} is no {level} in gebieden.csv")
    return code
