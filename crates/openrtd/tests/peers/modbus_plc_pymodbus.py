"""A battery's PLC by pymodbus that takes set points in raw registers: an independent device for ours to drive.

Says {"event": "listening", "port"} and serves until its input ends. Holding registers: 300 and 301 the set point, kW times
10, two's complement, high word first; 310 is 1 while it follows that and 0 while it has its own control (250 kW); 320 and
321 its power in kW. It refuses set points while it has its own control, and what is beyond 3000 kW. Each write that comes
is told: {"event": "write", "function", "address", "values", "taken"}.
"""

import asyncio
import os
import threading

import peer
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

SETPOINT, MODE, POWER = 300, 310, 320
OWN_KW, MOST_KW = 250, 3_000


def signed(high, low):
    value = high << 16 | low
    return value - (1 << 32) if value >= 1 << 31 else value


def power(registers):
    """What the battery does now, as registers."""
    kw = signed(*registers[SETPOINT : SETPOINT + 2]) // 10 if registers[MODE] == 1 else OWN_KW
    return [kw >> 16 & 0xFFFF, kw & 0xFFFF]


def refused(address, values, registers):
    if address == SETPOINT:
        if registers[MODE] != 1 or len(values) != 2 or abs(signed(*values)) > MOST_KW * 10:
            return ExcCodes.ILLEGAL_VALUE
    elif address != MODE or len(values) != 1 or values[0] > 1:
        return ExcCodes.ILLEGAL_ADDRESS
    return None


async def access(function, start, address, count, registers, values):
    if values is None:
        registers[POWER : POWER + 2] = power(registers)
        return None
    wrong = refused(address, values, registers)
    peer.emit("write", function=function, address=address, values=list(values), taken=wrong is None)
    return wrong


async def serve():
    data = SimData(0, values=[0] * 330, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(1, simdata=[data], action=access), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    peer.emit("listening", port=server.transport.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def main():
    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    peer.serve({})
    os._exit(0)


main()
