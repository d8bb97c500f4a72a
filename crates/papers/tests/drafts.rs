//! Papers hold what the site file says, leave a line where it says nothing, and carry nothing of it as markup.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use config::Source;
use papers::{Draft, Material, drafts};
use rulebook::Profile;
use rulebook::certificates::Certificates;
use rulebook::judge::{Judgement, judge};
use rulebook::profile::{DEFAULT, Day};
use site::{Defaults, Purpose, Site};

fn made() -> Vec<Draft> {
    let source = Source::from_text("mesa/site.toml", include_str!("site.toml"));
    let site = Site::read_with(&source, &Defaults::default(), Purpose::Check).unwrap();
    let profile = Profile::load(DEFAULT).unwrap();
    let as_of: Day = "2026-11-25".parse().unwrap();
    let report = judge(&Judgement {
        site: &site,
        places: &source.places(),
        certificates: &Certificates::read(&site.tls),
        profile: &profile,
        as_of,
        previous: None,
    });
    drafts(&Material { site: &site, profile: &profile, report: &report })
}

fn text(file: &str) -> String {
    made().into_iter().find(|draft| draft.file == file).unwrap().text
}

/// The cells of the row that holds `what`, without markup.
fn row(page: &str, what: &str) -> String {
    let row =
        page.split("<tr>").find(|row| row.contains(what)).unwrap_or_else(|| panic!("no row with {what}"));
    let mut plain = String::new();
    let mut inside = false;
    for letter in row.replace("</td>", "</td> | ").replace("<br>", "<br> ").chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => plain.push(letter),
            _ => {}
        }
    }
    plain
}

#[test]
fn the_point_list_tells_source_scaling_quality_and_rules() {
    let page = text("points.html");
    let row_of = |id: &str| row(&page, &format!("<br><code>{id}</code>"));
    let mw = row_of("pv.mw");
    for wanted in [
        "7 | Solar &lt;b&gt;MW&lt;/b&gt; pv.mw sheet: PV_MW of pv",
        "ppc (192.0.2.20:502, unit 1) holding register 12, i32, low word first, times 0.001 in MW, sign turned",
        "60 MW = 30000 counts; one count 0.002000 MW static 2, event 2, class 2",
        "age at most 4000 ms plausible -1 to 60 MW",
    ] {
        assert!(mw.contains(wanted), "{mw}");
    }
    let soc = row_of("bess.soc");
    assert!(soc.contains("no source yet: never Good") && soc.contains("no range"), "{soc}");
    assert!(soc.contains("found role `soc` in %; wanted: in MWh"), "the finding on its unit: {soc}");
    assert!(!soc.contains("point.soc:"), "the list of a stand-alone battery: {soc}");
    let ghi = row_of("met.ghi");
    assert!(
        ghi.starts_with("not served") && ghi.contains("SunSpec 302.GHI") && ghi.contains("accuracy 25 W/m2"),
        "{ghi}"
    );
    assert!(row_of("breaker").contains("holding register 0, u16, bit 3 | 0 Open, 1 Closed"));
    assert!(row_of("unit.connected").contains("computed: all of breaker"));
    assert!(row_of("rtd.heartbeat").contains("counts 0 to 999"));
    assert!(row_of("bess.setpoint").contains("limits -20 to 20 MW"));
    assert!(row_of("bess.feedback").contains("of bess.setpoint: the value in force"));
    let clamp = row_of("bess.clamp");
    assert!(clamp.starts_with("21 |") && clamp.contains("6 source of charge | the code"), "{clamp}");
    assert!(clamp.contains("clamp `bess.clamp`") || clamp.contains("no role"), "{clamp}");
    assert!(row_of("bess.owner").starts_with("not served"));
    let raise = row_of("bess.setpoint.raise");
    assert!(raise.starts_with("4 |") && raise.contains("1 while a pulse is running"), "{raise}");
}

#[test]
fn every_rule_that_is_only_recalled_says_so_beside_its_point() {
    let page = text("points.html");
    let profile = Profile::load(DEFAULT).unwrap();
    let mut told = 0;
    for entry in profile.entries().filter(|entry| !entry.tag.is_citable()) {
        for part in page.split(&format!("<code>{}</code>", entry.id)).skip(1) {
            told += 1;
            assert!(part.split("</small>").next().unwrap().contains("unconfirmed"), "{}", entry.id);
        }
    }
    assert!(told > 0, "the site asks for no recalled rule: nothing was tested");
}

#[test]
fn forms_hold_what_is_known_and_lines_for_the_rest() {
    let page = text("site-information.html");
    assert!(row(&page, "Resource id").contains("MESA_1_HYBRD"));
    assert!(row(&page, "Balancing area").contains("____"));
    assert!(row(&page, "<code>met1</code>").contains("35.1 | -118.3 | 812 | yes | Irradiance (W/m2)"));
    let page = text("network.html");
    assert!(row(&page, "Static IP address").contains("192.0.2.10"));
    assert!(row(&page, "Subnet mask").contains("____"));
    assert!(row(&page, "ISO main").contains("name:ems.example"));
    assert!(!page.contains("rtd.key"), "keys are no part of papers");
}

#[test]
fn the_diagram_is_a_picture_with_every_end_on_it() {
    let picture = text("block-diagram.svg");
    let document = roxmltree::Document::parse(&picture).unwrap();
    let words: Vec<_> = document.descendants().filter_map(|node| node.text()).collect();
    for wanted in ["Mesa <1> & Co", "ppc", "met", "IRG001", "ISO main", "192.0.2.10:20000 DNP3 address 10"] {
        assert!(words.contains(&wanted), "{wanted}: {words:?}");
    }
    let boxes = document
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "rect")))
        .count();
    let wires = document
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "path")))
        .count();
    assert_eq!((boxes, wires), (1 + 2 + 1 + 1, 2 + 1), "ground, devices, device, master; a wire each");
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_of_the_file_is_markup() {
    for draft in made() {
        let text = draft.text.replace("http://www.w3.org/2000/svg", "");
        for bad in ["http:", "https:", "<script", "<b>MW", "src=", "@import", "url("] {
            assert!(!text.contains(bad), "{}: {bad}", draft.file);
        }
    }
}

#[test]
fn the_overview_names_every_paper_that_the_profile_knows() {
    let page = text("index.html");
    let profile = Profile::load(DEFAULT).unwrap();
    assert!(!profile.papers.is_empty());
    for paper in &profile.papers {
        assert!(page.contains(&format!("<code>{}</code>", paper.entry.id)), "{}", paper.entry.id);
    }
    for draft in made().iter().filter(|draft| draft.file != "index.html") {
        assert!(page.contains(&format!("href=\"{}\"", draft.file)), "{}", draft.file);
    }
}
