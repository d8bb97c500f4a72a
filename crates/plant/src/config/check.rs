//! What a plant's file must hold to beyond its form.

use std::collections::BTreeMap;

use config::{Problems, Source, Spanned};

use super::{Config, GridTable};

/// Names with a meaning of their own where a fault is asked for: `fault breaker open`, `fault remote off`,
/// `fault frequency 59.9`. A device of such a name could not be named there.
const NAMES_TAKEN: [&str; 3] = ["breaker", "remote", "frequency"];
/// Members of an aggregate: each is moved on at every tick.
const MEMBERS_MAX: u32 = 10_000;
impl Config {
    pub(super) fn check(&self, source: &Source, grid: Option<&GridTable>, problems: &mut Problems) {
        let (mut ids, mut places) = (BTreeMap::new(), BTreeMap::new());
        for (id, listen) in self.names() {
            if NAMES_TAKEN.contains(&id.get_ref().as_str()) {
                let text = format!(
                    "`{}` means the plant's own where a fault is asked for: choose another name",
                    id.get_ref()
                );
                problems.add(source.problem(id.span(), "id", text));
            }
            if ids.insert(id.get_ref(), ()).is_some() {
                let text = format!("`{}` names another device already", id.get_ref());
                problems.add(source.problem(id.span(), "id", text));
            }
            if listen.get_ref().port() != 0
                && let Some(other) = places.insert(listen.get_ref(), id.get_ref())
            {
                let text = format!("{} is taken by `{other}`", listen.get_ref());
                problems.add(source.problem(listen.span(), "listen", text));
            }
        }
        self.check_turbines(source, problems);
        self.check_figures(source, grid, problems);
    }

    fn check_turbines(&self, source: &Source, problems: &mut Problems) {
        let known: Vec<_> = self.wind.turbines().collect();
        for one in &self.turbines {
            if !known.contains(&one.turbine.get_ref().as_str()) {
                let text = format!("no wind of `{}`; known: {}", one.turbine.get_ref(), known.join(", "));
                problems.add(source.problem(one.turbine.span(), "turbine.turbine", text));
            }
        }
    }

    fn check_figures(&self, source: &Source, grid: Option<&GridTable>, problems: &mut Problems) {
        let mut range = |value: &Spanned<f64>, field: &str, low: f64, high: f64| {
            if !(low..=high).contains(value.get_ref()) {
                let text = format!("{} is outside {low}..{high}", value.get_ref());
                problems.add(source.problem(value.span(), field, text));
            }
        };
        for one in &self.inverters {
            range(&one.dc_kw, "inverter.dc_kw", 1.0, 1e6);
            range(&one.ac_kw, "inverter.ac_kw", 1.0, 1e6);
        }
        for one in &self.turbines {
            range(&one.rated_kw, "turbine.rated_kw", 1.0, 1e5);
        }
        if let Some(one) = &self.battery {
            range(&one.power_kw, "battery.power_kw", 1.0, 1e6);
            range(&one.energy_kwh, "battery.energy_kwh", 1.0, 1e7);
            range(&one.soc_start_pct, "battery.soc_start_pct", 0.0, 100.0);
            range(&one.efficiency_pct, "battery.efficiency_pct", 1.0, 100.0);
        }
        if let Some(one) = &self.unit {
            range(&one.rated_kw, "unit.rated_kw", 1.0, 2e6);
            range(&one.minimum_kw, "unit.minimum_kw", 0.0, *one.rated_kw.get_ref());
            range(&one.start_kw, "unit.start_kw", *one.minimum_kw.get_ref(), *one.rated_kw.get_ref());
            range(&one.ramp_kw_per_min, "unit.ramp_kw_per_min", 1.0, 2e6);
            range(&one.lag_s, "unit.lag_s", 0.0, 600.0);
            range(&one.droop_pct, "unit.droop_pct", 0.1, 100.0);
            range(&one.deadband_hz, "unit.deadband_hz", 0.0, 1.0);
        }
        if let Some(one) = &self.aggregate {
            range(&one.member_kw, "aggregate.member_kw", 0.1, 1e4);
            range(&one.up_h, "aggregate.up_h", 0.01, 1e6);
            range(&one.down_h, "aggregate.down_h", 0.01, 1e6);
            range(&one.reach_s, "aggregate.reach_s", 0.0, 3_600.0);
        }
        if let Some(one) = &self.meter {
            range(&one.kv, "meter.kv", 0.1, 1000.0);
            if let Some(aux) = &one.aux_kw {
                range(aux, "meter.aux_kw", 0.0, 1e5);
            }
            if let Some(losses) = &one.losses_pct {
                range(losses, "meter.losses_pct", 0.0, 50.0);
            }
        }
        if let Some(grid) = grid {
            range(&grid.nominal_hz, "grid.nominal_hz", 45.0, 65.0);
        }
        if let Some(one) = &self.aggregate
            && !(1..=MEMBERS_MAX).contains(one.members.get_ref())
        {
            let text = format!("{} is outside 1..{MEMBERS_MAX}", one.members.get_ref());
            problems.add(source.problem(one.members.span(), "aggregate.members", text));
        }
    }
}
