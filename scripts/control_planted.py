#!/usr/bin/env python3
"""The test of the proof of control: plants bugs into a scratch copy, one at a time; the proof's cases have to find each.

    control_planted.py SCRATCH [RESULT.json]

A bug that cannot be planted, because its place has changed, is a failure too.
"""

import os

from planted import main

MACHINE = "control/src/authority.rs"
LIMITS = "control/src/limits.rs"
CORE = "rtd/src/core/"
# What is broken; the file; what stands there; what is put there; and so on for another file.
PLANTED = [
    (
        "what the last owner asked for is gone on with",
        MACHINE,
        "        self.target = self.output.unwrap_or(0.0);\n",
        "",
    ),
    (
        "a master that takes over goes on from the last output",
        MACHINE,
        "        if !goes_on && self.stands != Stands::Away {\n",
        "        if !goes_on && self.output.is_none() && self.stands != Stands::Away {\n",
        MACHINE,
        "            _ => self.output = seen.actual.or(self.output),\n",
        "            _ => self.output = self.output.or(seen.actual),\n",
    ),
    (
        "whoever takes over does not wait for a reading",
        MACHINE,
        "let Some(actual) = seen.actual.filter(|_| seen.read >= since) else { return false };",
        "let Some(actual) = seen.actual.filter(|_| seen.read >= since || !seen.inhibited) else { return false };",
    ),
    (
        "devices are told what held before while a reading is waited for",
        MACHINE,
        "        let Some(output) = self.output.filter(|_| !self.waits()) else {\n",
        "        let Some(output) = self.output else {\n",
        # Or they are told so again and again without end.
        CORE + "control.rs",
        "        if self.machine.waits() {\n            // What they were told",
        "        if false {\n            // What they were told",
    ),
    (
        "the plant's switch does not win",
        MACHINE,
        "            return Some((Owner::Local, Cause::Local));",
        "            return None;",
    ),
    (
        "an open breaker ends nothing",
        MACHINE,
        "            return Some((Owner::Local, Cause::Tripped));",
        "            return None;",
    ),
    (
        "two masters own it in turns",
        MACHINE,
        "if owner != master && self.away.is_none())",
        "if owner != master && self.away.is_none() && false)",
    ),
    (
        "what is no number is taken for the lowest",
        MACHINE,
        "if !(value >= low - self.spec.slack && value <= high + self.spec.slack) {",
        "if value < low - self.spec.slack || value > high + self.spec.slack {",
    ),
    (
        "a lost link is not held",
        MACHINE,
        "self.away.map(|since| since.plus(self.spec.hold))",
        "self.away",
    ),
    (
        "silence is not noticed",
        MACHINE,
        "self.spec.silence.map(|most| self.heard.plus(most))",
        "self.spec.silence.filter(|_| false).map(|most| self.heard.plus(most))",
    ),
    (
        "devices that were away are driven on from where they were",
        MACHINE,
        "        (self.stands, self.output) = (Stands::There, Some(actual));\n",
        "        self.stands = Stands::There;\n",
    ),
    (
        "whoever goes on does not wait for what is waited for",
        MACHINE,
        "            _ if goes_on => {}\n",
        "            _ if goes_on => self.stands = Stands::There,\n",
    ),
    (
        "time at rest counts for the ramp",
        MACHINE,
        "let by = if self.moving { now.since(self.moved) } else { Duration::ZERO };",
        "let by = now.since(self.moved);",
        MACHINE,
        "            self.moved = now;\n        }\n        Turn {",
        "            self.moved = if self.moving { now } else { self.moved };\n        }\n        Turn {",
    ),
    (
        "any number of commands may come",
        MACHINE,
        "now.since(since) < time && count >= most\n",
        "now.since(since) < time && count > 9 * most\n",
    ),
    (
        "down is as fast as up",
        LIMITS,
        "low: -most(rules.down)",
        "low: -most(rules.up)",
    ),
    (
        "a soft limit is kept at once",
        LIMITS,
        "    let moved = if rests { from } else { from + way };\n",
        "    let moved = bounds.soft.hold(if rests { from } else { from + way });\n",
    ),
    (
        "a hard limit is reached by the ramp",
        LIMITS,
        "    let value = bounds.hard.hold(stored);\n",
        "    let value = stored;\n",
        CORE + "control.rs",
        "Some(bounds) => (bounds.hold(asked), [bounds.at_once()], bounds.holds(asked)),",
        "Some(_) => (asked, [Band::ALL], None),",
    ),
    (
        "a charge is not looked at",
        CORE + "brain/regulated.rs",
        "let power = store.power(Some(self.quantity(charge)?));",
        "let power = store.power(self.quantity(charge).map(|_| (store.lowest + store.highest) / 2.0));",
    ),
    (
        "a source of charge that is not good is not asked",
        CORE + "brain/regulated.rs",
        "around.source.map(|source| self.quantity(source).unwrap_or(0.0).max(0.0))",
        "around.source.and_then(|source| self.quantity(source)).map(|source| source.max(0.0))",
    ),
    (
        "a limit that is not good is none",
        CORE + "brain/regulated.rs",
        "let high = high.map_or(Some(f64::INFINITY), |high| self.quantity(high))?;",
        "let high = high.and_then(|high| self.quantity(high)).unwrap_or(f64::INFINITY);",
    ),
    (
        "a write that was refused is confirmed",
        CORE + "control/drive.rs",
        "        self.refuses = result.is_err();\n",
        "        let result = &result.clone().or_else(|_| Ok::<(), String>(()));\n        self.refuses = false;\n",
    ),
    (
        "what is asked for is in force",
        CORE + "control.rs",
        "                self.in_force = Force::Confirmed(of.all);\n",
        "                self.in_force = self.machine.output().map_or(Force::Unknown, Force::Confirmed);\n",
    ),
    (
        "a device that is back has still confirmed what it had",
        CORE + "control.rs",
        "            None if matches!(self.in_force, Force::Confirmed(_)) => self.in_force = Force::Unknown,\n",
        "",
    ),
    (
        "a trip leaves the devices what they were told",
        CORE + "control.rs",
        "let keeps = cause != Cause::Tripped && !self.spec.disables;",
        "let keeps = !self.spec.disables;",
        CORE + "control.rs",
        "let (tripped, disables) = (connected == Permit::Withheld, self.spec.disables);",
        "let (tripped, disables) = (false, self.spec.disables);",
    ),
    (
        "a silent unit counts for nothing",
        CORE + "control/units.rs",
        "let wanted = whole - self.silent.parts();",
        "let wanted = whole;",
    ),
    (
        "the meter is not asked of a silent unit",
        "control/src/silent.rs",
        "const READINGS: u8 = 3;",
        "const READINGS: u8 = 250;",
    ),
    (
        "a unit that is back gets its new part at once",
        CORE + "control/drive.rs",
        "        (self.wanted, self.refuses) = (None, true);\n",
        "        (self.wanted, self.refuses) = (None, false);\n",
    ),
    (
        "a response comes at once after a hand-over",
        "control/src/primary.rs",
        "(Way::Follows, Some(_)) => self.now = wanted,",
        "(Way::Follows | Way::Rests, Some(_)) => self.now = wanted,",
    ),
    (
        "the set point held counts the response in",
        CORE + "control/response.rs",
        "        bounds.unwrap_or(Bounds::NONE).hold(actual - response)\n",
        "        bounds.unwrap_or(Bounds::NONE).hold(actual - 0.0 * response)\n",
    ),
    (
        "an auxiliary load that is not good is none",
        CORE + "control.rs",
        "if let Some(aux) = plant.aux.filter(|",
        "if let Some(aux) = plant.aux.or(Some(0.0)).filter(|",
    ),
    (
        "a way stops within the deadband",
        LIMITS,
        "let rests = !moving && ",
        "let rests = ",
    ),
    (
        "a lost unit is made up for by nobody",
        CORE + "control/units.rs",
        "Unit { available: takes(drive, able), ..able.unit }",
        "Unit { available: true, ..able.unit }",
    ),
    (
        "another ramp goes on with the old set point",
        CORE + "brain/carry.rs",
        "let goes_on = moves.kept.setpoint(&old.setpoint.spec.id) && (was.is_none() || owner.is_some());",
        "let goes_on = was.is_none() || owner.is_some();",
    ),
    (
        "the operator's hand is lost with another configuration",
        CORE + "brain/carry.rs",
        "(Some(new), None) => new.setpoint.machine.hold_as(&old.setpoint.machine),",
        "(Some(_), None) => {}",
    ),
    (
        "IIN1.5 says nothing",
        CORE + "brain.rs",
        "        if self.setpoints.iter().any(local) {",
        "        if self.setpoints.len() > 9 && self.setpoints.iter().any(local) {",
    ),
    (
        "a pulse counts from what the plant does",
        CORE + "brain/commands.rs",
        "let from = held.or_else(|| {",
        "let from = held.filter(|_| setpoint.spec.drives.is_empty()).or_else(|| {",
    ),
    (
        "a pulse of another master counts from the owner's set point",
        CORE + "brain/commands.rs",
        "let held = setpoint.accepted().filter(|_| setpoint.master() == Some(master));",
        "let held = setpoint.accepted();",
    ),
    (
        "the same octets again act again",
        "ieee1815/src/outstation/session.rs",
        "        if self.last_request != octets || (function == READ && !awaited) {",
        "        if self.last_request != octets || function > 2 || (function == READ && !awaited) {",
    ),
    (
        "the set point of a master that owns nothing is shown as held",
        CORE + "control.rs",
        "        self.master().and(self.machine.target())\n",
        "        self.machine.target()\n",
    ),
    (
        "a write of another life is not waited for",
        CORE + "control.rs",
        "drive.may_take_it(now) || (*answers && drive.is_under_way(now))",
        "drive.may_take_it(now) || (!*answers && drive.is_under_way(now))",
    ),
    (
        "the others of fixed shares follow one that refuses",
        CORE + "control.rs",
        "self.units.is_none() && self.drives.iter().any(|drive| drive.failed.is_some())",
        "self.units.is_some() && self.drives.iter().all(|drive| drive.failed.is_some())",
    ),
    (
        "a step of the wall clock counts as time",
        CORE + "brain.rs",
        "    pub(super) fn begin(&mut self, now: Now) {\n        self.now = now;\n",
        "    pub(super) fn begin(&mut self, now: Now) {\n        self.now = Now { mono: Mono::from_millis(now.wall.as_millis().saturating_sub(1_690_000_000_000)), ..now };\n",
    ),
]

if __name__ == "__main__":
    # Some are found late.
    os.environ.setdefault("CONTROL_CASES", "12000")
    main(PLANTED, "control", "every_promise_is_kept")
