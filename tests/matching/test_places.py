"""Importing a gemeente: twice changes nothing, a broken folder is refused whole."""

import json
import re
import shutil
from collections.abc import Callable
from math import cos, pi, sin
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlmodel import Session, SQLModel

from matching.models import Buurt, BuurtBorder, Event, Gemeente, KeyFigure, Postcode, Tag, Wijk
from matching.models.geo import rd_to_wgs84, round_100m, wgs84_to_rd
from matching.services.outlines import why_not_a_ring
from matching.services.place_files import PlaceFileError, read_folder
from matching.services.places import import_places, wijken_with_buurten
from tests.conftest import HILVERSUM
from tests.people import DRIFTBUURT, GEUZENBUURT, NOW, OOST

TABLES: tuple[type[SQLModel], ...] = (Gemeente, Wijk, Buurt, BuurtBorder, KeyFigure, Postcode)
ALL_ROWS = 1676


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the Hilversum folder to break."""
    return Path(shutil.copytree(HILVERSUM, tmp_path / "places"))


def _edit(file: Path, old: str, new: str, times: int = -1) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, times), encoding="utf-8")


def _elsewhere(folder: Path) -> Path:
    """The folder as that of another gemeente, with codes and a name of its own and the same postcodes."""
    for file in folder.iterdir():
        text = re.sub(r"\b(GM|WK|BU)0402", r"\g<1>0999", file.read_text(encoding="utf-8"))
        file.write_text(text.replace("gemeente,GM0999,Hilversum", "gemeente,GM0999,Elders"), encoding="utf-8")
    return folder


def _count(db: Session, table: type[SQLModel]) -> int:
    found: int = db.execute(select(func.count()).select_from(table)).scalar_one()
    return found


class DescribeImport:
    def it_loads_a_gemeente_with_its_wijken_and_buurten(self, db: Session) -> None:
        hilversum = db.get_one(Gemeente, "GM0402")
        assert (hilversum.name, hilversum.inhabitants, hilversum.year) == ("Hilversum", 91733, 2022)
        assert (_count(db, Wijk), _count(db, Buurt)) == (9, 43)
        driftbuurt = db.get_one(Buurt, DRIFTBUURT)
        assert (driftbuurt.name, driftbuurt.wijk_code, driftbuurt.gemeente_code) == (
            "Kleine Driftbuurt",
            OOST,
            "GM0402",
        )
        assert len(driftbuurt.outline[0][0]) == 9
        assert (driftbuurt.x, driftbuurt.y) == tuple(map(round, wgs84_to_rd(driftbuurt.lon, driftbuurt.lat)))

    def it_keeps_borders_in_both_directions(self, db: Session) -> None:
        there, back = (
            db.get_one(BuurtBorder, pair).metres for pair in ((DRIFTBUURT, GEUZENBUURT), (GEUZENBUURT, DRIFTBUURT))
        )
        assert there == back > 0

    def it_keeps_holes_and_separate_parts(self, db: Session) -> None:
        assert [len(ring) for ring in db.get_one(Buurt, "BU04020905").outline[0]] == [11, 5]
        assert len(db.get_one(Wijk, "WK040209").outline) == 4

    def it_loads_figures_with_their_source(self, db: Session) -> None:
        people = db.get_one(KeyFigure, (OOST, "CBS kerncijfers", "population", 2022))
        lonely = db.get_one(KeyFigure, ("BU04020101", "Gezondheidsmonitor 18+", "Eenzaam", 2020))
        unknown = db.get_one(KeyFigure, ("BU04020906", "Gezondheidsmonitor 65+", "Eenzaam", 2020))
        assert (people.value, people.is_estimate) == (21345, False)
        assert (lonely.value, lonely.is_estimate) == (52.5, True)
        assert unknown.value is None

    def it_loads_postcodes(self, db: Session) -> None:
        assert db.get_one(Postcode, "1221").wijk_code == OOST

    def it_changes_nothing_the_second_time(self, db: Session) -> None:
        statements: list[str] = []
        connection = db.connection()

        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            statements.append(statement)

        event.listen(connection, "before_cursor_execute", note)
        report = import_places(db, HILVERSUM)
        db.flush()
        event.remove(connection, "before_cursor_execute", note)
        assert (report.added, report.changed, report.removed) == (0, 0, 0)
        assert report.unchanged == ALL_ROWS
        assert str(report) == f"Hilversum: 0 added, 0 changed, {ALL_ROWS} unchanged, 0 removed"
        assert statements
        assert all(statement.startswith("SELECT") for statement in statements)

    def it_changes_only_what_changed(self, db: Session, folder: Path) -> None:
        _edit(folder / "gebieden.csv", "Kleine Driftbuurt", "Grote Driftbuurt")
        _edit(folder / "kerncijfers_wijken_2022.csv", ",21345,", ",21346,")
        report = import_places(db, folder)
        assert (report.added, report.changed, report.removed) == (0, 2, 0)
        assert db.get_one(Buurt, DRIFTBUURT).name == "Grote Driftbuurt"

    def it_leaves_alone_what_people_wrote(self, db: Session, folder: Path) -> None:
        driftbuurt, hilversum = db.get_one(Buurt, DRIFTBUURT), db.get_one(Gemeente, "GM0402")
        driftbuurt.intro, driftbuurt.moderation, hilversum.phone = "Welkom", "review", "035 000 00 00"
        db.flush()
        _edit(folder / "gebieden.csv", "Kleine Driftbuurt", "Grote Driftbuurt")
        _edit(folder / "gebieden.csv", "GM0402,Hilversum", "GM0402,Hilversum aan Zee")
        import_places(db, folder)
        db.expire_all()
        assert (driftbuurt.name, driftbuurt.intro, driftbuurt.moderation) == ("Grote Driftbuurt", "Welkom", "review")
        assert (hilversum.name, hilversum.phone) == ("Hilversum aan Zee", "035 000 00 00")

    def it_removes_a_border_that_is_gone(self, db: Session, folder: Path) -> None:
        file = folder / "buurt_buren.json"
        content = json.loads(file.read_text())
        for one, other in ((DRIFTBUURT, GEUZENBUURT), (GEUZENBUURT, DRIFTBUURT)):
            del content["buren"][one][other]
        file.write_text(json.dumps(content))
        assert import_places(db, folder).removed == 2
        assert db.get(BuurtBorder, (DRIFTBUURT, GEUZENBUURT)) is None

    def it_adds_the_other_direction_of_a_border(self, folder: Path) -> None:
        file = folder / "buurt_buren.json"
        content = json.loads(file.read_text())
        del content["buren"][DRIFTBUURT][GEUZENBUURT]
        file.write_text(json.dumps(content))
        assert read_folder(folder).borders == read_folder(HILVERSUM).borders

    def it_keeps_a_buurt_that_is_gone_and_says_so(self, db: Session, folder: Path) -> None:
        other = _elsewhere(folder)
        import_places(db, other)
        for name in ("gebieden.csv", "gezondheid_2020_18plus.csv", "gezondheid_2020_65plus.csv"):
            file = other / name
            file.write_text("".join(line for line in file.open() if "BU09990603" not in line))
        outlines = json.loads((other / "buurten_2022.geojson").read_text())
        outlines["features"] = [f for f in outlines["features"] if f["properties"]["code"] != "BU09990603"]
        (other / "buurten_2022.geojson").write_text(json.dumps(outlines))
        borders = json.loads((other / "buurt_buren.json").read_text())["buren"]
        del borders["BU09990603"]
        kept = {a: {b: m for b, m in others.items() if b != "BU09990603"} for a, others in borders.items()}
        (other / "buurt_buren.json").write_text(json.dumps({"buren": kept}))
        report = import_places(db, other)
        assert report.kept == ("BU09990603",)
        assert "BU09990603" in str(report)
        assert db.get_one(Buurt, "BU09990603").name == "Kleine Driftbuurt"

    def it_holds_several_gemeenten(self, db: Session, folder: Path) -> None:
        report = import_places(db, _elsewhere(folder))
        assert report.gemeente == "Elders"
        assert report.added == ALL_ROWS - 11  # the postcodes belong to Hilversum
        assert _count(db, Buurt) == 86
        assert db.get_one(Postcode, "1221").wijk_code == OOST
        assert [wijk.code for wijk in wijken_with_buurten(db, "GM0999")] == [f"WK09990{n}" for n in range(1, 10)]
        for again in (HILVERSUM, folder):
            report = import_places(db, again)
            assert (report.added, report.changed, report.removed) == (0, 0, 0)

    def it_records_an_import_that_changed_something(self, db: Session, folder: Path) -> None:
        tagged = select(Event).where(Event.tag == Tag.PLACES_IMPORTED).order_by(Event.id.desc())
        before = len(db.scalars(tagged).all())
        import_places(db, HILVERSUM, now=NOW)
        assert len(db.scalars(tagged).all()) == before
        import_places(db, _elsewhere(folder), now=NOW)
        newest = db.scalars(tagged).first()
        assert newest is not None
        assert (newest.at, newest.subject, newest.data["code"]) == (NOW, "gemeente", "GM0999")

    def it_takes_six_digit_postcodes_and_inhabitants_per_buurt(self, db: Session, folder: Path) -> None:
        (folder / "pc6_buurt.csv").write_text(f"pc6,buurt_code\n1221AB,{DRIFTBUURT}\n")
        (folder / "kerncijfers_buurten_2022.csv").write_text(
            f"code,name,area,population,year\n{DRIFTBUURT},Kleine Driftbuurt,0.4,3210,2022\n"
        )
        assert import_places(db, folder).added == 3
        postcode = db.get_one(Postcode, "1221AB")
        assert (postcode.wijk_code, postcode.buurt_code) == (OOST, DRIFTBUURT)
        assert db.get_one(KeyFigure, (DRIFTBUURT, "CBS kerncijfers", "population", 2022)).value == 3210

    def it_takes_the_newest_year(self, db: Session, folder: Path) -> None:
        for file in list(folder.glob("*_2022.geojson")):
            shutil.copy(file, folder / file.name.replace("2022", "2023"))
        (folder / "buurten_2022.geojson").write_text("no longer looked at")
        assert import_places(db, folder).changed == 1
        assert db.get_one(Gemeente, "GM0402").year == 2023

    def it_accepts_a_byte_order_mark_and_windows_line_ends(self, folder: Path) -> None:
        file = folder / "gebieden.csv"
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
        assert len(read_folder(folder).buurten) == 43


Break = Callable[[Path], object]


def _text(name: str, old: str, new: str, times: int = 1) -> Break:
    return lambda folder: _edit(folder / name, old, new, times)


def _bytes(name: str, content: bytes) -> Break:
    return lambda folder: (folder / name).write_bytes(content)


def _gone(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def _more(name: str, line: str) -> Break:
    return lambda folder: (folder / name).open("a").write(line + "\n")


def _shape(change: Callable[[dict[str, Any]], object]) -> Break:
    """Change the first buurt of the outlines (Centrum)."""

    def break_it(folder: Path) -> None:
        file = folder / "buurten_2022.geojson"
        content = json.loads(file.read_text())
        change(content["features"][0])
        file.write_text(json.dumps(content))

    return break_it


def _ring(*points: object) -> Break:
    return _shape(lambda feature: feature["geometry"].update(coordinates=[list(points)]))


def _geometry(**changes: object) -> Break:
    return _shape(lambda feature: feature["geometry"].update(changes))


A, B, C, D = [5.17, 52.22], [5.18, 52.22], [5.18, 52.23], [5.17, 52.23]
AREAS, SHAPES, BORDERS = "gebieden.csv", "buurten_2022.geojson", "buurt_buren.json"
FIGURES, HEALTH, PC4, PC6 = "kerncijfers_wijken_2022.csv", "gezondheid_2020_18plus.csv", "pc4_wijk.csv", "pc6_buurt.csv"
FILES = (AREAS, SHAPES, "wijken_2022.geojson", "gemeente_2022.geojson", BORDERS, FIGURES, HEALTH,
         "gezondheid_2020_65plus.csv", PC4)  # fmt: skip
BROKEN: dict[str, tuple[Break, str, int | None, str]] = {
    "a column is missing": (_text(AREAS, "niveau,code", "soort,code"), AREAS, 1, "'niveau' is missing"),
    "a column has no name": (_text(FIGURES, "province", ""), FIGURES, 1, "a name of its own"),
    "a column is there twice": (_text(FIGURES, "pop_0_14", "pop_15_24"), FIGURES, 1, "a name of its own"),
    "a cell is missing": (_text(AREAS, "Hilversum,,", "Hilversum,"), AREAS, 2, "5 cells"),
    "a quote is not closed": (_text(AREAS, "GM0402,Hil", 'GM0402,"Hil'), AREAS, None, "not CSV"),
    "the level is unknown": (_text(AREAS, "gemeente,", "provincie,"), AREAS, 2, "niveau is 'provincie'"),
    "the code is no code": (_text(AREAS, "gemeente,GM0402", "gemeente,GM402"), AREAS, 2, "no CBS code"),
    "a code is there twice": (_text(AREAS, "BU04020102", "BU04020101"), AREAS, 13, "BU04020101 is in this file twice"),
    "a name is empty": (_text(AREAS, "Havenstraatbuurt", ""), AREAS, 13, "1 to 120"),
    "a name is endless": (_text(AREAS, "Havenstraatbuurt", "x" * 121), AREAS, 13, "1 to 120"),
    "a name holds control characters": (_text(AREAS, "Havenstraatbuurt", "a\x00b"), AREAS, 13, "1 to 120"),
    "a wijk is unknown": (_text(AREAS, "Centrum,WK040201", "Centrum,WK040299"), AREAS, 12, "is no wijk of it"),
    "a buurt lies in another wijk": (_text(AREAS, "Centrum,WK040201", "Centrum,WK040202"), AREAS, 12, "no wijk of it"),
    "there are two gemeenten": (_more(AREAS, "gemeente,GM0999,X,,5.1,52.1"), AREAS, None, "one gemeente"),
    "a degree is no number": (_text(AREAS, "5.175856", "oost"), AREAS, 12, "lon is no number: 'oost'"),
    "a degree is not a number": (_text(AREAS, "5.175856", "nan"), AREAS, 12, "lon is no number"),
    "lon and lat are swapped": (_text(AREAS, "5.175856,52.2237", "52.2237,5.175856"), AREAS, 12, "lon is 52.2237"),
    "it is no JSON": (_bytes(SHAPES, b'{"type":\n\n oops}'), SHAPES, 3, "not JSON"),
    "it is nested too deeply": (_bytes(SHAPES, b"[" * 200_000), SHAPES, None, "can't be read"),
    "it is no GeoJSON": (_bytes(SHAPES, b"[1, 2]"), SHAPES, 1, "no GeoJSON"),
    "there are no features": (_bytes(SHAPES, b'{"features": []}'), SHAPES, 1, "no GeoJSON"),
    "a feature has no code": (_shape(lambda f: f["properties"].pop("code")), SHAPES, 1, "feature 1 has no"),
    "a feature is unknown": (
        _shape(lambda f: f["properties"].update(code="BU04029999")), SHAPES, 1, "BU04029999 is no buurt"),
    "a feature is there twice": (
        _shape(lambda f: f["properties"].update(code="BU04020102")), SHAPES, 1, "BU04020102 is in this file twice"),
    "a wijk stands among buurten": (
        _shape(lambda f: f["properties"].update(code="WK040201")), SHAPES, 1, "WK040201 is no buurt"),
    "an outline is missing": (_more(AREAS, "buurt,BU04020199,Nieuw,WK040201,5.1,52.2"), SHAPES, None, "no outline"),
    "a shape is a line": (_geometry(type="LineString"), SHAPES, 1, "Polygon or MultiPolygon"),
    "a shape is nothing": (_shape(lambda f: f.update(geometry=None)), SHAPES, 1, "Polygon or MultiPolygon"),
    "coordinates are missing": (_geometry(coordinates=None), SHAPES, 1, "no coordinates"),
    "coordinates are empty": (_geometry(coordinates=[]), SHAPES, 1, "no coordinates"),
    "a ring is too short": (_ring(A, B, A), SHAPES, 1, "has 3 points"),
    "a ring is not closed": (_ring(A, B, C, D), SHAPES, 1, "is not closed"),
    "a ring crosses itself": (_ring(A, C, B, D, A), SHAPES, 1, "crosses itself"),
    "a ring has no surface": (_ring(A, B, A, B, A), SHAPES, 1, "no surface"),
    "a point is text": (_ring(A, B, ["5.18", "52.23"], A), SHAPES, 1, "a point"),
    "a point has three values": (_ring(A, B, [5.18, 52.23, 0], A), SHAPES, 1, "a point"),
    "a point lies in the sea": (_ring(A, B, [0, 0], A), SHAPES, 1, "a point"),
    "a point is endless": (_ring(A, B, [1e999, 52], A), SHAPES, 1, "a point"),
    "the outlines have no year": (
        lambda f: (f / SHAPES).rename(f / "buurten_nieuw.geojson"), "buurten_nieuw.geojson", None, "a year"),
    "a border has an unknown buurt": (
        _text(BORDERS, '"BU04020102":419', '"BU04029999":419'), BORDERS, 1, "BU04029999 is no buurt"),
    "a border has no length": (_text(BORDERS, '"BU04020102":419', '"BU04020102":0'), BORDERS, 1, "no length"),
    "a border is text": (_text(BORDERS, '"BU04020102":419', '"BU04020102":"ver"'), BORDERS, 1, "no length"),
    "a border has two lengths": (_text(BORDERS, '"BU04020102":419', '"BU04020102":420'), BORDERS, 1, "two lengths"),
    "a border is with itself": (
        _text(BORDERS, '"BU04020101":{"BU04020102":419', '"BU04020101":{"BU04020101":419'), BORDERS, 1, "no length"),
    "a neighbour is there twice": (
        _text(BORDERS, '"BU04020103":484', '"BU04020102":484'), BORDERS, 1, "BU04020102 is in this object twice"),
    "borders are a list": (_bytes(BORDERS, b'{"buren": []}'), BORDERS, 1, "'buren' must"),
    "a figure is no number": (_text(FIGURES, ",21345,", ",veel,"), FIGURES, 8, "population is no number: 'veel'"),
    "a figure is below nothing": (_text(FIGURES, ",21345,", ",-1,"), FIGURES, 8, "population is -1"),
    "a figure is of an unknown place": (_text(FIGURES, "WK040206", "WK040299"), FIGURES, 8, "WK040299 is not in"),
    "a figure is there twice": (_text(FIGURES, "WK040206", "WK040205"), FIGURES, 8, "WK040205 is in this file twice"),
    "figures have no inhabitants": (_text(FIGURES, "population", "people"), FIGURES, 1, "'population' is missing"),
    "a year is no year": (_text(HEALTH, "18+,2020,82.4", "18+,20,82.4"), HEALTH, 2, "jaar is 20"),
    "a postcode is no postcode": (_text(PC4, "1211", "0211"), PC4, 2, "'0211' is no postcode"),
    "a postcode is there twice": (_text(PC4, "1212", "1211"), PC4, 3, "1211 is in this file twice"),
    "a postcode lies nowhere": (_text(PC4, "1211,WK040201", "1211,WK040299"), PC4, 2, "'WK040299' is no wijk"),
    "a long postcode is short": (_bytes(PC6, b"pc6,buurt_code\n1221,BU04020603\n"), PC6, 2, "'1221' is no postcode"),
    "a long postcode lies nowhere": (_bytes(PC6, b"pc6,buurt_code\n1221AB,WK040206\n"), PC6, 2, "is no buurt"),
    "there are no rows": (_bytes(PC4, b"pc4,wijk_code\n"), PC4, None, "no rows"),
}  # fmt: skip


def _pattern(name: str) -> str:
    """How a missing file is named: with a star where the year stands."""
    return re.sub(r"20\d\d", "*", name)


class DescribeBrokenFolder:
    @pytest.mark.parametrize("what", BROKEN)
    def it_is_refused_with_file_line_and_reason(self, folder: Path, what: str) -> None:
        break_it, file, line, reason = BROKEN[what]
        break_it(folder)
        with pytest.raises(PlaceFileError) as refused:
            read_folder(folder)
        assert refused.value.file == file
        assert reason in refused.value.reason
        if line is not None:
            assert refused.value.line == line
            assert str(refused.value).startswith(f"{file}, line {line}: ")

    @pytest.mark.parametrize("name", FILES)
    def it_is_refused_without_a_file(self, folder: Path, name: str) -> None:
        _gone(name)(folder)
        with pytest.raises(PlaceFileError, match="this file is missing") as refused:
            read_folder(folder)
        assert refused.value.file == _pattern(name) or refused.value.file == name

    @pytest.mark.parametrize("name", FILES)
    @pytest.mark.parametrize("content", [b"", b" \n\n"])
    def it_is_refused_with_an_empty_file(self, folder: Path, name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)
        with pytest.raises(PlaceFileError, match="this file is empty") as refused:
            read_folder(folder)
        assert refused.value.file == name

    @pytest.mark.parametrize("name", FILES)
    def it_is_refused_when_it_is_not_utf_8(self, folder: Path, name: str) -> None:
        (folder / name).write_bytes(b"een\ntwee\nWest-Indi\xeb\n")
        with pytest.raises(PlaceFileError, match=r"line 3: this is not UTF-8 text") as refused:
            read_folder(folder)
        assert refused.value.file == name

    @pytest.mark.parametrize("name", FILES)
    def it_is_refused_when_a_file_is_a_folder(self, folder: Path, name: str) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()
        with pytest.raises(PlaceFileError, match="can't be read"):
            read_folder(folder)

    @pytest.mark.parametrize("name", [AREAS, BORDERS, PC4])
    def it_writes_nothing(self, db: Session, folder: Path, name: str) -> None:
        other = _elsewhere(folder)
        (other / name).write_bytes(b"broken")
        before = [_count(db, table) for table in (*TABLES, Event)]
        with pytest.raises(PlaceFileError):
            import_places(db, other)
        assert [_count(db, table) for table in (*TABLES, Event)] == before


class DescribeList:
    def it_lists_buurten_by_wijk_and_name(self, db: Session) -> None:
        wijken = wijken_with_buurten(db)
        assert [wijk.code for wijk in wijken] == [f"WK04020{number}" for number in range(1, 10)]
        assert sum(len(wijk.buurten) for wijk in wijken) == 43
        assert [buurt.name for buurt in wijken[5].buurten] == [
            "Anna's Hoeve",
            "Astronomische Buurt",
            "Electrobuurt",
            "Geuzenbuurt",
            "Kleine Driftbuurt",
            "Liebergen",
        ]


class DescribeRing:
    def it_may_touch_itself(self) -> None:
        """Two triangles that share a corner, as merged areas do."""
        assert why_not_a_ring([[0, 0], [1, 1], [2, 0], [2, 2], [1, 1], [0, 2], [0, 0]]) == ""

    @given(st.integers(4, 40), st.integers(0, 1000), st.booleans())
    def it_takes_any_star_and_refuses_two_swapped_corners(self, corners: int, start: int, swapped: bool) -> None:
        ring = [[cos(2 * pi * n / corners + start), sin(2 * pi * n / corners + start)] for n in range(corners)]
        if swapped:
            ring[1], ring[2] = ring[2], ring[1]
        assert (why_not_a_ring([*ring, ring[0]]) == "") is not swapped

    def it_checks_thousands_of_points_at_once(self) -> None:
        ring = [[cos(2 * pi * n / 5000), sin(2 * pi * n / 5000)] for n in range(5000)]
        assert why_not_a_ring([*ring, ring[0]]) == ""


class DescribeCoordinates:
    @pytest.mark.parametrize(
        ("lon", "lat", "x", "y"),
        [
            (5.38720621, 52.15517440, 155_000, 463_000),  # Amersfoort, where the grid begins
            (4.88352559, 52.37453253, 120_700.723, 487_525.501),  # Amsterdam, Westertoren
            (6.56820053, 53.21938317, 233_883.131, 582_065.167),  # Groningen, Martinitoren
        ],
    )
    def it_knows_known_points(self, lon: float, lat: float, x: float, y: float) -> None:
        assert wgs84_to_rd(lon, lat) == pytest.approx((x, y), abs=0.5)
        assert rd_to_wgs84(x, y) == pytest.approx((lon, lat), abs=1e-5)

    @given(st.floats(20_000, 275_000), st.floats(310_000, 615_000))
    def it_comes_back_where_it_was(self, x: float, y: float) -> None:
        assert wgs84_to_rd(*rd_to_wgs84(x, y)) == pytest.approx((x, y), abs=1)

    @given(st.floats(0, 300_000))
    def it_rounds_to_100_metres(self, metres: float) -> None:
        assert round_100m(metres) % 100 == 0
        assert abs(round_100m(metres) - metres) <= 50
