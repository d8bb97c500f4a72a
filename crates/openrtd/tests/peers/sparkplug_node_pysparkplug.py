"""A Sparkplug B edge node with one device, by pysparkplug. Arguments: the broker's port, and optionally CA,
certificate and key of mutual TLS.

  {"do": "set", "metric": NAME, "value": VALUE}   tells a change by name; "alias": true tells it by alias alone,
                                                  "historical": true as one of the past; null is null
  {"do": "skip"}                                  passes over a sequence number
  {"do": "lose"} {"do": "find"}                   death and birth of the device
  {"do": "cut"}                                   drops its connection without a word, and makes another

It says {"event": "born"} at each birth, which it repeats when asked to.
"""

import os
import ssl
import sys
import threading

import peer
from pysparkplug import Client, DataType, DBirth, DData, Device, EdgeNode, Message, MessageType, Metric, NBirth
from pysparkplug import QoS, TLSConfig, Topic, get_current_timestamp

GROUP, NODE, DEVICE = "Plant", "Gateway", "Inv1"
METRICS = {
    "Inverter/ActivePower": (1, DataType.DOUBLE, 2500.0),
    "Inverter/Reactive": (2, DataType.INT16, -300),
    "Breaker/Closed": (3, DataType.BOOLEAN, True),
    "Inverter/State": (4, DataType.UINT8, 4),
}
lock = threading.Lock()


def metric(of, value, **more):
    alias, datatype, _ = METRICS[of]
    fields = {"timestamp": get_current_timestamp(), "name": of, "datatype": datatype, "value": value}
    return Metric(**{**fields, "alias": alias, "is_null": value is None, **more})


def device():
    return Device(DEVICE, [metric(name, value) for name, (_, _, value) in METRICS.items()])


def publish(kind, payload, device_id=None, dtypes=True):
    topic = Topic(message_type=kind, group_id=GROUP, edge_node_id=NODE, device_id=device_id)
    message = Message(topic=topic, payload=payload, qos=QoS.AT_MOST_ONCE, retain=False)
    node._client.publish(message, include_dtypes=dtypes)


def birth():
    """The library is born at each connection; asked to be born again it is not by itself."""
    now = get_current_timestamp()
    with lock:
        metrics = (*node.metrics.values(), born[0])
        publish(MessageType.NBIRTH, NBirth(timestamp=now, seq=node._seq, metrics=metrics))
        for one in node.devices.values():
            told = DBirth(timestamp=now, seq=node._seq, metrics=tuple(one.metrics.values()))
            publish(MessageType.DBIRTH, told, one.device_id)
    peer.emit("born", asked=True)


def command(_, message):
    for one in message.payload.metrics:
        if one.name == "Node Control/Rebirth" and one.value:
            birth()


def set_(request):
    name, value = request["metric"], request["value"]
    more = {"is_historical": True} if request.get("historical") else {}
    with lock:
        if request.get("alias"):
            told = DData(get_current_timestamp(), seq=node._seq, metrics=(metric(name, value, name=None),))
            publish(MessageType.DDATA, told, DEVICE, dtypes=False)
        else:
            node.update_device(DEVICE, (metric(name, value, **more),))


def skip(_):
    with lock:
        node._seq


def cut(_):
    # Without the parting word the broker publishes the will; the library connects again by itself.
    node._client._client._sock.shutdown(2)


arguments = sys.argv[2:]
tls = None
if arguments:
    ca, certificate, key = arguments
    tls = TLSConfig(ca_certs=ca, certfile=certificate, keyfile=key, cert_reqs=ssl.CERT_REQUIRED)
client = Client(client_id="gateway", transport_config=tls)
client._client.reconnect_delay_set(min_delay=1, max_delay=1)
client._client.tls_insecure_set(True) if tls else None
control = Metric(timestamp=0, name="Node Control/Rebirth", datatype=DataType.BOOLEAN, value=False)
node = EdgeNode(GROUP, NODE, [control], client=client, cmd_callback=command)
born = [None]
setup = node._setup_will


def setup_and_keep():
    """The library forgets the number of the birth that it has just told."""
    born[0] = getattr(node, "_bd_seq_metric", None)
    setup()


node._setup_will = setup_and_keep
node.register(device())
node.connect("127.0.0.1", port=int(sys.argv[1]), keepalive=5)
peer.emit("ready")
peer.serve({
    "set": set_,
    "skip": skip,
    "cut": cut,
    "lose": lambda _: node.deregister(DEVICE),
    "find": lambda _: node.register(device()),
})
os._exit(0)
