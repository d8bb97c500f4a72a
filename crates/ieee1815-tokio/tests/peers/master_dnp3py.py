"""A master by dnp3py. It has no TLS."""

import asyncio
import time

import peer
from dnp3.application.fragment import ObjectBlock, RequestFragment
from dnp3.application.header import RequestHeader
from dnp3.application.qualifiers import ObjectHeader
from dnp3.core.enums import ControlCode, FunctionCode
from dnp3.master.config import MasterConfig
from dnp3.master.handler import DefaultSOEHandler
from dnp3.master.master import Master
from dnp3.master.tcp_runner import MasterRunnerError, MasterTcpRunner

ALL_OBJECTS = 0x06
COUNT_OF_ONE = 0x07
RESPONSE_TIME_S = 5.0
CONNECT_TIME_MAX_S = 15.0
# Octets of a command behind its index, the status the last of them.
COMMANDS = {(12, 1): 11, (41, 1): 5, (41, 2): 3, (41, 3): 5, (41, 4): 9}
CODES = {
    True: ControlCode.LATCH_ON,
    False: ControlCode.LATCH_OFF,
    "pulse": ControlCode.PULSE_ON,
    "close": ControlCode.CLOSE_PULSE_ON,
    "trip": ControlCode.TRIP_PULSE_ON,
}


def milliseconds(stamp):
    return None if stamp is None else round(stamp.timestamp() * 1000)


class Points(DefaultSOEHandler):
    """Prints what it is told. It is not told the variation, nor which of static and event group it was."""

    def __init__(self):
        super().__init__()
        self.blocks = []

    def tell(self, kinds, values, info, value_of):
        # The groups of the response say whether these were statics or events.
        group, variation = next(
            ((block.header.group, block.header.variation) for block in self.blocks if block.header.group in kinds),
            (kinds[0], 0),
        )
        for each in values:
            peer.emit_point(
                group,
                variation,
                each.index,
                value_of(each),
                each.quality,
                milliseconds(each.timestamp),
                info.is_unsolicited,
            )

    def on_binary_input(self, values, info):
        self.tell((1, 2), values, info, lambda each: each.value)

    def on_binary_output(self, values, info):
        self.tell((10, 11), values, info, lambda each: each.value)

    def on_analog_input(self, values, info):
        self.tell((30, 32), values, info, lambda each: each.value)

    def on_analog_output(self, values, info):
        self.tell((40, 42), values, info, lambda each: each.value)

    def on_counter(self, values, info):
        self.tell((20, 22), values, info, lambda each: each.value)

    def on_frozen_counter(self, values, info):
        self.tell((21, 23), values, info, lambda each: each.value)

    def on_double_bit_input(self, values, info):
        self.tell((3, 4), values, info, lambda each: int(each.state))


class Watched(Master):
    """Keeps the objects of the last response, which holds more than its handler is told."""

    last = ()

    def _process_response_fragment(self, response):
        self.last = tuple(response.objects)
        self.handler.blocks = list(response.objects)
        return super()._process_response_fragment(response)

    def _parse_response_objects(self, objects, info):
        # One block at a time, so that the handler knows which group it is told of.
        for block in objects:
            self.handler.blocks = [block]
            super()._parse_response_objects((block,), info)


class Peer:
    def __init__(self, args):
        if args.tls:
            raise peer.Unsupported("it has no TLS")
        self.loop = asyncio.new_event_loop()
        config = MasterConfig(address=args.local, outstation_address=args.remote, response_timeout=RESPONSE_TIME_S)
        self.master = Watched(config=config, handler=Points())
        self.args = args
        self.open()

    def open(self):
        self.runner = MasterTcpRunner(
            master=self.master, host=self.args.host, port=self.args.port, response_timeout=RESPONSE_TIME_S
        )
        self.run(self.runner.open())

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def told(self, responses):
        last = responses[-1]
        cut = [str(each.truncation) for each in responses if each.truncation is not None]
        return {"outcome": str(cut) if cut else "SUCCESS", "iin": int(last.iin)}

    def ask(self, function, headers):
        """A request of object headers, each group, variation, qualifier and what follows."""
        return self.told(self.run(self.runner.request(self.made(function, headers))))

    def send(self, function, headers):
        """The same, of a request that is not answered."""
        self.run(self.runner.send(self.made(function, headers)))
        return {"outcome": "SUCCESS"}

    def made(self, function, headers):
        objects = tuple(
            ObjectBlock(header=ObjectHeader(group, variation, qualifier), data=bytes(data))
            for group, variation, qualifier, *data in headers
        )
        sequence = self.master.next_request_sequence()
        return RequestFragment(header=RequestHeader.build(function=function, seq=sequence), objects=objects)

    def integrity(self, _):
        return self.told(self.run(self.runner.integrity_poll()))

    def classes(self, request):
        wanted = {f"class_{one}": one in request["classes"] for one in (1, 2, 3)}
        return self.told(self.run(self.runner.class_poll(**wanted)))

    def read(self, request):
        if request["group"] in (110, 111):
            raise peer.Unsupported("its table of object layouts has no octet strings")
        return self.ask(FunctionCode.READ, [(request["group"], request["variation"], ALL_OBJECTS)])

    def attributes(self, _):
        raise peer.Unsupported("its table of object layouts has no group 0")

    def unsolicited(self, request):
        call = self.runner.enable_unsolicited if request["enable"] else self.runner.disable_unsolicited
        return self.told(self.run(call()))

    def listen(self, request):
        until = time.monotonic() + request["seconds"]
        while (left := until - time.monotonic()) > 0:
            info = self.run(self.runner.listen_unsolicited(timeout=left))
            if info is not None and self.master.last:
                return {"outcome": "SUCCESS", "iin": int(info.iin)}
        return {"outcome": "nothing came"}

    def freeze(self, request):
        if request["no_ack"]:
            clear = request["clear"]
            function = FunctionCode.FREEZE_CLEAR_NO_ACK if clear else FunctionCode.IMMEDIATE_FREEZE_NO_ACK
            return self.send(function, [(20, 0, ALL_OBJECTS)])
        function = FunctionCode.FREEZE_CLEAR if request["clear"] else FunctionCode.IMMEDIATE_FREEZE
        return self.ask(function, [(20, 0, ALL_OBJECTS)])

    def assign(self, request):
        headers = [(60, 1 + request["class"], ALL_OBJECTS), (request["group"], 0, ALL_OBJECTS)]
        return self.ask(FunctionCode.ASSIGN_CLASS, headers)

    def clear_restart(self, _):
        return self.ask(FunctionCode.WRITE, [(80, 1, 0, 7, 7, 0)])

    def time(self, request):
        """It has the requests of both procedures, and the procedures are its user's."""
        lan = request["procedure"] == "lan"
        before = time.time()
        first = self.ask(FunctionCode.RECORD_CURRENT_TIME if lan else FunctionCode.DELAY_MEASURE, [])
        if first["outcome"] != "SUCCESS":
            return first
        after = time.time()
        when, variation = (before, 3) if lan else (after + (after - before) / 2, 1)
        stamp = round(when * 1000).to_bytes(6, "little")
        return self.ask(FunctionCode.WRITE, [(50, variation, COUNT_OF_ONE, 1, *stamp)])

    def statuses(self):
        found = []
        for block in self.master.last:
            size = COMMANDS.get((block.header.group, block.header.variation))
            if size is None:
                continue
            wide = block.header.qualifier == 0x28
            octets = block.data[2 if wide else 1 :]
            step = size + (2 if wide else 1)
            found += [octets[at + step - 1] for at in range(0, len(octets), step)]
        return found

    def operate(self, request):
        if request["mode"] == "direct_no_ack":
            # Its command builder has no such function: the objects are those of its direct operate.
            task = self.master.command_builder().add_crob(request["index"], CODES[request["value"]])
            (block,) = task.build_direct_operate().build_request().objects
            header = block.header
            command = (header.group, header.variation, header.qualifier, *block.data)
            return self.send(FunctionCode.DIRECT_OPERATE_NO_ACK, [command])
        builder = self.master.command_builder()
        if request["type"] == "crob":
            builder.add_crob(request["index"], CODES[request["value"]], on_time=100, off_time=100)
        elif request["width"] != "i32":
            raise peer.Unsupported("its command builder writes group 41 variation 1 only")
        else:
            builder.add_analog(request["index"], request["value"])
        if request["mode"] == "sbo":
            result = self.told(self.run(self.runner.request(self.master.build_select(builder.build_select()))))
            if any(self.statuses()):
                return {**result, "statuses": self.statuses()}
            asked = self.master.build_operate(builder.build_operate())
        else:
            asked = self.master.build_direct_operate(builder.build_direct_operate())
        result = self.told(self.run(self.runner.request(asked)))
        return {**result, "statuses": self.statuses()}

    def restart(self, _):
        result = self.ask(FunctionCode.COLD_RESTART, [])
        delays = [block.data[1] | block.data[2] << 8 for block in self.master.last if block.header.group == 52]
        return {**result, "delay_ms": str(delays)}

    def again(self, _):
        """Opens a new connection until it is answered."""
        until = time.monotonic() + CONNECT_TIME_MAX_S
        while True:
            self.run(self.runner.close())
            try:
                self.open()
                return self.integrity({})
            except (MasterRunnerError, OSError) as error:
                if time.monotonic() > until:
                    return {"outcome": repr(error)}
                time.sleep(0.2)

    def deadband(self, _):
        raise peer.Unsupported("it has no deadband write")

    def broadcast(self, _):
        raise peer.Unsupported("its runner sends to its outstation only")

    def link_status(self, _):
        raise peer.Unsupported("its runner resets the link and asks for no link status")

    def handlers(self):
        names = (
            "integrity classes read broadcast attributes unsolicited listen freeze assign clear_restart time operate restart"
            " again deadband link_status"
        )
        return {name: getattr(self, name) for name in names.split()}


def main():
    master = Peer(peer.arguments(__doc__, local=1, remote=10).parse_args())
    peer.emit("ready")
    peer.serve(master.handlers())


main()
