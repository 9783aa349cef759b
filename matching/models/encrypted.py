"""A column that nobody reads in the database file: JSON, encrypted with the installation's own keys.

What a mantelzorger tells us is kept this way. The first key encrypts; all keys decrypt, so that a new one can be put
in front and the rows rewritten (`omzien keys rotate`). An encrypted column cannot be searched or sorted, on purpose.
"""

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class NoKey(Exception):
    """There is no key, or none of the keys fits: the sentence says what to do."""


class _Keyring:
    """The keys of this process. A column type has no other way to reach what the installation was set to."""

    keys: tuple[str, ...] = ()
    fernet: "MultiFernet | None" = None


def use_keys(keys: Sequence[str]) -> None:
    """Set the keys of this process, newest first: 32 bytes each, in URL-safe base64. Raises NoKey for what is none."""
    for key in keys:
        try:
            is_key = len(base64.urlsafe_b64decode(key)) == 32
        except ValueError:
            is_key = False
        if not is_key:
            raise NoKey("OMZIEN_FIELD_KEYS holds something that is no key. Make one with: omzien keys new")
    _Keyring.keys, _Keyring.fernet = tuple(keys), None


def encrypt(value: Any) -> str:
    """Any JSON value as a token. Raises NoKey."""
    return _fernet().encrypt(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()).decode()


def decrypt(token: str) -> Any:
    """The value of a token. Raises NoKey when no key fits."""
    from cryptography.fernet import InvalidToken  # late, as above

    try:
        return json.loads(_fernet().decrypt(token.encode()))
    except InvalidToken:
        raise NoKey("None of the keys in OMZIEN_FIELD_KEYS fits what is stored. Put the older key behind it.") from None


def _fernet() -> "MultiFernet":
    if _Keyring.fernet is None:
        from cryptography.fernet import Fernet, MultiFernet  # late: most pages hold nothing encrypted

        if not _Keyring.keys:
            raise NoKey("There is no key for what mantelzorgers tell us: set OMZIEN_FIELD_KEYS.")
        _Keyring.fernet = MultiFernet([Fernet(key) for key in _Keyring.keys])
    return _Keyring.fernet


class EncryptedJson(TypeDecorator[Any]):
    """JSON in Python, a token in the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else decrypt(value)
