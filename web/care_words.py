"""Respijtzorg in words: forms, payers, units, and how much of a unit."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.models import CareSituation

FORMS = {
    "home_volunteer": _l("At home, by a volunteer"),
    "home_professional": _l("At home, by a professional"),
    "visiting": _l("Sitting service"),
    "day_care": _l("Day care"),
    "night_care": _l("Night care"),
    "meeting_centre": _l("Meeting centre"),
    "care_farm": _l("Care farm"),
    "guest_house": _l("Guest house"),
    "host_family": _l("Host family"),
    "holiday": _l("Stand-in for a holiday"),
}
FORM_HINTS = {
    "home_volunteer": _l("A neighbour you know stays with your loved one for half a day."),
    "home_professional": _l("Somebody who also does the care, for some hours."),
    "visiting": _l("Somebody from an organisation comes and keeps company."),
    "day_care": _l("A day out of the house, with others and with care."),
    "night_care": _l("Somebody watches at night, so that you can sleep."),
    "meeting_centre": _l("For the two of you, with others in the same situation."),
    "care_farm": _l("A day on a farm, with animals and in the open air."),
    "guest_house": _l("Staying the night for a few days, with care."),
    "host_family": _l("Staying with a family, often the same one."),
    "holiday": _l("You go away for three days or more, and the care goes on at home."),
}
PAYERS = {
    "volunteer": _l("Volunteer, free"),
    "wmo": _l("The gemeente (Wmo)"),
    "wlz": _l("Long-term care (Wlz)"),
    "insurance": _l("Your supplementary insurance"),
    "jeugdwet": _l("The gemeente, for children (Jeugdwet)"),
    "own": _l("Your own money"),
}


def amount(unit: str, units: int) -> str:
    """So many of a unit, like "3 nights"; the unit is a key of respijt_catalogue.UNITS."""
    if unit == "half_day":
        return ngettext("%(num)d half-day", "%(num)d half-days", units)
    if unit == "day":
        return ngettext("%(num)d day", "%(num)d days", units)
    if unit == "night":
        return ngettext("%(num)d night", "%(num)d nights", units)
    return ngettext("%(num)d hour", "%(num)d hours", units)


RELATIONS = {
    "parent": _l("Father or mother"),
    "partner": _l("Partner"),
    "child": _l("Child, also a grown-up one"),
    "sibling": _l("Brother or sister"),
    "friend": _l("Friend or neighbour"),
    "other": _l("Somebody else"),
}
LIVES = {
    "together": _l("With me"),
    "alone": _l("In a home of their own"),
    "institution": _l("In a care home or another institution"),
}
LIVES_AT_DESK = {
    "together": _l("With the mantelzorger"),
    "alone": _l("In a home of their own"),
    "institution": _l("In a care home or another institution"),
}
CLOSE_REASONS = {
    "recovered": _l("It goes well again: my care is no longer needed"),
    "institution": _l("Others do the care now, in an institution"),
    "died": _l("My loved one has passed away"),
    "moved": _l("My loved one moved to another place"),
    "stopped": _l("I no longer do the care"),
    "other": _l("Something else"),
}
CLOSED_WORDS = {  # the same at the desk
    "recovered": _l("The care is no longer needed."),
    "institution": _l("Others do the care now, in an institution."),
    "died": _l("The person cared for has passed away."),
    "moved": _l("The person cared for has moved."),
    "stopped": _l("The mantelzorger no longer does the care."),
    "other": _l("For another reason."),
    "withdrawn": _l("The mantelzorger no longer agrees that we keep this."),
}
GIVEN_BY = {
    "person": _l("They said yes themselves"),
    "representative": _l("Somebody they trust said yes for them"),
    "legal": _l("Their legal representative said yes"),
}
ASKED_BY = {
    "mantelzorger": _l("I did"),
    "family": _l("Somebody of the family"),
    "opbouwwerker": _l("The opbouwwerker"),
    "professional": _l("A professional, such as a nurse"),
}
OBSTACLES = {
    "consent": _l("Nobody can take over at home yet. First your loved one has to agree."),
    "institution": _l("Your loved one does not live at home, so nobody takes over at home."),
    "closed": _l("This is closed, so nothing is arranged."),
}
# What staff looked for (DataLook.activity), as the mantelzorger reads it.
ACTIVITIES: dict[str, Any] = {
    "care.list": _l("Saw your name in the list of mantelzorgers"),
    "care.situation": _l("Looked at how you are and what is arranged"),
    "care.closed": _l("Noted that the care has ended"),
    "strain.record": _l("Wrote down a score"),
    "relief.list": _l("Saw your question for time off in a list"),
    "relief.one": _l("Looked at your question for time off"),
    "relief.arrange": _l("Arranged time off for you"),
    "ledger": _l("Looked at what time off is left for you"),
    "ledger.change": _l("Changed what time off you have a right to"),
    "calendar": _l("Looked at your calendar of time off"),
    "calendar.change": _l("Changed your calendar of time off"),
    "plan": _l("Looked at your plan for when you drop out"),
    "plan.call": _l("Noted that you drop out, or that it is solved"),
    "signals": _l("Saw a signal that you may need something"),
}
ROLE_NAMES = {"opbouwwerker": _l("opbouwwerker"), "coordinator": _l("coordinator")}


def loved_one(situation: CareSituation) -> str:
    """The name of the person cared for, where it may be kept; else "your loved one"."""
    return str(situation.details.get("cared_for_name") or _("your loved one"))


def activity(key: str) -> str:
    """What a look was for."""
    return str(ACTIVITIES.get(key) or _("Looked at your page"))
