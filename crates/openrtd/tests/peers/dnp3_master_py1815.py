"""A master by py1815: a second independent judge of our outstation.

Requests: {"do": "integrity"}.
"""

import asyncio
import ssl
import threading

import peer
from py1815.master.api import Outstation
from py1815.master.tasks import Tasks

ANSWER_TIME_MAX_S = 15.0
SERVER_NAME = "rtd.example"


class Master:
    """One connection on a loop of its own, so that it is served between requests too."""

    def __init__(self, args):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        tls = None
        if args.tls:
            ca, certificate, key = args.tls
            tls = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
            tls.load_cert_chain(certificate, key)
        self.outstation = Outstation(
            "peer",
            host=args.host,
            port=args.port,
            outstation_address=args.remote,
            master_address=args.local,
            tls=tls,
            server_name=SERVER_NAME if tls else None,
            tasks=Tasks.none(),
            confirm=True,
            reconnect=None,
        )
        self.run(self.outstation.connect())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(ANSWER_TIME_MAX_S)

    def integrity(self, _):
        exchange = self.run(self.outstation.integrity_poll())
        for each in exchange.objects:
            peer.emit_point(each.group, each.variation, each.index, each.value, each.flags, None)
        unread = [each.problem for each in exchange.undecoded]
        return {"outcome": "SUCCESS" if exchange.complete and not unread else str((exchange.outcome, unread))}


def main():
    args = peer.arguments(__doc__.splitlines()[0], local=1, remote=10).parse_args()
    master = Master(args)
    peer.emit("ready", result="SUCCESS")
    peer.serve({"integrity": master.integrity})
    master.run(master.outstation.close())


main()
