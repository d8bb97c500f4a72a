"""An OPC UA server by asyncua, on a port of its own choosing or of the first argument.

  {"do": "set", "node": NAME, "value": VALUE}   "status": NUMBER goes with it (0: good), "type": a name of asyncua's types

It says {"event": "listening", "port": PORT, "namespace": INDEX}. Its nodes are Power (Double), Closed (Boolean) and State
(UInt16), named ns=INDEX;s=NAME.
"""

import asyncio
import os
import socket
import sys
import threading
from datetime import datetime, timezone

import peer
from asyncua import Server, ua

NODES = {"Power": (ua.VariantType.Double, 2500.0), "Closed": (ua.VariantType.Boolean, True)}
NODES["State"] = (ua.VariantType.UInt16, 4)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def main(loop):
    port = int(sys.argv[1]) if len(sys.argv) > 1 else free_port()
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = await server.register_namespace("urn:plant")
    nodes = {}
    for name, (kind, value) in NODES.items():
        node = ua.NodeId(name, space)
        nodes[name] = await server.nodes.objects.add_variable(node, name, value, varianttype=kind)

    async def set_(request):
        kind, _ = NODES[request["node"]]
        value = ua.DataValue(
            ua.Variant(request["value"], kind),
            StatusCode=ua.StatusCode(request.get("status", 0)),
            SourceTimestamp=datetime.now(timezone.utc),
        )
        node = nodes[request["node"]]
        await server.write_attribute_value(node.nodeid, value)

    await server.start()
    peer.emit("listening", port=port, namespace=space)
    done = asyncio.Event()

    def listen():
        wait = lambda request: asyncio.run_coroutine_threadsafe(set_(request), loop).result(30)
        peer.serve({"set": lambda request: wait(request)})
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    await done.wait()


async def begin():
    await main(asyncio.get_running_loop())


asyncio.run(begin())
