#!/usr/bin/env python3
"""The test of the honesty proof: plants bugs into a scratch copy, one at a time; the proof's cases have to find each.

    planted.py SCRATCH [RESULT.json]

A bug that cannot be planted, because its place has changed, is a failure too.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

SECONDS_MAX = 1_200
CORE = "rtd/src/core/"
# What is broken; the file; what stands there; what is put there; and so on for another file.
PLANTED = [
    (
        "ages are measured on the wall clock",
        CORE + "brain.rs",
        "self.table.age(now.mono)",
        "self.table.age(Mono::from_millis(now.wall.as_millis().saturating_sub(1_700_000_000_000)))",
    ),
    (
        "a value that is read again before it is stale never becomes stale",
        CORE + "table.rs",
        "            self.stale_next.remove(&(before, point));\n        }\n        self.stale_next.insert((stale_at, point));",
        "            self.stale_next.remove(&(before, point));\n        } else {\n            self.stale_next.insert((stale_at, point));\n        }",
    ),
    (
        "a failed poll makes the last value new",
        CORE + "table.rs",
        "        if let FieldOutcome::Readings(readings) = &report.outcome {\n            for (reading, value) in readings {",
        """        if let FieldOutcome::Failed(_) = &report.outcome {
            for point in self.by_device.get(&report.device).cloned().unwrap_or_default() {
                if let Some(last) = self.rows.get(point.0).and_then(|row| row.last.clone()) {
                    self.read(point, &last.reading, report);
                }
            }
        }
        if let FieldOutcome::Readings(readings) = &report.outcome {
            for (reading, value) in readings {""",
    ),
    (
        "the points of a device that died are not told so",
        CORE + "table.rs",
        "        if change.is_some() {\n            for point in",
        "        if change.is_some() && false {\n            for point in",
    ),
    (
        "two time-outs kill nothing",
        CORE + "devices.rs",
        "self.timed_out >= TIMED_OUT_MAX",
        "self.timed_out >= 99 * TIMED_OUT_MAX",
    ),
    (
        "negative values are not held against the range",
        CORE + "judge.rs",
        "!(*low..=*high).contains(&value) =>",
        "value >= 0.0 && !(*low..=*high).contains(&value) =>",
    ),
    (
        "what is not implemented is taken for zero",
        CORE + "judge.rs",
        "(Reading::NotImplemented, _) => Judged::nothing(ReasonKind::NotImplemented, device()),",
        "(Reading::NotImplemented, _) => Judged { value: Some(Value::Analog(0.0)), reasons: Reasons::none() },",
    ),
    (
        "a forced point does not say so",
        CORE + "flags.rs",
        "ReasonKind::Forced => Flags::LOCAL_FORCED,",
        "ReasonKind::Forced => Flags::NONE,",
    ),
    (
        "what is made of a forced point does not say so",
        CORE + "derive/mod.rs",
        "let counts = |reason: &Reason| reason.kind == ReasonKind::Saturated && !clipped;",
        "let counts = |reason: &Reason| reason.kind == ReasonKind::Forced || reason.kind == ReasonKind::Saturated && !clipped;",
    ),
    (
        "a point that is released is fresh",
        CORE + "table.rs",
        "        let hand = row.hand.take()?;\n",
        "        let hand = row.hand.take()?;\n        row.stale = false;\n",
    ),
    (
        "a point that is released keeps the time of the hand",
        CORE + "table.rs",
        "        row.sample.received = row.under.received;\n",
        "",
    ),
    (
        "a report older than one already taken is taken",
        CORE + "devices.rs",
        "report.received.mono >= device.received)",
        "report.received.mono >= device.received || true)",
    ),
    (
        "a sum leaves out what is missing",
        CORE + "derive/quantity.rs",
        "AnalogDerive::Sum(_) => all(rows, unit, |values| values.iter().sum()),",
        """AnalogDerive::Sum(_) => {
            let good: Vec<Term<'_>> = rows.iter().filter(|(row, _)| is_usable(row)).copied().collect();
            all(&good, unit, |values| values.iter().sum())
        }""",
    ),
    (
        "first-good has the primary's value with the backup's quality",
        CORE + "derive/quantity.rs",
        "        value: value(taken).map(Value::Analog),\n        reasons: inherited(taken.0)",
        "        value: rows.first().and_then(value).map(Value::Analog),\n        reasons: inherited(taken.0)",
    ),
    (
        "an untimed event is judged when it is queued",
        "ieee1815/src/outstation/events.rs",
        "let queued = (row.rest.mode == EventMode::Each).then(|| row.measured());",
        "let queued = Some(row.measured());",
        # History without its times does not leave either: that has to go, too.
        "ieee1815/src/outstation/fill.rs",
        "let latest_only = event.queued.is_some() && !entry.has_time() && !row.rest.history;",
        "let latest_only = false;",
    ),
    (
        "a point is not unread any more without a read",
        CORE + "points.rs",
        "under: Under { judged: never, ..Under::default() },",
        "under: Under { judged: Reasons::none(), ..Under::default() },",
    ),
    (
        "counts wrap",
        "telemetry/src/scale.rs",
        "(wire.clamp(-full, full) + 0.0, wire.abs() > full)",
        "((wire + full).rem_euclid(2.0 * full) - full, false)",
    ),
    (
        "a deadband swallows a change of quality",
        "ieee1815/src/outstation/events.rs",
        "if within && flags == seen.flags && !always {",
        "if within && !always {",
    ),
    (
        "what was stale stays so",
        CORE + "table.rs",
        "        row.stale = false;\n",
        "",
    ),
    (
        "an event is stamped when it is made, not when it was read",
        CORE + "time.rs",
        "        present.saturating_sub(age)\n",
        "        let _ = age;\n        present\n",
    ),
    (
        "a report that waited is not aged",
        CORE + "brain.rs",
        "                self.begin(self.now);\n",
        "",
    ),
    (
        "a value that its source has clipped makes good ones",
        CORE + "derive/mod.rs",
        "    !forced && row.under.judged.has(ReasonKind::Saturated)\n",
        "    forced && false\n",
    ),
    (
        "what was typed in is in means and energies",
        CORE + "derive/mod.rs",
        "is_usable(row) && !row.sample.reasons.has(ReasonKind::Forced)",
        "is_usable(row)",
    ),
]


def find(scratch, proof, test):
    """What the cases find: nothing, or the first case that shows it. `None` where the copy does not even build."""
    command = ["cargo", "test", "--locked", "-p", "rtd", "--test", proof, test]
    try:
        run = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return {"words": "no end in time"}
    if "running " not in run.stdout:
        print(run.stderr[-3000:])
        return None
    if run.returncode == 0:
        return {}
    told = re.search(r"^case (\d+): (.*)\nin the fewest steps:\n((?:  .*\n)*)", run.stdout + run.stderr, re.M)
    if not told:
        return {"words": (run.stdout + run.stderr)[-400:]}
    return {"case": int(told[1]), "words": told[2].split(": received")[0], "steps": told[3].count("\n")}


def main(bugs, proof, test):
    scratch = pathlib.Path(sys.argv[1])
    wanted = os.environ.get("PLANTED", "")
    os.environ["RUST_BACKTRACE"] = "0"
    if not wanted and find(scratch, proof, test) != {}:
        sys.exit("planted: without a planted bug something is found")
    results, missed = [], []
    for what, *edits in bugs:
        if wanted not in what:
            continue
        edits = [(scratch / "crates" / edits[at], *edits[at + 1 : at + 3]) for at in range(0, len(edits), 3)]
        before = [(path, path.read_text()) for path, _, _ in edits]
        found = None
        if all(path.read_text().count(old) == 1 for path, old, _ in edits):
            for path, old, new in edits:
                path.write_text(path.read_text().replace(old, new))
            found = find(scratch, proof, test)
            for path, text in before:
                path.write_text(text)
        else:
            print(f"planted: {what}: its place has changed")
        if not found:
            missed.append(what)
        files = [str(path.relative_to(scratch / "crates")) for path, _, _ in edits]
        results.append({"bug": what, "files": files, "found": found})
        where = f"case {found.get('case')}, {found.get('steps')} steps: {found['words']}" if found else "NOT FOUND"
        print(f"planted: {what}: {where}", flush=True)
    record = {"planted": len(results), "found": len(results) - len(missed), "missed": missed, "each": results}
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(record))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main(PLANTED, "honest", "no_object_is_good_that_must_not_be")
