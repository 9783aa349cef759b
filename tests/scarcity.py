"""A town with more requests than volunteers can take, so that it matters how help is shared out."""

from random import Random

from sqlmodel import Session, col, select

from matching.models import Buurt, HelpRequest
from tests.people import ALL_SLOTS, HILVERSUM, NOW, TUESDAY, make_person, make_volunteer

WISHED = ["tr"]


def make_scarce_town(db: Session, seed: int = 1, *, requests: int = 60, volunteers: int = 24, wishes: int = 12) -> None:
    """Requests for groceries in ten buurten, volunteers mostly in three of them. The first `wishes` requests need
    Turkish, which every third volunteer speaks. The same seed gives the same town."""
    random = Random(seed)
    query = select(Buurt.code).where(Buurt.gemeente_code == HILVERSUM).order_by(col(Buurt.code))
    codes = random.sample(list(db.exec(query)), 10)
    for number in range(volunteers):
        home = random.choice(codes[:3] if random.random() < 0.7 else codes)
        person = make_person(db, f"Hulp{number}", home, 1000 + number)
        languages = ["nl", *WISHED] if number % 3 == 0 else ["nl"]
        make_volunteer(db, person, radius_m=random.choice((1500, 3000, None)), weekly_max=random.choice((1, 2, 3)),
                       languages=languages)  # fmt: skip
    for number in range(requests):
        asker = make_person(db, f"Vraag{number}", random.choice(codes), 2000 + number)
        db.add(
            HelpRequest(
                asker_id=asker.id, posted_by_id=asker.id, category="groceries", frequency="flexible", slots=ALL_SLOTS,
                buurt_code=asker.buurt_code, x=asker.x, y=asker.y, contact_due=TUESDAY, created_at=NOW, updated_at=NOW,
                languages=WISHED if number < wishes else [],
            )
        )  # fmt: skip
    db.commit()
