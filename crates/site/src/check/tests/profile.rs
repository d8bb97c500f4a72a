//! What a profile says where the file does not, and a site that is only judged.

use std::time::Duration;

use telemetry::{ResourceKind, Scale, WireForm};

use super::{SITE, read, read_with, refusal};
use crate::defaults::{Defaults, Purpose, ServedDefaults, TlsFloor, head};
use config::Source;

/// The example without anything that a profile may say.
fn bare() -> String {
    SITE.replace("age_max_ms = 5000\n", "").replacen("period_ms = 4000\nwrap = 1000\n", "", 1)
}

fn full() -> Defaults {
    let served = |stat, event, class| ServedDefaults {
        static_variation: Some(stat),
        event_variation: Some(event),
        class: Some(class),
    };
    Defaults {
        index_offset: -1,
        age_max: Some(Duration::from_secs(8)),
        heartbeat_period: Some(Duration::from_secs(2)),
        heartbeat_wrap: Some(100),
        analog: served(1, 3, 3),
        digital: served(1, 1, 2),
        output: served(1, 1, 1),
        ..Defaults::default()
    }
}

fn roles(list: &[&str]) -> Defaults {
    Defaults { roles: Some(list.iter().map(|role| (*role).to_owned()).collect()), ..Defaults::default() }
}

#[test]
fn a_head_is_read_before_all_the_rest() {
    let text = "[site]\nresource = 'der-aggregate'\nprofile = 'other.toml'\noverlay = 'confirmed.toml'\nwhat = 1\n\
                [unknown]\nx = 1\n";
    let found = head(&Source::from_text("plant/site.toml", text)).unwrap();
    assert_eq!(found.profile.as_deref(), Some("other.toml"));
    assert_eq!(found.overlay.unwrap(), std::path::Path::new("plant/confirmed.toml"));
    assert_eq!(found.resource, ResourceKind::DerAggregate);
    let none = head(&Source::from_text("site.toml", SITE)).unwrap();
    assert_eq!((none.profile, none.overlay, none.resource), (None, None, ResourceKind::Hybrid));
    let told = "site.toml:2:11: site.profile: is empty: the id of a profile, or a path that ends in `.toml`; left \
                out for none";
    let empty = SITE.replacen("[site]\n", "[site]\nprofile = ''\n", 1);
    assert_eq!(head(&Source::from_text("site.toml", empty)).unwrap_err().to_string(), told);
    assert_eq!(refusal("[site]\n", "[site]\nprofile = ''\n"), told);
    let site = read(&SITE.replacen("[site]\n", "[site]\nprofile = 'x'\noverlay = 'o.toml'\n", 1)).unwrap();
    assert_eq!(site.profile.as_deref(), Some("x"));
    assert!(site.overlay.unwrap().ends_with("o.toml"));
}

#[test]
fn without_a_profile_the_file_says_it_all() {
    let told = read(&bare()).unwrap_err();
    let wanted = [
        "site.toml:50:6: analog[0]: missing field `age_max_ms`: older than so many milliseconds is stale",
        "site.toml:62:6: analog[1]: missing field `age_max_ms`: older than so many milliseconds is stale",
        "site.toml:72:6: analog[2]: missing field `age_max_ms`: older than so many milliseconds is stale",
        "site.toml:81:6: analog[3]: missing field `age_max_ms`: older than so many milliseconds is stale",
        "site.toml:88:6: digital[0]: missing field `age_max_ms`: older than so many milliseconds is stale",
        "site.toml:94:6: digital[1]: missing field `age_max_ms`: older than so many milliseconds is stale",
        "site.toml:99:6: heartbeat: missing field `wrap`: it counts 0 to `wrap` - 1",
        "site.toml:99:6: heartbeat: missing field `period_ms`: least time between two of its counts",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn a_profile_says_what_the_file_leaves_out() {
    let site = read_with(&bare(), &full(), Purpose::Check).unwrap();
    let poi = &site.analogs[0];
    assert_eq!(poi.source.unwrap().age_max, Duration::from_secs(8));
    assert_eq!((poi.point.served.index, poi.point.served.sheet_index), (Some(0), Some(1)));
    assert_eq!(
        (poi.point.served.static_variation, poi.point.served.event_variation, poi.point.served.class),
        (1, 3, 3)
    );
    let soc = &site.analogs[3].point.served;
    assert_eq!((soc.static_variation, soc.event_variation), (5, 5), "counts do not fit engineering values");
    let breaker = &site.digitals[0];
    assert_eq!(breaker.source.unwrap().age_max, Duration::from_secs(8));
    let served = breaker.point.served;
    assert_eq!((served.static_variation, served.event_variation, served.class), (1, 1, 2));
    let setpoint = &site.setpoints[0];
    assert_eq!((setpoint.point.served.static_variation, setpoint.point.served.class), (1, 1));
    assert_eq!(setpoint.feedback.point.served.class, 3, "feedback is an analog input");
    let heartbeat = site.heartbeat.unwrap();
    assert_eq!((heartbeat.period, heartbeat.wrap), (Duration::from_secs(2), 100));
    assert_eq!(heartbeat.point.served.static_variation, 1);
    assert_eq!(site.outstation.index_offset, -1);
}

#[test]
fn the_file_has_the_last_word() {
    let text = SITE.replacen("address = 10", "address = 10\nindex_offset = 0", 1).replacen(
        "index = 1\nunit",
        "index = 1\nclass = 1\nstatic_variation = 2\nevent_variation = 4\nunit",
        1,
    );
    let site = read_with(&text, &full(), Purpose::Check).unwrap();
    let poi = &site.analogs[0];
    assert_eq!(poi.source.unwrap().age_max, Duration::from_secs(5));
    assert_eq!((poi.point.served.index, poi.point.served.class), (Some(1), 1));
    assert_eq!((poi.point.served.static_variation, poi.point.served.event_variation), (2, 4));
    assert_eq!(site.heartbeat.unwrap().wrap, 1000);
}

#[test]
fn a_default_that_does_not_fit_is_not_taken() {
    let odd = ServedDefaults { static_variation: Some(2), event_variation: Some(9), class: Some(4) };
    let defaults = Defaults { analog: odd, digital: odd, output: odd, ..Defaults::default() };
    let text = SITE.replacen("max_counts = 30000", "max_counts = 40000", 1);
    let site = read_with(&text, &defaults, Purpose::Check).unwrap();
    let wide = site.analogs[0].point.served;
    assert_eq!((wide.static_variation, wide.event_variation, wide.class), (1, 1, 2), "40000 needs 32 bits");
    assert_eq!(site.analogs[1].point.served.static_variation, 2);
    assert_eq!(site.analogs[3].point.served.static_variation, 5, "engineering values need floats");
    let told = read_with(SITE, &Defaults { heartbeat_wrap: Some(1), ..full() }, Purpose::Check);
    assert!(told.is_ok(), "the file says its own");
    let told = read_with(&bare(), &Defaults { heartbeat_wrap: Some(1), ..full() }, Purpose::Check);
    assert_eq!(told.unwrap_err(), "site.toml:99:6: heartbeat.wrap: 1, allowed: 2 to 32768");
}

#[test]
fn only_listed_roles_are_served() {
    let text = SITE.replacen("index = 1\nunit", "index = 1\nrole = \"mw\"\nunit", 1);
    let site = read_with(&text, &roles(&["mw", "setpoint", "setpoint-feedback"]), Purpose::Check).unwrap();
    let indexes: Vec<_> = site.analogs.iter().map(|analog| analog.point.served.index).collect();
    assert_eq!(indexes, [Some(1), None, None, None]);
    assert_eq!(site.analogs[1].point.served.sheet_index, Some(2), "what the sheet says stays known");
    assert!(site.digitals.iter().all(|digital| digital.point.served.index.is_none()));
    assert_eq!(
        (site.heartbeat.unwrap().point.served.index, site.connection.unwrap().point.served.index),
        (None, None)
    );
    assert_eq!(site.setpoints[0].point.served.index, Some(1));
    assert_eq!(site.setpoints[0].feedback.point.served.index, Some(40));
    let site = read_with(&text, &roles(&["heartbeat", "setpoint-feedback"]), Purpose::Check).unwrap();
    assert_eq!(site.setpoints[0].feedback.point.served.index, None, "goes with its set point");
    assert_eq!(site.heartbeat.unwrap().point.served.index, Some(99));
}

#[test]
fn a_full_scale_waits_where_a_profile_wants_engineering_values() {
    let defaults = Defaults { wire: WireForm::Engineering, ..Defaults::default() };
    let site = read_with(SITE, &defaults, Purpose::Check).unwrap();
    assert_eq!((site.analogs[0].wire, site.setpoints[0].wire), (Scale::Engineering, Scale::Engineering));
    assert_eq!(
        (site.analogs[0].point.served.static_variation, site.setpoints[0].point.served.static_variation),
        (5, 3)
    );
    let counts = SITE.replacen("max_units = 15.0", "wire = \"counts\"\nmax_units = 15.0", 1);
    let site = read_with(&counts, &defaults, Purpose::Check).unwrap();
    assert_eq!(site.analogs[0].wire, Scale::Counts { max_units: 15.0, max_counts: 30_000.0 });
    let told =
        read_with(&SITE.replacen("max_units = 15.0", "max_units = 1e308", 1), &defaults, Purpose::Check);
    assert_eq!(
        told.unwrap_err(),
        "site.toml:56:13: analog[0].max_units: 1e308, allowed: 1e-6 to 1e9",
        "what waits must be right as well"
    );
}

#[test]
fn a_point_may_wait_for_its_source() {
    let source = "source = { device = \"meter\", sunspec = \"203.W\" }\n";
    let later = SITE
        .replacen(&format!("sign = \"+\"\n{source}"), "", 1)
        .replacen("source = { device = \"switchgear\", register = 0, bit = 0 }\n", "", 1)
        .replace("age_max_ms = 5000\nrange", "range");
    let site = read(&later).unwrap();
    assert_eq!((site.analogs[0].source, site.digitals[0].source), (None, None));
    assert_eq!(site.analogs[0].point.served.index, Some(1), "it is served all the same");
    assert!(site.devices[1].readings.is_empty());
    assert_eq!(
        refusal("sign = \"+\"\n", ""),
        "site.toml:50:6: analog[0]: missing field `sign`: a source counts as we do (\"+\") or the other way round (\"-\")"
    );
}

#[test]
fn a_plan_needs_no_files() {
    let check = |text: &str| read_with(text, &Defaults::default(), Purpose::Check);
    assert_eq!(check(SITE).unwrap().tls_floor, TlsFloor::V1_2);
    let run = read_with(SITE, &Defaults::default(), Purpose::Run).unwrap_err();
    assert_eq!(run.lines().filter(|line| line.contains("cannot be read")).count(), 3);
    for (version, floor) in
        [("1.0", TlsFloor::V1_0), ("1.1", TlsFloor::V1_1), ("1.2", TlsFloor::V1_2), ("1.3", TlsFloor::V1_3)]
    {
        let text = SITE.replacen("max_version = \"1.3\"", &format!("min_version = \"{version}\""), 1);
        assert_eq!(check(&text).unwrap().tls_floor, floor);
        if floor < TlsFloor::V1_2 {
            assert_eq!(
                read(&text).unwrap_err(),
                format!(
                    "site.toml:14:15: tls.min_version: TLS \"{version}\" is not offered: \"1.2\" and \"1.3\" are"
                )
            );
        }
    }
    for wrong in ["min_version = \"1.4\"", "max_version = \"1.1\"", "crls = [\".\"]"] {
        assert!(check(&SITE.replacen("max_version = \"1.3\"", wrong, 1)).is_err(), "{wrong}");
    }
}

#[test]
fn a_plan_may_have_a_set_point_that_nothing_carries_out() {
    let text = SITE.replacen("drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]", "", 1);
    let site = read_with(&text, &Defaults::default(), Purpose::Check).unwrap();
    assert!(site.setpoints[0].drives.is_empty());
    assert_eq!(
        read(&text).unwrap_err(),
        "site.toml:116:6: setpoint[0]: missing field `drive`: the devices that carry the set point out"
    );
}
