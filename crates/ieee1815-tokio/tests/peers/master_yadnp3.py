"""A master by yadnp3, the maintained fork of opendnp3."""

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
CLASSES = {1: 2, 2: 3, 3: 4}
FREEZES = {
    (False, False): "ImmediateFreeze",
    (False, True): "ImmediateFreezeNR",
    (True, False): "FreezeAndClear",
    (True, True): "FreezeAndClearNR",
}
TASK_TIME_MAX_S = 15.0
INDICATIONS_TIME_MAX_S = 1.0
ALL_OBJECTS = 0x06
GROUP_VARIATION = re.compile(r"Group(\d+)Var(\d+)")


class Measurements(dnp3.ISOEHandler):
    """Prints every point."""

    def __init__(self):
        dnp3.ISOEHandler.__init__(self)
        self.unsolicited = False
        self.heard = threading.Event()

    def BeginFragment(self, info):
        self.unsolicited = info.unsolicited

    def EndFragment(self, info):
        pass

    def Process(self, info, values):
        found = GROUP_VARIATION.search(info.gv.name)
        group, variation = (int(found[1]), int(found[2])) if found else (0, 0)
        timed = info.tsquality != dnp3.TimestampQuality.INVALID
        for each in values:
            measured, flags = each.value, None
            if isinstance(measured, dnp3.OctetString):
                value, when = bytes(measured.ToBytes()).decode(), None
            else:
                value, when = measured.value, measured.time.value if timed else None
                if group in peer.DOUBLE_GROUPS:
                    value = value.value
                if info.flagsValid and hasattr(measured, "flags"):
                    flags = measured.flags.value
            peer.emit_point(group, variation, each.index, value, flags, when, self.unsolicited)
        if self.unsolicited:
            self.heard.set()

    def OnDeviceAttribute(self, info, set, variation, value):
        peer.emit("attribute", set=set, variation=variation)


class Application(dnp3.IMasterApplication):
    """Prints indications and tasks, and hands finished tasks to whoever waits for one."""

    def __init__(self):
        dnp3.IMasterApplication.__init__(self)
        self.finished = {}
        self.iin = None
        self.indicated = threading.Event()

    def queue(self, kind):
        return self.finished.setdefault(kind, queue.Queue())

    def OnReceiveIIN(self, iin):
        self.iin = iin.LSB | iin.MSB << 8
        self.indicated.set()

    def OnTaskComplete(self, info):
        peer.emit("task", type=info.type.name, result=info.result.name)
        self.indicated.clear()
        self.queue(info.type.name).put(info.result.name)


class Channel(dnp3.IChannelListener):
    """Prints the state of the connection."""

    def __init__(self):
        dnp3.IChannelListener.__init__(self)

    def OnStateChange(self, state):
        peer.emit("channel", state=state.name)


def crob(value):
    """A latch for a boolean, otherwise a pulse: "trip", "close" or "pulse"."""
    operation, tcc = dnp3.OperationType, dnp3.TripCloseCode
    shapes = {
        True: (operation.LATCH_ON, tcc.NUL),
        False: (operation.LATCH_OFF, tcc.NUL),
        "pulse": (operation.PULSE_ON, tcc.NUL),
        "trip": (operation.PULSE_ON, tcc.TRIP),
        "close": (operation.PULSE_ON, tcc.CLOSE),
    }
    return dnp3.ControlRelayOutputBlock(*shapes[value])


class Master:
    def __init__(self, args):
        self.args = args
        self.measurements, self.application, self.listener = Measurements(), Application(), Channel()
        self.manager = dnp3.DNP3Manager(1)
        self.channel = None
        self.start("None")

    def start(self, time_sync):
        """A master on a connection of its own: with a second one on the first channel, that channel never reopens."""
        if self.channel:
            self.channel.Shutdown()
            self.application.finished.clear()
        args, quick = self.args, dnp3.TimeDuration.Milliseconds(200)
        retry = dnp3.ChannelRetry(quick, quick)
        place = ([dnp3.IPEndpoint(args.host, args.port)], "0.0.0.0")
        quiet = dnp3.LogLevels.none()
        if args.tls:
            tls = dnp3.TLSConfig(*args.tls)
            tls.allowTLSv12, tls.allowTLSv13 = args.tls12, not args.tls12
            self.channel = self.manager.AddTLSClient("peer", quiet, retry, *place, tls, self.listener)
        else:
            self.channel = self.manager.AddTCPClient("peer", quiet, retry, *place, self.listener)
        config = dnp3.MasterStackConfig()
        config.link.LocalAddr, config.link.RemoteAddr = args.local, args.remote
        config.master.responseTimeout = dnp3.TimeDuration.Seconds(5)
        config.master.timeSyncMode = getattr(dnp3.TimeSyncMode, time_sync)
        self.master = self.channel.AddMaster("peer", self.measurements, self.application, config)
        self.master.Enable()
        self.wait("STARTUP_INTEGRITY_POLL")
        # The last task of its start-up: what is asked for after it stays as it is.
        return self.wait("ENABLE_UNSOLICITED")

    def wait(self, kind="USER_TASK"):
        outcome = self.application.queue(kind).get(timeout=TASK_TIME_MAX_S)
        # The indications of an answer are told after the end of its task.
        self.application.indicated.wait(INDICATIONS_TIME_MAX_S)
        return {"outcome": outcome, "iin": self.application.iin}

    def perform(self, function, headers):
        made = [dnp3.Header.Raw(bytes(header)) for header in headers]
        self.master.PerformFunction("request", function, made)
        return self.wait()

    def integrity(self, _):
        self.master.ScanClasses(dnp3.ClassField.AllClasses(), self.measurements)
        return self.wait()

    def classes(self, request):
        headers = [dnp3.Header.AllObjects(60, CLASSES[one]) for one in request["classes"]]
        self.master.Scan(headers, self.measurements)
        return self.wait()

    def read(self, request):
        headers = [dnp3.Header.AllObjects(request["group"], request["variation"])]
        self.master.Scan(headers, self.measurements)
        return self.wait()

    def attributes(self, _):
        self.master.Scan([dnp3.Header.Raw(bytes([0, 254, 0, 0, 0]))], self.measurements)
        return self.wait()

    def unsolicited(self, request):
        function = dnp3.FunctionCode.ENABLE_UNSOLICITED if request["enable"] else dnp3.FunctionCode.DISABLE_UNSOLICITED
        self.measurements.heard.clear()
        return self.perform(function, [(60, variation, ALL_OBJECTS) for variation in CLASSES.values()])

    def listen(self, request):
        heard = self.measurements.heard.wait(request["seconds"])
        self.measurements.heard.clear()
        return {"outcome": "SUCCESS" if heard else "nothing came"}

    def freeze(self, request):
        kind = getattr(dnp3.FreezeType, FREEZES[request["clear"], request["no_ack"]])
        self.master.Freeze(kind, [dnp3.Header.AllObjects(20, 0)])
        return self.wait()

    def assign(self, request):
        variation = {0: 1, **CLASSES}[request["class"]]
        headers = [(60, variation, ALL_OBJECTS), (request["group"], 0, ALL_OBJECTS)]
        return self.perform(dnp3.FunctionCode.ASSIGN_CLASS, headers)

    def clear_restart(self, _):
        return self.perform(dnp3.FunctionCode.WRITE, [(80, 1, 0, 7, 7, 0)])

    def time(self, request):
        """Its procedures run when the outstation asks for the time, by the configuration of a master."""
        mode, task = {"lan": ("LAN", "LAN_TIME_SYNC"), "nonlan": ("NonLAN", "NON_LAN_TIME_SYNC")}[request["procedure"]]
        self.start(mode)
        outcome = self.wait(task)
        self.start("None")
        # Its bindings give a master no clock of its own: it starts at 0.
        return {"outcome": outcome["outcome"], "iin": self.application.iin, "clock": "none"}

    def operate(self, request):
        value = request["value"]
        command = crob(value) if request["type"] == "crob" else WIDTHS[request["width"]](value)
        if request["mode"] == "direct_no_ack":
            raise peer.Unsupported("its direct operate wants an answer")
        sbo = request["mode"] == "sbo"
        send = self.master.SelectAndOperate if sbo else self.master.DirectOperate
        reply, replied = {}, threading.Event()

        def result(outcome):
            reply["statuses"] = [int(point.status.value) for point in outcome.to_list()]
            replied.set()

        send(command, request["index"], result)
        replied.wait(TASK_TIME_MAX_S)
        return {**self.wait(), **reply}

    def deadband(self, request):
        reply, replied = {}, threading.Event()

        def result(outcome):
            reply["outcome"] = outcome.summary.name
            replied.set()

        band = dnp3.IndexedAnalogInputDeadband(dnp3.AnalogInputDeadband(request["value"]), request["index"])
        self.master.WriteDeadBands([band], result)
        replied.wait(TASK_TIME_MAX_S)
        return {**self.wait(), **reply}

    def broadcast(self, _):
        raise peer.Unsupported("its master sends to its outstation only")

    def link_status(self, _):
        reply, replied = {}, threading.Event()

        def result(status):
            reply["outcome"] = "SUCCESS" if status else "no link status came"
            replied.set()

        self.master.CheckLinkStatus(result)
        return reply if replied.wait(TASK_TIME_MAX_S) else {"outcome": "no link status came"}

    def restart(self, _):
        reply, replied = {}, threading.Event()

        def result(outcome):
            reply["outcome"] = outcome.summary.name
            reply["delay_ms"] = str(outcome.restartTime)
            replied.set()

        # What was told before this belongs to the life before.
        self.application.finished.clear()
        self.master.Restart(dnp3.RestartType.COLD, result)
        replied.wait(TASK_TIME_MAX_S)
        return {**self.wait(), **reply}

    def again(self, _):
        """Waits for the start-up after a restart of the outstation."""
        self.wait("STARTUP_INTEGRITY_POLL")
        return {**self.wait("ENABLE_UNSOLICITED"), "outcome": "SUCCESS"}

    def handlers(self):
        names = (
            "integrity classes read broadcast attributes unsolicited listen freeze assign clear_restart time operate deadband"
            " link_status restart again"
        )
        return {name: getattr(self, name) for name in names.split()}


def main():
    master = Master(peer.arguments(__doc__, local=1, remote=10).parse_args())
    peer.emit("ready")
    peer.serve(master.handlers())
    master.manager.Shutdown()
    # The bindings' own teardown order at interpreter exit is not ours to depend on.
    os._exit(0)


main()
