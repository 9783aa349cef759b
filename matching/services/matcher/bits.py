"""Names to bits and back: what the catalogue calls something, and where it stands in the matcher's masks."""

from collections.abc import Callable, Iterable
from typing import Any

from matching.catalogue import LANGUAGES, SKILLS
from matching.ranking.problem import SLOT_NAMES, Reason

CAR = len(SKILLS)  # the bit after the categories: driving needs a car
FIRST_GEMEENTE = CAR + 1
LANGUAGE_CODES = sorted(language.code for language in LANGUAGES)  # only within one run: masks are never stored
SKILL_BITS = {key: 1 << bit for bit, key in enumerate(SKILLS)}
LANGUAGE_BITS = {code: 1 << bit for bit, code in enumerate(LANGUAGE_CODES)}


def mask(bits: dict[str, int], names: Iterable[str]) -> int:
    """The bits of all these names together; a name without a bit adds none."""
    return sum(bits.get(name, 0) for name in set(names))


def skill_name(bit: int) -> str:
    """A category, "car" or "gemeente"."""
    return SKILLS[bit] if bit < CAR else "car" if bit == CAR else "gemeente"


# What the matcher's reasons and wishes count in bits is stored by name.
NAMES: dict[str, Callable[[int], Any]] = {
    "skill": skill_name,
    "slot": SLOT_NAMES.__getitem__,
    "language": LANGUAGE_CODES.__getitem__,
}


def kept_reason(reason: Reason) -> dict[str, Any]:
    """A fact as it is kept: {"key", "value"}, and "against" where it speaks against."""
    value = None if reason.value is None else int(reason.value)
    kept = {
        "key": reason.key,
        "value": NAMES[reason.key](value) if reason.key in NAMES and value is not None else value,
    }
    return kept | {"against": True} if reason.against else kept
