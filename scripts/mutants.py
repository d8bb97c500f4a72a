#!/usr/bin/env python3
"""The test of the tests: plants bugs into a scratch copy of ieee1815, one at a time; the tests have to find each.

    mutants.py SCRATCH [RESULT.json]

A bug that cannot be planted, because its place has changed, is a failure too.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

SECONDS_MAX = 600
# What is broken; the file; what stands there; what is put there.
PLANTED = [
    (
        "any confirm is taken for the one that is awaited",
        "outstation/session.rs",
        "self.awaiting.take_if(|held| held.sequence == sequence)",
        "self.awaiting.take_if(|_| true)",
    ),
    (
        "events whose confirm did not come are forgotten",
        "outstation/events.rs",
        "for event in self.waiting.iter_mut().filter(|event| event.sent == Some(by)) {",
        "for event in self.waiting.iter_mut().filter(|_| false) {",
    ),
    (
        "confirmed events stay",
        "outstation/events.rs",
        "            !confirmed\n        });",
        "            let _ = confirmed;\n            true\n        });",
    ),
    (
        "the next unsolicited response has the number of the one before",
        "outstation/unsolicited.rs",
        "        state.sequence = next_sequence(sequence);\n        state.fragment.clear();\n        Some",
        "        state.sequence = sequence;\n        state.fragment.clear();\n        Some",
    ),
    (
        "an operate needs no select",
        "outstation/command.rs",
        "_ => Err(CommandStatus::NoSelect),",
        "_ => Ok(()),",
    ),
    (
        "controls by broadcast are carried out",
        "outstation/session.rs",
        "DIRECT_OPERATE_NO_ACK => rules.controls,",
        "DIRECT_OPERATE_NO_ACK => true,",
    ),
    (
        "a fragment that is sent again is delivered again",
        "master/fragment.rs",
        "    parts(last).is_some() && parts(last) == parts(octets)",
        "    parts(last).is_some() && false && parts(last) == parts(octets)",
    ),
    (
        "a master accepts points that are not configured",
        "master/points.rs",
        "(first..=last).contains(&index);",
        "(first..=u16::MAX.max(last)).contains(&index);",
    ),
    (
        "segments may be missing",
        "channel/mod.rs",
        "assembling != Some((sequence, broadcast))",
        "assembling.is_none()",
    ),
    (
        "the check sum of the last block is not looked at",
        "link.rs",
        "if crc(data) != u16::from_le_bytes(*check) {",
        "if crc(data) != u16::from_le_bytes(*check) && data.is_empty() {",
    ),
    (
        "a range of 32 bits is counted with 32 bits",
        "objects/mod.rs",
        "Range::StartStop(start, stop) => u64::from(stop).abs_diff(u64::from(start)).saturating_add(1),",
        "Range::StartStop(start, stop) => u64::from(stop.wrapping_sub(start).wrapping_add(1)),",
    ),
    (
        "a relative time forgets the common time",
        "objects/read.rs",
        "self.common_time.map(|common| common.saturating_add(after))",
        "self.common_time.map(|_| after)",
    ),
]


def tests(scratch):
    """The tests that fail; `None` where the copy does not even build."""
    command = ["cargo", "test", "--locked", "-p", "ieee1815", "--lib", "--tests", "--no-fail-fast"]
    try:
        run = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return ["(no end in time)"]
    if "running " not in run.stdout:
        print(run.stderr[-3000:])
        return None
    return sorted(set(re.findall(r"^test (\S+) \.\.\. FAILED", run.stdout, re.M)))


def main():
    scratch = pathlib.Path(sys.argv[1])
    os.environ["RUST_BACKTRACE"] = "0"
    before = tests(scratch)
    if before != []:
        sys.exit(f"mutants: without a planted bug there are failures: {before}")
    results, missed = [], []
    for what, name, old, new in PLANTED:
        path = scratch / "crates/ieee1815/src" / name
        text = path.read_text()
        found = None
        if text.count(old) == 1:
            path.write_text(text.replace(old, new))
            found = tests(scratch)
            path.write_text(text)
        if not found:
            missed.append(what)
        results.append({"bug": what, "file": name, "found_by": found or []})
        print(f"mutants: {what}: {'found by ' + str(len(found)) + ' tests' if found else 'NOT FOUND'}", flush=True)
    record = {"planted": len(PLANTED), "found": len(PLANTED) - len(missed), "missed": missed, "each": results}
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(record))
    sys.exit(1 if missed else 0)


main()
