"""Respijtzorg in words: forms, payers, units, and how much of a unit."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

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
