//! What a set point's own keys say, one by one, so that whoever plans sees which of them changes and how. The names are
//! those of the site file.

use std::borrow::Cow;

use site::words::duration;
use site::{
    Bound, Drive, Edges, Energy, Handover, Part, Primary, Pulse, Regulating, Score, SetPoint, Site, Trim,
};

use telemetry::PointId;

use super::Kept;
use super::points::Fact;

/// The name of a key, and what it says.
pub(super) type Keyed = (Cow<'static, str>, Fact);

/// All that is not said of every point, in the order of the site's documentation.
pub(super) fn facts(site: &Site, setpoint: &SetPoint) -> Vec<Keyed> {
    let mut facts = vec![
        key("limits", Fact::bounds(Some(setpoint.limits))),
        key("hold_ms", Fact::time(Some(setpoint.hold))),
        key("actual", Fact::told(&setpoint.actual)),
        key("remote", Fact::or_none(setpoint.remote.as_ref())),
        key("connected", Fact::or_none(setpoint.connected.as_ref())),
        key("feedback", Fact::told(&setpoint.feedback.point.id)),
    ];
    // Their order counts: it is the one in which a dispatch fills them.
    let devices: Vec<&str> = setpoint.drives.iter().map(|drive| device(site, drive)).collect();
    facts.push(key("drive", Fact::told(&devices.join(", "))));
    for drive in &setpoint.drives {
        let name = format!("drive.{}", device(site, drive));
        facts.push((name.clone().into(), Fact::told(&drive.control.words())));
        facts.push((format!("{name}.revert_s").into(), Fact::told(&drive.revert_s)));
        part(&name, &drive.part, &mut facts);
    }
    regulating(&setpoint.regulating, &mut facts);
    facts
}

/// What becomes of a set point that is another one from now on, or none any more (`is`), and of the devices that it
/// drives.
pub(super) fn goes_back(
    (old, was): (&Site, &PointId),
    (new, is): (&Site, Option<&PointId>),
    kept: &Kept,
) -> String {
    let mut text = "authority goes back to the plant".to_owned();
    let Some(before) = old.setpoints.iter().find(|one| one.point.id == *was) else { return text };
    let after = new.setpoints.iter().find(|one| Some(&one.point.id) == is);
    let after = after.filter(|after| after.regulating.handover == Handover::Keep);
    let alike = |drive: &&Drive| {
        after.is_some_and(|after| {
            after.drives.iter().any(|next| {
                device(new, next) == device(old, drive) && next.control.words() == drive.control.words()
            })
        })
    };
    // Nobody reaches a device any more that is another one now.
    let (there, gone): (Vec<&Drive>, Vec<&Drive>) =
        before.drives.iter().partition(|drive| kept.device(device(old, drive)));
    let (keeps, given): (Vec<&Drive>, Vec<&Drive>) = there.into_iter().partition(alike);
    for (drives, words) in [
        (keeps, "keeps what it was told"),
        (given, "is handed back to its own control"),
        (gone, "is told nothing more"),
    ] {
        for drive in drives {
            text += &format!(", {} {words}", device(old, drive));
        }
    }
    text
}

pub(super) fn device<'a>(site: &'a Site, drive: &Drive) -> &'a str {
    site.devices.get(drive.device.get()).map_or("", |device| &device.id)
}

fn key(name: &'static str, fact: Fact) -> Keyed {
    (name.into(), fact)
}

fn bound(bound: Option<&Bound>) -> Fact {
    match bound {
        Some(Bound::Number(number)) => Fact::told(number),
        Some(Bound::Point(point)) => Fact::told(point),
        None => Fact::default(),
    }
}

fn edges(name: &str, edges: &Edges, facts: &mut Vec<Keyed>) {
    let Edges { low, high } = edges;
    for (edge, point) in [("low", low), ("high", high)] {
        facts.push((format!("{name}.{edge}").into(), Fact::or_none(point.as_ref())));
    }
}

fn energy(name: &str, energy: Option<&Energy>, facts: &mut Vec<Keyed>) {
    let Some(Energy { charge, lowest, highest, efficiency, horizon }) = energy else { return };
    let told = [
        ("charge", Fact::told(charge)),
        ("lowest", Fact::told(lowest)),
        ("highest", Fact::told(highest)),
        ("efficiency", Fact::told(efficiency)),
        ("horizon_s", Fact::time(Some(*horizon))),
    ];
    facts.extend(told.map(|(key, fact)| (format!("{name}.{key}").into(), fact)));
}

/// A device's part in a dispatch; nothing where there is none.
fn part(name: &str, part: &Part, facts: &mut Vec<Keyed>) {
    if *part == Part::default() {
        return;
    }
    let Part { low, high, stored, room, priority, least, available, power, energy: charge, free } = part;
    let told = [
        ("low", bound(low.as_ref())),
        ("high", bound(high.as_ref())),
        ("stored", Fact::or_none(stored.as_ref())),
        ("room", Fact::or_none(room.as_ref())),
        ("priority", Fact::told(priority)),
        ("least", Fact::told(least)),
        ("available", Fact::or_none(available.as_ref())),
        ("power", Fact::or_none(power.as_ref())),
        ("free", Fact::told(free)),
    ];
    facts.extend(told.map(|(key, fact)| (format!("{name}.{key}").into(), fact)));
    energy(&format!("{name}.energy"), charge.as_ref(), facts);
}

fn regulating(how: &Regulating, facts: &mut Vec<Keyed>) {
    // A key that comes to be is to be told as well.
    let Regulating {
        ramp_up_per_min,
        ramp_down_per_min,
        deadband,
        on_loss,
        silence,
        schedule,
        commands_max,
        hard,
        soft,
        energy: charge,
        charge_within,
        aux,
        device_remote,
        trim,
        primary,
        dispatch,
        follows,
        handover,
        pulse,
        score,
        // Points of their own: what becomes of them is told as such.
        raise: _,
        lower: _,
        clamp: _,
        owner: _,
    } = how;
    facts.extend([
        key("ramp_up_per_min", Fact::or_none(ramp_up_per_min.as_ref())),
        key("ramp_down_per_min", Fact::or_none(ramp_down_per_min.as_ref())),
        key("deadband", Fact::told(deadband)),
        key("on_loss", Fact::told(on_loss.text())),
        key("silence_ms", Fact::time(*silence)),
        key("schedule", Fact::or_none(schedule.as_ref())),
        key(
            "commands_max",
            Fact::new(
                commands_max,
                commands_max
                    .map(|(count, within)| format!("{count} within {}", duration(within)))
                    .unwrap_or_default(),
            ),
        ),
    ]);
    edges("limits_hard", hard, facts);
    edges("limits_soft", soft, facts);
    energy("energy", charge.as_ref(), facts);
    let remotes: Vec<&str> = device_remote.iter().map(PointId::as_str).collect();
    facts.extend([
        key("charge_within", Fact::or_none(charge_within.as_ref())),
        key("aux", Fact::or_none(aux.as_ref())),
        key("device_remote", Fact::told(&remotes.join(", "))),
    ]);
    if let Some(Trim { meter, units, gain, most }) = trim {
        facts.extend([
            key("trim.meter", Fact::told(meter)),
            key("trim.units", Fact::or_none(units.as_ref())),
            key("trim.gain", Fact::told(gain)),
            key("trim.most", Fact::told(most)),
        ]);
    }
    if let Some(primary) = primary {
        responding(primary, facts);
    }
    facts.extend([
        key("dispatch", Fact::told(dispatch.map_or("", |how| how.text()))),
        key("follows_within", Fact::or_none(follows.map(|(within, _)| within).as_ref())),
        key("follows_s", Fact::time(follows.map(|(_, time)| time))),
        key("handover", Fact::told(handover.text())),
    ]);
    if let Some(Pulse { each, per_second, longest }) = pulse {
        facts.extend([
            key("pulse.each", Fact::told(each)),
            key("pulse.per_second", Fact::told(per_second)),
            key("pulse.longest_s", Fact::time(Some(*longest))),
        ]);
    }
    if let Some(Score { step, window, delay_max, accuracy_below, point: _ }) = score {
        facts.extend([
            key("score.step_ms", Fact::time(Some(*step))),
            key("score.window_s", Fact::time(Some(*window))),
            key("score.delay_max_steps", Fact::told(delay_max)),
            key("score.accuracy_below", Fact::or_none(accuracy_below.as_ref())),
        ]);
    }
}

/// What the frequency asks for; what is told of it are points of their own.
fn responding(primary: &Primary, facts: &mut Vec<Keyed>) {
    let Primary { frequency, nominal, droop_pct, deadband_hz, capacity, most, enable, told: _ } = primary;
    facts.extend([
        key("primary.frequency", Fact::told(frequency)),
        key("primary.nominal", Fact::told(nominal)),
        key("primary.droop_pct", Fact::told(droop_pct)),
        key("primary.deadband_hz", Fact::told(deadband_hz)),
        key("primary.capacity", Fact::told(capacity)),
        key("primary.most", Fact::told(most)),
        key("primary.enable", Fact::or_none(enable.as_ref())),
    ]);
}
