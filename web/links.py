"""Signed tokens for single-use links: the token holds the link's id and nothing else."""

from flask import current_app, url_for
from itsdangerous import BadSignature, URLSafeSerializer

from matching.errors import LinkUnusable
from matching.services import links

ENDPOINTS = {
    links.SIGN_IN: "account.sign_in_link",
    links.ANSWER: "proposals.answer",
    links.CONSENT: "pairings.consent",
    links.FEED: "calendar_feed.feed",
    links.STAND_IN: "stand_ins.answer",
    links.STAND_IN_CALL: "stand_ins.called",
    links.STAND_IN_LEAVE: "stand_ins.leave",
}


def _signer(purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"omzien.{purpose}")


def token(purpose: str, link_id: str) -> str:
    """The text that stands in the address."""
    signed = _signer(purpose).dumps(link_id)
    return signed if isinstance(signed, str) else signed.decode()


def link_id(purpose: str, signed: str) -> str:
    """The id of the link in a token. Raises LinkUnusable("unknown") for a foreign or damaged one."""
    try:
        found = _signer(purpose).loads(signed)
    except BadSignature:
        raise LinkUnusable("unknown") from None
    return str(found)


def path(purpose: str, link_id: str) -> str:
    """The path of the page that the link opens; needs a request or a test request context."""
    return url_for(ENDPOINTS[purpose], token=token(purpose, link_id))
