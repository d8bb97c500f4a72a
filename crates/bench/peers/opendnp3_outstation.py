"""An outstation by yadnp3 (opendnp3, Apache-2.0) with N points of each type, all online; ends with its standard input.

Prints `ready` once it listens. Usage: opendnp3_outstation.py PORT N
"""

import sys

import opendnp3 as dnp3


class Commands(dnp3.ICommandHandler):
    def __init__(self):
        dnp3.ICommandHandler.__init__(self)

    def Begin(self):
        pass

    def End(self):
        pass

    def Select(self, command, index):
        return dnp3.CommandStatus.NOT_SUPPORTED

    def Operate(self, command, index, handler, mode):
        return dnp3.CommandStatus.NOT_SUPPORTED


class Application(dnp3.IOutstationApplication):
    def __init__(self):
        dnp3.IOutstationApplication.__init__(self)


class Listener(dnp3.IChannelListener):
    def __init__(self):
        dnp3.IChannelListener.__init__(self)

    def OnStateChange(self, state):
        pass


def main():
    port, points = int(sys.argv[1]), int(sys.argv[2])
    commands, application, listener = Commands(), Application(), Listener()
    manager = dnp3.DNP3Manager(1)
    place = (dnp3.ServerAcceptMode.CloseExisting, dnp3.IPEndpoint("127.0.0.1", port))
    channel = manager.AddTCPServer("bench", dnp3.LogLevels.none(), *place, listener)
    config = dnp3.OutstationStackConfig(dnp3.DatabaseConfig(points))
    config.link.LocalAddr, config.link.RemoteAddr = 10, 1000
    config.outstation.eventBufferConfig = dnp3.EventBufferConfig.AllTypes(0)
    config.outstation.params.allowUnsolicited = False
    outstation = channel.AddOutstation("bench", commands, application, config)
    outstation.Enable()
    builder = dnp3.UpdateBuilder()
    for index in range(points):
        builder.Update(dnp3.Analog(index * 1.5), index)
    outstation.Apply(builder.Build())
    print("ready", flush=True)
    sys.stdin.read()
    manager.Shutdown()


main()
