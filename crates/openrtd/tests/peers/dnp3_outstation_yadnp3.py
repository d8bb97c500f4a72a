"""An outstation by yadnp3, the maintained fork of opendnp3: an independent judge of our master.

It serves every type it knows in its default variations (g1v2, g10v2, g30v1, g40v1; events g2v1, g32v1), which
includes groups that OpenRTD does not use: a master has to read past those. A command is accepted up to 1,000 in
magnitude and shown in the output's status; beyond that it is out of range. Output 3 is blocked. It assigns classes,
and restarts in 7 seconds by its own word. Unsolicited responses are off unless --unsolicited.

Requests: {"do": "update", "type", "index", "value", "flags"?, "time"?}, {"do": "restart"} (sets IIN1.7 again),
{"do": "indications", "need_time"?, "local_control"?, "device_trouble"?}. The value of a double_bit_input is the name of
its state.
"""

import os

import opendnp3 as dnp3
import peer

ACCEPTED_MAX = 1000.0
BLOCKED_INDEX = 3
RESTART_S = 7


class Commands(dnp3.ICommandHandler):
    """Judges commands and shows the accepted ones."""

    def __init__(self):
        dnp3.ICommandHandler.__init__(self)

    def Begin(self):
        pass

    def End(self):
        pass

    def Select(self, command, index):
        status = self.judge(command, index)
        self.tell("select", command, index, "sbo", status)
        return status

    def Operate(self, command, index, handler, mode):
        status = self.judge(command, index)
        self.tell("operate", command, index, mode.name, status)
        if status == dnp3.CommandStatus.SUCCESS:
            if isinstance(command, dnp3.ControlRelayOutputBlock):
                on = command.opType == dnp3.OperationType.LATCH_ON or command.tcc == dnp3.TripCloseCode.CLOSE
                handler.Update(dnp3.BinaryOutputStatus(on), index)
            else:
                handler.Update(dnp3.AnalogOutputStatus(command.value), index)
        return status

    @staticmethod
    def judge(command, index):
        if index >= peer.POINTS:
            return dnp3.CommandStatus.NOT_SUPPORTED
        if index == BLOCKED_INDEX:
            return dnp3.CommandStatus.BLOCKED
        value = getattr(command, "value", 0.0)
        return dnp3.CommandStatus.SUCCESS if abs(value) <= ACCEPTED_MAX else dnp3.CommandStatus.OUT_OF_RANGE

    @staticmethod
    def tell(step, command, index, mode, status):
        crob = isinstance(command, dnp3.ControlRelayOutputBlock)
        value = [command.opType.name, command.tcc.name] if crob else command.value
        kind = "crob" if crob else "analog"
        peer.emit("command", step=step, type=kind, index=index, value=value, mode=mode, status=int(status.value))


class Application(dnp3.IOutstationApplication):
    """Prints confirmations and time writes; holds the indications a test asks for."""

    def __init__(self):
        dnp3.IOutstationApplication.__init__(self)
        self.indications = dnp3.ApplicationIIN()

    def GetApplicationIIN(self):
        return self.indications

    def OnConfirmProcessed(self, is_unsolicited, class1, class2, class3):
        peer.emit("confirmed", unsolicited=is_unsolicited, left=[class1, class2, class3])

    def SupportsAssignClass(self):
        return True

    def RecordClassAssignment(self, kind, assigned, start, stop):
        peer.emit("assigned", type=kind.name, to=assigned.name, start=start, stop=stop)

    def ColdRestartSupport(self):
        return dnp3.RestartMode.SUPPORTED_DELAY_COARSE

    def ColdRestart(self):
        peer.emit("cold_restart")
        return RESTART_S

    def SupportsWriteAbsoluteTime(self):
        return True

    def WriteAbsoluteTime(self, timestamp):
        self.indications.needTime = False
        peer.emit("time", ms=timestamp.msSinceEpoch)
        return True


class Channel(dnp3.IChannelListener):
    """Prints the state of the connection."""

    def __init__(self):
        dnp3.IChannelListener.__init__(self)

    def OnStateChange(self, state):
        peer.emit("channel", state=state.name)


class Outstation:
    def __init__(self, args):
        self.commands, self.application, self.listener = Commands(), Application(), Channel()
        self.manager = dnp3.DNP3Manager(1)
        place = (dnp3.ServerAcceptMode.CloseExisting, dnp3.IPEndpoint(args.host, args.port))
        quiet = dnp3.LogLevels.none()
        if args.tls:
            tls = dnp3.TLSConfig(*args.tls)
            self.channel = self.manager.AddTLSServer("peer", quiet, *place, tls, self.listener)
        else:
            self.channel = self.manager.AddTCPServer("peer", quiet, *place, self.listener)
        config = dnp3.OutstationStackConfig(dnp3.DatabaseConfig(peer.POINTS))
        config.link.LocalAddr, config.link.RemoteAddr = args.local, args.remote
        config.outstation.eventBufferConfig = dnp3.EventBufferConfig.AllTypes(100)
        config.outstation.params.allowUnsolicited = args.unsolicited
        self.outstation = self.channel.AddOutstation("peer", self.commands, self.application, config)
        self.outstation.Enable()

    def update(self, request):
        made = {
            "analog_input": dnp3.Analog,
            "binary_input": dnp3.Binary,
            "analog_output_status": dnp3.AnalogOutputStatus,
            "counter": dnp3.Counter,
            "double_bit_input": lambda state: dnp3.DoubleBitBinary(getattr(dnp3.DoubleBit, state)),
            "binary_output_status": dnp3.BinaryOutputStatus,
        }[request["type"]](request["value"])
        # Setting the flags sets the state of a binary with them; a double-bit has its state from the start.
        if request["type"] != "double_bit_input":
            state = peer.STATE_BIT if request["value"] is True else 0
            made.flags = dnp3.Flags(request.get("flags", 1) | state)
        if "time" in request:
            made.time = dnp3.DNPTime(request["time"])
        builder = dnp3.UpdateBuilder()
        builder.Update(made, request["index"])
        self.outstation.Apply(builder.Build())

    def restart(self, _):
        self.outstation.SetRestartIIN()

    def indications(self, request):
        held = self.application.indications
        held.needTime = request.get("need_time", False)
        held.localControl = request.get("local_control", False)
        held.deviceTrouble = request.get("device_trouble", False)

    def handlers(self):
        return {"update": self.update, "restart": self.restart, "indications": self.indications}


def main():
    parser = peer.arguments(__doc__.splitlines()[0], local=10, remote=1)
    parser.add_argument("--unsolicited", action="store_true", help="report events unasked")
    args = parser.parse_args()
    outstation = Outstation(args)
    peer.emit("listening", port=args.port)
    peer.serve(outstation.handlers())
    outstation.manager.Shutdown()
    # The bindings' own teardown order at interpreter exit is not ours to depend on.
    os._exit(0)


main()
