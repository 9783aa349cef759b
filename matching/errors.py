"""What a service may refuse, and in which words the web can say so."""


class OmzienError(Exception):
    """Something a person can be told about; never a bug."""


class IllegalMove(OmzienError):
    """The lifecycle does not allow this move from this state."""


class NotAllowed(OmzienError):
    """This person may not do this (403)."""


class NotFound(OmzienError):
    """There is nothing here for this person (404): also said to strangers, so that they learn nothing."""


class AlreadyTaken(OmzienError):
    """Somebody else said yes a moment earlier."""


class LinkUnusable(OmzienError):
    """A signed link that was used, expired or revoked; `why` is one of used, expired, unknown."""

    def __init__(self, why: str) -> None:
        super().__init__(f"link {why}")
        self.why = why


class TooManyAttempts(OmzienError):
    """A limit on guessing was reached; `minutes` says when it can be tried again."""

    def __init__(self, minutes: int) -> None:
        super().__init__(f"try again in {minutes} minutes")
        self.minutes = minutes


class Invalid(OmzienError):
    """A value the rules refuse: `field` names the form field, `reason` a key the web turns into a sentence."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
