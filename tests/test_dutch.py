"""Every Dutch text that anybody can read is plain: level B1, active, in the u-form, with one word for one thing.

The texts are those of the interface and the messages (translations/nl) and those of the believable city
(matching/data/demo). Where a text may break a rule, the exception and its reason stand in a table here.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent

# The guideline for B1 is 15 words at most and about 10 on average; on a telephone shorter is better still.
MOST_WORDS = 15
MEAN_WORDS = 8
MOST_LETTERS = 17
# "Uw keuze is bewaard" is clear now and then. A program that talks so all the time sounds like an office.
MOST_STATES = 20

OFFICIAL = """
    aangaande, aldaar, alsmede, alsook, annuleren, behoudens, betreffende, betreft, bewerkstelligen, bovengenoemde?,
    bovenstaande?, communiceren, conform, derhalve, dermate, desalniettemin, desgewenst, dienen te, dient te, doch,
    door middel van, echter, evenals, eveneens, faciliteren, formaliteit, functionaliteit, gaarne, geachte, gedurende,
    gelieve, geschiedt?, gezien het feit, heden, hierbij, hiermede, hieromtrent, implementeren, in het kader van,
    in verband met, inclusief, indien, ingevolge, inzake, jegens, krachtens, met betrekking tot, met ingang van,
    middels, mits, monitoren, naar aanleiding van, namelijk, nogmaals, omtrent, omwille, onderhavige?, ondergetekende,
    onderstaande?, onverwijld, ontvangst, op de hoogte stellen, op grond van, optimaal, optimaliseren, participatie,
    per abuis, per omgaande, prioriteit, realiseren, reeds, relevant, selecteer, selecteren, ten aanzien van,
    ten behoeve van, ten gevolge, ten gunste, ten onrechte, teneinde, tenzij, tevens, thans, trachten, uitsluitend,
    valideren, vanwege het feit, verificatie, verifiëren, vermelden, verstrekken, verzoek, verzoeken, voornoemde?,
    voorts, vooralsnog, wederom, woonachtig, zelfredzaam, zelfredzaamheid, zodoende, zorg dragen, zulks
"""
BLAMING = """
    fout, foute, fouten, foutief, had u moeten, helaas, mislukt, mislukte, niet toegestaan, ongeldige?, onjuiste?,
    onvolledige?, u bent vergeten, u vergat, uw schuld, verboden, verkeerde?, verplichte?
"""
SHORTENED = """
    aub, bijv, blz, dhr, enz, etc, evt, excl, incl, jl, max, mevr, mw, nr, pag, resp, t/m, tel, vb, zgn, zsm,
    [a-z](?:\\.[a-z])+
"""
ENGLISH = """
    and, are, back, check, checken, dashboard, deadline, desk, event, feedback, for, home, inbox, issue, login, logout,
    mail, mailbox, mailtje, match, matches, matching, our, password, please, ranking, request, requests, review, search,
    settings, skills, status, submit, task, the, this, update, upload, user, volunteer, with, you, your
"""
# One thing has one name: left what we do not write, right what we write instead.
ONE_NAME = {
    "buurtbewoners?, buurtgeno(?:o|)ten?, buurman, buurvrouw": "buur",
    "hulpvraag, hulpvragen": "vraag",
    "koppeling, koppelingen": "hulp, afspraak, or: iemand helpt",
    "anoniem, discreet, discrete": "in stilte",
    "u heeft, heeft u": "u hebt, hebt u",
    "aanpassen, gewijzigd, wijzig, wijzigen": "veranderen",
    "hooguit, maximaal, ten hoogste": "hoogstens",
    "inmiddels, ondertussen": "intussen",
    "ontbreekt, ontbreken": "mist, missen",
    "buddy, hulpverlener": "vrijwilliger",
    "cliënt, hulpzoeker": "vrager",
    "burgerservicenummer": "BSN",
    "opgeslagen, opslaan, sla op": "bewaren",
    "aanklikken, klik": "druk op, tik op",
    "gsm, mobieltje": "telefoon",
}
# Letters that are read as a word, and why they may stay.
LETTERS = {
    "VOG": "everybody calls the certificate so; where a neighbour first meets it, the whole name stands beside it",
    "BSN": "stands on every letter of a gemeente; the whole word is longer and known less",
    "CBS": "names a source",
    "GGD": "names a source",
    "RIVM": "names a source",
    "WCAG": "names a guideline, for whoever looks for it",
    "AA": "the level of that guideline",
}
LONG_WORDS = {
    "Gezondheidsmonitor": "the title of a source",
    "welzijnsorganisaties": "what these organisations call themselves",
}
# What looks passive and is not.
NOT_PASSIVE = {
    "wordt het iemand anders": "becomes somebody else",
    "ogen worden slecht": "become bad",
    "traag geworden": "became slow",
    "Wordt het te veel": "becomes too much",
}
# Participles that tell what people or things did themselves, and other words with the same ends.
NOT_DONE_BY_OTHERS = {
    "begonnen", "geworden", "gekomen", "geweest", "gelukt", "ingelogd", "uitgelogd", "veranderd", "verlopen",
    "beurt", "bericht", "berichten", "bent", "gemeenten", "verlegen",
}  # fmt: skip
# The same in both languages: names, and words of ours that stay Dutch in English.
SAME = {
    "beheerder", "begin", "buurt", "buurten", "contact", "gemeente", "hindi", "in", "mantelzorg", "mantelzorgers",
    "omzien", "opbouwwerker", "partner", "plein", "privacy", "score", "sociaal", "sranantongo", "tigrinya", "urdu",
    "vog", "week", "wijk", "wijken",
}  # fmt: skip


def _translations() -> list[tuple[str, str]]:
    """Pairs of English and Dutch."""
    with (ROOT / "translations" / "nl" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        messages = [message for message in read_po(file, locale="nl") if message.id]
    pairs = []
    for message in messages:
        several = isinstance(message.id, tuple)
        pairs += list(zip(message.id, message.string, strict=True)) if several else [(message.id, message.string)]
    return pairs


def _demo(name: str) -> list[str]:
    """Whatever holds a space: keys and codes do not."""

    def texts(part: object) -> list[str]:
        if isinstance(part, str):
            return [part] if " " in part else []
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return [text for each in parts for text in texts(each)]

    return texts(json.loads((ROOT / "matching" / "data" / "demo" / name).read_text(encoding="utf-8")))


TRANSLATIONS = _translations()
INTERFACE = [dutch for _english, dutch in TRANSLATIONS]
DEMO = [text for name in ("requests.json", "feedback.json", "places.json") for text in _demo(name)]


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+", text)


def filled_in(text: str) -> str:
    """What the program fills in later is a word."""
    return re.sub(r"%\(\w+\)[sd]|\{\w+\}", "iets", text)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_][\w'’.@-]*", filled_in(text))


def _listed(*lists: str) -> Callable[[str], bool]:
    choices = "|".join(each.strip() for each in ",".join(lists).split(","))
    pattern = re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])", re.IGNORECASE)
    return lambda text: bool(pattern.search(filled_in(text)))


def _found(pattern: str) -> Callable[[str], bool]:
    return lambda text: bool(re.search(pattern, text))


def _long_sentence(text: str) -> bool:
    return any(len(words(sentence)) > MOST_WORDS for sentence in sentences(text))


def _long_word(text: str) -> bool:
    long = {word.strip(".") for word in words(text) if len(word.strip(".")) > MOST_LETTERS and "@" not in word}
    return bool(long - set(LONG_WORDS))


def _strange_letters(text: str) -> bool:
    return bool(set(re.findall(r"\b[A-Z]{2,}\b", text)) - set(LETTERS))


def _passive(text: str) -> bool:
    for phrase in NOT_PASSIVE:
        text = text.replace(phrase, "")
    return bool(re.search(r"\b(geworden|werden|werd|worden|wordt)\b", text, re.IGNORECASE))


def tells_a_state(text: str) -> bool:
    """Whether a sentence says that something is done, and not who did it."""
    participle = r"\b(?:[a-z]{2,5})?(?:ge|be|ver|ont|her)[a-z]{2,}(?:d|t|en)\b"
    return any(
        set(re.findall(participle, sentence)) - NOT_DONE_BY_OTHERS
        for sentence in sentences(text.casefold())
        if re.search(r"\b(is|zijn|was|waren|bent)\b", sentence)
    )


def _odd_quotes(text: str) -> bool:
    """Quotes are ‘curly’; an apostrophe is straight and belongs to a word."""
    return bool(re.search(r"[“”„\"`´«»]|(?<!\w)'(?!s\b)|\w'(?!\w)", text)) or text.count("‘") != text.count("’")


# What is asked of a text: whether it breaks the rule, and a text that does.
RULES: dict[str, tuple[Callable[[str], bool], str]] = {
    "sentences are short": (_long_sentence, "Wij zoeken " + "nog " * MOST_WORDS + "iemand."),
    "words are short": (_long_word, "Dit is een vrijwilligersovereenkomst."),
    "no words from an office": (_listed(OFFICIAL), "Bel ons indien u vragen hebt."),
    "nothing blames": (_listed(BLAMING), "Helaas lukt dit niet."),
    "nothing is shortened": (_listed(SHORTENED), "Neem iets mee, b.v. koffie."),
    "capitals are words that people know": (_strange_letters, "U krijgt een PGB."),
    "no English is left": (_listed(ENGLISH), "Kijk op uw dashboard."),
    "one thing has one name": (_listed(*ONE_NAME), "Een buurtbewoner wil u helpen."),
    "it says u": (_listed("je, jezelf, jij, jou, jouw, jouwe, jullie"), "Wat wil je doen?"),
    "somebody does it": (_passive, "Iemand anders leest het, of het wordt gelezen."),
    "it stays calm": (_found(r"!|…|\.\.\."), "Gelukt!"),
    "spaces are right": (_found(r"\s\s|^\s|\s$|\s[,.?:;](?!\S)|[,?;](?=[A-Za-z])"), "Dat is  goed."),
    "quotes are alike": (_odd_quotes, 'Druk op "Verder".'),
    "one is written alike": (_found(r"Één|[^.?:] Eén|\b1 keer\b"), "Dat kan 1 keer."),
}


@pytest.mark.parametrize("rule", RULES)
def it_keeps_the_rule(rule: str) -> None:
    breaks, _example = RULES[rule]
    assert [text for text in INTERFACE + DEMO if breaks(text)] == []


@pytest.mark.parametrize("rule", RULES)
def it_notices_what_breaks_the_rule(rule: str) -> None:
    breaks, example = RULES[rule]
    assert breaks(example)
    assert [other for other, (also, _) in RULES.items() if also(example)] == [rule]


def it_reads_every_text() -> None:
    assert len(INTERFACE) > 1000
    assert len(DEMO) > 200


def it_has_short_sentences_on_average() -> None:
    """Labels and buttons do not count: they would make any average look good."""
    for texts in (INTERFACE, DEMO):
        whole = [sentence for text in texts for sentence in sentences(text) if sentence[-1:] in (".", "?")]
        assert mean(len(words(sentence)) for sentence in whole) <= MEAN_WORDS


def it_seldom_says_that_something_is_done() -> None:
    assert tells_a_state("Uw vraag is gesloten.")
    assert not tells_a_state("Wij hebben uw vraag gesloten.")
    states = [text for text in INTERFACE if tells_a_state(text)]
    assert len(states) <= MOST_STATES, states


def it_is_not_in_english() -> None:
    same = [dutch for english, dutch in TRANSLATIONS if english == dutch]
    assert [text for text in same if set(re.findall(r"[a-z]+", re.sub(r"%\(\w+\)[sd]", "", text.lower()))) - SAME] == []


def it_ends_as_the_english_does() -> None:
    """A sentence ends with a full stop or a question mark; a label or a button with none."""
    odd = [
        dutch
        for english, dutch in TRANSLATIONS
        if (english[-1] in ".?" and dutch[-1] not in ".?") or (dutch[-1] == "." and english[-1] not in ".?")
    ]
    assert odd == []


def it_needs_every_exception() -> None:
    everything = "\n".join(INTERFACE + DEMO)
    exceptions = [*LETTERS, *LONG_WORDS, *NOT_PASSIVE]
    assert [exception for exception in exceptions if exception not in everything] == []
