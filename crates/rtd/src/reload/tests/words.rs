//! A plan is read by people: everything that it can say, in their words.

use super::*;

/// Analogs that are there from the start, and what is said of their values instead.
const MADE: [(&str, &str, &str, &str); 15] = [
    ("sum", "MW", "op = \"sum\", of = [\"poi.mw\"]", "op = \"sum\", of = [\"poi.mw\", \"bess.mw\"]"),
    (
        "less",
        "MW",
        "op = \"difference\", of = [\"poi.mw\", \"bess.mw\"]",
        "op = \"difference\", of = [\"bess.mw\", \"poi.mw\"]",
    ),
    (
        "mid",
        "MW",
        "op = \"average\", of = [\"poi.mw\", \"bess.mw\"]",
        "op = \"average\", of = [\"poi.mw\", \"bess.mw\"], quorum = 2",
    ),
    ("least", "MW", "op = \"minimum\", of = [\"poi.mw\"]", "op = \"maximum\", of = [\"poi.mw\"]"),
    (
        "product",
        "MW",
        "op = \"product\", of = [\"poi.mw\"]",
        "op = \"product\", of = [\"poi.mw\"], factor = 0.5",
    ),
    (
        "scale",
        "MW",
        "op = \"scale\", of = [\"poi.mw\"]",
        "op = \"scale\", of = [\"poi.mw\"], factor = 2, offset = 1.5",
    ),
    (
        "energy",
        "MWh",
        "op = \"integrate\", of = [\"poi.mw\"]",
        "op = \"integrate\", of = [\"poi.mw\"], initial = 7",
    ),
    (
        "either",
        "MW",
        "op = \"select\", of = [\"poi.mw\", \"bess.mw\"], when = \"poi.breaker\"",
        "op = \"select\", of = [\"poi.mw\", \"bess.mw\"], when = \"plant.remote\"",
    ),
    (
        "held",
        "MW",
        "op = \"limit\", of = [\"poi.mw\"], low = 0",
        "op = \"limit\", of = [\"poi.mw\"], high = 9",
    ),
    (
        "first",
        "MW",
        "op = \"first-good\", of = [\"poi.mw\", \"bess.mw\"]",
        "op = \"first-good\", of = [\"poi.mw\", \"bess.mw\"], differ_max = 0.5",
    ),
    (
        "mean",
        "MW",
        "op = \"mean\", of = [\"poi.mw\"], window_s = 60",
        "op = \"mean\", of = [\"poi.mw\"], window_s = 90",
    ),
    (
        "inverters",
        "counts",
        "op = \"count\", of = [\"poi.breaker\"]",
        "op = \"count\", of = [\"poi.breaker\", \"plant.remote\"]",
    ),
    (
        "hsl.sun",
        "MW",
        "op = \"hsl-sun\", of = [\"poi.mw\"], irradiance = \"poa\", capacity_mw = 10, limited_to = \"bess.mw\"",
        "op = \"hsl-sun\", of = [\"poi.mw\"], irradiance = \"poa\", capacity_mw = 10, limited_to = \"bess.mw\", temperature = \"modules\", gamma = -0.35, available = \"inverters\", units = 4, dc_mw = 13",
    ),
    (
        "hsl.wind",
        "MW",
        "op = \"hsl-wind\", of = [\"poi.mw\"], speed = \"wind\", capacity_mw = 10, curtailed = \"poi.breaker\", curve = [[3, 0], [12, 10]]",
        "op = \"hsl-wind\", of = [\"poi.mw\"], speed = \"wind\", capacity_mw = 10, curtailed = \"poi.breaker\", curve = [[3, 0], [12, 10]], cut_out = 25",
    ),
    (
        "soe.max",
        "MWh",
        "op = \"energy-limit\", of = [\"inverters\"], units = 20, full_mwh = 400",
        "op = \"energy-limit\", of = [\"inverters\"], units = 20, full_mwh = 390, health = \"soh\", reserve_mwh = 5, low = 0, high = 350",
    ),
];

const STATES: [(&str, &str, &str); 4] = [
    ("any", "op = \"any\", of = [\"poi.breaker\"]", "op = \"all\", of = [\"poi.breaker\", \"plant.remote\"]"),
    ("not", "op = \"not\", of = [\"poi.breaker\"]", "op = \"not\", of = [\"plant.remote\"]"),
    (
        "two",
        "op = \"quorum\", of = [\"poi.breaker\", \"plant.remote\"], quorum = 1",
        "op = \"quorum\", of = [\"poi.breaker\", \"plant.remote\"], quorum = 2",
    ),
    (
        "high",
        "op = \"above\", of = [\"poi.mw\"], limit = 1",
        "op = \"below\", of = [\"poi.mw\"], limit = 1, hysteresis = 0.5",
    ),
];

const INPUTS: [(&str, &str); 4] = [("poa", "W/m2"), ("modules", "degC"), ("wind", "m/s"), ("soh", "%")];

/// Devices of each kind, and points of them.
const READ: &str = r#"
[[device]]
id = "rtu"
protocol = "dnp3"
address = "127.0.0.1:4"
outstation_address = 20
master_address = 1
poll_ms = 1000
[[device]]
id = "old"
protocol = "csv"
file = "old.csv"
time = "time"
poll_ms = 1000
[[device]]
id = "node"
protocol = "sparkplug"
address = "127.0.0.1:5"
group = "G"
node = "N"
poll_ms = 1000
[[digital]]
id = "rtu.state"
source = { device = "rtu", binary = 3 }
age_max_ms = 5000
[[digital]]
id = "old.state"
source = { device = "old", column = "open" }
age_max_ms = 5000
[[digital]]
id = "node.state"
source = { device = "node", metric = "Open" }
age_max_ms = 5000
[[digital]]
id = "word"
source = { device = "switchgear", register = 9, bit = 4 }
age_max_ms = 5000
[component]
[[analog]]
id = "counted"
unit = "MW"
sign = "+"
wire = "engineering"
source = { device = "switchgear", register = 30, type = "i32", word_order = "little", scale = 0.1, unit = "MW" }
age_max_ms = 5000
"#;

fn points(new: bool) -> String {
    let mut text = READ.replace("[component]\n", "");
    for (id, unit) in INPUTS {
        text += &format!("[[analog]]\nid = \"{id}\"\nunit = \"{unit}\"\nwire = \"engineering\"\n");
    }
    for (id, unit, before, after) in MADE {
        let derive = if new { after } else { before };
        text += &format!(
            "[[analog]]\nid = \"{id}\"\nunit = \"{unit}\"\nwire = \"engineering\"\nderive = {{ {derive} }}\n"
        );
    }
    for (id, before, after) in STATES {
        text += &format!("[[digital]]\nid = \"{id}\"\nderive = {{ {} }}\n", if new { after } else { before });
    }
    text
}

/// Of a site that has all of it.
const CHANGED: [(&str, &str); 34] = [
    ("name = \"Test\"", "name = \"Another\"\nprofile = \"own\"\noverlay = \"other.pem\""),
    ("resource = \"hybrid\"", "resource = \"wind\""),
    ("run/rtd.sock", "run/other.sock"),
    ("address = 10", "address = 11\nevents_max = 500\ntime_source = \"master\""),
    (
        "certificate = \"rtd.pem\"",
        "certificate = \"other.pem\"\ncrls = [\"ca.pem\"]\nmin_version = \"1.3\"\ndebug_keylog = \"keys.log\"\ncipher_suites = [\"TLS_AES_256_GCM_SHA384\"]",
    ),
    ("key = \"rtd.key\"", "key = \"other.pem\""),
    ("[\"ca.pem\"]\n\n[[master]]", "[\"ca.pem\", \"other.pem\"]\n\n[[master]]"),
    ("name:ems.example", "name:other.example"),
    ("name = \"observer\"\naddress = 2", "name = \"guest\"\naddress = 2"),
    (
        "[[master]]",
        "[metrics]\n[history]\npath = \"h.db\"\n[capture]\nfolder = \"caps\"\n[clock]\nntp = [\"192.0.2.1:123\"]\n[[master]]",
    ),
    ("127.0.0.1:3", "127.0.0.1:33"),
    (
        "poll_ms = 1000\n[[device]]\nid = \"bess\"",
        "poll_ms = 500\ntimeout_ms = 1500\n[[device]]\nid = \"bess\"",
    ),
    (
        "name = \"POI active power\"\nindex = 1",
        "name = \"Power\"\nindex = 11\ndeadband = 0.5\nclass = 3\nrole = \"r\"\nsheet_name = \"S\"\naccuracy = 0.2\nrate_max = 2.0\nflat = { for_s = 60, band = 0.1, gate = [{ point = \"poi.breaker\", is = true }, { point = \"bess.mw\", above = 1 }] }\ncross = { with = \"bess.mw\", differ_max = 1.0 }\nbad_on = [\"cross\", \"rate\"]",
    ),
    ("age_max_ms = 5000\nrange = [-20.0, 20.0]", "age_max_ms = 4500"),
    ("sunspec = \"203.W\"", "sunspec = \"203.WphA\""),
    ("sign = \"+\"\nsource = { device = \"bess\"", "sign = \"-\"\nsource = { device = \"bess\""),
    ("max_units = 5.0\nmax_counts = 30000\nage", "max_units = 6.0\nmax_counts = 30000\nage"),
    (
        "name = \"Main breaker\"\nindex = 1",
        "name = \"Main breaker\"\nindex = 1\nstates = [\"open\", \"closed\"]",
    ),
    ("register = 1, bit = 0", "register = 1, equals = 4"),
    ("period_ms = 4000\nwrap = 1000", "period_ms = 4500\nwrap = 100"),
    ("all = [\"poi.breaker\"]", "any = [\"poi.breaker\", \"plant.remote\"]\nstates = [\"off\", \"on\"]"),
    ("limits = [-4.0, 4.0]", "limits = [-3.0, 4.0]"),
    ("hold_ms = 30000", "hold_ms = 30500"),
    ("remote = \"plant.remote\"\nconnected = \"unit.connected\"\n", ""),
    ("control = \"704\", revert_s = 60", "control = \"704\", revert_s = 90"),
    ("binary = 3", "binary = 4"),
    ("column = \"open\"", "column = \"closed\""),
    ("metric = \"Open\"", "metric = \"Closed\""),
    ("register = 9, bit = 4", "register = 9, bit = 5"),
    ("register = 30, type = \"i32\", word_order = \"little\", scale = 0.1", "register = 30, type = \"f32\""),
    ("id = \"plant.remote\"\nname = \"Plant in remote\"\nindex = 2", "id = \"plant.remote\"\nindex = 22"),
    ("id = \"soh\"", "id = \"soh\"\nindex = 77"),
    ("outstation_address = 20", "outstation_address = 21"),
    (
        "[[digital]]\nid = \"poi.breaker\"",
        "[[analog]]\nid = \"new\"\nindex = 60\nunit = \"MW\"\nwire = \"engineering\"\n[[digital]]\nid = \"poi.breaker\"",
    ),
];

#[test]
fn a_plan_speaks_to_people() {
    let sites = Sites::new();
    // Each has the headings that the sites ask for.
    std::fs::write(sites.0.path().join("old.csv"), "time,open,closed,mw\n").unwrap();
    let before = before(&points(false));
    let start = [(BEFORE, before.as_str())];
    let old = candidate(&sites, &start, &["a rule: of somebody"]);
    let files = Files::read(&old.site);
    let after = super::before(&points(true));
    let mut replaced = vec![(BEFORE, after.as_str())];
    replaced.extend(CHANGED);
    let new = candidate(&sites, &replaced, &["another: of somebody"]);
    std::fs::write(sites.0.path().join("ca.pem"), "renewed").unwrap();
    let plan = Plan::new((&old, &files), (&new, &Files::read(&new.site)), &Served::of(&old.site));
    let lines: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    let folder = std::fs::canonicalize(sites.0.path()).unwrap();
    let told = lines.join("\n").replace(&format!("{}/", folder.display()), "") + "\n";
    for sign in ["{", "Some(", "None", "::", "\"", "[\"", "PathBuf", "_per_unit"] {
        assert!(!told.contains(sign), "{sign}: {told}");
    }
    assert_eq!(told, include_str!("words.golden"), "{told}");
}
