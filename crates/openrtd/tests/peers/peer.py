"""What every peer script shares: how it is called, told and heard.

A peer is driven by a test, so it does nothing on a timer of its own. It reads
requests from stdin, one JSON object a line with a field "do", and writes what
happens to stdout, one JSON object a line with a field "event". Every request is
answered by {"event": "done", "do": ...}; what it made happen comes before that
line. End of input ends the peer.

Points are named as everywhere in OpenRTD: binary_input, binary_output_status,
analog_input, analog_output_status. "flags" is the flag octet without the state
bit of a binary, or null for a variation that carries none.
"""

import argparse
import json
import sys
import threading
import traceback

POINT_TYPES = {
    1: "binary_input",
    2: "binary_input",
    10: "binary_output_status",
    11: "binary_output_status",
    30: "analog_input",
    32: "analog_input",
    40: "analog_output_status",
    42: "analog_output_status",
}
EVENT_GROUPS = {2, 11, 32, 42}
STATE_BIT = 0x80

# Points that each outstation peer holds, by index from 0.
POINTS = 4

_stdout = threading.Lock()


def emit(event, **fields):
    """Writes one line. Safe from any thread."""
    line = json.dumps({"event": event, **fields})
    with _stdout:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def emit_point(group, variation, index, value, flags, time_ms):
    """One point of a response; nothing for a group OpenRTD has no name for."""
    kind = POINT_TYPES.get(group)
    if kind is None:
        return
    if kind.startswith("binary"):
        value = bool(value)
        flags = None if flags is None else flags & ~STATE_BIT
    emit(
        "point",
        type=kind,
        index=index,
        value=value,
        flags=flags,
        group=group,
        variation=variation,
        origin="event" if group in EVENT_GROUPS else "static",
        time=time_ms,
    )


def arguments(description, local, remote):
    """The arguments of every DNP3 peer."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--local", type=int, default=local, help="own link address")
    parser.add_argument("--remote", type=int, default=remote, help="link address of the other side")
    parser.add_argument("--tls", nargs=3, metavar=("CA", "CERT", "KEY"), help="mutual TLS, PEM files")
    return parser


def requests():
    """The requests from stdin, until its end or {"do": "quit"}."""
    for line in sys.stdin:
        if line.strip():
            request = json.loads(line)
            if request["do"] == "quit":
                return
            yield request


def serve(handlers):
    """Answers each request with the handler of its name, whose result goes into the "done" line."""
    for request in requests():
        answer(handlers, request)


def answer(handlers, request):
    """Answers one request. A handler that fails says so; the peer lives on."""
    try:
        result = handlers[request["do"]](request) or {}
    except Exception as error:  # a test peer: whatever went wrong belongs into the test's output
        traceback.print_exc()
        result = {"error": repr(error)}
    emit("done", do=request["do"], **result)
