//! The same few figures for the screen, for plain lines and for JSON.

use serde::Serialize;

use super::story::Story;

/// One side of the screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Side {
    pub(super) mw: Option<f64>,
    pub(super) pv_mw: Option<f64>,
    pub(super) battery_mw: Option<f64>,
    pub(super) soc_mwh: Option<f64>,
    pub(super) irradiance: Option<f64>,
    pub(super) worst: String,
    pub(super) worst_point: String,
}

/// The plant has no quality: it is the truth.
pub(super) fn plant(story: &Story) -> Side {
    let megawatts = |device: &str| story.plant_value(device, "W").map(|watts| watts / 1e6);
    Side {
        mw: megawatts("meter"),
        pv_mw: sum(megawatts("inv1"), megawatts("inv2")),
        battery_mw: megawatts("bess"),
        soc_mwh: story.plant_value("bess", "WHAvail").map(|wh| wh / 1e6),
        irradiance: story.plant_value("met", "POAI").or_else(|| story.plant_value("met", "GHI")),
        ..Side::default()
    }
}

/// The device.
pub(super) fn device(story: &Story) -> Side {
    side(&story.device)
}

/// The ISO.
pub(super) fn iso(story: &Story) -> Side {
    side(&story.iso)
}

fn side(points: &std::collections::BTreeMap<String, super::story::Point>) -> Side {
    let value = |id: &str| points.get(id).and_then(|point| point.value);
    let (worst, worst_point) = Story::worst(points);
    Side {
        mw: value("poi.mw"),
        pv_mw: sum(value("pv.inv1.mw"), value("pv.inv2.mw")),
        battery_mw: value("bess.mw"),
        soc_mwh: value("bess.soc.mwh"),
        irradiance: value("met.poa"),
        worst,
        worst_point,
    }
}

fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? + b?)
}

/// A figure, or a dash.
pub(super) fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The regulation in two lines; nothing without one.
pub(super) fn agc(story: &Story) -> Vec<String> {
    let Some(agc) = &story.agc else { return Vec::new() };
    let view = agc.view(&story.iso);
    vec![
        format!(
            "owner {}, asked {} MW, held {}, in force {}, the battery does {}, held back by {}, SOC {} MWh",
            view.owner.unwrap_or("-"),
            figure(view.asked, 3),
            figure(view.held, 3),
            figure(view.in_force, 3),
            figure(view.actual, 3),
            view.clamp.unwrap_or("-"),
            figure(view.soc_mwh, 2),
        ),
        format!(
            "{} sent, {} refused, accuracy {}, delay {} s, mileage {} MW",
            view.sent,
            view.refused,
            figure(view.accuracy, 3),
            figure(view.delay_s, 0),
            figure(view.mileage, 3),
        ),
    ]
}

/// One line for each scan, where there is no screen.
pub(super) fn line(story: &Story) -> String {
    let (plant, device, iso) = (plant(story), device(story), iso(story));
    let scan = story.last_scan.clone().unwrap_or_default();
    let set =
        story.setpoints.open().map_or_else(String::new, |value| format!("  set point {value} MW under way"));
    let scanned = format!(
        "scan {:>3}{}  MW plant {} device {} ISO {}  battery {}  SOC {} MWh  sun {} W/m2  worst {} {}({} {} points, {} ms){set}",
        story.scans,
        if scan.missed { " MISSED" } else { "" },
        figure(plant.mw, 3),
        figure(device.mw, 3),
        figure(iso.mw, 3),
        figure(iso.battery_mw, 3),
        figure(iso.soc_mwh, 2),
        figure(iso.irradiance, 0),
        iso.worst,
        if iso.worst_point.is_empty() { String::new() } else { format!("{} ", iso.worst_point) },
        scan.kind,
        scan.points,
        scan.duration_ms,
    );
    let agc = agc(story).into_iter().map(|line| format!("\n          {line}"));
    std::iter::once(scanned).chain(agc).collect()
}
