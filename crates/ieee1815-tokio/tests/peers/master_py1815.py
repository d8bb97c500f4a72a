"""A master by py1815, with its deliberate breaks of the rules and its own checks of how they are taken."""

import asyncio
import ssl
import threading

import peer
from py1815.application import FunctionCode
from py1815.master import controls
from py1815.master.api import Outstation
from py1815.master.checks import DEVIATION_CHECKS
from py1815.master.evaluate import evaluate
from py1815.master.tasks import Tasks
from py1815.profile.model import Kind, Point, PointMap

ANSWER_TIME_MAX_S = 60.0
RESPONSE_TIME_S = 2.0
WIDTHS = {"i32": 1, "i16": 2, "f32": 3, "f64": 4}
MODES = {"sbo": "select", "direct": "direct", "direct_no_ack": "direct_no_ack"}
ALL_OBJECTS = 0x06
LAYOUTS = "its table of object layouts has none of group"
UNKNOWN_GROUPS = {0, 3, 4, 13, 31, 33, 34, 43, 110, 111}


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
            if args.tls12:
                tls.maximum_version = ssl.TLSVersion.TLSv1_2
        self.heard = threading.Event()
        self.outstation = Outstation(
            "peer",
            host=args.host,
            port=args.port,
            outstation_address=args.remote,
            master_address=args.local,
            response_timeout=RESPONSE_TIME_S,
            tls=tls,
            server_name=args.name if tls else None,
            tasks=Tasks.none(),
            confirm=True,
            reconnect=0.2,
            on_unsolicited=self.reported,
        )
        self.run(self.outstation.connect(wait=ANSWER_TIME_MAX_S))

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(ANSWER_TIME_MAX_S)

    def reported(self, unsolicited):
        self.points(unsolicited.objects, True)
        if unsolicited.objects:
            self.heard.set()

    @staticmethod
    def points(objects, unsolicited=False):
        for each in objects:
            if each.point is not None:
                peer.emit_point(
                    each.group, each.variation, each.index, each.value, each.flags, each.time_ms, unsolicited
                )

    def told(self, exchange):
        """An exchange as a result."""
        self.points(exchange.objects)
        unread = [each.problem for each in exchange.undecoded]
        outcome = "SUCCESS" if not unread and exchange.outcome.value in ("complete", "sent") else str(
            (exchange.outcome.value, unread)
        )
        iin = exchange.iin
        return {"outcome": outcome, "iin": None if iin is None else iin.first | iin.second << 8}

    def integrity(self, _):
        return self.told(self.run(self.outstation.integrity_poll()))

    def classes(self, request):
        body = b"".join(bytes([60, 1 + one, ALL_OBJECTS]) for one in request["classes"])
        return self.told(self.run(self.outstation.request(FunctionCode.READ, body)))

    def read(self, request):
        if request["group"] in UNKNOWN_GROUPS:
            raise peer.Unsupported(f"{LAYOUTS} {request['group']}")
        body = bytes([request["group"], request["variation"], ALL_OBJECTS])
        return self.told(self.run(self.outstation.request(FunctionCode.READ, body)))

    def attributes(self, _):
        raise peer.Unsupported(f"{LAYOUTS} 0")

    def unsolicited(self, request):
        self.heard.clear()
        call = self.outstation.enable_unsolicited if request["enable"] else self.outstation.disable_unsolicited
        return self.told(self.run(call(1, 2, 3)))

    def listen(self, request):
        heard = self.heard.wait(request["seconds"])
        self.heard.clear()
        return {"outcome": "SUCCESS" if heard else "nothing came"}

    def freeze(self, request):
        return self.told(self.run(self.outstation.freeze(clear=request["clear"], respond=not request["no_ack"])))

    def assign(self, request):
        body = bytes([60, 1 + request["class"], ALL_OBJECTS, request["group"], 0, ALL_OBJECTS])
        return self.told(self.run(self.outstation.request(FunctionCode.ASSIGN_CLASS, body)))

    def broadcast(self, request):
        """A freeze of all counters, or a latch of an output, to every outstation; neither is answered."""
        if request["what"] == "freeze":
            function, body = FunctionCode.IMMED_FREEZE_NR, bytes([20, 0, ALL_OBJECTS])
        else:
            function = FunctionCode.DIRECT_OPERATE_NR
            body = controls.encode([controls.binary(request["index"], True)])
        return self.told(self.run(self.outstation.broadcast(function, body, address=request["how"])))

    def clear_restart(self, _):
        return self.told(self.run(self.outstation.clear_restart()))

    def time(self, request):
        procedure = {"lan": "lan", "nonlan": "non_lan"}[request["procedure"]]
        synchronized = self.run(self.outstation.synchronize_time(procedure))
        last = self.told(synchronized.exchanges[-1])
        return last if synchronized.written else {"outcome": f"not written: {last}"}

    def operate(self, request):
        if request["type"] == "crob":
            names = {True: True, False: False, "pulse": "pulse_on", "trip": "trip", "close": "close"}
            what = {"binary_outputs": {request["index"]: names[request["value"]]}}
        else:
            what = {
                "analog_outputs": {request["index"]: request["value"]},
                "variation": WIDTHS[request["width"]],
            }
        operated = self.run(self.outstation.operate(mode=MODES[request["mode"]], **what))
        statuses = [None if each.status is None else int(each.status) for each in operated.statuses]
        return {**self.told(operated.exchanges[-1]), "statuses": statuses}

    def restart(self, _):
        exchange = self.run(self.outstation.restart("cold"))
        delays = [each.value for each in exchange.objects if each.group == 52]
        return {**self.told(exchange), "delay_ms": str(delays)}

    def again(self, _):
        """Waits until it is connected again and answered."""

        async def until_answered():
            while True:
                await asyncio.sleep(0.2)
                if self.outstation.connected:
                    try:
                        exchange = await self.outstation.integrity_poll()
                    except ConnectionError:
                        continue
                    if exchange.complete:
                        return exchange

        return self.told(self.run(until_answered()))

    def link_status(self, _):
        raise peer.Unsupported("its master has no link service but user data")

    def deadband(self, _):
        raise peer.Unsupported(f"{LAYOUTS} 34")

    def check(self, request):
        """One of its own checks of a broken rule."""
        wanted = [check for check in DEVIATION_CHECKS if check.id == request["id"]]
        # Its reads are of one point.
        level = Point(Kind.AI, 0, "level", event_class=3)
        report = self.run(evaluate(self.outstation, PointMap({level.address: level}), checks=wanted, deviating=True, settle=5.0))
        (result,) = report.results
        outcome = "SUCCESS" if result.verdict.value == "passed" else result.verdict.value
        return {"outcome": outcome, "title": result.title, "detail": result.detail, "notes": list(result.notes)}

    def deviate(self, request):
        """Turns a deviation on, or all off."""
        if request["name"] is None:
            self.outstation.deviations.clear()
        else:
            self.outstation.deviations.set(request["name"], True)
        return {"outcome": "SUCCESS"}

    def raw(self, request):
        """An event read that may go unanswered."""
        body = b"".join(bytes([60, 1 + one, ALL_OBJECTS]) for one in request["classes"])
        exchange = self.run(self.outstation.request(FunctionCode.READ, body))
        return {**self.told(exchange), "ended": exchange.outcome.value}

    def handlers(self):
        names = (
            "integrity classes read broadcast attributes unsolicited listen freeze assign clear_restart time operate restart"
            " again link_status deadband check deviate raw"
        )
        return {name: getattr(self, name) for name in names.split()}


def main():
    master = Master(peer.arguments(__doc__, local=1, remote=10).parse_args())
    peer.emit("ready")
    peer.serve(master.handlers())
    master.run(master.outstation.close())


main()
