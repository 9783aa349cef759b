"""Made-up learning logs whose true chances are known: interactions, a latent effect per volunteer, and silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from matching.ranking.features import OfferLog, feature_matrix, moment_columns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SKILLS = 16


@dataclass(frozen=True)
class Made:
    """A log in order of sending, the chance of a yes to each offer, and the latent effect of each volunteer."""

    log: OfferLog
    p: Floats
    effect: Floats
    end_h: float


def make_log(
    offers: int = 3000,
    *,
    volunteers: int = 1500,
    weeks: float = 26.0,
    effect_sd: float = 0.8,
    reach: float = 0.9,
    rest: float = 0.3,
    seed: int = 1,
) -> Made:
    """Offers spread over the weeks. Who is near and willing is asked more often, as a matcher would."""
    rng = np.random.default_rng(seed)
    sent_h = np.sort(rng.uniform(0.0, weeks * 168.0, offers))
    effect = rng.normal(0.0, effect_sd, volunteers)
    liking = np.exp(0.4 * effect + rng.normal(0.0, 0.6, volunteers))
    who = rng.choice(volunteers, offers, p=liking / liking.sum()).astype(np.int32)
    radius = np.exp(rng.normal(np.log(1.3), 0.35, volunteers)).clip(0.5, 3.0)
    skill = rng.choice(SKILLS, offers, p=rng.dirichlet(np.full(SKILLS, 2.0)))
    km = radius[who] * np.sqrt(rng.uniform(0.0, 1.0, offers)) ** 1.3
    slots = rng.integers(1, 5, offers)
    urgency = rng.choice([1.0, 2.0, 3.0], offers, p=[0.6, 0.25, 0.15])
    minutes = rng.choice([30.0, 60.0, 120.0], offers)
    hour = moment_columns(sent_h)
    appeal = rng.normal(0.0, 0.5, SKILLS)
    log_odds = (
        0.5 + appeal[skill] - 0.9 * km + 0.2 * (slots - 1) + 0.35 * (urgency - 1) * (km < 1) - 0.006 * (minutes - 60)
        + 0.5 * hour["weekend"] * (minutes > 60) - 0.5 * (hour["hour_of_day"] > 21) + effect[who]
    )  # fmt: skip
    days = gaps(who, sent_h) / 24.0
    attention = np.where(np.isnan(days), 1.0, 1.0 - (1.0 - rest) ** np.nan_to_num(days)) * reach
    p = attention * expit(log_odds)
    answered = rng.random(offers) < attention
    accepted = answered & (rng.random(offers) < expit(log_odds))
    answered_h = np.where(answered, sent_h + rng.exponential(6.0, offers).clip(0.1), np.nan)
    known = (who, answered_h, accepted)
    answered_before, accepted_before = before(*known, who, sent_h)
    skill_answers, skill_yes = before(skill, answered_h, accepted, skill, sent_h)
    features = feature_matrix(
        offers,
        {
            "km": km, "share_of_radius": km / radius[who], "shared_slots": slots, "skills_asked": 1.0,
            "skill_yes_share": (skill_yes + 4.0) / (skill_answers + 10.0), "minutes": minutes, "urgency": urgency,
            "days_since_offer": days, "answered_before": answered_before, "accepted_before": accepted_before, **hour,
        },
    )  # fmt: skip
    log = OfferLog(
        sent_h=sent_h,
        answered_h=answered_h,
        volunteer=who,
        buurt=rng.integers(0, 20, offers).astype(np.int32),
        needs_language=rng.random(offers) < 0.1,
        answered=answered,
        accepted=accepted,
        settled=np.ones(offers, bool),
        X=features,
    )
    return Made(log, p, effect, float(weeks * 168.0 + 48.0))


def gaps(who: npt.NDArray[np.int32], sent_h: Floats) -> Floats:
    """Hours since the offer before to the same person; nan for the first."""
    order = np.lexsort((sent_h, who))
    gap = np.diff(sent_h[order], prepend=np.nan)
    gap[np.diff(who[order], prepend=-1) != 0] = np.nan
    found = np.empty(len(who))
    found[order] = gap
    return found


def before(
    key: npt.NDArray[np.integer], known_h: Floats, yes: npt.NDArray[np.bool_], of: npt.NDArray[np.integer], at_h: Floats
) -> tuple[Floats, Floats]:
    """How many answers with this key, and how many yeses, were known before each moment."""
    answers, yeses = np.zeros(len(of)), np.zeros(len(of))
    for each in np.unique(of):
        mine, asked = np.flatnonzero((key == each) & ~np.isnan(known_h)), np.flatnonzero(of == each)
        mine = mine[np.argsort(known_h[mine])]
        count = np.searchsorted(known_h[mine], at_h[asked])
        answers[asked] = count
        yeses[asked] = np.append(0, np.cumsum(yes[mine]))[count]
    return answers, yeses
