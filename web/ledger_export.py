"""The ledger as a file for a spreadsheet: CSV and XLSX, with words in the language of the page.

The CSV begins with a byte order mark and divides by semicolons, as spreadsheets here expect. A text that a
spreadsheet would take for a formula gets an apostrophe in front.
"""

import csv
from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO, StringIO

from flask import Response
from flask_babel import gettext as _

from matching.services.ledger_export import Row, rows
from matching.services.ledger_lines import Line
from web.care_words import PAYERS
from web.i18n import local
from web.ledger_words import KINDS, PAYERS_AT_DESK, REASONS, UNITS, title

Cell = str | int | date | datetime | None
CSV, XLSX = "csv", "xlsx"
TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
WIDTHS = (6, 17, 12, 14, 30, 30, 12, 10, 10, 10, 10, 17, 17, 16, 28, 16)  # of the columns, in characters


def download(kind: str, lines: Iterable[Line], *, today: date, at_desk: bool) -> Response:
    """The file. kind: CSV or XLSX. lines: the oldest first."""
    table = [_cells(row, at_desk) for row in rows(lines)]
    header = _header()
    content = as_csv(header, table) if kind == CSV else as_xlsx(_("Ledger"), header, table)
    headers = {"Content-Disposition": f'attachment; filename="respijt-{today.isoformat()}.{kind}"'}
    return Response(content, content_type=TYPES[kind], headers=headers)


def _header() -> list[str]:
    return [
        _("Line"),
        _("Written down"),
        _("Day"),
        _("What"),
        _("Who pays"),
        _("For"),
        _("Counted in"),
        _("Granted"),
        _("Planned"),
        _("Used"),
        _("Left, change"),
        _("Begins"),
        _("Ends"),
        _("Corrects line"),
        _("Why"),
        _("Written down by"),
    ]


def _cells(row: Row, at_desk: bool) -> list[Cell]:
    return [
        row.number,
        _clock(row.written_at),
        row.day,
        str(KINDS[row.kind]),
        str((PAYERS_AT_DESK if at_desk else PAYERS)[row.payer]),
        title(row.form),
        str(UNITS[row.unit]),
        row.granted,
        row.planned,
        row.used,
        row.change,
        _clock(row.starts_at),
        _clock(row.ends_at),
        row.corrects,
        str(REASONS[row.reason]) if row.reason else "",
        row.by,
    ]


def _clock(moment: datetime | None) -> datetime | None:
    """By the Dutch clock, to the minute: spreadsheets know no zones."""
    return None if moment is None else local(moment).replace(tzinfo=None, second=0, microsecond=0)


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def as_csv(header: list[str], table: list[list[Cell]]) -> bytes:
    out = StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    writer.writerow([guarded(name) for name in header])
    writer.writerows([_plain(cell) for cell in row] for row in table)
    return out.getvalue().encode("utf-8-sig")


def _plain(cell: Cell) -> str | int:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    return guarded(cell) if isinstance(cell, str) else cell


def as_xlsx(name: str, header: list[str], table: list[list[Cell]]) -> bytes:
    """name: of the sheet. Texts are written as texts, so nothing becomes a formula or a link; days and numbers stay
    what they are."""
    # Imported here: nobody needs it before the first export.
    from xlsxwriter import Workbook

    out = BytesIO()
    book = Workbook(out, {"constant_memory": True, "default_date_format": "dd-mm-yyyy"})
    sheet = book.add_worksheet(name)
    moment, bold = book.add_format({"num_format": "dd-mm-yyyy hh:mm"}), book.add_format({"bold": True})
    for column, width in enumerate(WIDTHS):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(table), 1), len(header) - 1)
    for column, text in enumerate(header):
        sheet.write_string(0, column, text, bold)
    for number, row in enumerate(table, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write_datetime(number, column, cell, moment)
            elif isinstance(cell, date):
                sheet.write_datetime(number, column, cell)
            elif isinstance(cell, int):
                sheet.write_number(number, column, cell)
            elif cell:
                sheet.write_string(number, column, cell)
    book.close()
    return out.getvalue()
