"""An outstation by yadnp3, the maintained fork of opendnp3: every type that it knows, in its default variations."""

import os

import opendnp3 as dnp3
import peer

STATUS = dnp3.CommandStatus
DOUBLE_BITS = {
    "between": dnp3.DoubleBit.INTERMEDIATE,
    "off": dnp3.DoubleBit.DETERMINED_OFF,
    "on": dnp3.DoubleBit.DETERMINED_ON,
    "wrong": dnp3.DoubleBit.INDETERMINATE,
}
MEASURED = {
    "binary_input": dnp3.Binary,
    "double_bit_input": lambda value: dnp3.DoubleBitBinary(DOUBLE_BITS[value]),
    "counter": dnp3.Counter,
    "analog_input": dnp3.Analog,
}


class Commands(dnp3.ICommandHandler):
    """Judges commands and shows the accepted ones in the status of their outputs."""

    def __init__(self):
        dnp3.ICommandHandler.__init__(self)

    def Begin(self):
        pass

    def End(self):
        pass

    def Select(self, command, index):
        return self.judge("select", command, index)

    def Operate(self, command, index, handler, mode):
        status = self.judge("operate", command, index, mode.name)
        if status == STATUS.SUCCESS:
            if isinstance(command, dnp3.ControlRelayOutputBlock):
                on = command.opType == dnp3.OperationType.LATCH_ON or command.tcc == dnp3.TripCloseCode.CLOSE
                handler.Update(dnp3.BinaryOutputStatus(on), index)
            else:
                handler.Update(dnp3.AnalogOutputStatus(command.value), index)
        return status

    @staticmethod
    def judge(step, command, index, mode=None):
        crob = isinstance(command, dnp3.ControlRelayOutputBlock)
        if index >= peer.POINTS:
            status = STATUS.NOT_SUPPORTED
        elif not crob and abs(command.value) > peer.OUTPUT_MAX:
            status = STATUS.OUT_OF_RANGE
        else:
            status = STATUS.SUCCESS
        value = command.opType.name if crob else command.value
        kind = "crob" if crob else type(command).__name__
        peer.emit("command", step=step, type=kind, index=index, value=value, mode=mode, status=int(status.value))
        return status


class Application(dnp3.IOutstationApplication):
    """Prints what the master arranges; holds the indications a test asks for."""

    def __init__(self):
        dnp3.IOutstationApplication.__init__(self)
        self.indications = dnp3.ApplicationIIN()
        self.restart = None

    def GetApplicationIIN(self):
        return self.indications

    def OnConfirmProcessed(self, is_unsolicited, class1, class2, class3):
        peer.emit("confirmed", unsolicited=is_unsolicited, left=[class1, class2, class3])

    def SupportsAssignClass(self):
        return True

    def RecordClassAssignment(self, type, clazz, start, stop):
        peer.emit("class", type=type.name, to=clazz.name, start=start, stop=stop)

    def SupportsWriteAbsoluteTime(self):
        return True

    def WriteAbsoluteTime(self, timestamp):
        self.indications.needTime = False
        peer.emit("time", ms=timestamp.msSinceEpoch)
        return True

    def ColdRestartSupport(self):
        return dnp3.RestartMode.SUPPORTED_DELAY_FINE

    def ColdRestart(self):
        peer.emit("restart")
        return peer.RESTART_MS


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
            tls.allowTLSv12, tls.allowTLSv13 = args.tls12, not args.tls12
            self.channel = self.manager.AddTLSServer("peer", quiet, *place, tls, self.listener)
        else:
            self.channel = self.manager.AddTCPServer("peer", quiet, *place, self.listener)
        config = dnp3.OutstationStackConfig(dnp3.DatabaseConfig(peer.POINTS))
        config.link.LocalAddr, config.link.RemoteAddr = args.local, args.remote
        config.outstation.eventBufferConfig = dnp3.EventBufferConfig.AllTypes(1000)
        config.outstation.params.allowUnsolicited = True
        self.outstation = self.channel.AddOutstation("peer", self.commands, self.application, config)
        self.outstation.Enable()
        for kind, value in (("binary_input", False), ("double_bit_input", "off"), ("counter", 0), ("analog_input", 0.0)):
            for index in range(peer.POINTS):
                self.update({"type": kind, "index": index, "value": value})

    def update(self, request):
        if request["type"] not in MEASURED:
            raise peer.Unsupported("its bindings have no update of an octet string")
        builder = dnp3.UpdateBuilder()
        builder.Update(MEASURED[request["type"]](request["value"]), request["index"])
        self.outstation.Apply(builder.Build())
        return {"outcome": "SUCCESS"}

    def restart_bit(self, _):
        self.outstation.SetRestartIIN()
        return {"outcome": "SUCCESS"}

    def need_time(self, _):
        self.application.indications.needTime = True
        return {"outcome": "SUCCESS"}

    def handlers(self):
        return {"update": self.update, "restart_bit": self.restart_bit, "need_time": self.need_time}


def main():
    args = peer.arguments(__doc__, local=10, remote=1).parse_args()
    outstation = Outstation(args)
    peer.emit("listening", port=args.port)
    peer.serve(outstation.handlers())
    outstation.manager.Shutdown()
    # The bindings' own teardown order at interpreter exit is not ours to depend on.
    os._exit(0)


main()
