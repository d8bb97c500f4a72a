"""An outstation by dnp3py: a third judge of our master.

Points 0 to 3 of each: binary inputs, analog inputs (integers), counters, outputs. A command is accepted up to 1,000 in
magnitude. It wants the time, and knows both ways to get it. It does not know how to assign classes.

Requests: {"do": "update", "type", "index", "value"}.
"""

import asyncio
import threading

import peer
from dnp3.core.enums import CommandStatus
from dnp3.database import Database
from dnp3.outstation import DefaultCommandHandler, Outstation, OutstationConfig, OutstationTcpRunner
from dnp3.outstation.handler import CommandResult

ACCEPTED_MAX = 1000.0
ANSWER_TIME_MAX_S = 15.0


class Commands(DefaultCommandHandler):
    """Judges commands."""

    @staticmethod
    def judge(step, kind, index, value):
        within = abs(value) <= ACCEPTED_MAX
        status = CommandStatus.SUCCESS if within else CommandStatus.OUT_OF_RANGE
        peer.emit("command", step=step, type=kind, index=index, value=value, status=int(status))
        return CommandResult.success() if within else CommandResult.out_of_range()

    def select_analog_output(self, index, value):
        return self.judge("select", "analog", index, value)

    def operate_analog_output(self, index, value, select_sequence):
        return self.judge("operate", "analog", index, value)

    def direct_operate_analog_output(self, index, value):
        return self.judge("operate", "analog", index, value)

    def select_binary_output(self, index, code, count, on_time, off_time):
        return self.judge("select", "crob", index, 0)

    def operate_binary_output(self, index, code, count, on_time, off_time, select_sequence):
        return self.judge("operate", "crob", index, 0)

    def direct_operate_binary_output(self, index, code, count, on_time, off_time):
        return self.judge("operate", "crob", index, 0)

    def cold_restart(self):
        peer.emit("cold_restart")
        return 9000

    def freeze_counters(self, start, stop, clear):
        peer.emit("frozen", start=start, stop=stop, clear=clear)
        return CommandResult.success()


class Served:
    """The outstation on a loop of its own."""

    def __init__(self, args):
        self.database = Database()
        for index in range(peer.POINTS):
            self.database.add_binary_input(index)
            self.database.add_analog_input(index)
            self.database.add_counter(index)
            self.database.add_frozen_counter(index)
            self.database.add_binary_output(index)
            self.database.add_analog_output(index)
        outstation = Outstation(
            database=self.database,
            config=OutstationConfig(address=args.local, master_address=args.remote),
            handler=Commands(),
            time_handler=lambda at: peer.emit("time", ms=at.milliseconds),
        )
        self.runner = OutstationTcpRunner(outstation=outstation, host=args.host, port=args.port)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self.runner.run(), self.loop)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(ANSWER_TIME_MAX_S)

    async def listening(self):
        while self.runner.local_address is None:
            await asyncio.sleep(0.01)

    def update(self, request):
        self.run(self.change(request["type"], request["index"], request["value"]))

    async def change(self, kind, index, value):
        change = {
            "analog_input": self.database.update_analog_input,
            "binary_input": self.database.update_binary_input,
            "counter": self.database.update_counter,
        }[kind]
        change(index, value=value)


def main():
    args = peer.arguments(__doc__.splitlines()[0], local=10, remote=1).parse_args()
    served = Served(args)
    served.run(served.listening())
    peer.emit("listening", port=args.port)
    peer.serve({"update": served.update})
    served.run(served.runner.stop())


main()
