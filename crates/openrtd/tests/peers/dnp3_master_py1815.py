"""A master by py1815: a second independent judge of our outstation.

Requests: {"do": "integrity"},
{"do": "operate", "type": "analog" | "crob", "index", "value", "width"?, "count"?, "on_ms"?,
 "mode": "sbo" | "direct" | "select" | "operate", "lose"?: "SELECT" | "OPERATE" | "DIRECT_OPERATE", "twice"?: true},
{"do": "reconnect"}.

"select" and "operate" are halves of "sbo". "lose" throws the first reply to that function away, as a network would,
and has the same fragment sent again after the time-out; "twice" sends every fragment twice at once.
"""

import asyncio
import math
import ssl
import struct
import threading

import peer
from py1815.application import FunctionCode
from py1815.control import AnalogOutput
from py1815.master import association, controls
from py1815.master.api import Outstation
from py1815.master.tasks import Tasks

ANSWER_TIME_MAX_S = 15.0
RESPONSE_TIME_S = 1.0
SERVER_NAME = "rtd.example"
WIDTHS = {"i32": 1, "i16": 2, "f32": 3, "f64": 4}
MODES = {"sbo": "select", "direct": "direct"}
HALVES = {"select": FunctionCode.SELECT, "operate": FunctionCode.OPERATE}
CROBS = {True: "latch_on", False: "latch_off", "pulse": "pulse_on"}

# It repeats reads alone of itself: a control sent twice could act twice. That is what is to be seen here.
association.RETRIED_FUNCTIONS |= {FunctionCode.SELECT, FunctionCode.OPERATE, FunctionCode.DIRECT_OPERATE}


class Master:
    """One connection on a loop of its own, so that it is served between requests too."""

    def __init__(self, args):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        tls = None
        if args.tls:
            ca, certificate, key = args.tls
            tls = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
            tls.load_cert_chain(certificate, key)
        self.outstation = Outstation(
            "peer",
            host=args.host,
            port=args.port,
            outstation_address=args.remote,
            master_address=args.local,
            response_timeout=RESPONSE_TIME_S,
            read_retries=3,
            tls=tls,
            server_name=SERVER_NAME if tls else None,
            tasks=Tasks.none(),
            confirm=True,
            reconnect=None,
        )
        self.lose, self.lost = None, 0
        self.take, self.outstation.association.receive = self.outstation.association.receive, self.receive
        self.run(self.outstation.connect())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(ANSWER_TIME_MAX_S)

    def receive(self, octets):
        """What came, unless it is to be lost: a response comes as one piece over TLS."""
        pending = self.outstation.association._pending
        if self.lose is not None and pending is not None and pending.function.name == self.lose:
            self.lose, self.lost = None, self.lost + 1
            return b""
        return self.take(octets)

    def integrity(self, _):
        exchange = self.run(self.outstation.integrity_poll())
        for each in exchange.objects:
            peer.emit_point(each.group, each.variation, each.index, each.value, each.flags, None)
        unread = [each.problem for each in exchange.undecoded]
        return {"outcome": "SUCCESS" if exchange.complete and not unread else str((exchange.outcome, unread))}

    @staticmethod
    def command(request):
        """What is to be sent, in its own words."""
        value = request["value"]
        if request["type"] == "crob":
            timed = {"count": request.get("count", 1), "on_time_ms": request.get("on_ms", 100)}
            return {"binary_outputs": {request["index"]: {"operation": CROBS.get(value, value), **timed}}}
        variation = WIDTHS[request.get("width", "f32")]
        if not math.isfinite(float(value)):
            # It refuses to make one of its own, but carries octets that were made elsewhere.
            octets = struct.pack("<f" if variation == 3 else "<d", float(value))
            value = AnalogOutput(0.0, variation, raw_value=octets)
        return {"analog_outputs": {request["index"]: value}, "variation": variation}

    def operate(self, request):
        what = self.command(request)
        self.lose, self.lost = request.get("lose"), 0
        self.outstation.deviations.set("repeat_request", request.get("twice", False))
        half = HALVES.get(request["mode"])
        if half is None:
            operated = self.run(self.outstation.operate(mode=MODES[request["mode"]], **what))
            exchanges, statuses = operated.exchanges, operated.statuses
        else:
            commands = controls.commands(**what)
            exchanges = [self.run(self.outstation.request(half, controls.encode(commands)))]
            statuses = controls.read_statuses(commands, exchanges[-1])
        self.outstation.deviations.clear()
        iin = exchanges[-1].iin
        return {
            "outcome": str(exchanges[-1].outcome.value),
            "status": [None if each.status is None else int(each.status) for each in statuses],
            "echoed": [each.echoed for each in statuses],
            "iin": None if iin is None else iin.first | iin.second << 8,
            "lost": self.lost,
            "retries": sum(each.retries for each in exchanges),
        }

    def reconnect(self, _):
        self.run(self.outstation.close())
        self.run(self.outstation.connect())

    def handlers(self):
        return {name: getattr(self, name) for name in ("integrity", "operate", "reconnect")}


def main():
    args = peer.arguments(__doc__.splitlines()[0], local=1, remote=10).parse_args()
    master = Master(args)
    peer.emit("ready", result="SUCCESS")
    peer.serve(master.handlers())
    master.run(master.outstation.close())


main()
