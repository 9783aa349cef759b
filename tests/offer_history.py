"""Half a year of questions to made-up volunteers in the database, with what came of each: something to learn from."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert
from sqlmodel import Session, SQLModel, col, select

from matching.models import Account, Buurt, HelpRequest, OfferDecision, OfferEdge, Proposal, Volunteer
from matching.ranking.acceptance import PriorRule
from matching.workflow import ProposalState, RequestState
from tests.matching.ranking.offer_logs import Made, make_log
from tests.people import ALL_SLOTS, TUESDAY

VOLUNTEERS, BUURTEN, CANDIDATES = 80, 12, 4
WAITING = timedelta(hours=48)


def fill(db: Session, now: datetime, *, offers: int = 1500, reach: float = 0.5, seed: int = 1) -> Made:
    """Questions that the program sent, the last of them some days before `now`, each with four people to choose from.

    reach: how many of those asked answer at all. The stated rule takes that to be everybody, so it is far off when
    few do.
    """
    made = make_log(offers, volunteers=VOLUNTEERS, reach=reach, seed=seed)
    first = _next_key(db, Account)
    codes = db.exec(select(Buurt.code).order_by(Buurt.code).limit(BUURTEN)).all()
    _insert(db, Account, [_account(first + n, codes[n % BUURTEN], now) for n in range(VOLUNTEERS)])
    _insert(db, Volunteer, [_volunteer(first + n, now) for n in range(VOLUNTEERS)])
    sent = [now - timedelta(hours=float(made.end_h - hour)) for hour in made.log.sent_h]
    keys = [_next_key(db, entity) for entity in (HelpRequest, Proposal, OfferDecision)]
    _insert(db, HelpRequest, [_request(made, n, keys[0], first, codes, sent[n]) for n in range(offers)])
    _insert(db, Proposal, [_proposal(made, n, keys, first, sent[n]) for n in range(offers)])
    p = PriorRule().score_log(made.log)
    _insert(db, OfferDecision, [_decision(made, n, keys, first, sent[n]) for n in range(offers)])
    _insert(db, OfferEdge, _edges(made, p, keys[2], first, np.random.default_rng(seed)))
    db.commit()
    return made


def _next_key(db: Session, entity: Any) -> int:
    return (db.exec(select(entity.id).order_by(col(entity.id).desc()).limit(1)).first() or 0) + 1000


def _insert(db: Session, entity: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    db.connection().execute(insert(entity), rows)


def _account(key: int, buurt: str, now: datetime) -> dict[str, Any]:
    facts = {"first_name": "Vrijwilliger", "buurt_code": buurt, "x": 140_000, "y": 470_000, "created_at": now}
    return facts | {"id": key, "locale": "nl", "channel": "email", "session_version": 1}


def _volunteer(key: int, now: datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {"skills": ["groceries"], "slots": ALL_SLOTS, "languages": ["nl"], "weekly_max": 2}
    return facts | {"account_id": key, "created_at": now, "updated_at": now}


def _request(made: Made, n: int, key: int, first: int, codes: Any, sent: datetime) -> dict[str, Any]:
    asker = first + n * 7 % VOLUNTEERS  # whoever asks can also help
    return {
        "id": key + n, "asker_id": asker, "posted_by_id": asker, "category": "groceries", "frequency": "flexible",
        "slots": ALL_SLOTS, "minutes": 60, "languages": ["tr"] if made.log.needs_language[n] else [],
        "buurt_code": codes[made.log.buurt[n] % BUURTEN], "x": 140_000, "y": 470_000, "created_at": sent,
        "updated_at": sent, "contact_due": TUESDAY, "state": RequestState.CLOSED,
    }  # fmt: skip


def _proposal(made: Made, n: int, keys: list[int], first: int, sent: datetime) -> dict[str, Any]:
    answered = bool(made.log.answered[n])
    said_yes, said_no = ProposalState.ACCEPTED, ProposalState.DECLINED
    state = ProposalState.EXPIRED if not answered else said_yes if made.log.accepted[n] else said_no
    hours = float(made.log.answered_h[n] - made.log.sent_h[n]) if answered else 0.0
    return {
        "id": keys[1] + n, "request_id": keys[0] + n, "volunteer_id": first + int(made.log.volunteer[n]),
        "source": "matcher", "rank": 1, "p": 0.3, "distance_m": 800, "reasons": [], "state": state,
        "created_at": sent, "decided_at": sent, "decision_reason": "", "asked_at": sent, "expires_at": sent + WAITING,
        "answered_at": sent + timedelta(hours=hours) if answered else None, "answer_reason": "",
    }  # fmt: skip


def _decision(made: Made, n: int, keys: list[int], first: int, sent: datetime) -> dict[str, Any]:
    facts = {"source": "explore" if n % 20 == 0 else "wave", "model": "prior-1", "candidates": CANDIDATES}
    who = first + int(made.log.volunteer[n])
    logged = {"id": keys[2] + n, "at": sent, "request_id": keys[0] + n, "proposal_id": keys[1] + n}
    return facts | logged | {"volunteer_id": who, "propensity": 1 / CANDIDATES}


def _edges(made: Made, p: Any, key: int, first: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """The one who was asked and three others, each as likely to be chosen as the others."""
    rows = []
    for n in range(len(made.log)):
        others = [
            m for m in rng.integers(0, len(made.log), 30).tolist() if made.log.volunteer[m] != made.log.volunteer[n]
        ]
        people = {int(made.log.volunteer[m]): m for m in others}
        for who, m in [(int(made.log.volunteer[n]), n), *list(people.items())[: CANDIDATES - 1]]:
            known = [None if np.isnan(x) else float(x) for x in made.log.X[m]]
            edge = {"decision_id": key + n, "volunteer_id": first + who, "is_chosen": m == n, "features": known}
            rows.append(edge | {"p": float(p[m]), "propensity": 1 / CANDIDATES})
    return rows
