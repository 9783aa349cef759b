"""Loading places (interim: the full import replaces this)."""
import csv
import json
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, select

from matching.models.geo import wgs84_to_rd
from matching.models.places import Buurt, BuurtBorder, Gemeente, Wijk


def import_places(session: Session, folder: Path):
    if session.exec(select(Gemeente)).first():
        return "unchanged"
    rows = list(csv.DictReader((folder / "gebieden.csv").open(encoding="utf-8")))
    for r in rows:
        lon, lat = float(r["lon"]), float(r["lat"])
        x, y = (round(v) for v in wgs84_to_rd(lon, lat))
        common = dict(code=r["code"], name=r["naam"], lon=lon, lat=lat, x=x, y=y)
        if r["niveau"] == "gemeente":
            session.add(Gemeente(**common, year=2022, inhabitants=91733)); g = r["code"]; session.flush()
        elif r["niveau"] == "wijk":
            session.add(Wijk(**common, gemeente_code=g)); session.flush()
        else:
            session.add(Buurt(**common, wijk_code=r["bovenliggend"], gemeente_code=g))
    session.flush()
    for a, others in json.loads((folder / "buurt_buren.json").read_text())["buren"].items():
        for b, m in others.items():
            session.add(BuurtBorder(buurt_code=a, neighbour_code=b, metres=m))
    session.flush()
    return "added"

@dataclass
class _W:
    code: str; name: str; buurten: list

def wijken_with_buurten(session: Session):
    wijken = {}
    for w in session.exec(select(Wijk).order_by(Wijk.code)): wijken[w.code] = _W(w.code, w.name, [])
    for b in session.exec(select(Buurt).order_by(Buurt.code)): wijken[b.wijk_code].buurten.append(b)
    return list(wijken.values())
