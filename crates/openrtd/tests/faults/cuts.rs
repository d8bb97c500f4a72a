//! The ISO's link cut on the way to a set point, closed or only dead, under each of the three policies, and with a
//! release that keeps or gives back: each does what it says, and nobody's step is larger than the ramp allows.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::battery::Told;
use crate::rig::{LATE_MS, Moved, RAMP, RESOLUTION, Random, Rig, Seen, folder, milliseconds, moved, now};

/// What the site says of it, and who has it then.
const POLICIES: [Policy; 4] = [
    Policy { on_loss: "hold", handover: "keep", owner: "fallback" },
    Policy { on_loss: "schedule", handover: "keep", owner: "schedule" },
    Policy { on_loss: "release", handover: "keep", owner: "local" },
    Policy { on_loss: "release", handover: "disable", owner: "local" },
];
/// What the schedule asks for: the switchgear's 60 Hz by another scale, for nothing else in the plant stands still.
const SCHEDULE: f64 = -1.2;
/// The battery is read so often.
const POLL_MS: i64 = 1_000;
const HOLD_MS: i64 = 2_000;
/// A dead link is noticed after this, and three questions of 2 s.
const KEEP_ALIVE_S: i64 = 2;
const DEAD_MS: i64 = KEEP_ALIVE_S * 1_000 + 6_000;
/// What becomes of the plant is watched for so long after the hand-over.
const WATCHED_MS: i64 = 6_000;

const WHOLE: u8 = 0;
const DEAD: u8 = 1;
const CLOSED: u8 = 2;

#[derive(Clone, Copy)]
struct Policy {
    on_loss: &'static str,
    handover: &'static str,
    owner: &'static str,
}

/// A wire between the ISO and the device, that can be cut.
struct Wire {
    state: Arc<AtomicU8>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
    port: u16,
}

impl Wire {
    fn to(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, ends) = (Arc::new(AtomicU8::new(WHOLE)), Arc::new(Mutex::new(Vec::new())));
        let wire = Self { state: Arc::clone(&state), ends: Arc::clone(&ends), port };
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // Through a wire that is cut nobody comes.
                if state.load(Ordering::SeqCst) != WHOLE {
                    continue;
                }
                let Ok(far) = TcpStream::connect(&address) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    ends.lock().unwrap().push(from.try_clone().unwrap());
                    let (from, to, state) =
                        (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&state));
                    std::thread::spawn(move || carry(from, to, &state));
                }
            }
        });
        wire
    }

    fn cut(&self, how: u8) {
        self.state.store(how, Ordering::SeqCst);
        if how == CLOSED {
            self.close();
        }
    }

    fn close(&self) {
        for end in self.ends.lock().unwrap().drain(..) {
            // It may be closed already.
            drop(end.shutdown(std::net::Shutdown::Both));
        }
    }

    /// What was connected is over; whoever comes anew gets through.
    fn mend(&self) {
        self.close();
        self.state.store(WHOLE, Ordering::SeqCst);
    }
}

/// Octets of a dead wire are swallowed, and nobody is told.
fn carry(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    let mut octets = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut octets) {
        if state.load(Ordering::SeqCst) == WHOLE && to.write_all(&octets[..length]).is_err() {
            break;
        }
    }
    // A dead wire tells nobody that an end of it was closed.
    if state.load(Ordering::SeqCst) != DEAD {
        drop(to.shutdown(std::net::Shutdown::Both));
    }
}

/// One cut and what came after it.
struct Cut {
    how: u8,
    command: i64,
    at: i64,
    lost: i64,
    mended: i64,
    /// The command after it, and until when its way was watched.
    next: i64,
    until: i64,
}

/// What several cuts came to.
#[derive(Default)]
struct Found {
    closed: usize,
    dead: usize,
    /// The shortest and the longest time from the cut to the hand-over, ms.
    lost_after: (i64, i64),
    /// Steps of whoever had it before, at and after the hand-over.
    moved: Moved,
    /// The first step of the command after the link was back.
    first: f64,
    /// The same where the schedule was still moving the plant: what it does is known as of its last reading.
    first_on_the_move: f64,
    own_control: f64,
    wrong: Vec<String>,
}

fn listen(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("listen = \"")).unwrap();
    line.split('"').next().unwrap().to_owned()
}

fn cut(policy: Policy, times: usize, seed: u64) -> Found {
    let mut random = Random(seed);
    let Policy { on_loss, handover, owner } = policy;
    let keys = format!(
        "on_loss = \"{on_loss}\"\nhandover = \"{handover}\"\nschedule = \"sched.mw\"\n\n[[analog]]\nid = \"sched.mw\"\nunit = \"MW\"\nsign = \"+\"\n\
         max_units = 6.0\nmax_counts = 30000\n\
         source = {{ device = \"switchgear\", register = 2, type = \"u16\", scale = -0.0002, unit = \"MW\" }}\n"
    );
    let folder = folder(Some(60), &keys);
    folder.change("site.toml", "hold_ms = 30000", &format!("hold_ms = {HOLD_MS}"));
    folder.change("site.toml", "address = 10", &format!("address = 10\nkeep_alive_s = {KEEP_ALIVE_S}"));
    let device = listen(&folder.read("site.toml"));
    let wire = Wire::to(device.clone());
    folder.change("ems.toml", &device, &format!("127.0.0.1:{}", wire.port));
    let rig = Rig::start(folder);
    let mut cuts = Vec::new();
    let mut command = rig.command(random.between(2.0, 3.5));
    for turn in 0..times {
        random.pause(Duration::from_secs(5));
        let how = if (turn + usize::try_from(seed).unwrap()) % 2 == 0 { CLOSED } else { DEAD };
        wire.cut(how);
        let at = now();
        let (lost, to) = rig.owner_after(at);
        assert_eq!(to, owner, "{on_loss}");
        std::thread::sleep(Duration::from_millis(u64::try_from(WATCHED_MS).unwrap()));
        let (mended, mark) = (now(), rig.iso.mark());
        wire.mend();
        rig.until_scanned(mark);
        let far = if rig.power() > 0.0 { -3.5 } else { 3.5 };
        let next = rig.command(far * random.between(0.7, 1.0));
        cuts.push(Cut { how, command, at, lost, mended, next, until: 0 });
        command = next;
    }
    std::thread::sleep(Duration::from_secs(3));
    let seen = Seen::of(&rig);
    let ends: Vec<i64> = cuts.iter().skip(1).map(|one| one.at).chain([now()]).collect();
    let mut found = Found { lost_after: (i64::MAX, i64::MIN), ..Found::default() };
    for (mut one, end) in cuts.into_iter().zip(ends) {
        one.until = end;
        judge(&seen, &one, policy, &mut found);
    }
    found
}

fn judge(seen: &Seen, one: &Cut, policy: Policy, found: &mut Found) {
    let Policy { on_loss, handover, .. } = policy;
    let after = one.lost - one.at;
    found.lost_after = (found.lost_after.0.min(after), found.lost_after.1.max(after));
    if one.how == CLOSED {
        found.closed += 1;
    } else {
        found.dead += 1;
    }
    let mut wrong = |what: String| found.wrong.push(format!("{on_loss}, {handover} at {}: {what}", one.at));
    let longest = HOLD_MS + if one.how == CLOSED { 0 } else { DEAD_MS };
    if !(HOLD_MS - 50..longest + LATE_MS).contains(&after) {
        wrong(format!("lost after {after} ms"));
    }
    // Until the hand-over the last command goes on; from there on the policy has it.
    let settled = one.lost + LATE_MS;
    let at_loss = seen.powers(0, settled).last().unwrap().1;
    let after_loss = seen.powers(settled, one.next);
    let enabled = seen.between(one.lost, one.next).filter_map(|(_, told)| match told {
        Told::Enable(on) => Some(on),
        _ => None,
    });
    let released = enabled.filter(|on| !on).count();
    let (low, high) = seen.range(settled, one.next);
    match (on_loss, handover) {
        ("hold", _) => {
            if after_loss.iter().any(|(_, power)| *power != at_loss) || released > 0 {
                wrong(format!("held {at_loss}, then told {after_loss:?}, released {released} times"));
            }
            if high - low > RESOLUTION || (low - at_loss).abs() > RESOLUTION {
                wrong(format!("held {at_loss}, did {low} to {high}"));
            }
        }
        ("schedule", _) => {
            let last = after_loss.last().map_or(at_loss, |(_, power)| *power);
            let way = RAMP * milliseconds(one.next - settled) / 1_000.0;
            let (far, left) = ((at_loss - SCHEDULE).abs(), (last - SCHEDULE).abs());
            // It nears the schedule by the ramp, and stays there.
            if left > (far - way + 4.0 * RAMP).max(0.0) + RESOLUTION || released > 0 {
                wrong(format!("{left} MW from the schedule, was {far}; released {released} times"));
            }
            if after_loss.iter().any(|(_, power)| (power - SCHEDULE).abs() > far + RESOLUTION) {
                wrong(format!("away from the schedule: {at_loss}, {after_loss:?}"));
            }
        }
        (_, "keep") => {
            if !after_loss.is_empty() || released > 0 {
                wrong(format!("told {after_loss:?} after the plant has it, released {released} times"));
            }
            // Its own timer is longer than it is watched.
            if high - low > RESOLUTION || (low - at_loss).abs() > RESOLUTION {
                wrong(format!("kept {at_loss}, did {low} to {high}"));
            }
        }
        _ => {
            if !after_loss.is_empty() || released != 1 {
                wrong(format!("told {after_loss:?} after a release, released {released} times"));
            }
            // What its own control does, here nothing, is not ours; it does it at once and nothing else.
            if low != 0.0 || high != 0.0 {
                wrong(format!("released, and did {low} to {high}"));
            }
            found.own_control = found.own_control.max(at_loss.abs());
        }
    }
    for (from, until) in [(one.command, one.next), (one.next, one.until)] {
        let moved = moved(seen, from, until);
        let first = if on_loss == "schedule" { &mut found.first_on_the_move } else { &mut found.first };
        *first = first.max(moved.first);
        found.moved.step = found.moved.step.max(moved.step);
        found.moved.beyond = found.moved.beyond.max(moved.beyond);
        found.moved.writes += moved.writes;
    }
    if one.mended < one.lost {
        found.wrong.push("it was mended before it was lost".to_owned());
    }
}

/// So many cuts under each policy.
pub(crate) fn run(times: usize) -> Value {
    let threads = POLICIES
        .into_iter()
        .zip(1..)
        .map(|(policy, seed)| (policy, std::thread::spawn(move || cut(policy, times, seed))));
    let threads: Vec<_> = threads.collect();
    let rows = threads.into_iter().map(|(policy, thread)| {
        let found = thread.join().unwrap();
        json!({
            "policy": policy.on_loss,
            "handover": policy.handover,
            "closed": found.closed,
            "dead_without_a_word": found.dead,
            "lost_after_ms": [found.lost_after.0, found.lost_after.1],
            "writes": found.moved.writes,
            "largest_first_step_mw": found.first,
            "largest_first_step_on_the_move_mw": found.first_on_the_move,
            "largest_step_mw": found.moved.step,
            "largest_beyond_ramp_mw": found.moved.beyond,
            "step_of_the_batterys_own_control_mw": found.own_control,
            "wrong": found.wrong,
        })
    });
    let rows: Vec<Value> = rows.collect();
    for row in &rows {
        println!("{row}");
    }
    for row in &rows {
        assert_eq!(row["wrong"], json!([]), "{row}");
        let moving = row["largest_first_step_on_the_move_mw"].as_f64().unwrap();
        assert!(moving <= RAMP * milliseconds(POLL_MS + LATE_MS) / 1_000.0 + RESOLUTION, "{row}");
        for figure in ["largest_first_step_mw", "largest_beyond_ramp_mw"] {
            assert!(row[figure].as_f64().unwrap() <= RESOLUTION + 1e-9, "{figure}: {row}");
        }
    }
    json!({"hold_ms": HOLD_MS, "keep_alive_s": KEEP_ALIVE_S, "tolerance_mw": RESOLUTION, "rows": rows})
}

#[test]
fn a_link_cut_on_the_way_does_what_the_policy_says() {
    run(1);
}
