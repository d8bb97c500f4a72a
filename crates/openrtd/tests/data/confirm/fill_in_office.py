#!/usr/bin/env python3
"""Fills a worksheet in LibreOffice Calc as a person would: typed cells, rows sorted, columns moved, hidden and added.

    openrtd rules worksheet blank.xlsx --profile profile.toml --as-of 2026-11-25
    fill_in_office.py blank.xlsx office.xlsx office.csv     # Calc adds the sheet to the name of the csv

Needs LibreOffice (soffice on the PATH) and its Python bridge (module `uno`). The person is made up.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.table import TableSortField
from com.sun.star.util.NumberFormat import TEXT

# What is typed.
FILLED = {
    "dnp3.analog-input.static": ("6.10", "", "41"),
    "quality.age-max": ("5.2", "10000", "17"),
    "tls.floor": ("4.1.3", "1.2", "12"),
    "scope.storage": ("2.2", "10", "8"),
    "point.soc": ("Appendix B", "", "71-72"),
    "met.temperature": ("7.4", "", "55"),
    "paper.site-information": ("9", "", "80"),
    "step.point-to-point": ("9.3", "", "83"),
    "age.limit": ("5.2", "", "17"),
    "units.full-scale": ("6.11", "32767", "43"),
}
COLUMNS = 14


def property_of(name, value):
    made = PropertyValue()
    made.Name, made.Value = name, value
    return made


def column_of(sheet, header, title):
    return next(at for at in range(COLUMNS + 1) if sheet.getCellByPosition(at, header).String == title)


def fill(book, sheet):
    header = next(row for row in range(50) if sheet.getCellByPosition(0, row).String == "id")
    last = header
    while sheet.getCellByPosition(0, last + 1).String:
        last += 1
    # Sorted by what we believe, whole rows.
    by_title = TableSortField()
    by_title.Field, by_title.IsAscending = 3, True
    rows = sheet.getCellRangeByPosition(0, header, COLUMNS - 1, last)
    rows.sort((property_of("SortFields", uno.Any("[]com.sun.star.table.TableSortField", (by_title,))),
               property_of("ContainsHeader", True)))
    for row in range(header + 1, last + 1):
        entry = sheet.getCellByPosition(0, row).String
        at = {title: column_of(sheet, header, title) for title in ("clause", "value", "page", "name", "note")}

        def type_in(title, text):
            cell = sheet.getCellByPosition(at[title], row)
            # As at the keyboard: a cell of the format 'text' keeps 6.10, any other makes a number of it.
            if text and book.NumberFormats.getByKey(cell.NumberFormat).Type & TEXT:
                cell.setString(text)
            elif text:
                cell.setFormula(text)

        if entry in FILLED:
            clause, value, page = FILLED[entry]
            type_in("clause", clause)
            type_in("value", value)
            type_in("page", page)
            type_in("name", "Ada Example")
        if entry == "point.soc":
            type_in("note", 'Called "SOC" there; see also 7.1')
        if entry == "scope.networks":
            type_in("note", "not found")
    # The name before the clause, a column of one's own, the sources out of sight.
    name, clause = column_of(sheet, header, "name"), column_of(sheet, header, "clause")
    sheet.Columns.insertByIndex(clause, 1)
    source = sheet.getCellRangeByPosition(name + 1, 0, name + 1, last).RangeAddress
    sheet.moveRange(sheet.getCellByPosition(clause, 0).CellAddress, source)
    sheet.getCellByPosition(name + 1, header).setString("seen by a colleague")
    sheet.Columns.getByIndex(column_of(sheet, header, "source")).IsVisible = False


def connect(pipe):
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(120):
        try:
            return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
        except NoConnectException:
            time.sleep(0.5)
    sys.exit("LibreOffice does not answer")


def main():
    blank, workbook, text = (pathlib.Path(name).resolve() for name in sys.argv[1:4])
    with tempfile.TemporaryDirectory() as home:
        pipe = f"confirm{pathlib.Path(home).name}"
        office = subprocess.Popen(
            ["soffice", "--headless", "--norestore", f"-env:UserInstallation=file://{home}",
             f"--accept=pipe,name={pipe};urp;"],
        )
        try:
            context = connect(pipe)
            desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
            book = desktop.loadComponentFromURL(blank.as_uri(), "_blank", 0, (property_of("Hidden", True),))
            sheet = book.Sheets.getByName("Worksheet")
            fill(book, sheet)
            book.storeToURL(workbook.as_uri(), (property_of("FilterName", "Calc MS Excel 2007 XML"),))
            # Semicolons, quotation marks, UTF-8, as shown; the second sheet.
            options = "59,34,76,1,,0,false,true,false,false,false,2"
            book.storeToURL(text.as_uri(), (property_of("FilterName", "Text - txt - csv (StarCalc)"),
                                            property_of("FilterOptions", options)))
            book.close(True)
            desktop.terminate()
        finally:
            office.wait(timeout=60)


main()
