"""A SunSpec inverter (models 1 and 103) by pymodbus: an independent device for ours to read.

Says {"event": "listening", "port"} and serves until its input ends. Active power 4.321 MW, frequency 59.97 Hz, cabinet
temperature -12.5 degC, running; reactive power is not implemented.
"""

import asyncio
import os
import sys
import threading

import peer
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

BASE = 40_000
NONE, NONE_SIGNED = 0xFFFF, 0x8000


def signed(value):
    """A negative number as its register."""
    return value & 0xFFFF


def text(value, registers):
    octets = value.encode().ljust(2 * registers, b"\0")
    return [int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2)]


COMMON = [1, 66, *text("pymodbus", 16), *text("Inverter", 16), *text("", 8), *text("1", 8), *text("7", 16), 1, NONE_SIGNED]
INVERTER = [
    *(103, 50),
    *(4184, 1395, 1395, 1394, 0),  # A, its phases, A_SF
    *(NONE, NONE, NONE, 3984, 3984, 3984, signed(-1)),  # PPV, PhV, V_SF
    *(4321, 3),  # W
    *(5997, signed(-2)),  # Hz
    *(4321, 3),  # VA
    *(NONE_SIGNED, 3),  # VAr
    *(NONE_SIGNED, NONE_SIGNED),  # PF
    *(0, 1000, 0),  # WH
    *(NONE, NONE_SIGNED, NONE, NONE_SIGNED),  # DCA, DCV
    *(4400, 3),  # DCW
    *(signed(-125), NONE_SIGNED, NONE_SIGNED, NONE_SIGNED, signed(-1)),  # TmpCab, others, Tmp_SF
    *(4, NONE),  # St, StVnd
    *([0] * 4),
    *([0xFFFF] * 8),
]
END = [0xFFFF, 0]


async def serve():
    registers = [0x5375, 0x6E53, *COMMON, *INVERTER, *END]
    data = SimData(BASE, values=registers, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(1, simdata=[data]), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    peer.emit("listening", port=server.transport.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
asyncio.run(serve())
