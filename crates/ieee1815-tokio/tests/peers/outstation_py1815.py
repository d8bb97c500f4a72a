"""An outstation by py1815: the point table behind it is this script's, since that library holds none."""

import asyncio
import ssl
import threading

import peer
from py1815.application import QualifierCode, object_header
from py1815.control import (
    CommandStatus,
    ControlRelayOutputBlock,
    OperationType,
    TripCloseCode,
    encode_analog_output_status,
    encode_binary_output_status,
)
from py1815.events import EventBuffers, EventClass
from py1815.objects import (
    AnalogPoint,
    AnalogVariation,
    BinaryPoint,
    CounterPoint,
    analog_range,
    binary_range,
    counter_range,
    frozen_counter_range,
)
from py1815.server import OutstationServer
from py1815.session import Session, UnknownObject

CLASS_0 = (60, 1)
STATICS = (1, 10, 20, 21, 30, 40)
WAIT_MAX_S = 15.0
EVENTS = 1000


class Table:
    """The points."""

    def __init__(self):
        every = range(peer.POINTS)
        self.binaries = [BinaryPoint(False) for _ in every]
        self.outputs = [False for _ in every]
        self.counters = [CounterPoint(0) for _ in every]
        self.frozen = [(CounterPoint(0), 0) for _ in every]
        self.analogs = [AnalogPoint(0.0) for _ in every]
        self.levels = [0.0 for _ in every]
        self.events = EventBuffers(capacity=EVENTS)
        for index in every:
            self.events.prime_binary(index, self.binaries[index])
            self.events.prime_analog(index, self.analogs[index])

    def block(self, group, start, stop):
        span = slice(start, stop + 1)
        header = {10: 2, 40: 1}
        if group == 1:
            return binary_range(start, self.binaries[span])
        if group == 10:
            states = [encode_binary_output_status(state=state) for state in self.outputs[span]]
            return object_header(10, header[10], start=start, stop=stop) + b"".join(states)
        if group == 20:
            return counter_range(start, self.counters[span])
        if group == 21:
            return frozen_counter_range(start, self.frozen[span])
        if group == 30:
            return analog_range(start, self.analogs[span], variation=AnalogVariation.INT32_WITH_FLAG)
        levels = [encode_analog_output_status(value, variation=header[40]) for value in self.levels[span]]
        return object_header(40, header[40], start=start, stop=stop) + b"".join(levels)

    # What the library calls.

    def read(self, headers):
        body = b""
        for header in headers:
            if (header.group, header.variation) == CLASS_0:
                body += b"".join(self.block(group, 0, peer.POINTS - 1) for group in STATICS)
            elif header.group in STATICS and header.qualifier == QualifierCode.ALL_OBJECTS:
                body += self.block(header.group, 0, peer.POINTS - 1)
            elif header.group in STATICS and header.stop is not None and header.stop < peer.POINTS:
                body += self.block(header.group, header.start, header.stop)
            else:
                raise UnknownObject(f"group {header.group}")
        return body

    def freeze(self, headers, *, clear):
        for header in headers:
            if header.group != 20:
                raise UnknownObject(f"group {header.group}")
        for index, point in enumerate(self.counters):
            event = self.events.record_frozen_counter(index, point, event_class=EventClass.CLASS_2)
            self.frozen[index] = (point, event.timestamp_ms)
            if clear:
                self.counters[index] = CounterPoint(0)

    def judge(self, step, controls):
        statuses = []
        for control in controls:
            crob = isinstance(control.command, ControlRelayOutputBlock)
            value = int(control.command.operation) if crob else control.command.value
            if control.index >= peer.POINTS:
                status = CommandStatus.NOT_SUPPORTED
            elif not crob and abs(value) > peer.OUTPUT_MAX:
                status = CommandStatus.OUT_OF_RANGE
            else:
                status = CommandStatus.SUCCESS
            kind = "crob" if crob else f"g41v{control.variation}"
            peer.emit("command", step=step, type=kind, index=control.index, value=value, status=int(status))
            statuses.append(status)
        return statuses

    def select(self, controls):
        return self.judge("select", controls)

    def operate(self, controls):
        statuses = self.judge("operate", controls)
        for control, status in zip(controls, statuses, strict=True):
            if status != CommandStatus.SUCCESS:
                continue
            command = control.command
            if isinstance(command, ControlRelayOutputBlock):
                on = command.operation == OperationType.LATCH_ON or command.trip_close == TripCloseCode.CLOSE
                self.outputs[control.index] = on
            else:
                self.levels[control.index] = command.value
        return statuses


class Outstation:
    """The server on a loop of its own."""

    def __init__(self, args):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        context, peers = None, None
        if args.tls:
            ca, certificate, key = args.tls
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(certificate, key)
            if args.tls12:
                context.maximum_version = ssl.TLSVersion.TLSv1_2
            peers = frozenset([args.name])
        self.table = Table()
        self.session = Session(
            self.table,
            control_provider=self.table,
            events=self.table.events,
            freeze_provider=self.table,
            outstation_address=args.local,
            master_address=args.remote,
            time_sink=lambda ms: peer.emit("time", ms=ms),
            restart_handler=self.restart,
            unsolicited=True,
        )
        self.server = OutstationServer(
            self.session, bind=f"{args.host}:{args.port}", ssl_context=context, authorized_peers=peers
        )
        self.run(self.server.start())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(WAIT_MAX_S)

    @staticmethod
    def restart():
        peer.emit("restart")
        return peer.RESTART_MS

    def update(self, request):
        kind, index, value = request["type"], request["index"], request["value"]
        if kind not in ("binary_input", "counter", "analog_input"):
            raise peer.Unsupported("its library has no encoder for that type")

        async def change():
            if kind == "binary_input":
                point = self.table.binaries[index] = BinaryPoint(value)
                self.table.events.record_binary(index, point, event_class=EventClass.CLASS_1)
            elif kind == "analog_input":
                point = self.table.analogs[index] = AnalogPoint(value)
                self.table.events.record_analog(index, point, event_class=EventClass.CLASS_3)
            else:
                self.table.counters[index] = CounterPoint(value)
            self.server.notify()

        self.run(change())
        return {"outcome": "SUCCESS"}

    def need_time(self, _):
        async def ask():
            self.session.need_time = True

        self.run(ask())
        return {"outcome": "SUCCESS"}

    def restart_bit(self, _):
        raise peer.Unsupported("its session sets the bit at its start and at a cold restart")

    def handlers(self):
        return {"update": self.update, "need_time": self.need_time, "restart_bit": self.restart_bit}


def main():
    args = peer.arguments(__doc__, local=10, remote=1).parse_args()
    outstation = Outstation(args)
    peer.emit("listening", port=args.port)
    peer.serve(outstation.handlers())


main()
