"""An outstation by py1815: another judge of our master, with less in it.

Points 0 to 3 of each: binary inputs (g1v2) and analog inputs (g30v5), with their events. A command is accepted
up to 1,000 in magnitude. It does not know how to assign classes; --without names what else it is not to know, by function code.

Requests: {"do": "update", "type", "index", "value"}, {"do": "restart"}.
"""

import asyncio
import ssl
import threading

import peer
from py1815.control import AnalogOutput, CommandStatus
from py1815.events import EventBuffers, EventClass
from py1815.objects import AnalogPoint, AnalogVariation, BinaryPoint, analog_range, binary_range
from py1815.server import OutstationServer
from py1815.session import Session, UnknownObject

ACCEPTED_MAX = 1000.0
ANSWER_TIME_MAX_S = 15.0
ONLINE = 1
CLASS_0 = (60, 1)


class Points:
    """What is read, and what happens to the rest."""

    def __init__(self):
        self.analogs = [AnalogPoint(0.0, ONLINE) for _ in range(peer.POINTS)]
        self.binaries = [BinaryPoint(False, ONLINE) for _ in range(peer.POINTS)]

    def read(self, headers):
        wanted = {(header.group, header.variation) for header in headers}
        body = b""
        if wanted & {CLASS_0, (1, 0), (1, 2)}:
            body += binary_range(0, self.binaries)
        if wanted & {CLASS_0, (30, 0), (30, 5)}:
            body += analog_range(0, self.analogs, variation=AnalogVariation.FLOAT32_WITH_FLAG)
        if not body:
            raise UnknownObject(str(sorted(wanted)))
        return body

    def select(self, controls):
        return [self.judge(control, "select") for control in controls]

    def operate(self, controls):
        return [self.judge(control, "operate") for control in controls]

    @staticmethod
    def judge(control, step):
        value = control.command.value if isinstance(control.command, AnalogOutput) else 0.0
        status = CommandStatus.SUCCESS if abs(value) <= ACCEPTED_MAX else CommandStatus.OUT_OF_RANGE
        peer.emit("command", step=step, group=control.group, index=control.index, value=value, status=int(status))
        return status

    def freeze(self, headers, *, clear):
        peer.emit("frozen", clear=clear, groups=[header.group for header in headers])


class Outstation:
    """One session on a loop of its own."""

    def __init__(self, args):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.run(self.start(args))

    async def start(self, args):
        self.points = Points()
        self.events = EventBuffers()
        self.session = Session(
            self.points,
            control_provider=self.points,
            freeze_provider=self.points,
            events=self.events,
            outstation_address=args.local,
            master_address=args.remote,
            time_sink=lambda millis: peer.emit("time", ms=millis),
            need_time=True,
            unsolicited=args.unsolicited,
            restart_handler=lambda: 9000,
            disabled_functions=args.without,
        )
        tls, peers = None, None
        if args.tls:
            ca, certificate, key = args.tls
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
            tls.load_cert_chain(certificate, key)
            tls.verify_mode = ssl.CERT_REQUIRED
            peers = frozenset({"master.example"})
        place = f"{args.host}:{args.port}"
        self.server = OutstationServer(self.session, bind=place, ssl_context=tls, authorized_peers=peers)
        await self.server.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(ANSWER_TIME_MAX_S)

    def update(self, request):
        self.run(self.change(request["type"], request["index"], request["value"]))

    async def change(self, kind, index, value):
        if kind == "analog_input":
            self.points.analogs[index] = AnalogPoint(value, ONLINE)
            self.events.record_analog(index, self.points.analogs[index], event_class=EventClass.CLASS_2)
        else:
            self.points.binaries[index] = BinaryPoint(value, ONLINE)
            self.events.record_binary(index, self.points.binaries[index], event_class=EventClass.CLASS_1)
        self.server.notify()

    def restart(self, _):
        self.loop.call_soon_threadsafe(self.session.restart)


def main():
    parser = peer.arguments(__doc__.splitlines()[0], local=10, remote=1)
    parser.add_argument("--unsolicited", action="store_true", help="report events unasked")
    parser.add_argument("--without", type=int, nargs="*", default=[], help="function codes that it does not know")
    args = parser.parse_args()
    outstation = Outstation(args)
    peer.emit("listening", port=args.port)
    peer.serve({"update": outstation.update, "restart": outstation.restart})
    outstation.run(outstation.server.stop())


main()
