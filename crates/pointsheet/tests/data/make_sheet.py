#!/usr/bin/env python3
"""Makes points.xlsx in LibreOffice Calc, as a person would: merged titles, odd headers, a formula, notes below.

    make_sheet.py OUT.xlsx

Needs LibreOffice (soffice on the PATH) and its Python bridge (module `uno`). Every name and figure is made up.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.table.CellHoriJustify import CENTER

AI = [
    ["IRG999 Example Solar and Storage"],
    ["Analog Inputs (device to ISO)", "", "", "", "", "rev. C, 11/2026"],
    [],
    ["POINT DESCRIPTION", "Point name", "Eng.Units", "RIG E / U\nMax Units", "RIG to CAISO Max. Counts",
     "DNP Index\n(0 not used)", "Remarks"],
    ["RIG heartbeat", "IRG999.HEARTBEAT", "Counts", 1000, 1000, 1, "made in the device"],
    ["POI megawatts", "IRG999.POI_MW", "MW", 15, 30000, 2],
    ["POI megavars", "IRG999.POI_MVAR", "MVAR", 7.5, "=D7*2000", 3, "counts by formula"],
    ["T1 transformer high side voltage", "IRG999.T1_HS_KV", "KV", 230, 23000, 4],
    ["POI frequency", "IRG999.POI_HZ", "Hz", 100, 10000, 5],
    ["Battery megawatts", "IRG999.BESS_MW", "MW", 5, 30000, 6, "discharge positive"],
    ["Battery state of charge", "IRG999.BESS_SOC", "MWHr", 20, "20000", 7, "counts typed as text"],
    ["Battery set point feedback", "IRG999.BESS_SPFB", "MW", 5, 30000, 8],
    ["Met 1 global horizontal irradiance", "IRG999.MET1_GHI", "W/m^2", 1600, 16000, 9],
    ["Met 1 air temperature", "IRG999.MET1_TEMP", "Deg. C", 100, 10000, 10],
    ["Met 1 wind speed", "IRG999.MET1_WSPD", "m/s", 60, 6000, 11],
    ["Met 1 barometric pressure", "IRG999.MET1_PRES", "mbar", 1100, 11000, 12],
    ["Spare analog", "IRG999.SPARE_AI", "", "", "", 0],
    [],
    ["Notes", "Rows without an index are not polled."],
]
AO = [
    ["IRG999 Example Solar and Storage"],
    ["Analog Outputs (ISO to device)"],
    ["Point Description", "Point Name", "Eng Units", "RIG EU max units", "RIG to CAISO max counts",
     "DNP index (0 = not used)"],
    ["Battery megawatt set point", "IRG999.BESS_SP", "MW", 5, 30000, 1],
]
DI = [
    ["IRG999 Example Solar and Storage"],
    ["Digital Inputs (device to ISO)"],
    ["Point\nDescription", "Point Name", "DNP Index (0 not used)", "Point Logic 0/1"],
    ["Main breaker", "IRG999.CB1", 1, "Open\\Closed"],
    ["Plant in remote", "IRG999.REMOTE", 2, "0\\Local\\1\\Remote"],
    ["Aggregate unit connection status", "IRG999.UNIT_CONN", 3, "0\\Disconnected\\1\\Connected"],
    ["Met 1 communication", "IRG999.MET1_COMM", 4, "Failed\\Normal"],
    ["Spare status", "IRG999.SPARE_DI", "", ""],
]
DO = [
    ["IRG999 Example Solar and Storage"],
    ["Digital Outputs (ISO to device)"],
    ["Point Description", "Point Name", "DNP Index (0 not used)", "Point Logic 0/1"],
]


def property_of(name, value):
    made = PropertyValue()
    made.Name, made.Value = name, value
    return made


def fill(sheet, rows):
    for row, cells in enumerate(rows):
        for column, value in enumerate(cells):
            cell = sheet.getCellByPosition(column, row)
            if isinstance(value, str) and value.startswith("="):
                cell.setFormula(value)
            elif isinstance(value, str):
                cell.setString(value)
            else:
                cell.setValue(value)
    width = max(len(cells) for cells in rows)
    title = sheet.getCellRangeByPosition(0, 0, width - 1, 0)
    title.merge(True)
    title.HoriJustify = CENTER
    subtitle = sheet.getCellRangeByPosition(0, 1, 3, 1)
    subtitle.merge(True)
    header = next(at for at, cells in enumerate(rows) if len(cells) > 3 and cells[0].lower().startswith("point"))
    sheet.getCellRangeByPosition(0, header, width - 1, header).IsTextWrapped = True


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
    out = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as home:
        pipe = f"points{pathlib.Path(home).name}"
        office = subprocess.Popen(
            ["soffice", "--headless", "--norestore", f"-env:UserInstallation=file://{home}",
             f"--accept=pipe,name={pipe};urp;"],
        )
        try:
            context = connect(pipe)
            desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
            book = desktop.loadComponentFromURL("private:factory/scalc", "_blank", 0, (property_of("Hidden", True),))
            sheets = book.Sheets
            for at, (name, rows) in enumerate(
                [("AI Points", AI), ("AO", AO), ("Digital Inputs", DI), ("DO points", DO)]
            ):
                sheets.insertNewByName(name, at)
                fill(sheets.getByName(name), rows)
            notes = sheets.getByIndex(4)
            notes.Name = "Revision history"
            notes.getCellByPosition(0, 0).setString("A first issue, B indexes added, C met station added")
            book.storeToURL(out.as_uri(), (property_of("FilterName", "Calc MS Excel 2007 XML"),))
            book.close(True)
            desktop.terminate()
        finally:
            office.wait(timeout=60)


main()
