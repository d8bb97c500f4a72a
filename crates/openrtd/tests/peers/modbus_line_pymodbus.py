"""Two Modbus RTU units by pymodbus on a serial line: an independent device for ours to read.

Says {"event": "listening", "port"}, the path of the line's other end, and serves until its input ends. The line is a
pair of pseudo-terminals with a wire between them. Units 3 and 4 hold 1,000 times their number in holding register 10, a
float of 12.5 in 20 and 21 with the low word first, and 0x00A5 in 30.

Requests: {"do": "cut"} and {"do": "join"}: the wire.
"""

import asyncio
import os
import threading
import tty

import peer
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

UNITS = (3, 4)
joined = threading.Event()


def unit(number):
    registers = [0] * 40
    registers[10] = 1_000 * number
    registers[20:22] = [0x0000, 0x4148]
    registers[30] = 0x00A5
    return SimDevice(number, simdata=[SimData(0, values=registers, datatype=DataType.REGISTERS)])


def carry(source, target):
    while True:
        octets = os.read(source, 256)
        if joined.is_set():
            os.write(target, octets)


def wire():
    """The paths of the two ends."""
    ends = [os.openpty(), os.openpty()]
    for _, end in ends:
        tty.setraw(end)
    (one, other) = (ends[0][0], ends[1][0])
    for pair in ((one, other), (other, one)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
    return [os.ttyname(end) for _, end in ends]


async def serve(path, near):
    devices = [unit(number) for number in UNITS]
    server = ModbusSerialServer(devices, framer=FramerType.RTU, port=path, baudrate=19_200)
    await server.serve_forever(background=True)
    peer.emit("listening", port=near)
    await asyncio.Event().wait()


def main():
    joined.set()
    far, near = wire()
    threading.Thread(target=lambda: asyncio.run(serve(far, near)), daemon=True).start()
    peer.serve({"cut": lambda _: joined.clear(), "join": lambda _: joined.set()})
    os._exit(0)


main()
