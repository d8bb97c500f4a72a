#!/usr/bin/env python3
"""What the device costs: 5,000 points that all change, over 50 Modbus devices, with history, and a master that polls.

    cost.py OPENRTD REGISTERS [RESULT.json] [--minutes N] [--fast-minutes N]

First every point changes once a second and is polled once a second, for N minutes (5); then six times a second, for ten
minutes: memory has to stay flat. Share of one core is utime + stime of /proc over the time passed, after a warm-up.
"""

import argparse
import json
import os
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

DEVICES, EACH = 50, 100
# By then the history holds as much in memory as it ever does.
WARM_S = 90
TICKS = os.sysconf("SC_CLK_TCK")
CORE_SHARE_MAX, MEMORY_MAX_MB = 0.15, 150
# Memory in the end over that in the middle.
FLAT_MAX = 1.1


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def write(folder, ports, listen, rate):
    site = (folder / "site.toml").read_text()
    tls = site[site.index("[tls]") : site.index("[[device]]")]
    text = [
        '[site]\nname = "Cost"\nresource = "hybrid"\nsocket = "run/rtd.sock"\n[history]\npath = "history.db"\n'
        f'[outstation]\nlisten = "127.0.0.1:{listen}"\naddress = 10\nevents_max = 20000\n{tls}'
    ]
    points, ems = [], []
    for device, port in enumerate(ports):
        text.append(
            f'[[device]]\nid = "d{device}"\nprotocol = "modbus"\naddress = "127.0.0.1:{port}"\npoll_ms = {1000 // rate}\n'
        )
        for register in range(EACH):
            index = device * EACH + register + 1
            scale = f'index = {index}\nunit = "MW"\nmax_units = 300.0\nmax_counts = 30000\n'
            points.append(
                f'[[analog]]\nid = "d{device}.{register}"\n{scale}sign = "+"\nage_max_ms = 5000\n'
                f'source = {{ device = "d{device}", register = {register}, type = "u16", scale = 0.01, unit = "MW" }}\n'
            )
            ems.append(f'[[device.analog]]\nid = "d{device}.{register}"\n{scale}')
    beat = '[heartbeat]\nid = "rtd.heartbeat"\nindex = 9999\nperiod_ms = 4000\nwrap = 1000\n'
    (folder / "site.toml").write_text("".join(text + points) + beat)
    old = (folder / "ems.toml").read_text()
    head = old[: old.index("[[device.analog]]")]
    port = head[head.index('address = "127.0.0.1:') :].split('"')[1]
    head = head.replace(port, f"127.0.0.1:{listen}").replace('profile = "caiso-direct-telemetry"\n', "")
    head = head.replace("admit = ", "scan_ms = 4000\nadmit = ", 1)
    beat = '[[device.analog]]\nid = "rtd.heartbeat"\nindex = 9999\nunit = "counts"\nmax_units = 1000.0\nmax_counts = 1000\n'
    (folder / "ems.toml").write_text(head + "".join(ems) + beat)


def used(pid):
    """Seconds of processor time so far, and resident memory in megabytes."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / TICKS, int(resident.split()[1]) / 1024


def run(args, rate, minutes):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "site"
        subprocess.run([args.openrtd, "init", str(folder)], check=True, stdout=subprocess.DEVNULL)
        plant = subprocess.Popen(
            [args.registers, str(DEVICES), str(rate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        write(folder, json.loads(plant.stdout.readline())["ports"], free_port(), rate)
        log = (folder / "log").open("w")
        rtd = subprocess.Popen([args.openrtd, "run", str(folder / "site.toml")], stdout=log, stderr=log)
        ems_out = (folder / "ems.jsonl").open("w")
        ems = None
        try:
            time.sleep(WARM_S / 2)
            ems = subprocess.Popen([args.openrtd, "ems", str(folder / "ems.toml"), "--json"], stdout=ems_out, stderr=log)
            time.sleep(WARM_S / 2)
            began, (cpu, resident) = time.time(), used(rtd.pid)
            memory = [resident]
            middle, end = began + minutes * 30, began + minutes * 60
            while time.time() < end:
                time.sleep(min(5, max(0.01, end - time.time())))
                memory.append(used(rtd.pid)[1])
                if rtd.poll() is not None:
                    sys.exit("cost: the device ended: " + (folder / "log").read_text()[-2000:])
            ran = time.time() - began
            share = (used(rtd.pid)[0] - cpu) / ran
            answer = ask(folder / "run/rtd.sock")
        finally:
            for program in (ems, rtd):
                if program:
                    program.terminate()
                    program.wait()
            plant.kill()
        scans = [json.loads(line) for line in (folder / "ems.jsonl").read_text().splitlines() if '"scan"' in line]
        scans = [one for one in scans if one.get("event") == "scan"]
        stored, octets = history(folder / "history.db")
        half = len(memory) // 2
        return {
            "changes_a_second": rate,
            "minutes": minutes,
            "share_of_one_core": round(share, 4),
            "resident_mb": {"start": round(memory[0], 1), "middle": round(memory[half], 1), "end": round(memory[-1], 1), "most": round(max(memory), 1)},
            "samples_stored": stored,
            "store_octets_a_sample": round(octets / max(stored, 1), 2),
            "polls": sum(one["polls"] for one in answer["devices"]),
            "polls_failed": sum(one["polls_failed"] for one in answer["devices"]),
            "scans_by_the_iso": len(scans),
            "scans_missed": sum(one["missed"] for one in scans),
            "points_reported": sum(one["points"] for one in scans),
        }


def ask(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(path))
        one.sendall(b'{"do": "status"}\n')
        return json.loads(one.makefile().readline())


def history(path):
    """Samples in closed blocks, and the octets of all of the file."""
    with sqlite3.connect(path) as store:
        (entries,) = store.execute("SELECT coalesce(sum(entries), 0) FROM block").fetchone()
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return entries, path.stat().st_size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("openrtd")
    parser.add_argument("registers")
    parser.add_argument("result", nargs="?")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--fast-minutes", type=float, default=10.0)
    args = parser.parse_args()
    runs = [run(args, rate, minutes) for rate, minutes in ((1, args.minutes), (6, args.fast_minutes)) if minutes > 0]
    result = {"points": DEVICES * EACH, "devices": DEVICES, "runs": runs, "goal": {"share_of_one_core": CORE_SHARE_MAX, "resident_mb": MEMORY_MAX_MB}}
    wrong = []
    for one in runs:
        memory = one["resident_mb"]
        if memory["end"] > FLAT_MAX * memory["middle"]:
            wrong.append(f"memory grows at {one['changes_a_second']} changes a second")
        if one["polls_failed"] or one["scans_missed"]:
            wrong.append(f"polls or scans are missed at {one['changes_a_second']} changes a second")
        if one["changes_a_second"] == 1 and (one["share_of_one_core"] > CORE_SHARE_MAX or memory["most"] > MEMORY_MAX_MB):
            wrong.append("it costs more than it should")
    result["wrong"] = wrong
    if args.result:
        pathlib.Path(args.result).write_text(json.dumps(result))
    print(json.dumps(result, indent=1))
    sys.exit(1 if wrong else 0)


main()
