#!/usr/bin/env python3
"""The device in a field of real peers that die and come back: what it reads stays right, what is dead is never good.

    field.py OPENRTD [RESULT.json] [--minutes N] [--seed N]

Ten Modbus devices by pymodbus, three of which are killed (kill -9) and started again at random; an outstation by yadnp3,
killed and started again; a Modbus RTU device by pymodbus behind socat, pulled and plugged in again; a
Sparkplug edge node by pysparkplug whose broker, mosquitto, is killed and started again. One `openrtd run` reads them all, one
`openrtd ems` polls that. Every value is the time in tenths of a second, so that each can be held against the time at which it was read.
The registry of what happened is the two journals; nobody helps the device.
"""

import argparse
import bisect
import datetime
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE.parent / "crates/openrtd/tests/peers"
PYTHON = os.environ.get("OPENRTD_PEERS_PYTHON", str(HERE.parent / ".venv/bin/python"))
BEGIN, WRAP = 1_577_836_800, 100_000_000
TCP, DYING = 10, 3
POLL_S, AGE_S, SCAN_S = 1.0, 4.0, 1.0
# By then a device that is back has been asked: its longest rest between two attempts, and the scans.
BACK_S = 12.0
# What a record may be late by on its way through two programs on a busy machine.
WAY_S = 1.0


def tenths(at):
    return int((at - BEGIN) * 10) % WRAP


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Program:
    """A program with its journal; `ended` is when it was last killed."""

    def __init__(self, command, journal=None, errors=None):
        self.command, self.journal = command, journal
        self.lines, self.child = [], None
        self.errors = errors
        self.start()

    def start(self):
        errors = open(self.errors, "ab") if self.errors else subprocess.DEVNULL
        self.child = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        threading.Thread(target=self.listen, args=(self.child,), daemon=True).start()

    def listen(self, child):
        for line in child.stdout:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            self.lines.append((time.time(), record))

    def until(self, event, since=0, wait=60):
        end = time.time() + wait
        while time.time() < end:
            if any(record.get("event") == event for _, record in self.lines[since:]):
                return
            if self.child.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit(f"field: {self.command}: no {event}")

    def tell(self, request):
        try:
            self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
        except (BrokenPipeError, OSError):
            pass

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Peer:
    """Something in the field: what it is started by, and when it was away."""

    def __init__(self, name, dies=None):
        self.name, self.dies = name, dies
        self.away = []
        self.programs = []

    def up(self):
        raise NotImplementedError

    def down(self):
        for program in self.programs:
            program.kill()

    def live(self, dice, end):
        """Dies and returns until the end; the last time it stays."""
        least, most, down_least, down_most = self.dies
        while True:
            time.sleep(dice.uniform(least, most))
            gone = time.time()
            if gone + down_most + 15 > end:
                return
            self.down()
            time.sleep(dice.uniform(down_least, down_most))
            self.up()
            self.away.append((gone, time.time()))


class Counter(Peer):
    """A Modbus TCP device."""

    def __init__(self, number, dies):
        super().__init__(f"m{number}", dies)
        self.port = free_port()

    def up(self):
        script = str(PEERS / "modbus_counter_pymodbus.py")
        self.programs = [Program([PYTHON, "-B", script, "--port", str(self.port)])]
        self.programs[0].until("listening")


class Line(Peer):
    """A Modbus RTU device behind socat."""

    def __init__(self, folder, dies):
        super().__init__("line", dies)
        self.near, self.far = folder / "near", folder / "far"

    def up(self):
        ends = [f"pty,raw,echo=0,link={end}" for end in (self.near, self.far)]
        cable = Program(["socat", *ends])
        while not (self.near.exists() and self.far.exists()):
            time.sleep(0.05)
        script = str(PEERS / "modbus_counter_pymodbus.py")
        device = Program([PYTHON, "-B", script, "--serial", str(self.far), "--unit", "5"])
        self.programs = [device, cable]
        device.until("listening")


class Rtu(Peer):
    """A DNP3 outstation."""

    def __init__(self, dies):
        super().__init__("rtu", dies)
        self.port = free_port()
        threading.Thread(target=self.count, daemon=True).start()

    def up(self):
        script = str(PEERS / "dnp3_outstation_yadnp3.py")
        self.programs = [Program([PYTHON, "-B", script, "127.0.0.1", str(self.port), "--local", "20", "--remote", "1"])]
        self.programs[0].until("listening")

    def count(self):
        while True:
            time.sleep(0.2)
            for program in self.programs:
                program.tell({"do": "update", "type": "analog_input", "index": 0, "value": tenths(time.time())})


class Mqtt(Peer):
    """A Sparkplug edge node behind a broker; the broker is what dies."""

    def __init__(self, folder, dies):
        super().__init__("mqtt", dies)
        self.port = free_port()
        self.file = folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        self.file.write_text(f"{user}persistence false\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self.node = None
        threading.Thread(target=self.count, daemon=True).start()

    def up(self):
        where = os.environ["PATH"] + ":/usr/sbin"
        self.programs = [Program([shutil.which("mosquitto", path=where), "-c", str(self.file)])]
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.05)
        if not self.node:
            self.node = Program([PYTHON, "-B", str(PEERS / "sparkplug_node_pysparkplug.py"), str(self.port)])
            self.node.until("ready")

    def count(self):
        while True:
            time.sleep(0.2)
            if self.node:
                self.node.tell({"do": "set", "metric": "Inverter/ActivePower", "value": float(tenths(time.time()))})


def analog(name, index, source):
    return (
        f'[[analog]]\nid = "{name}.count"\nindex = {index}\nunit = "counts"\nsign = "+"\nsource = {source}\n'
        f"max_units = 100000000.0\nmax_counts = 100000000\nage_max_ms = {int(AGE_S * 1000)}\n"
    )


def write(folder, peers, listen):
    site = (folder / "site.toml").read_text()
    tls = site[site.index("[tls]") : site.index("[[device]]")]
    text = (
        '[site]\nname = "Field"\nresource = "hybrid"\nsocket = "run/rtd.sock"\n'
        f'[history]\npath = "history.db"\n[outstation]\nlisten = "127.0.0.1:{listen}"\naddress = 10\n{tls}'
    )
    points, ems = "", ""
    poll = f"poll_ms = {int(POLL_S * 1000)}\n"
    for index, peer in enumerate(peers, 1):
        if isinstance(peer, Counter):
            where, source = f'protocol = "modbus"\naddress = "127.0.0.1:{peer.port}"\n', "register = 0, type = \"u32\""
        elif isinstance(peer, Line):
            where = f'protocol = "modbus"\nunit_id = 5\nserial = {{ port = "{peer.near}", baud = 19200 }}\n'
            source = 'register = 0, type = "u32"'
        elif isinstance(peer, Mqtt):
            where = (
                f'protocol = "sparkplug"\naddress = "127.0.0.1:{peer.port}"\ngroup = "Plant"\nnode = "Gateway"\n'
                'device = "Inv1"\nalive = "message"\n'
            )
            source = 'metric = "Inverter/ActivePower"'
        else:
            where = f'protocol = "dnp3"\naddress = "127.0.0.1:{peer.port}"\noutstation_address = 20\nmaster_address = 1\n'
            source = "analog = 0"
        text += f'[[device]]\nid = "{peer.name}"\n{where}{poll}'
        points += analog(peer.name, index, f'{{ device = "{peer.name}", {source}, unit = "counts" }}')
        ems += (
            f'[[device.analog]]\nid = "{peer.name}.count"\nindex = {index}\nunit = "counts"\n'
            "max_units = 100000000.0\nmax_counts = 100000000\n"
        )
    beat = '[heartbeat]\nid = "rtd.heartbeat"\nindex = 99\nperiod_ms = 4000\nwrap = 1000\n'
    (folder / "site.toml").write_text(text + points + beat)
    old = (folder / "ems.toml").read_text()
    head = old[: old.index("[[device.analog]]")]
    port = head[head.index('address = "127.0.0.1:') :].split('"')[1]
    head = head.replace(port, f"127.0.0.1:{listen}").replace('profile = "caiso-direct-telemetry"\n', "")
    head = head.replace("admit = ", f"scan_ms = {int(SCAN_S * 1000)}\nadmit = ", 1).replace("scans = 3", "scans = 15")
    beat = '[[device.analog]]\nid = "rtd.heartbeat"\nindex = 99\nunit = "counts"\nmax_units = 1000.0\nmax_counts = 1000\n'
    (folder / "ems.toml").write_text(head + ems + beat)


def ask(path, request):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(path))
        one.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(one.makefile().readline())


def good_at(records, at):
    """Whether the last record up to a time says that it is good."""
    place = bisect.bisect_right([then for then, _ in records], at)
    return place > 0 and records[place - 1][1]


def judge(peer, rtd, ems, ended):
    """What became of one peer's point, by both journals, and what is wrong with that."""
    wrong, values, good = [], 0, 0
    for _, record in rtd:
        if record.get("event") != "point" or record.get("id") != f"{peer.name}.count":
            continue
        if record["quality"] != "good":
            continue
        sent, received = seconds(record["read_sent"]), seconds(record["read_received"])
        # What is told is as old as its last update; what is asked counts when it is asked.
        slack = 20 if isinstance(peer, (Rtu, Mqtt)) else 1
        # A node that is born again tells what it had when it was cut off.
        if isinstance(peer, Mqtt) and any(gone <= received < returned + BACK_S for gone, returned in peer.away):
            continue
        values += 1
        if not tenths(sent) - slack <= record["value"] <= tenths(received) + 1:
            wrong.append(f"{peer.name}: {record['value']} read between {tenths(sent)} and {tenths(received)}")
    seen = []
    for _, record in ems:
        if record.get("event") == "point" and record.get("id") == f"{peer.name}.count":
            is_good = record["quality"] == "good"
            seen.append((seconds(record["time"]), is_good))
            good += is_good
            if is_good:
                age = seconds(record["time"]) - BEGIN - record["value"] / 10
                if age % (WRAP / 10) > AGE_S + SCAN_S + POLL_S + WAY_S and not isinstance(peer, Mqtt):
                    wrong.append(f"{peer.name}: the ISO got a good value that was {age:.1f} s old")
    back = []
    too_short = 0
    for number, (gone, returned) in enumerate(peer.away):
        late = gone + AGE_S + SCAN_S + WAY_S
        if late < returned:
            if good_at(seen, late) or any(is_good for at, is_good in seen if late < at < returned):
                wrong.append(f"{peer.name}: dead at {gone:.1f}, and good to the ISO after {late - gone:.1f} s")
        until = peer.away[number + 1][0] if number + 1 < len(peer.away) else ended
        again = [at for at, is_good in seen if is_good and returned <= at < until]
        if not again and until - returned < BACK_S:
            too_short += 1
        elif not again:
            wrong.append(f"{peer.name}: back at {returned:.1f}, and never good again")
        else:
            back.append(round(again[0] - returned, 2))
    if not good_at(seen, ended):
        wrong.append(f"{peer.name}: not good in the end")
    told = {"values_held_against_the_time": values, "good_at_the_iso": good, "deaths": len(peer.away)}
    if peer.away:
        told |= {"died_again_before_it_was_asked": too_short, "recovered": len(back), "seconds_from_return_to_good_at_the_iso": {"most": max(back, default=None), "each": back}}
    return told, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("openrtd")
    parser.add_argument("result", nargs="?")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    temporary = tempfile.TemporaryDirectory()
    folder = pathlib.Path(temporary.name) / "site"
    subprocess.run([args.openrtd, "init", str(folder)], check=True, stdout=subprocess.DEVNULL)
    # Away for less than it takes to notice, and for longer.
    dies = (8, 40, 2, 25) if args.minutes > 3 else (5, 12, 3, 10)
    rests = (20, 60, 3, 15) if args.minutes > 3 else (8, 16, 4, 8)
    peers = [Counter(number, dies if number < DYING else None) for number in range(TCP)]
    peers += [Line(folder, rests), Rtu(rests), Mqtt(folder, rests)]
    for peer in peers:
        peer.up()
    write(folder, peers, free_port())
    errors = folder / "rtd.log"
    rtd = Program([args.openrtd, "run", str(folder / "site.toml"), "--json"], errors=errors)
    rtd.until("ready")
    ems = Program([args.openrtd, "ems", str(folder / "ems.toml"), "--json"], errors=folder / "ems.log")
    ems.until("link")
    started = time.time()
    time.sleep(3)
    first = ask(folder / "run/rtd.sock", {"do": "status"})
    from_then = time.time()
    end = started + args.minutes * 60
    for number, peer in enumerate(peers):
        if peer.dies:
            threading.Thread(target=peer.live, args=(random.Random(args.seed * 100 + number), end), daemon=True).start()
    while time.time() < end:
        time.sleep(min(1.0, max(0.01, end - time.time())))
        if rtd.child.poll() is not None or ems.child.poll() is not None:
            sys.exit("field: a program ended: " + errors.read_text()[-2000:])
    last = ask(folder / "run/rtd.sock", {"do": "status"})
    ran = time.time() - from_then
    wrong, told = [], {}
    counted = {one["device"]: one for one in first["devices"]}
    for peer in peers:
        told[peer.name], found = judge(peer, rtd.lines, ems.lines, time.time())
        wrong += found
        now, before = next(one for one in last["devices"] if one["device"] == peer.name), counted[peer.name]
        polls, failed = (now[key] - before[key] for key in ("polls", "polls_failed"))
        told[peer.name] |= {"polls": polls, "polls_failed": failed}
        if not peer.dies:
            due = int(ran / POLL_S)
            told[peer.name]["polls_due"] = due
            if failed or polls < due - 1:
                wrong.append(f"{peer.name} is good: {polls} polls, {failed} failed, {due} were due")
    scans = [record for _, record in ems.lines if record.get("event") == "scan"]
    missed = sum(record["missed"] for record in scans)
    for program in (rtd, ems):
        program.child.terminate()
    for peer in peers:
        peer.down()
        if isinstance(peer, Mqtt):
            peer.node.kill()
    each = {name: one["seconds_from_return_to_good_at_the_iso"]["each"] for name, one in told.items() if one["deaths"]}
    backs = sorted(back for one in each.values() for back in one)
    result = {
        "minutes": args.minutes,
        "seed": args.seed,
        "deaths": sum(one["deaths"] for one in told.values()),
        "recovered": len(backs),
        "died_again_before_they_were_asked": sum(one.get("died_again_before_it_was_asked", 0) for one in told.values()),
        "by_hand": 0,
        "seconds_from_return_to_good_at_the_iso": {
            "median": backs[len(backs) // 2] if backs else None,
            "most": backs[-1] if backs else None,
        },
        "values_held_against_the_time": sum(one["values_held_against_the_time"] for one in told.values()),
        "polls_of_good_devices": sum(one["polls"] for one in told.values() if "polls_due" in one),
        "polls_of_good_devices_failed": sum(one["polls_failed"] for one in told.values() if "polls_due" in one),
        "scans_by_the_iso": len(scans),
        "scans_missed": missed,
        "good_of_a_dead_device": sum("good to the ISO" in one or "s old" in one for one in wrong),
        "wrong": wrong[:20],
        "devices": told,
    }
    if args.result:
        pathlib.Path(args.result).write_text(json.dumps(result))
    print(json.dumps({key: value for key, value in result.items() if key != "devices"}, indent=1))
    sys.exit(1 if wrong else 0)


main()
