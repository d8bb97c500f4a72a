"""Reckons the measured regulation signal again, apart from the device, and holds what the device told against it.

regulation.py SIGNAL.csv STEPS.csv RESULT.json docs/regulation.md: SIGNAL is as it was measured; STEPS is each step as the
master decoded it; RESULT is what the proof came to, to which the comparison is added. The table goes into the page.
"""

import csv
import json
import sys
from collections import defaultdict

EFFICIENCY = 0.95
SECONDS = 4
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def read_signal(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))
    days = rows[0][1:]
    return {day: [float(row[at + 1]) for row in rows[1:]] for at, day in enumerate(days)}


def read_steps(path):
    steps = defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            figures = [float(row[key]) for key in ("asked", "done", "clamp", "charge")]
            steps[int(row["window"]), row["battery"]].append(figures)
    return steps


def mileage(values):
    return sum(abs(after - before) for before, after in zip(values, values[1:]))


def accuracy(steps):
    off = sum(abs(asked - done) for asked, done, clamp, _ in steps if clamp == 0)
    size = sum(abs(asked) for asked, _, clamp, _ in steps if clamp == 0)
    return 1 - off / size


def lag(steps):
    """The shift at which signal and response differ least, over steps in which nothing held it back."""
    def differ(shift):
        pairs = zip(steps, steps[shift:])
        free = [abs(a[0] - b[1]) for a, b in pairs if a[2] == 0 and b[2] == 0]
        return sum(free) / len(free)
    return min(range(6), key=differ)


def needs(values):
    charge, least, most = 0.0, 0.0, 0.0
    for mw in values:
        charge -= (mw / EFFICIENCY if mw > 0 else mw * EFFICIENCY) * SECONDS / 3600
        least, most = min(least, charge), max(most, charge)
    return least, most


def near(one, other, within, what):
    if abs(one - other) > within:
        sys.exit(f"regulation: {what}: {one} and {other}")


def check(signal, steps, result):
    differ = 0.0
    for at, row in enumerate(result["rows"]):
        day = row["day"]
        wanted = signal[day]
        expected = mileage(wanted)
        for name in ("100", "400"):
            told, own = row[f"battery_{name}"], steps[at, name]
            what = f"{day}, {name} MWh"
            near(len(own), len(wanted), 0, f"{what}: steps")
            for (asked, *_), measured in zip(own, wanted):
                near(asked, measured, 1e-5, f"{what}: asked for and measured")
            near(told["mileage_mw"], expected, 1e-6 * expected, f"{what}: mileage")
            near(mileage([one[0] for one in own]), expected, 1e-6 * expected, f"{what}: mileage of the steps")
            differ = max(differ, abs(told["mileage_mw"] - expected) / expected)
            near(told["accuracy"], accuracy(own), 1e-5, f"{what}: accuracy")
            near(told["clamped_steps"], sum(one[2] != 0 for one in own), 0, f"{what}: clamped steps")
            near(told["delay_steps"], lag(own), 0, f"{what}: delay")
            low, high = (5, 95) if name == "100" else (10, 390)
            if told["charge_min_mwh"] < low or told["charge_max_mwh"] > high:
                sys.exit(f"regulation: {what}: its charge left its limits")
        for one, other in zip(row["needs_mwh"], needs(wanted)):
            near(one, other, 0.001, f"{day}: energy")
    return differ


def summed(result, name):
    rows = [row[f"battery_{name}"] for row in result["rows"]]
    clamped = sum(row["clamped_steps"] for row in rows)
    return {
        "windows_clamped": sum(row["clamped_steps"] > 0 for row in rows),
        "clamped_steps": clamped,
        "accuracy_least": min(row["accuracy"] for row in rows),
        "accuracy_within_steps_mean": round(sum(row["accuracy_within_steps"] for row in rows) / len(rows), 4),
        "accuracy_within_steps_least": min(row["accuracy_within_steps"] for row in rows),
        "worst_mw": max(row["worst_mw"] for row in rows),
        "delay_steps_most": max(row["delay_steps"] for row in rows),
        "charge_min_mwh": min(row["charge_min_mwh"] for row in rows),
        "charge_max_mwh": max(row["charge_max_mwh"] for row in rows),
        "mileage_mw": round(sum(row["mileage_mw"] for row in rows), 1),
        "response_mileage_mw": round(sum(row["response_mileage_mw"] for row in rows), 1),
    }


def table(result):
    small, large = result["battery_100"], result["battery_400"]
    steps = result["steps"]
    rows = [
        ("windows held back by charge", "{windows_clamped}"),
        ("steps held back, all told as such", "{clamped_steps}"),
        ("accuracy outside of them, least of a window", "{accuracy_least:.5f}"),
        ("farthest off outside of them, MW", "{worst_mw}"),
        ("delay, most, steps", "{delay_steps_most}"),
        ("accuracy within the steps, mean", "{accuracy_within_steps_mean:.4f}"),
        ("accuracy within the steps, least of a window", "{accuracy_within_steps_least:.4f}"),
        ("least charge, MWh", "{charge_min_mwh:.3f}"),
        ("most charge, MWh", "{charge_max_mwh:.3f}"),
        ("mileage of the signal, MW", "{mileage_mw:.0f}"),
        ("mileage of the battery, MW", "{response_mileage_mw:.0f}"),
    ]
    lines = [f"| {result['windows']} windows, {steps} steps | 100 MWh | 400 MWh |", "|---|---|---|"]
    lines += [f"| {name} | {form.format(**small)} | {form.format(**large)} |" for name, form in rows]
    return "\n".join(lines) + "\n"


def main(signal_path, steps_path, result_path, page_path):
    with open(result_path) as file:
        result = json.load(file)
    signal = read_signal(signal_path)
    differ = check(signal, read_steps(steps_path), result)
    rows = result["rows"]
    result["steps"] = sum(len(signal[row["day"]]) for row in rows)
    result["battery_100"], result["battery_400"] = summed(result, "100"), summed(result, "400")
    result["mileage_differs_most"] = f"{differ:.1e}"
    half = [row["needs_mwh"] for row in rows]
    result["windows_not_from_half_charge_400"] = sum(low < -190 or high > 190 for low, high in half)
    with open(result_path, "w") as file:
        json.dump(result, file)
    with open(page_path) as file:
        page = file.read()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    with open(page_path, "w") as file:
        file.write(before + BEGIN + table(result) + END + after)


main(*sys.argv[1:])
