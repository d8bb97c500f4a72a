use historian::Range;
use telemetry::{Origin, Quality, Reason, Wall};

use super::*;

const ALL: Range = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };

struct World {
    _folder: tempfile::TempDir,
    path: PathBuf,
    history: History,
    sequence: u64,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let settings =
            Settings { path: path.clone(), retention: Duration::from_secs(86_400), octets_max: 1 << 30 };
        let store = Store::open(settings, Wall::from_millis(0)).unwrap();
        let (tap, writer) = Writer::start(store, |_| {}).unwrap();
        let deadbands = HashMap::from([(PointId::from("p"), 0.5)]);
        let history = History {
            tap,
            writer,
            deadbands,
            last: HashMap::new(),
            path: path.clone(),
            marks: Vec::new(),
            news: watch::channel(()).1,
        };
        Self { _folder: folder, path, history, sequence: 0 }
    }

    fn point(&mut self, id: &str, value: Option<f64>, reasons: &[(ReasonKind, &str)]) {
        self.sequence += 1;
        let now = Now::virtual_millis(1_000 * self.sequence);
        let reasons: Reasons = reasons.iter().map(|(kind, cause)| Reason::new(*kind, *cause)).collect();
        let point = PointRecord {
            time: now.wall,
            origin: Origin { boot: self.history.boot(), sequence: self.sequence },
            id: id.into(),
            kind: "analog_input",
            index: None,
            value: value.map(Value::Analog),
            unit: None,
            quality: reasons.quality(),
            reasons,
            flags: Vec::new(),
            counts: None,
            source_time: None,
            read_sent: None,
            read_received: None,
        };
        self.history.record(&Record::Point(Box::new(point)), now);
    }

    /// The sequence numbers of a point's entries, and of the log the points and qualities.
    fn recorded(&self, id: &str) -> (Vec<u64>, Vec<(String, Quality)>) {
        self.history.tap.flush().unwrap();
        let reader = Reader::open(&self.path).unwrap();
        let point = reader.point(id).unwrap();
        let entries = reader.entries(&point, ALL).map(|entry| entry.unwrap().origin.sequence).collect();
        let events = reader.events(None, ALL).map(|event| {
            let event = event.unwrap();
            assert_eq!(event.kind, "quality");
            (event.subject, serde_json::from_value(event.detail["quality"].clone()).unwrap())
        });
        (entries, events.collect())
    }
}

#[test]
fn a_change_within_the_deadband_is_no_entry_and_small_steps_add_up() {
    let mut world = World::new();
    for value in [1.0, 1.4, 1.5, 1.6, 1.2, 1.1, 1.05] {
        world.point("p", Some(value), &[]);
    }
    // 1.6 lies past 1.0, and 1.05 past 1.6.
    assert_eq!(world.recorded("p"), (vec![1, 4, 7], vec![]));
    // A point without one: every change, and a NaN once.
    for value in [1.0, 1.000_001, 1.000_001, f64::NAN, f64::NAN] {
        world.point("q", Some(value), &[]);
    }
    assert_eq!(world.recorded("q").0, [8, 9, 11]);
}

#[test]
fn a_change_of_quality_is_an_entry_and_an_event_with_its_reasons() {
    let mut world = World::new();
    world.point("p", None, &[(ReasonKind::NeverRead, "inv1")]);
    world.point("p", Some(1.0), &[]);
    assert_eq!(world.recorded("p"), (vec![1, 2], vec![]), "that it begins goes without saying");
    world.point("p", Some(1.0), &[(ReasonKind::SourceDead, "inv1")]);
    world.point("p", Some(1.0), &[(ReasonKind::SourceDead, "inv1"), (ReasonKind::Stale, "inv1")]);
    world.point("p", Some(1.0), &[]);
    let p = |quality| ("p".to_owned(), quality);
    let told = vec![p(Quality::Bad), p(Quality::Bad), p(Quality::Good)];
    assert_eq!(world.recorded("p"), (vec![1, 2, 3, 4, 5], told));
}
