"""A master by yadnp3, the maintained fork of opendnp3: an independent judge of our outstation.

Requests: {"do": "integrity"}, {"do": "events"}, {"do": "read", "group", "variation", "start"?, "stop"?},
{"do": "operate", "type": "analog" | "crob", "index", "value", "width"?, "count"?, "on_ms"?, "mode": "sbo" | "direct"},
{"do": "write_time", "ms"}.
"""

import os
import queue
import re
import threading

import opendnp3 as dnp3
import peer

WIDTHS = {
    "i16": dnp3.AnalogOutputInt16,
    "i32": dnp3.AnalogOutputInt32,
    "f32": dnp3.AnalogOutputFloat32,
    "f64": dnp3.AnalogOutputDouble64,
}
TASK_TIME_MAX_S = 15.0
GROUP_VARIATION = re.compile(r"Group(\d+)Var(\d+)")


class Measurements(dnp3.ISOEHandler):
    """Prints every point."""

    def __init__(self):
        dnp3.ISOEHandler.__init__(self)

    def Process(self, info, values):
        found = GROUP_VARIATION.search(info.gv.name)
        group, variation = (int(found[1]), int(found[2])) if found else (0, 0)
        if group not in peer.POINT_TYPES:
            return
        timed = info.tsquality != dnp3.TimestampQuality.INVALID
        for each in values:
            measured = each.value
            peer.emit_point(
                group,
                variation,
                each.index,
                measured.value,
                measured.flags.value if info.flagsValid else None,
                measured.time.value if timed else None,
            )

    def BeginFragment(self, info):
        pass

    def EndFragment(self, info):
        pass


class Application(dnp3.IMasterApplication):
    """Prints indications and tasks, and hands finished user tasks to whoever waits for one."""

    def __init__(self):
        dnp3.IMasterApplication.__init__(self)
        self.finished = queue.Queue()

    def OnReceiveIIN(self, iin):
        peer.emit("iin", lsb=iin.LSB, msb=iin.MSB)

    def OnTaskComplete(self, info):
        peer.emit("task", type=info.type.name, result=info.result.name)
        if info.type == dnp3.MasterTaskType.USER_TASK:
            self.finished.put(info.result.name)
        elif info.type == dnp3.MasterTaskType.STARTUP_INTEGRITY_POLL:
            peer.emit("ready", result=info.result.name)


class Channel(dnp3.IChannelListener):
    """Prints the state of the connection."""

    def __init__(self):
        dnp3.IChannelListener.__init__(self)

    def OnStateChange(self, state):
        peer.emit("channel", state=state.name)


def crob(value, count, on_ms):
    """A latch for a boolean, otherwise a pulse: "pulse", "pulse_off", "trip" or "close"."""
    operation, tcc = dnp3.OperationType, dnp3.TripCloseCode
    shapes = {
        True: (operation.LATCH_ON, tcc.NUL),
        False: (operation.LATCH_OFF, tcc.NUL),
        "pulse": (operation.PULSE_ON, tcc.NUL),
        "pulse_off": (operation.PULSE_OFF, tcc.NUL),
        "trip": (operation.PULSE_ON, tcc.TRIP),
        "close": (operation.PULSE_ON, tcc.CLOSE),
    }
    return dnp3.ControlRelayOutputBlock(*shapes[value], False, count, on_ms, 100)


class Master:
    def __init__(self, args):
        self.measurements, self.application, self.listener = Measurements(), Application(), Channel()
        self.manager = dnp3.DNP3Manager(1)
        quick = dnp3.TimeDuration.Milliseconds(200)
        retry = dnp3.ChannelRetry(quick, quick)
        place = ([dnp3.IPEndpoint(args.host, args.port)], "0.0.0.0")
        quiet = dnp3.LogLevels.none()
        if args.tls:
            tls = dnp3.TLSConfig(*args.tls)
            self.channel = self.manager.AddTLSClient("peer", quiet, retry, *place, tls, self.listener)
        else:
            self.channel = self.manager.AddTCPClient("peer", quiet, retry, *place, self.listener)
        config = dnp3.MasterStackConfig()
        config.link.LocalAddr, config.link.RemoteAddr = args.local, args.remote
        config.master.responseTimeout = dnp3.TimeDuration.Seconds(5)
        modes = {"none": "None", "lan": "LAN", "nonlan": "NonLAN"}
        config.master.timeSyncMode = getattr(dnp3.TimeSyncMode, modes[args.time_sync])
        self.master = self.channel.AddMaster("peer", self.measurements, self.application, config)
        self.master.Enable()

    def wait(self):
        try:
            return {"outcome": self.application.finished.get(timeout=TASK_TIME_MAX_S)}
        except queue.Empty:
            return {"outcome": "NEVER_FINISHED"}

    def integrity(self, _):
        self.master.ScanClasses(dnp3.ClassField.AllClasses(), self.measurements)
        return self.wait()

    def events(self, _):
        self.master.ScanClasses(dnp3.ClassField.AllEventClasses(), self.measurements)
        return self.wait()

    def read(self, request):
        what = dnp3.GroupVariationID(request["group"], request["variation"])
        if "start" in request:
            self.master.ScanRange(what, request["start"], request["stop"], self.measurements)
        else:
            self.master.ScanAllObjects(what, self.measurements)
        return self.wait()

    def operate(self, request):
        value = request["value"]
        if request["type"] == "crob":
            command = crob(value, request.get("count", 1), request.get("on_ms", 100))
        else:
            # What JSON cannot say comes as a text: "nan".
            command = WIDTHS[request.get("width", "f32")](float(value) if isinstance(value, str) else value)
        sbo = request["mode"] == "sbo"
        send = self.master.SelectAndOperate if sbo else self.master.DirectOperate
        reply, replied = {}, threading.Event()

        def result(outcome):
            points = outcome.to_list()
            reply["summary"] = outcome.summary.name
            reply["status"] = [int(point.status.value) for point in points]
            reply["state"] = [point.state.name for point in points]
            replied.set()

        send(command, request["index"], result)
        replied.wait(TASK_TIME_MAX_S)
        return {**self.wait(), **reply}

    def write_time(self, request):
        header = bytes([50, 1, 0x07, 1]) + request["ms"].to_bytes(6, "little")
        headers = [dnp3.Header.Raw(header)]
        self.master.PerformFunction("write time", dnp3.FunctionCode.WRITE, headers)
        return self.wait()

    def handlers(self):
        names = ("integrity", "events", "read", "operate", "write_time")
        return {name: getattr(self, name) for name in names}


def main():
    parser = peer.arguments(__doc__.splitlines()[0], local=1, remote=10)
    parser.add_argument("--time-sync", choices=("none", "lan", "nonlan"), default="none")
    master = Master(parser.parse_args())
    peer.serve(master.handlers())
    master.manager.Shutdown()
    # The bindings' own teardown order at interpreter exit is not ours to depend on.
    os._exit(0)


main()
