import csv
import io
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from matching.ranking.columns import read_table
from matching.ranking.files import FileError, match_files, read_problem
from matching.ranking.matcher import match

VOLUNTEERS = """id,buurt,x,y,radius_m,capacity,skills,slots,languages,vog,offers,accepts,days_since_offer
bram,Geuzenbuurt,141000,470000,1500,2,boodschappen|tuin,tue-morning|wed-evening,nl|tr,1,4,2,9
ilse,Liebergen,140500,470300,800,1,boodschappen,tue-morning,nl,0,,,
mo,Liebergen,150000,480000,inf,1,zingen,mon-morning,nl,0,0,0,
"""
REQUESTS = """id,buurt,x,y,skills,slots,languages,vog_required,urgency,waiting_days
anna,Geuzenbuurt,140000,470000,boodschappen,mon-morning|tue-morning,,0,1,3
els,"Kleine, Driftbuurt",141300,470400,tuin|boodschappen,wed-evening,tr|ar,1,2.5,12
henk,Liebergen,140000,470000,auto,fri-morning,,0,1,0
"""
BLOCKS = "volunteer_id,request_id\nbram,els\n"
WEIGHTS = "volunteer_id,request_id,p\nbram,anna,0.25\nilse,anna,0.75\n"


def folder(tmp_path: Path, **texts: str) -> Path:
    given = {"volunteers": VOLUNTEERS, "requests": REQUESTS, **texts}
    (tmp_path / "in").mkdir(exist_ok=True)
    for name, text in given.items():
        (tmp_path / "in" / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path / "in"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def it_matches_a_folder_into_another(tmp_path: Path) -> None:
    summary = match_files(folder(tmp_path), tmp_path / "out")
    proposals = read(tmp_path / "out" / "proposals.csv")
    assert [(q["request_id"], q["volunteer_id"], q["rank"], q["distance_m"]) for q in proposals] == [
        ("anna", "ilse", "1", "583.1"),
        ("anna", "bram", "2", "1000.0"),
        ("els", "bram", "1", "500.0"),
    ]
    assert [q["reasons"] for q in proposals] == [
        "near:583|no_recent_offer|skill:boodschappen|slot:tue-morning",
        "near:1000|rested:9|skill:boodschappen|slot:tue-morning|-farther:417",
        "near:500|rested:9|skill:boodschappen|skill:tuin|slot:wed-evening|language:tr|clearance:vog",
    ]
    assert read(tmp_path / "out" / "unmatched.csv") == [{"request_id": "henk", "reason": "no_skill"}]
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    assert summary["fill_per_buurt"] == {"Geuzenbuurt": 1, "Kleine, Driftbuurt": 1, "Liebergen": 0}
    assert summary["load"] == {"0": 1, "1": 2} and summary["edges"] == 3
    value = float(proposals[0]["p"]) + 2.5 * float(proposals[2]["p"])
    assert summary["value"] == pytest.approx(value, abs=1e-9)


def it_writes_nothing_but_its_three_files(tmp_path: Path) -> None:
    match_files(folder(tmp_path), tmp_path / "new" / "out")
    names = {path.name for path in (tmp_path / "new" / "out").iterdir()}
    assert names == {"proposals.csv", "unmatched.csv", "summary.json"}


def it_replaces_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    match_files(folder(tmp_path), tmp_path / "out")
    match_files(folder(tmp_path, blocks=BLOCKS), tmp_path / "out")
    unmatched = {row["request_id"]: row["reason"] for row in read(tmp_path / "out" / "unmatched.csv")}
    assert unmatched == {"els": "blocked", "henk": "no_skill"}


def it_takes_given_weights(tmp_path: Path) -> None:
    summary = match_files(folder(tmp_path, weights=WEIGHTS), tmp_path / "out", equity=0, balance=0)
    assert summary["value"] == 0.75
    assert Counter(q["p"] for q in read(tmp_path / "out" / "proposals.csv")) == {"0.75": 1, "0.25": 1}
    unmatched = {row["request_id"]: row["reason"] for row in read(tmp_path / "out" / "unmatched.csv")}
    assert unmatched == {"els": "all_busy", "henk": "no_skill"}


def it_accepts_columns_in_another_order_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    blocks = "\ufeffrequest_id,volunteer_id\r\n\r\nels,bram\r\n"
    assert read_problem(folder(tmp_path, blocks=blocks)).problem.blocks.tolist() == [[0, 1]]


def it_gives_the_same_files_for_the_same_seed(tmp_path: Path) -> None:
    given = random_folder(tmp_path)
    for out in ("one", "two"):
        match_files(given, tmp_path / out, seed=3)
    for name in ("proposals.csv", "unmatched.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert len(read(tmp_path / "one" / "proposals.csv")) > 50


def it_says_the_same_as_the_matcher_itself(tmp_path: Path) -> None:
    given = read_problem(random_folder(tmp_path))
    summary = match_files(tmp_path / "in", tmp_path / "out", equity=0, balance=0)
    matching = match(given.problem)
    assert summary["value"] == pytest.approx(matching.summary.value)
    ids = given.problem.requests.ids
    assert [(row["request_id"], row["reason"]) for row in read(tmp_path / "out" / "unmatched.csv")] == [
        (ids[item.request], item.reason) for item in matching.unmatched
    ]


def random_folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(8)
    days, parts = ("mon", "tue"), ("morning", "evening")
    slots = [f"{day}-{part}" for day in days for part in parts]
    skills = ["hond", "tuin", "rit", "klus"]

    def some(words: list[str], most: int) -> str:
        return "|".join(sorted(rng.choice(words, rng.integers(1, most + 1), replace=False)))

    volunteers = [VOLUNTEERS.splitlines()[0]] + [
        f"v{k},b{k % 5},{rng.integers(0, 30) * 100},{rng.integers(0, 30) * 100},{rng.integers(5, 20) * 100},"
        f"{rng.integers(0, 3)},{some(skills, 2)},{some(slots, 3)},{some(['nl', 'ar'], 1)},{rng.integers(0, 2)},,,"
        for k in range(60)
    ]
    requests = [REQUESTS.splitlines()[0]] + [
        f"r{k},b{k % 5},{rng.integers(0, 30) * 100},{rng.integers(0, 30) * 100},{some(skills, 1)},{some(slots, 2)},"
        f"{rng.choice(['', 'ar'])},{rng.integers(0, 2)},{rng.integers(1, 4)},{rng.integers(0, 9)}"
        for k in range(50)
    ]
    return folder(tmp_path, volunteers="\n".join(volunteers) + "\n", requests="\n".join(requests) + "\n")


def test_a_city_without_requests_is_no_error(tmp_path: Path) -> None:
    nothing = {"requests": REQUESTS.splitlines()[0], "volunteers": VOLUNTEERS.splitlines()[0]}
    summary = match_files(folder(tmp_path, **nothing), tmp_path / "out")
    assert summary["value"] == 0 and summary["fill"] == 0


def changed(text: str, line: int, column: int, cell: str) -> str:
    lines = text.splitlines()
    cells = lines[line - 1].split(",")
    cells[column] = cell
    lines[line - 1] = ",".join(cells)
    return "\n".join(lines) + "\n"


V, R = "volunteers", "requests"
BROKEN_CELLS: list[tuple[str, int, int, str, str, str]] = [
    (V, 3, 0, "", "id", "is empty"),
    (V, 3, 0, "bram", "id", "earlier line"),
    (V, 3, 1, "", "buurt", "is empty"),
    (V, 2, 2, "ver weg", "x", "not a number"),
    (V, 2, 3, "nan", "y", "not a finite number"),
    (V, 2, 3, "470_000", "y", "not a number"),
    (V, 2, 3, "٤٧٠", "y", "not a number"),
    (V, 3, 3, "inf", "y", "not a finite number"),
    (V, 4, 4, "-1", "radius_m", "less than 0"),
    (V, 4, 4, "", "radius_m", "is empty"),
    (V, 2, 5, "1.5", "capacity", "whole number"),
    (V, 2, 5, "-2", "capacity", "less than 0"),
    (V, 2, 6, "tuin||auto", "skills", "empty item"),
    (V, 2, 6, "tuin| auto", "skills", "space"),
    (V, 3, 7, "tue-noon", "slots", "not a slot"),
    (V, 3, 8, "|nl", "languages", "empty item"),
    (V, 3, 9, "2", "vog", "more than 1"),
    (V, 3, 9, "ja", "vog", "not a number"),
    (V, 3, 9, "", "vog", "is empty"),
    (V, 2, 10, "", "accepts", "without offers"),
    (V, 2, 11, "5", "accepts", "more than offers"),
    (V, 2, 12, "-3", "days_since_offer", "less than 0"),
    (R, 2, 0, "henk", "id", "earlier line"),
    (R, 4, 5, "Mon-morning", "slots", "not a slot"),
    (R, 2, 7, "", "vog_required", "is empty"),
    (R, 2, 8, "0.5", "urgency", "less than 1"),
    (R, 2, 8, "", "urgency", "is empty"),
    (R, 2, 9, "gisteren", "waiting_days", "not a number"),
]


@pytest.mark.parametrize(("name", "line", "number", "cell", "column", "reason"), BROKEN_CELLS)
def it_refuses_a_broken_cell(
    tmp_path: Path, name: str, line: int, number: int, cell: str, column: str, reason: str
) -> None:
    text = {V: VOLUNTEERS, R: REQUESTS}[name]
    given = folder(tmp_path, **{name: changed(text, line, number, cell)})
    wrong = refused(given, tmp_path)
    if cell in ("bram", "henk"):
        line = {"bram": 3, "henk": 4}[cell]
    assert (wrong.file, wrong.line, wrong.column) == (f"{name}.csv", line, column) and reason in wrong.reason


def refused(given: Path, tmp_path: Path) -> FileError:
    with pytest.raises(FileError) as caught:
        match_files(given, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    return caught.value


BROKEN_FILES: list[tuple[dict[str, str], tuple[str, int, str], str]] = [
    ({V: VOLUNTEERS.replace("radius_m", "straal")}, ("volunteers.csv", 1, "straal"), "not a column"),
    ({V: VOLUNTEERS.replace("vog", "x", 1)}, ("volunteers.csv", 1, "x"), "twice"),
    ({R: "id,buurt\n"}, ("requests.csv", 1, "x"), "missing from the header"),
    ({R: ""}, ("requests.csv", 1, "id"), "missing from the header"),
    ({R: REQUESTS + "kees,Liebergen,1\n"}, ("requests.csv", 5, ""), "3 fields where the header has 10"),
    ({R: REQUESTS + 'kees,"Lieb"ergen,1\n'}, ("requests.csv", 5, ""), "not valid CSV"),
    ({R: REQUESTS + '"kees'}, ("requests.csv", 5, ""), "not valid CSV"),
    ({"blocks": BLOCKS + "nobody,els\n"}, ("blocks.csv", 3, "volunteer_id"), "not in volunteers.csv"),
    ({"blocks": BLOCKS + "bram,nothing\n"}, ("blocks.csv", 3, "request_id"), "not in requests.csv"),
    ({"weights": WEIGHTS + "bram,els,1.5\n"}, ("weights.csv", 4, "p"), "more than 1"),
    ({"weights": WEIGHTS + "bram,anna,0.3\n"}, ("weights.csv", 4, "request_id"), "repeats an earlier pair"),
]


@pytest.mark.parametrize(("texts", "place", "reason"), BROKEN_FILES)
def it_refuses_a_broken_file(tmp_path: Path, texts: dict[str, str], place: Any, reason: str) -> None:
    wrong = refused(folder(tmp_path, **texts), tmp_path)
    assert (wrong.file, wrong.line, wrong.column) == place and reason in wrong.reason
    assert str(wrong).startswith(f"{place[0]}, line {place[1]}")


def it_refuses_a_missing_file(tmp_path: Path) -> None:
    given = folder(tmp_path)
    (given / "volunteers.csv").unlink()
    wrong = refused(given, tmp_path)
    assert wrong.file == "volunteers.csv" and "missing" in wrong.reason


def it_refuses_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    given = folder(tmp_path)
    (given / "requests.csv").write_bytes(REQUESTS.encode() + b"caf\xe9,Liebergen,0,0,tuin,,,0,1,0\n")
    wrong = refused(given, tmp_path)
    assert (wrong.file, wrong.line) == ("requests.csv", 5) and "UTF-8" in wrong.reason


def it_refuses_more_skills_than_it_can_hold(tmp_path: Path) -> None:
    rows = [f"r{k},Liebergen,0,0,kunst{k},mon-morning,,0,1,0" for k in range(65)]
    wrong = refused(folder(tmp_path, requests="\n".join([REQUESTS.splitlines()[0], *rows])), tmp_path)
    assert (wrong.line, wrong.column) == (66, "skills") and "too many" in wrong.reason


def it_counts_lines_over_line_breaks_within_quotes(tmp_path: Path) -> None:
    text = REQUESTS.replace('"Kleine, Driftbuurt"', '"Kleine\nDriftbuurt"').replace("henk,Liebergen", "henk,")
    wrong = refused(folder(tmp_path, requests=text), tmp_path)
    assert (wrong.line, wrong.column) == (5, "buurt")


def it_leaves_an_earlier_answer_alone_when_a_line_is_broken(tmp_path: Path) -> None:
    match_files(folder(tmp_path), tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(FileError):
        match_files(folder(tmp_path, blocks="volunteer_id,request_id\nbram\n"), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def quoted(text: str) -> str:
    """The same table with quotes around every cell, so that it is read cell by cell."""
    return "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()) + "\n"


def columns(given: Path) -> list[list[object]]:
    problem = read_problem(given).problem
    things = (problem.volunteers, problem.requests)
    return [[str(value) for value in getattr(thing, name)] for thing in things for name in type(thing).__slots__]


def it_reads_a_plain_file_as_it_reads_one_with_quotes(tmp_path: Path) -> None:
    given = random_folder(tmp_path)
    texts = {name: (given / f"{name}.csv").read_text() for name in (V, R)}
    plain = columns(given)
    for change in (quoted, lambda text: text.replace("\n", "\r\n"), lambda text: text.replace("\n", "\r"), str.rstrip):
        assert columns(folder(tmp_path, **{name: change(text) for name, text in texts.items()})) == plain
    assert len(plain[0]) == 60


@pytest.mark.parametrize(("name", "line", "number", "cell", "column", "reason"), BROKEN_CELLS)
def it_refuses_a_broken_cell_in_the_same_words_with_quotes_and_blank_lines(
    tmp_path: Path, name: str, line: int, number: int, cell: str, column: str, reason: str
) -> None:
    text = changed({V: VOLUNTEERS, R: REQUESTS}[name].replace('"Kleine, Driftbuurt"', "Driftbuurt"), line, number, cell)
    others = {V: VOLUNTEERS, R: REQUESTS, name: text}
    plain = refused(folder(tmp_path, **others), tmp_path)
    slow = refused(folder(tmp_path, **{**others, name: "\n" + quoted(text)}), tmp_path)
    assert (slow.file, slow.line, slow.column, slow.reason) == (plain.file, plain.line + 1, column, plain.reason)


CELLS = st.text(alphabet="ab1|_.- é\u2028\x0b\t", max_size=4)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=5)


@settings(max_examples=200, deadline=None)
@drawn(TABLES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\n", "\r\n", "\n\n", '\n"a","b"\n']))
def it_reads_any_text_as_the_csv_reader_does(table: list[list[str]], line_break: str, end: str) -> None:
    text = line_break.join(["one,two", *(",".join(row) for row in table)]) + end
    with tempfile.TemporaryDirectory() as held:
        path = Path(held) / "table.csv"
        path.write_bytes(text.encode())
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        if all(len(row) == 2 for row in rows):
            read_in = read_table(path, ("one", "two"))
            assert list(zip(read_in.columns["one"], read_in.columns["two"], strict=True)) == [
                tuple(r) for r in rows[1:]
            ]
        else:
            with pytest.raises(FileError, match="where the header has 2"):
                read_table(path, ("one", "two"))


BAD_TOWNS: dict[str, tuple[str, str, float]] = {
    "nobody offers": ("", "anna,Oost,0,0,tuin,mon-morning,,0,1,0\n", 0.0),
    "nobody asks": ("bram,Oost,0,0,900,1,tuin,mon-morning,nl,0,,,\n", "", 0.0),
    "nobody has room": (
        "bram,Oost,0,0,900,0,tuin,mon-morning,nl,0,,,\nils,Oost,0,0,900,0,tuin,mon-morning,nl,0,,,\n",
        "anna,Oost,0,0,tuin,mon-morning,,0,1,0\n", 0.0),
    "all on one point, without end": (
        "".join(f"v{k},Oost,5,5,inf,1,tuin,mon-morning,nl,0,,,\n" for k in range(9)),
        "".join(f"r{k},Oost,5,5,tuin,mon-morning,,0,1,0\n" for k in range(9)), 1.0),
    "far beyond the country": (
        "bram,Oost,1e300,-1e300,inf,1,tuin,mon-morning,nl,0,,,\n",
        "anna,West,-1e300,1e300,tuin,mon-morning,,0,1,0\nels,Oost,1e300,-1e300,tuin,mon-morning,,0,1,0\n", 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_TOWNS)
def it_answers_for_a_strange_town(tmp_path: Path, name: str) -> None:
    offered, asked, fill = BAD_TOWNS[name]
    given = folder(tmp_path, volunteers=VOLUNTEERS.splitlines()[0] + "\n" + offered,
                   requests=REQUESTS.splitlines()[0] + "\n" + asked)  # fmt: skip
    assert match_files(given, tmp_path / "out")["fill"] == fill
