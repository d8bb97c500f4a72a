"""An outstation by dnp3py. It has no TLS, and its analogs are integers."""

import asyncio
import threading

import peer
from dnp3.core.enums import CommandStatus, ControlCode
from dnp3.core.flags import AnalogQuality, BinaryQuality, CounterQuality
from dnp3.database.database import Database, DatabaseConfig
from dnp3.database.event_buffer import EventBufferConfig
from dnp3.database.point import AnalogInputConfig, BinaryInputConfig, CounterConfig, EventClass
from dnp3.outstation.config import OutstationConfig
from dnp3.outstation.handler import CommandResult, DefaultCommandHandler
from dnp3.outstation.outstation import Outstation
from dnp3.outstation.tcp_runner import OutstationTcpRunner

EVENTS = 1000
ON = {ControlCode.LATCH_ON, ControlCode.CLOSE_PULSE_ON}


class Commands(DefaultCommandHandler):
    """Judges commands and shows the accepted ones in the status of their outputs."""

    def __init__(self, database):
        super().__init__()
        self.database = database

    @staticmethod
    def judge(step, kind, index, value):
        if index >= peer.POINTS:
            status = CommandStatus.NOT_SUPPORTED
        elif kind == "analog" and abs(value) > peer.OUTPUT_MAX:
            status = CommandStatus.OUT_OF_RANGE
        else:
            status = CommandStatus.SUCCESS
        peer.emit("command", step=step, type=kind, index=index, value=value, status=int(status))
        return CommandResult(status)

    def act(self, index, code):
        result = self.judge("operate", "crob", index, int(code))
        if result.is_success:
            self.database.update_binary_output(index, code in ON)
        return result

    def select_binary_output(self, index, code, count, on_time, off_time):
        return self.judge("select", "crob", index, int(code))

    def operate_binary_output(self, index, code, count, on_time, off_time, select_sequence):
        return self.act(index, code)

    def direct_operate_binary_output(self, index, code, count, on_time, off_time):
        return self.act(index, code)

    def select_analog_output(self, index, value):
        return self.judge("select", "analog", index, value)

    def operate_analog_output(self, index, value, select_sequence):
        return self.judge("operate", "analog", index, value)

    def direct_operate_analog_output(self, index, value):
        return self.judge("operate", "analog", index, value)

    def cold_restart(self):
        peer.emit("restart")
        return peer.RESTART_MS

    def freeze_counters(self, start, stop, clear):
        for index in range(peer.POINTS):
            self.database.freeze_counter(index)
            if clear:
                self.database.update_counter(index, 0)
        return CommandResult.success()


def database():
    made = Database(DatabaseConfig(event_buffer_config=EventBufferConfig(EVENTS, EVENTS, EVENTS)))
    for index in range(peer.POINTS):
        made.add_binary_input(index, BinaryInputConfig(EventClass.CLASS_1), quality=BinaryQuality.ONLINE)
        made.add_binary_output(index, quality=BinaryQuality.ONLINE)
        made.add_counter(index, CounterConfig(EventClass.CLASS_2), quality=CounterQuality.ONLINE)
        made.add_frozen_counter(index, quality=CounterQuality.ONLINE)
        made.add_analog_input(index, AnalogInputConfig(EventClass.CLASS_3), quality=AnalogQuality.ONLINE)
        made.add_analog_output(index, quality=AnalogQuality.ONLINE)
    return made


class Peer:
    """The runner on a loop of its own."""

    def __init__(self, args):
        self.database = database()
        config = OutstationConfig(address=args.local, master_address=args.remote)
        self.outstation = Outstation(
            config=config,
            database=self.database,
            handler=Commands(self.database),
            time_handler=lambda stamp: peer.emit("time", ms=int.from_bytes(stamp.to_bytes(), "little")),
        )
        self.loop = asyncio.new_event_loop()
        runner = OutstationTcpRunner(self.outstation, host=args.host, port=args.port)
        threading.Thread(target=self.loop.run_until_complete, args=(runner.run(),), daemon=True).start()
        while not runner.is_running:
            pass

    def update(self, request):
        kind, index, value = request["type"], request["index"], request["value"]
        calls = {
            "binary_input": self.database.update_binary_input,
            "counter": self.database.update_counter,
            "analog_input": self.database.update_analog_input,
        }
        if kind not in calls:
            raise peer.Unsupported("its database has no such type")
        done = threading.Event()

        def change():
            calls[kind](index, value)
            done.set()

        self.loop.call_soon_threadsafe(change)
        done.wait()
        return {"outcome": "SUCCESS"}

    def need_time(self, _):
        self.outstation._state.set_need_time()
        return {"outcome": "SUCCESS"}

    def restart_bit(self, _):
        raise peer.Unsupported("its outstation sets the bit at its start only")

    def handlers(self):
        return {"update": self.update, "need_time": self.need_time, "restart_bit": self.restart_bit}


def main():
    args = peer.arguments(__doc__, local=10, remote=1).parse_args()
    outstation = Peer(args)
    peer.emit("listening", port=args.port)
    peer.serve(outstation.handlers())


main()
