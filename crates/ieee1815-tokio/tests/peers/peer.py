"""What every peer script shares: how it is called, told and heard.

A peer is driven by a test, so it does nothing on a timer of its own. It reads
requests from stdin, one JSON object a line with a field "do", and writes what
happens to stdout, one JSON object a line with a field "event". Every request is
answered by {"event": "done", "do": ...}; what it made happen comes before that
line. "unsupported" in that line is the reason why this peer cannot do it.
End of input ends the peer.

Points are told by group and variation as they came: {"event": "point", "group",
"variation", "index", "value", "flags", "time", "unsolicited"}. "flags" is the
flag octet without the state of a binary, null where there is none; the value of
a double-bit input is "between", "off", "on" or "wrong".
"""

import argparse
import json
import sys
import threading
import traceback

STATE_BIT = 0x80
DOUBLE_STATE_BITS = 0xC0
DOUBLE_STATES = ("between", "off", "on", "wrong")
BINARY_GROUPS = {1, 2, 10, 11, 13}
DOUBLE_GROUPS = {3, 4}

# Points of each type that each outstation peer holds, by index from 0.
POINTS = 4
# An outstation peer's outputs go no further, either way.
OUTPUT_MAX = 1e6
RESTART_MS = 1000

_stdout = threading.Lock()


class Unsupported(Exception):
    """This peer cannot do that; the text says why."""


def emit(event, **fields):
    """Writes one line. Safe from any thread."""
    line = json.dumps({"event": event, **fields})
    with _stdout:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def emit_point(group, variation, index, value, flags, time_ms, unsolicited=False):
    """One point of a response."""
    if group in BINARY_GROUPS:
        value = bool(value)
        flags = None if flags is None else flags & ~STATE_BIT
    elif group in DOUBLE_GROUPS:
        value = DOUBLE_STATES[int(value)]
        flags = None if flags is None else flags & ~DOUBLE_STATE_BITS
    emit(
        "point",
        group=group,
        variation=variation,
        index=index,
        value=value,
        flags=flags,
        time=time_ms,
        unsolicited=unsolicited,
    )


def arguments(description, local, remote):
    """The arguments of every peer."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--local", type=int, default=local, help="own link address")
    parser.add_argument("--remote", type=int, default=remote, help="link address of the other side")
    parser.add_argument("--tls", nargs=3, metavar=("CA", "CERT", "KEY"), help="mutual TLS, PEM files")
    parser.add_argument("--tls12", action="store_true", help="no TLS newer than 1.2")
    parser.add_argument("--name", default="", help="name in the other side's certificate")
    return parser


def serve(handlers):
    """Answers each request with the handler of its name, whose result goes into the "done" line."""
    for line in sys.stdin:
        if not line.strip():
            continue
        request = json.loads(line)
        name = request["do"]
        try:
            if name not in handlers:
                raise Unsupported("it has no call for it")
            result = handlers[name](request) or {}
        except Unsupported as reason:
            result = {"unsupported": str(reason)}
        except Exception as error:  # whatever went wrong belongs into the test's output
            traceback.print_exc()
            result = {"outcome": repr(error)}
        emit("done", do=name, **result)
