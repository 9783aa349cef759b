"""What the made-up city is drawn from, and how a made-up person comes to live in it."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from matching.access import covers
from matching.models import Account, Buurt, Channel
from matching.services import accounts

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DEMO = Path(__file__).parent / "data" / "demo"


@dataclass
class City:
    """What is drawn from: a generator of its own and the buurten with their weights."""

    random: Random
    now: datetime
    buurten: list[Buurt]
    need: list[float]
    supply: list[float]
    names: list[dict[str, Any]]
    texts: dict[str, list[dict[str, Any]]]
    feedback: list[dict[str, Any]]
    workers: dict[str, int] = field(default_factory=dict)  # wijk code to the account of its opbouwwerker

    def worker(self, buurt_code: str) -> int | None:
        """The opbouwwerker who looks after this buurt."""
        return next((account for place, account in self.workers.items() if covers(place, buurt_code)), None)

    @property
    def today(self) -> date:
        return self.now.astimezone(AMSTERDAM).date()

    def home(self, weights: list[float]) -> tuple[Buurt, int, int]:
        """A buurt and a point about 250 m around its own, rounded to 100 m."""
        (buurt,) = self.random.choices(self.buurten, weights)
        x, y = (round(self.random.gauss(value, 250) / 100) * 100 for value in (buurt.x, buurt.y))
        return buurt, x, y


def read(name: str) -> Any:
    """One of the files with what made-up people say."""
    return json.loads((DEMO / f"{name}.json").read_text(encoding="utf-8"))


def join(session: Session, city: City, name: str, email: str, weights: list[float], *, days_ago: int) -> Account:
    """Somebody new in a buurt that is drawn by these weights."""
    buurt, x, y = city.home(weights)
    return settle(session, city, name, email, buurt.code, (x, y), days_ago=days_ago)


def settle(
    session: Session, city: City, name: str, email: str, buurt_code: str, point: tuple[int, int], *, days_ago: int
) -> Account:
    """Somebody new at this point, with an example of a telephone number and an address that was confirmed."""
    account, _is_new = accounts.find_or_join(
        session,
        first_name=name,
        email=email,
        # 06 12 34 56 78 and its neighbours are the numbers that Dutch examples use.
        phone=f"+3161234{city.random.randrange(10_000):04d}",
        locale="nl",
        channel=Channel.EMAIL,
        buurt_code=buurt_code,
        x=point[0],
        y=point[1],
        adult=True,
        now=city.now - timedelta(days=days_ago),
    )
    account.email_verified_at = account.created_at
    return account
