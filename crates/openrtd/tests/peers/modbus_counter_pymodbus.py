"""A Modbus device by pymodbus whose registers count the time: an independent device whose values can be checked.

Holding registers 0 and 1 are tenths of a second since 2020-01-01 00:00 UTC modulo 100,000,000, high word first; register 2
is its unit; register 3 has bit 0 set while the second is even. Says {"event": "listening"} and serves on a TCP port
(--port) or on a serial line (--serial) until its input ends.
"""

import argparse
import asyncio
import os
import sys
import threading
import time

import peer
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

BEGIN = 1_577_836_800
WRAP = 100_000_000


async def count(function, start, address, wanted, registers, values):
    """Sets the registers to the present whenever they are read."""
    now = time.time()
    tenths = int((now - BEGIN) * 10) % WRAP
    registers[0], registers[1] = tenths >> 16, tenths & 0xFFFF
    registers[3] = 1 - int(now) % 2


async def serve(args):
    data = SimData(0, values=[0, 0, args.unit, 0], datatype=DataType.REGISTERS)
    device = SimDevice(args.unit, simdata=[data], action=count)
    if args.serial:
        server = ModbusSerialServer(device, framer=FramerType.RTU, port=args.serial, baudrate=19_200)
    else:
        server = ModbusTcpServer(device, address=("127.0.0.1", args.port))
    await server.serve_forever(background=True)
    peer.emit("listening")
    await asyncio.Event().wait()


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int)
    parser.add_argument("--serial")
    parser.add_argument("--unit", type=int, default=1)
    args = parser.parse_args()
    threading.Thread(target=end_with_input, daemon=True).start()
    asyncio.run(serve(args))


main()
