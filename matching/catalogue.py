"""What neighbours can ask of each other, and what their own words tell.

The categories with their rules stand in `data/catalogue.json`, the words that ask for a human in
`data/risk_words.json`: changing them takes no programming. This module reads both once and answers, without a
database, four questions about free text: which category it suggests, whether a human must see it first, which
personal details it gives away, and (for the translators) which texts of the catalogue are shown.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

_DATA = Path(__file__).parent / "data"
# Letters that Unicode does not take apart: a Turkish capital I may stand for both i and dotless i.
_STROKES = str.maketrans({"ı": "i", "ł": "l", "đ": "d", "ø": "o"})


@dataclass(frozen=True)
class Category:
    """One kind of help. `ask`, `help` and `title` are English message ids; `icon` names a pictogram.

    `bit` is the place in a skill mask. `why` gives the reason for the rules and is not shown. `risk` means
    that a human reads every request of this kind before it is matched; `respijt` that it is looked for on behalf of a
    mantelzorger only, never asked with the ordinary form.
    """

    key: str
    bit: int
    icon: str
    ask: str
    help: str
    title: str
    needs_vog: bool
    at_home: bool
    needs_car: bool
    needs_introduction: bool
    needs_training: bool
    usual_minutes: int
    risk: bool
    respijt: bool
    why: str
    suggest: tuple[str, ...]


class Language(NamedTuple):
    """A language neighbours speak: ISO 639 code, its name in that language, and the English message id."""

    code: str
    own_name: str
    name: str


class Hit(NamedTuple):
    """A pattern that was found: after how many words, under which label, and which pattern."""

    position: int
    label: str
    pattern: str


class WordPatterns:
    """Finds words and short phrases in free text, in time linear in the length of the text.

    A pattern is a few words. `klus*` is any word that starts so, `*tuin` any that ends so, `?` stands for at
    most one word in between, `.` for the end of a clause. Other ends of clauses are stepped over, because
    frightened people do not punctuate. Capitals, accents and invisible characters make no difference.
    """

    def __init__(self, patterns: Iterable[tuple[str, str]]) -> None:
        """Take pairs of label and pattern."""
        self._exact: dict[str, list[tuple[str, str, list[str]]]] = {}
        self._starts: dict[str, list[tuple[str, str, list[str]]]] = {}
        self._ends: dict[str, list[tuple[str, str, list[str]]]] = {}
        for label, pattern in patterns:
            first, *rest = re.findall(r"\*?[^\W_]+\*?|[.?]", fold(pattern))
            index = self._starts if first.endswith("*") else self._ends if first.startswith("*") else self._exact
            index.setdefault(first.strip("*"), []).append((label, pattern, rest))
        self._longest = max(map(len, (*self._starts, *self._ends)), default=0)

    def find(self, text: str) -> Iterator[Hit]:
        """Yield every pattern found, in the order of the text."""
        words = _words(text)
        for position, word in enumerate(words):
            for label, pattern, rest in self._beginning_with(word):
                if _follows(words, position + 1, rest):
                    yield Hit(position, label, pattern)

    def _beginning_with(self, word: str) -> Iterator[tuple[str, str, list[str]]]:
        yield from self._exact.get(word, ())
        for length in range(1, min(len(word), self._longest) + 1):
            yield from self._starts.get(word[:length], ())
            yield from self._ends.get(word[-length:], ())


def fold(text: str) -> str:
    """Return the text without capitals, accents, variant letter forms and invisible characters."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(c for c in letters if unicodedata.category(c) not in ("Mn", "Cf")).casefold().translate(_STROKES)


def _words(text: str) -> list[str]:
    """Split into folded words. Each end of a clause, and of the text, becomes one full stop."""
    words: list[str] = []
    for found in re.findall(r"[^\W_]+|[.,;:!?\n()]", fold(text) + "."):
        if found[0].isalnum():
            words.append(found)
        elif words and words[-1] != ".":
            words.append(".")
    return words


def _follows(words: list[str], at: int, rest: list[str]) -> bool:
    """Tell whether the words from `at` on go as the rest of a pattern says."""
    if not rest:
        return True
    if rest[0] == "?":
        return _follows(words, at, rest[1:]) or _follows(words, at + 1, rest[1:])
    if at < len(words) and words[at] == "." != rest[0]:
        at += 1
    return at < len(words) and _fits(words[at], rest[0]) and _follows(words, at + 1, rest[1:])


def _fits(word: str, wanted: str) -> bool:
    if wanted.endswith("*"):
        return word.startswith(wanted[:-1])
    if wanted.startswith("*"):
        return word.endswith(wanted[1:])
    return word == wanted


def _read(name: str) -> Any:
    return json.loads((_DATA / name).read_text(encoding="utf-8"))


def _load_categories(rows: Iterable[Mapping[str, Any]]) -> dict[str, Category]:
    return {row["key"]: Category(**{**row, "suggest": tuple(row["suggest"])}) for row in rows}


def _bit_order(categories: Collection[Category]) -> tuple[str, ...]:
    """Return the keys by bit. ValueError for a gap or a double: stored masks would change meaning."""
    ordered = sorted(categories, key=lambda each: each.bit)
    if [each.bit for each in ordered] != list(range(len(ordered))):
        raise ValueError("The bits in catalogue.json must be 0, 1, 2 and so on, each once.")
    return tuple(each.key for each in ordered)


_CATALOGUE = _read("catalogue.json")

CATEGORIES: dict[str, Category] = _load_categories(_CATALOGUE["categories"])
"""Every category by key, in the order on screen."""

SKILLS: tuple[str, ...] = _bit_order(CATEGORIES.values())
"""Category keys by bit index. Append only: skill masks are stored, so a bit never changes its meaning."""

LANGUAGES: tuple[Language, ...] = tuple(Language(**row) for row in _CATALOGUE["languages"])
"""In the order on screen."""

RISK_WORDS: dict[str, tuple[str, ...]] = {
    kind: tuple(word for words in by_language.values() for word in words)
    for kind, by_language in _read("risk_words.json")["kinds"].items()
}
"""Patterns by kind: suicide, violence, danger, crisis."""

_SUGGESTIONS = WordPatterns((each.key, word) for each in CATEGORIES.values() for word in each.suggest)
_RISKS = WordPatterns((kind, word) for kind, words in RISK_WORDS.items() for word in words)


def category(key: str) -> Category:
    """Return the category with this key; KeyError when there is none."""
    return CATEGORIES[key]


def suggest(text: str) -> str | None:
    """Return the key of the category that free text suggests, or None.

    The category with most different words wins; of equals the one named first, because people begin with what
    matters. It is only a suggestion: the resident confirms it.
    """
    found: dict[str, set[str]] = {}
    for hit in _SUGGESTIONS.find(text):
        found.setdefault(hit.label, set()).add(hit.pattern)
    # max() keeps the first of equals, and a dict remembers which category was named first.
    return max(found, key=lambda key: len(found[key]), default=None)


def risks(text: str) -> set[str]:
    """Return the kinds of risk that the text hints at: suicide, violence, danger, crisis; empty when none.

    A false alarm costs a human a minute, a miss can cost a life. So in doubt a word is in the list, a denial
    ("geen zelfmoord") counts too, and nobody but a human clears the flag. Words stay out only where ordinary
    requests use them so often that the alarms would no longer be read.
    """
    return {hit.label for hit in _RISKS.find(text)}


@dataclass(frozen=True)
class PersonalDetail:
    """Something in free text that should not be there. `kind`: email, bsn, phone, postcode or address."""

    kind: str
    text: str


# Enough to explain what should go; a bound keeps a pasted telephone book from taking seconds.
_MOST_DETAILS = 20

_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}\s?(?:@|\(at\)|\[at\]|\bapenstaartje\b|\bapenstaart\b)\s?"
    r"(?:[\w-]{1,63}(?:\.|\spunt\s)){1,8}[a-z]{2,24}(?!\w)",
    re.IGNORECASE,
)
_NINE_DIGITS = re.compile(r"(?<![\d+])(?<!\d[ .-])\d(?:[ .-]?\d){8}(?![ .-]?\d)")
_POSTCODE = re.compile(r"(?<!\w)([1-9]\d{3})(\s?)([a-z]{2})(?!\w)", re.IGNORECASE)
_UNITS = frozenset({"km", "cm", "mm", "kg", "gr", "ml", "cl", "dl", "kw"})
_SHORT_WORD = re.compile(
    "af|al|as|au|be|bv|de|dr|en|er|ff|ga|ge|go|ha|he|ho|hm|ie|if|ik|in|is|it|ja|"
    "je|la|me|mn|mw|na|nu|of|ok|om|op|pa|pm|so|st|te|to|tv|uw|vs|we|wc|wo|ze|zo",
    re.IGNORECASE,
)
# A number after a street-like word is no house number when it counts something: "wandelpad 3 km".
_HOUSE_NUMBER = (
    r"\s{0,3}(?:huisnummer|nummer|nr\.?)?\s{0,3}\d{1,4}(?![\d:]|[.,]\d|"
    r"\s?(?:e|de|ste|km|m|meter|kilometer|keer|x|maal|uur|uren|min|minuten|dag|dagen|week|weken|maand|maanden|jaar|jaren|"
    r"euro|hoog|verdieping\w*|etage\w*|mensen|personen|huizen|deuren|honden|katten|straten|blokken|tassen)\b)"
    r"(?:\s?-?\s?[a-z](?!\w)|-\d{1,3}(?!\d))?"
)
_ADDRESSES = (
    re.compile(
        r"(?<![\w'’.-])(?!(?:ipad|onderweg|halfweg|snelweg|schoolplein|kerkhof|voorhof)\b)[^\W\d_][\w'’.-]{1,40}"
        r"(?:straat|str|laan|weg|plein|hof|kade|dijk|singel|gracht|pad|steeg|dreef|park|plantsoen|meent|heul|drift|brink)"
        r"\.?,?" + _HOUSE_NUMBER,
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<!\w)(?:laan|plein|hof|park|kade)\s(?:van|der|den|de|het|ter|ten)(?:\s[^\W\d_]{1,30}){1,3}\s"
        + _HOUSE_NUMBER,
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<!\w)(?:woon|woont|wonen)\s(?:(?:ik|wij|we|nu)\s)?(?:op|aan)\s(?:[^\W\d_]{1,30}\s){1,4}" + _HOUSE_NUMBER,
        re.IGNORECASE,
    ),
    re.compile(r"(?<!\w)(?:adres|huisnummer|huisnr\.?)\s?:?\s?(?:is\s)?\d{1,4}(?!\w)", re.IGNORECASE),
)


def personal_details(text: str) -> list[PersonalDetail]:
    """Return e-mail addresses, BSNs, telephone numbers, postcodes and addresses in the order of the text.

    Digits of every script count. At most 20 of a kind are listed. What looks like two kinds is listed once,
    as the most telling. It can miss things, so a page that uses it still asks people to leave them out.
    """
    plain = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"\d", lambda found: str(unicodedata.decimal(found[0])), plain)
    taken: list[tuple[int, int, str]] = []
    for kind, spans in (
        ("email", (found.span() for found in _EMAIL.finditer(plain))),
        ("bsn", _bsn_spans(plain)),
        ("phone", _phone_spans(plain)),
        ("postcode", _postcode_spans(plain)),
        ("address", (found.span() for each in _ADDRESSES for found in each.finditer(plain))),
    ):
        for start, end in islice(spans, _MOST_DETAILS):
            if all(end <= other_start or start >= other_end for other_start, other_end, _ in taken):
                taken.append((start, end, kind))
    return [PersonalDetail(kind, plain[start:end].strip()) for start, end, kind in sorted(taken)]


def _bsn_spans(text: str) -> Iterator[tuple[int, int]]:
    # Imported here because every page imports this module and only a posted text needs the check.
    from stdnum.nl import bsn

    return (found.span() for found in _NINE_DIGITS.finditer(text) if bsn.is_valid(re.sub(r"\D", "", found[0])))


def _phone_spans(text: str) -> Iterator[tuple[int, int]]:
    # Imported here because its metadata takes tens of milliseconds, which every page would pay at start-up.
    from phonenumbers import PhoneNumberMatcher

    # "NL" reads numbers without a country code as Dutch; numbers with one are found for every country.
    return ((found.start, found.end) for found in PhoneNumberMatcher(text, "NL", max_tries=2_000))


def _postcode_spans(text: str) -> Iterator[tuple[int, int]]:
    """Skip "1500 km" and, as a year in a sentence is no postcode, "sinds 1998 in" and "tot 2030 IS"."""
    for found in _POSTCODE.finditer(text):
        number, space, letters = found.groups()
        is_word = _SHORT_WORD.fullmatch(letters) and (letters.islower() or 1900 <= int(number) <= 2099)
        if letters.lower() not in _UNITS and not (space and is_word):
            yield found.span()


def extract_messages(
    fileobj: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield the texts of `data/catalogue.json` for translation. This is a Babel extraction method."""
    source = fileobj.read().decode("utf-8")
    content = json.loads(source)
    lines = source.splitlines()
    shown = [(row, field) for row in content["categories"] for field in ("ask", "help", "title")]
    shown += [(row, "name") for row in content["languages"]]
    for row, field in shown:
        quoted = f"{json.dumps(field)}: {json.dumps(row[field], ensure_ascii=False)}"
        line = next((number for number, each in enumerate(lines, 1) if quoted in each), 1)
        yield line, "gettext", row[field], []
