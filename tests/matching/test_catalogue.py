"""The catalogue: categories with consistent rules, and what free text tells."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from matching.catalogue import (
    CATEGORIES,
    LANGUAGES,
    RISK_WORDS,
    SKILLS,
    Category,
    category,
    extract_messages,
    fold,
    personal_details,
    risks,
    suggest,
)

ROOT = Path(__file__).parents[2]
DATA = ROOT / "matching" / "data"
HUGE = 100_000  # bytes; far more than any form lets through


def demo(name: str) -> Any:
    return json.loads((DATA / "demo" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dutch() -> Catalog:
    with (ROOT / "translations" / "nl" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="nl")


def extracted() -> list[tuple[int, str]]:
    with (DATA / "catalogue.json").open("rb") as file:
        return [(line, str(message)) for line, message, *_rest in extract(extract_messages, file)]


class DescribeCatalogue:
    def it_keeps_the_bits_that_are_stored(self) -> None:
        # A stored skill mask means this. New categories come after it; nothing here ever changes place.
        assert SKILLS[:13] == (
            "groceries", "company", "outdoors", "car_ride", "digital", "paperwork", "handyman", "garden",
            "cooking", "pet", "dutch_practice", "sitting", "other",
        )  # fmt: skip

    def it_gives_every_skill_one_bit(self) -> None:
        assert [CATEGORIES[key].bit for key in SKILLS] == list(range(len(CATEGORIES)))

    def it_finds_a_category_by_its_key(self) -> None:
        assert category("garden").key == "garden"
        with pytest.raises(KeyError):
            category("tuin")

    @pytest.mark.parametrize("each", CATEGORIES.values(), ids=lambda each: each.key)
    def it_has_rules_that_agree(self, each: Category) -> None:
        assert each.why
        assert each.needs_introduction or not each.at_home, "nobody goes inside before an introduction"
        assert each.needs_introduction or not each.needs_vog, "who needs a VOG is also met first"
        assert 15 <= each.usual_minutes <= 480
        assert 10 <= len(set(each.suggest)) == len(each.suggest) <= 30

    def it_is_strictest_where_somebody_depends_on_others(self) -> None:
        sitting = category("sitting")
        assert (sitting.needs_vog, sitting.needs_introduction, sitting.risk) == (True, True, True)

    def it_asks_for_a_car_only_for_a_ride(self) -> None:
        assert [each.key for each in CATEGORIES.values() if each.needs_car] == ["car_ride"]

    def it_uses_pictograms_that_are_drawn(self) -> None:
        sprite = (ROOT / "web" / "assets" / "icons" / "pictograms.svg").read_text(encoding="utf-8")
        assert [each.icon for each in CATEGORIES.values() if f'id="{each.icon}"' not in sprite] == []

    def it_lists_languages_once_and_dutch_first(self) -> None:
        codes = [language.code for language in LANGUAGES]
        assert codes[0] == "nl"
        assert len(set(codes)) == len(codes)
        assert all(language.own_name for language in LANGUAGES)

    def it_is_cheap_to_import(self) -> None:
        code = "import sys, matching.catalogue; print({'phonenumbers', 'stdnum', 'babel'} & set(sys.modules))"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"


class DescribeTranslation:
    def it_gives_translators_every_text_that_is_shown(self) -> None:
        shown = {text for each in CATEGORIES.values() for text in (each.ask, each.help, each.title)}
        shown |= {language.name for language in LANGUAGES}
        assert {message for _line, message in extracted()} == shown

    def it_says_on_which_line_a_text_stands(self) -> None:
        lines = (DATA / "catalogue.json").read_text(encoding="utf-8").splitlines()
        assert all(message in lines[line - 1] for line, message in extracted())

    def it_does_not_give_away_reasons_or_word_lists(self) -> None:
        messages = {message for _line, message in extracted()}
        assert not messages & {each.why for each in CATEGORIES.values()}
        assert "boodschap*" not in messages

    def it_refuses_a_file_that_is_no_catalogue(self) -> None:
        with pytest.raises(KeyError):
            list(extract_messages(io.BytesIO(b"{}"), {}, (), {}))

    def it_is_complete_in_dutch(self, dutch: Catalog) -> None:
        texts = {message: dutch.get(message) for _line, message in extracted()}
        assert [message for message, found in texts.items() if found is None or not found.string] == []


SUGGESTIONS = [
    ("Wie kan boodschappen voor mij doen?", "groceries"),
    ("Ik kan de tas niet meer tillen van de supermarkt naar huis", "groceries"),
    ("BOODSCHAPPEN, elke week een keer", "groceries"),
    ("Ik voel me eenzaam en wil graag een praatje", "company"),
    ("Iemand om mee te kaarten en koffie te drinken", "company"),
    ("Wie komt er gezellig op visite bij mijn moeder?", "company"),
    ("Samen een blokje om, ik loop met een rollator", "outdoors"),
    ("Ik wil graag weer eens naar de hei, met de rolstoel", "outdoors"),
    ("Ik moet naar het ziekenhuis en heb geen auto", "car_ride"),
    ("Kunt u mij rijden naar de oogarts?", "car_ride"),
    ("Mijn laptop start niet op en het wachtwoord ben ik kwijt", "digital"),
    ("Foto's van mijn telefoon halen", "digital"),
    ("WhatsApp doet het niet", "digital"),
    ("Ik snap een brief van de gemeente niet", "paperwork"),
    ("Helpen met formulieren voor de zorgtoeslag", "paperwork"),
    ("Een schilderij ophangen en een gaatje boren", "handyman"),
    ("De kraan lekt", "handyman"),
    ("Mijn keukenkastje moet in elkaar worden gezet, het is een klusje", "handyman"),
    ("De heg snoeien en onkruid weghalen", "garden"),
    ("Mijn voortuintje is verwilderd", "garden"),
    ("Gras maaien in de achtertuin", "garden"),
    ("Wie wil er een keer met mij eten?", "cooking"),
    ("Samen koken, want alleen smaakt het niet", "cooking"),
    ("Wie wil wandelen met mijn hond?", "pet"),
    ("De poes eten geven, en de kattenbak verschonen", "pet"),
    ("Ik wil beter Nederlands leren spreken", "dutch_practice"),
    ("Taalmaatje gezocht voor mijn inburgering", "dutch_practice"),
    ("Ik ben mantelzorger en wil er even uit", "sitting"),
    ("Mijn man is dement en kan niet alleen blijven", "sitting"),
    ("Helpen met verhuizen, vooral dozen", "other"),
]


class DescribeSuggest:
    @pytest.mark.parametrize(("text", "key"), SUGGESTIONS)
    def it_understands_what_people_write(self, text: str, key: str) -> None:
        assert suggest(text) == key

    @pytest.mark.parametrize("text", ["", "   ", "Goedemiddag", "?!", "🙂", "مرحبا"])
    def it_keeps_silent_when_it_does_not_know(self, text: str) -> None:
        assert suggest(text) is None

    def it_takes_the_first_of_equals(self) -> None:
        assert suggest("Wandelen en daarna koffie") == "outdoors"
        assert suggest("Koffie en daarna wandelen") == "company"

    def it_does_not_find_words_inside_words(self) -> None:
        assert suggest("Een automatische keuze") is None  # not "auto"

    def it_agrees_with_most_of_the_texts_of_the_demonstration(self) -> None:
        rows = [(key, row["text"]) for key, rows in demo("requests.json").items() for row in rows]
        right = sum(suggest(text) == key for key, text in rows)
        assert right / len(rows) >= 0.75


RISKY = [
    ("Ik denk aan zelfmoord", "suicide"),
    ("ZELFMOORD", "suicide"),
    ("ik wil niet meer leven", "suicide"),
    ("Ik wil gewoon dood", "suicide"),
    ("ik wil echt niet meer. niemand mist mij", "suicide"),
    ("suïcidaal", "suicide"),
    ("SUI\u0308CIDE", "suicide"),
    ("zelf\u00admoord", "suicide"),  # a soft hyphen, invisible
    ("z\u200belfmoord", "suicide"),
    ("ｚｅｌｆｍｏｏｒｄ", "suicide"),
    ("zelfmoordgedachten", "suicide"),
    ("poging tot zelfdoding", "suicide"),
    ("Er is geen reden meer, ik maak er een eind aan", "suicide"),
    ("I want to die", "suicide"),
    ("I don't want to live anymore", "suicide"),
    ("I don’t want to live anymore", "suicide"),
    ("Intihar etmek istiyorum", "suicide"),
    ("أفكر في الانتحار", "suicide"),
    ("думаю про самогубство", "suicide"),
    ("myślę o samobójstwie", "suicide"),
    ("Mijn man slaat mij", "violence"),
    ("hij heeft me geslagen", "violence"),
    ("Ik ben bang voor mijn ex", "violence"),
    ("ik ben bang voor hem", "violence"),
    ("Er is geweld thuis", "violence"),
    ("mishandeling", "violence"),
    ("Mijn zoon bedreigt mij", "violence"),
    ("my husband beats me", "violence"),
    ("ŞİDDET görüyorum", "violence"),
    ("mój mąż mnie bije", "violence"),
    ("Het ruikt hier naar gas. Gaslucht", "danger"),
    ("Er is brand", "danger"),
    ("Hij heeft een pistool", "danger"),
    ("mijn vader ligt op de grond en kan niet opstaan", "danger"),
    ("ik heb pijn op de borst", "danger"),
    ("moet ik 112 bellen", "danger"),
    ("YANGIN var", "danger"),
    ("Ik kan niet meer.", "crisis"),
    ("ik kan niet meer", "crisis"),
    ("Ik houd het niet meer vol", "crisis"),
    ("ik trek het niet meer", "crisis"),
    ("De zorg, ik kan het niet meer aan", "crisis"),
    ("Ik heb geen geld voor eten", "crisis"),
    ("Wij worden uit huis gezet", "crisis"),
    ("Ik ben wanhopig", "crisis"),
    ("I can't cope", "crisis"),
]

HARMLESS = [
    "",
    "Wie kan boodschappen doen?",
    "Dat zou geweldig zijn",  # not: geweld
    "Wat een geweldige buurt",
    "De lamp in de gang brandt niet meer",
    "De lamp gaat niet meer aan.",
    "Ik kan niet meer fietsen",
    "Ik kan niet meer zo goed tillen, dus zoek ik hulp",
    "Ramen lappen kan ik niet meer",
    "Bladeren rapen in de tuin",  # not: rape
    "Twee rookmelders ophangen",
    "Wie wil er moorkoppen bakken?",  # not: moord
    "Ik ben bang om te vallen",
    "Mijn man heeft jaren geleden een beroerte gehad",
    "De dode takken van de boom moeten weg",
    "Een bommelding is het niet, wel een wandeling langs de bomen",  # bom only as a word
    "Ik gun mijn vrouw een vrije middag",
    "Abusievelijk twee keer verstuurd",
    "Het slot van de schuur klemt",
    "Ik ben twaalf dagen geleden geopereerd",
]


class DescribeRisks:
    @pytest.mark.parametrize(("text", "kind"), RISKY)
    def it_calls_a_human(self, text: str, kind: str) -> None:
        assert kind in risks(text)

    @pytest.mark.parametrize("text", HARMLESS)
    def it_leaves_ordinary_requests_alone(self, text: str) -> None:
        assert risks(text) == set()

    @pytest.mark.parametrize("text", ["Het is geen zelfmoord", "Ik ben niet mishandeld"])
    def it_would_rather_have_a_false_alarm_than_read_a_denial(self, text: str) -> None:
        assert risks(text)

    def it_reads_on_over_commas_and_lines(self) -> None:
        assert risks("ik ben zo bang,\nvoor mijn man") == {"violence"}
        assert risks("ik wil\nniet meer\nleven") >= {"suicide"}

    def it_tells_several_kinds_apart(self) -> None:
        assert risks("Hij slaat mij en ik wil dood") == {"violence", "suicide"}

    def it_finds_every_word_of_its_own_list(self) -> None:
        # "?" may stand for nothing, and a star for no letters; a full stop is the end of the text.
        for kind, patterns in RISK_WORDS.items():
            for pattern in patterns:
                plain = pattern.replace("*", "").replace("? ", "").replace(" .", "")
                assert kind in risks(f"Hallo {plain}"), pattern

    def it_lists_no_word_twice(self) -> None:
        for patterns in RISK_WORDS.values():
            folded = [fold(pattern) for pattern in patterns]
            assert [pattern for pattern in folded if folded.count(pattern) > 1] == []


DETAILS = [
    ("Bel mij op 06 12345678", "phone", "06 12345678"),
    ("06-12 34 56 78 is mijn nummer", "phone", "06-12 34 56 78"),
    ("tel. (035) 623 45 67", "phone", "(035) 623 45 67"),
    ("+31 6 12345678", "phone", "+31 6 12345678"),
    ("0031612345678", "phone", "0031612345678"),
    ("+48 601 234 567", "phone", "+48 601 234 567"),
    ("٠٦١٢٣٤٥٦٧٨", "phone", "0612345678"),
    ("０６１２３４５６７８", "phone", "0612345678"),
    ("mail naar anna.bakker+hulp@voorbeeld.nl graag", "email", "anna.bakker+hulp@voorbeeld.nl"),
    ("ANNA@VOORBEELD.NL", "email", "ANNA@VOORBEELD.NL"),
    ("anna (at) voorbeeld.nl", "email", "anna (at) voorbeeld.nl"),
    ("anna apenstaartje voorbeeld punt nl", "email", "anna apenstaartje voorbeeld punt nl"),
    ("mijn bsn is 111222333", "bsn", "111222333"),
    ("BSN 1112.22.333", "bsn", "1112.22.333"),
    ("111 222 333", "bsn", "111 222 333"),
    ("Ik woon in 1213 AB", "postcode", "1213 AB"),
    ("1213ab", "postcode", "1213ab"),
    ("1213 xk hilversum", "postcode", "1213 xk"),
    ("1211 EN Hilversum", "postcode", "1211 EN"),
    ("Kerkstraat 12", "address", "Kerkstraat 12"),
    ("ik woon kerkstraat 12b driehoog", "address", "kerkstraat 12b"),
    ("Gijsbrecht van Amstelstraat 140-2", "address", "Amstelstraat 140-2"),
    ("Van Riebeeckweg nr. 8, aan de achterkant", "address", "Riebeeckweg nr. 8"),
    ("Emmastr. 5", "address", "Emmastr. 5"),
    ("Laan van de Heide 7", "address", "Laan van de Heide 7"),
    ("Ik woon op de Gele Brem 30", "address", "woon op de Gele Brem 30"),
    ("Mijn huisnummer is 44", "address", "huisnummer is 44"),
]

NO_DETAILS = [
    "",
    "Wie doet boodschappen? Eén tas is genoeg, ongeveer 25 euro.",
    "Van 10.00 tot 12.30 uur, of van 14-16 uur",
    "op 12-10-2026 om 9:30",
    "Ik woon hier sinds 1998 in deze buurt",
    "IK WOON HIER SINDS 1998 IN DEZE BUURT",
    "Het is 1500 km rijden",
    "De auto heeft 2000 KG getrokken",
    "Mijn iPad 2 is traag",
    "Het wandelpad 3 km op en neer",
    "Ik ben 3 dagen weg, onderweg 2 uur",
    "een fietspad 2 keer op en neer",
    "Ik woon op de 3e verdieping",
    "wij wonen op drie hoog",
    "Eén straat verder, 4 huizen",
    "bedrag 123456789 is fout",  # nine digits, but no BSN
    "bel 112 of 113",
    "@ en @ en @",
]


class DescribePersonalDetails:
    @pytest.mark.parametrize(("text", "kind", "part"), DETAILS)
    def it_spots_what_should_not_be_there(self, text: str, kind: str, part: str) -> None:
        assert [(each.kind, each.text) for each in personal_details(text)] == [(kind, part)]

    @pytest.mark.parametrize("text", NO_DETAILS)
    def it_leaves_ordinary_numbers_alone(self, text: str) -> None:
        assert personal_details(text) == []

    def it_lists_all_of_them_in_order(self) -> None:
        text = "Kerkstraat 12, 1213 AB. Bel 0612345678 of mail anna@voorbeeld.nl. BSN 111222333"
        kinds = [each.kind for each in personal_details(text)]
        assert kinds == ["address", "postcode", "phone", "email", "bsn"]

    def it_stops_counting_at_twenty_of_a_kind(self) -> None:
        assert len(personal_details("bel 0612345678 " * 500)) == 20


HOSTILE = [
    "a", "1", "(", "@", ".", "\u0301", "\u200b", "\ufdfa", "🙂", "a'", "a@", "a.a@a.", "x@a-", "06 1", "+31",
    "1234 ab ", "(1-2)/3 ", "0612345678 ", "111222333 ", "straat ", "laan van de ", "woon op a a ",
    "abcdefghijkstraat", "wil ", "ik kan niet meer ", "bang voor ", "hij slaat ", "zelfmoord ", "klus ",
]  # fmt: skip


class DescribeAnyText:
    @pytest.mark.parametrize("piece", HOSTILE)
    def it_reads_huge_and_hostile_text_in_time(self, piece: str) -> None:
        text = (piece * HUGE).encode()[:HUGE].decode(errors="ignore")
        for read in (risks, suggest, personal_details):
            # Time of this process, so that a busy machine does not matter.
            started = time.process_time()
            read(text)
            assert time.process_time() - started < 1

    @given(st.text())
    def it_never_fails(self, text: str) -> None:
        assert risks(text) <= set(RISK_WORDS)
        assert suggest(text) in {None, *CATEGORIES}
        assert all(each.text for each in personal_details(text))

    @given(st.text(alphabet="0123456789 .-()+@/aAeEnN's\u0301\u200f٣", max_size=200))
    def it_never_fails_on_what_looks_like_a_detail(self, text: str) -> None:
        kinds = {"email", "bsn", "phone", "postcode", "address"}
        assert {each.kind for each in personal_details(text)} <= kinds

    @given(st.text(), st.text())
    def it_finds_a_risk_between_any_other_words(self, before: str, after: str) -> None:
        assert "suicide" in risks(f"{before} zelfmoord {after}")
