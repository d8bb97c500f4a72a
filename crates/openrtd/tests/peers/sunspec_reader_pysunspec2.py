"""Reads a SunSpec device with pysunspec2: an independent judge of our plant.

usage: sunspec_reader_pysunspec2.py PORT; prints {"event": "models", "models": {"103": {"W": 1.0, ...}, ...}}.
"""

import sys

import peer
import sunspec2.modbus.client as client


def values(group):
    """Computed values of a group's points."""
    return {name: point.cvalue for name, point in group.points.items()}


def main():
    device = client.SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=int(sys.argv[1]), timeout=20)
    device.scan()
    found = {number: values(models[0]) for number, models in device.models.items() if isinstance(number, int)}
    device.close()
    peer.emit("models", models=found)


main()
