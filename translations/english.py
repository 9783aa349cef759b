"""Complete the English catalogue: the texts in the code are English, so each is its own translation.

`make translations` runs this after `pybabel update`. English then counts as complete, like every other language,
and nobody has to type a text twice.
"""

from pathlib import Path

from babel.messages.pofile import read_po, write_po

FILE = Path(__file__).parent / "en" / "LC_MESSAGES" / "messages.po"


def main() -> None:
    with FILE.open("rb") as file:
        catalogue = read_po(file, locale="en")
    for message in catalogue:
        if message.id:
            message.string = message.id
    with FILE.open("wb") as file:
        write_po(file, catalogue, width=110)


if __name__ == "__main__":
    main()
