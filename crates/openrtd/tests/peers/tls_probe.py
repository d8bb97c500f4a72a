"""Knocks at an outstation and tells what it got: {"event": "got", "octets": HEX, "error": TEXT or null}.

usage: tls_probe.py HOST PORT plain | tls CA [CERT KEY]
"""

import socket
import ssl
import sys

import peer

# Request link status, from master 1 to outstation 10; the CRC is in the last two octets.
FRAME = bytes.fromhex("056405c90a000100")
WAIT_MAX_S = 20.0
CRC_POLYNOMIAL = 0xA6BC


def crc(octets):
    """The CRC of a link frame, low octet first."""
    value = 0
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ CRC_POLYNOMIAL if value & 1 else value >> 1
    return (value ^ 0xFFFF).to_bytes(2, "little")


def main():
    host, port, kind, *files = sys.argv[1:]
    octets, error = b"", None
    try:
        connection = socket.create_connection((host, int(port)), WAIT_MAX_S)
        if kind == "tls":
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=files[0])
            if files[1:]:
                context.load_cert_chain(*files[1:])
            connection = context.wrap_socket(connection, server_hostname="rtd.example")
        connection.sendall(FRAME + crc(FRAME))
        octets = connection.recv(292)
    except TimeoutError:
        error = "nothing happened"
    except OSError as failed:
        error = str(failed)
    peer.emit("got", octets=octets.hex(), error=error)


main()
