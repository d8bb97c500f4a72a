//! The live screen: plant, device and ISO side by side, and the ISO's megawatts over time.

use std::io;
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph};
use tokio::sync::mpsc;

use super::record;
use super::story::Story;
use super::view::{self, Side, figure};

/// How often the keyboard is looked at.
const KEYS_WAIT: Duration = Duration::from_millis(100);

/// The terminal, given back as it was when dropped.
pub(super) struct Screen(ratatui::DefaultTerminal);

impl Screen {
    /// Takes the terminal. `quit` hears when the user wants to end.
    pub(super) fn open(quit: mpsc::Sender<()>) -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || keys(&quit))?;
        Ok(Self(terminal))
    }

    /// Draws everything anew.
    pub(super) fn draw(&mut self, story: &Story, title: &str) -> io::Result<()> {
        self.0.draw(|frame| paint(frame, story, title)).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn keys(quit: &mpsc::Sender<()>) {
    loop {
        let ready = event::poll(KEYS_WAIT);
        if quit.is_closed() || ready.is_err() {
            return;
        }
        if !matches!(ready, Ok(true)) {
            continue;
        }
        let Ok(Event::Key(key)) = event::read() else { continue };
        let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        if (control_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
            && quit.blocking_send(()).is_err()
        {
            return;
        }
    }
}

fn paint(frame: &mut Frame<'_>, story: &Story, title: &str) {
    let agc = view::agc(story);
    let [head, sides, regulation, trend, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(8),
        Constraint::Length(if agc.is_empty() { 0 } else { 4 }),
        Constraint::Min(6),
        Constraint::Length(6),
    ])
    .areas(frame.area());
    frame.render_widget(Line::from(title.to_owned()).bold(), head);
    let columns = Layout::horizontal([Constraint::Ratio(1, 3); 3]).split(sides);
    let named = [
        ("Plant (registers)", view::plant(story), Color::Yellow),
        ("Device (RTD)", view::device(story), Color::Cyan),
        ("ISO (over DNP3 and mutual TLS)", view::iso(story), Color::Green),
    ];
    for ((name, side, colour), area) in named.iter().zip(columns.iter()) {
        paint_side(frame, *area, name, side, *colour);
    }
    if !agc.is_empty() {
        let lines: Vec<Line<'_>> = agc.into_iter().map(Line::from).collect();
        let block = Block::bordered().title("Regulation, as the ISO has it");
        frame.render_widget(Paragraph::new(lines).block(block), regulation);
    }
    paint_trend(frame, trend, story);
    paint_foot(frame, foot, story);
}

fn paint_side(frame: &mut Frame<'_>, area: Rect, name: &str, side: &Side, colour: Color) {
    let mut lines = vec![
        Line::from(format!("POI         {:>9} MW", figure(side.mw, 3))).bold(),
        Line::from(format!("PV          {:>9} MW", figure(side.pv_mw, 3))),
        Line::from(format!("battery     {:>9} MW", figure(side.battery_mw, 3))),
        Line::from(format!("SOC         {:>9} MWh", figure(side.soc_mwh, 2))),
        Line::from(format!("irradiance  {:>9} W/m2", figure(side.irradiance, 0))),
    ];
    if !side.worst.is_empty() {
        let told = match side.worst.as_str() {
            "good" => Color::Green,
            "questionable" => Color::Yellow,
            _ => Color::Red,
        };
        lines.push(Line::from(format!("worst       {:>9} {}", side.worst, side.worst_point)).fg(told));
    }
    let block = Block::bordered().title(name.to_owned()).border_style(Style::new().fg(colour));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn paint_trend(frame: &mut Frame<'_>, area: Rect, story: &Story) {
    let points: Vec<(f64, f64)> = story.trend.iter().copied().collect();
    let asked: Vec<(f64, f64)> = story.asked.iter().copied().collect();
    let end = points.last().map_or(0.0, |(time, _)| *time);
    let start = points.first().map_or(end, |(time, _)| *time).min(end - 60.0);
    let of = |pick: fn(f64, f64) -> f64, from: f64| {
        points.iter().chain(&asked).map(|(_, value)| *value).fold(from, pick)
    };
    let (low, high) = (of(f64::min, f64::INFINITY), of(f64::max, f64::NEG_INFINITY));
    let (low, high) = if low <= high { (low - 0.5, high + 0.5) } else { (0.0, 1.0) };
    fn line(points: &[(f64, f64)], colour: Color) -> Dataset<'_> {
        let data = Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line);
        data.style(Style::new().fg(colour)).data(points)
    }
    let title = match story.agc {
        Some(_) => "MW of the battery at the ISO (green) and asked for (grey)",
        None => "MW at the ISO",
    };
    let chart = Chart::new(vec![line(&asked, Color::DarkGray), line(&points, Color::Green)])
        .block(Block::bordered().title(title))
        .x_axis(
            Axis::default().bounds([start, end]).labels([format!("-{:.0} s", end - start), "now".to_owned()]),
        )
        .y_axis(Axis::default().bounds([low, high]).labels([format!("{low:.1}"), format!("{high:.1}")]));
    frame.render_widget(chart, area);
}

fn paint_foot(frame: &mut Frame<'_>, area: Rect, story: &Story) {
    let scan = match &story.last_scan {
        Some(scan) => format!(
            "last scan {} s ago: {}, {} points in {} ms{}",
            (record::now() - scan.time).max(0) / 1_000,
            scan.kind,
            scan.points,
            scan.duration_ms,
            if scan.missed { ", MISSED" } else { "" }
        ),
        None => "no scan yet".to_owned(),
    };
    let sets = &story.setpoints;
    let open = sets.open().map_or_else(String::new, |value| format!(", {value} MW under way"));
    let followed = match &story.agc {
        Some(_) => "set points: every 4 s, see above".to_owned(),
        None => format!("set points: {} sent, {} followed{open}", sets.sent, sets.followed),
    };
    let lines = vec![
        Line::from(format!(
            "{scan}; {} scans, {} missed, link {}",
            story.scans, story.scans_missed, story.link
        )),
        Line::from(followed),
        Line::from(format!(
            "ISO against the meter's register at its source time: {} of {} within one count",
            story.comparison.equal, story.comparison.compared
        )),
        Line::from(story.news.last().cloned().unwrap_or_default()),
    ];
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title("q ends")), area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Cell;
    use serde_json::json;

    use super::super::agc::Agc;
    use super::super::agc::signal::Signal;
    use super::super::child::Program;

    #[test]
    fn draws_on_any_size() {
        let mut story = Story { agc: Some(Agc::new(Signal::own(3.0))), ..Story::default() };
        for size in [(120, 40), (80, 24), (20, 5), (1, 1)] {
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
            terminal.draw(|frame| paint(frame, &story, "title")).unwrap();
            let point = json!({"event": "point", "time": "2018-10-18T19:00:01Z", "id": "poi.mw", "value": 7.25, "quality": "good"});
            story.take(Program::Ems, &point);
            story.take(
                Program::Ems,
                &json!({"event": "scan", "time": "2018-10-18T19:00:01Z", "kind": "events"}),
            );
            terminal.draw(|frame| paint(frame, &story, "title")).unwrap();
        }
        let shown = |story: &Story| -> String {
            let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
            terminal.draw(|frame| paint(frame, story, "title")).unwrap();
            terminal.backend().buffer().content().iter().map(Cell::symbol).collect()
        };
        assert!(shown(&story).contains("owner -, asked - MW"), "{}", shown(&story));
        story.agc = None;
        let shown = shown(&story);
        assert!(shown.contains("7.250 MW") && shown.contains("worst            good"), "{shown}");
    }
}
