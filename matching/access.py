"""Who may see or do what: pure functions of a viewer and a thing. No database, no web.

A thing that somebody may not know about gives NotFound in the services; a thing that exists for them but that
they may not do gives NotAllowed.
"""

from dataclasses import dataclass, field
from typing import Protocol

from matching.models.people import Role

DESK_ROLES = (Role.OPBOUWWERKER, Role.COORDINATOR)


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A staff role and the place it holds for."""

    role: str
    place_code: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever is looking: a stranger has no account."""

    account_id: int | None = None
    roles: tuple[HeldRole, ...] = field(default=())

    @property
    def is_staff(self) -> bool:
        return bool(self.roles)

    def holds(self, *roles: str) -> bool:
        """Whether this person has one of these roles anywhere."""
        return any(held.role in roles for held in self.roles)

    def places(self, *roles: str) -> tuple[str, ...]:
        """The places for which this person has one of these roles."""
        return tuple(held.place_code for held in self.roles if held.role in roles)


STRANGER = Viewer()


class Request(Protocol):
    """What the rules need to know of a request for help."""

    asker_id: int
    posted_by_id: int
    buurt_code: str


def covers(place_code: str, buurt_code: str) -> bool:
    """Whether a gemeente, wijk or buurt holds this buurt. CBS codes nest: GM0402 > WK040206 > BU04020603."""
    return buurt_code[2:].startswith(place_code[2:])


def works_in(viewer: Viewer, buurt_code: str, *roles: str) -> bool:
    """Whether the viewer has one of these roles (any desk role when none is named) for this buurt."""
    return any(covers(place, buurt_code) for place in viewer.places(*(roles or DESK_ROLES)))


def is_asker(viewer: Viewer, request: Request) -> bool:
    return viewer.account_id is not None and viewer.account_id in (request.asker_id, request.posted_by_id)


def may_see_request(viewer: Viewer, request: Request) -> bool:
    """The whole request, with its text: the people who asked and the desk of that buurt."""
    return is_asker(viewer, request) or works_in(viewer, request.buurt_code)


def may_change_request(viewer: Viewer, request: Request) -> bool:
    return may_see_request(viewer, request)


def may_judge(viewer: Viewer, buurt_code: str) -> bool:
    """Proposals are judged by the desk of the buurt of the request."""
    return works_in(viewer, buurt_code)


def may_see_volunteer(viewer: Viewer, volunteer_id: int, buurt_code: str) -> bool:
    """A volunteer's profile: the volunteer and the desk of the buurt where the volunteer lives."""
    return viewer.account_id == volunteer_id or works_in(viewer, buurt_code)


def may_administer(viewer: Viewer) -> bool:
    return viewer.holds(Role.BEHEERDER)


def may_set_dials(viewer: Viewer, gemeente_code: str) -> bool:
    """How help is shared out in a gemeente: its coordinator and its beheerder."""
    return gemeente_code in viewer.places(Role.COORDINATOR, Role.BEHEERDER)
