//! Case files: what each rule finds, and what it does not.

use std::fs;
use std::path::{Path, PathBuf};

use config::Source;
use rulebook::Profile;
use rulebook::judge::{Finding, Report};
use rulebook::profile::Day;
use serde::Deserialize;
use toml::Spanned;

use crate::site::{Edit, Variant};

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    case: Vec<Case>,
}

/// A failing example of a rule, and where the base is none a passing one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) rule: String,
    #[serde(default)]
    pub(crate) profile: Option<String>,
    base: String,
    #[serde(default)]
    edit: Vec<Edit>,
    #[serde(default)]
    append: String,
    as_of: Option<String>,
    /// An overlay's text, laid over the profile of the failing example.
    overlay: Option<String>,
    /// What was served before: edits of the base.
    previous: Option<Vec<Edit>>,
    /// The passing example; the base as it is where left out.
    pass: Option<Variant>,
    /// What the rule finds, as [`told`] tells it.
    finding: Spanned<Vec<String>>,
}

/// What a case showed.
pub(crate) struct Shown {
    pub(crate) findings: Vec<Finding>,
    /// The golden lines of the failing example as they should be.
    pub(crate) lines: Vec<String>,
    /// What is wrong.
    pub(crate) wrong: Vec<String>,
}

/// One finding in one line; files are told as of the site's folder.
fn told(finding: &Finding, folder: &Path) -> String {
    let folder = format!("{}/", folder.display());
    format!(
        "{} | {} | found {} | required {} | tag {} | severity {}",
        finding.subject, finding.field, finding.found, finding.required, finding.tag, finding.severity
    )
    .replace(&folder, "")
}

impl Case {
    pub(crate) fn profile(&self) -> &str {
        self.profile.as_deref().unwrap_or("caiso-direct-telemetry")
    }

    /// Runs both examples.
    pub(crate) fn run(&self, folder: &Path, profile: &Profile) -> Shown {
        let mut shown = Shown { findings: Vec::new(), lines: Vec::new(), wrong: Vec::new() };
        if let Err(why) = self.passing(folder, profile) {
            shown.wrong.push(format!("passing example: {why}"));
        }
        match self.failing(folder, profile, None) {
            Err(why) => shown.wrong.push(format!("failing example: {why}")),
            Ok(report) => {
                shown.findings = report.findings.into_iter().filter(|one| one.rule == self.rule).collect();
                shown.lines = shown.findings.iter().map(|one| told(one, folder)).collect();
                let golden = self.finding.get_ref();
                if shown.lines.is_empty() {
                    shown.wrong.push("failing example: nothing was found".to_owned());
                } else if shown.lines != *golden {
                    let lines = |lines: &[String]| lines.join("\n      ");
                    shown.wrong.push(format!(
                        "found\n      {}\n    golden\n      {}",
                        lines(&shown.lines),
                        lines(golden)
                    ));
                }
                for one in shown.findings.iter().filter(|one| (one.line, one.column) == (1, 1)) {
                    shown.wrong.push(format!("`{}` has no place in the file", one.field));
                }
            }
        }
        if let Err(why) = self.out_of_force(folder, profile) {
            shown.wrong.push(format!("out of force: {why}"));
        }
        shown
    }

    /// A rule finds nothing the day before it comes into force, nor from the day on which it ceases.
    fn out_of_force(&self, folder: &Path, profile: &Profile) -> Result<(), String> {
        let entry = profile.entry(&self.rule).ok_or("no such entry")?;
        let before = entry.since.and_then(|since| since.0.yesterday().ok()).map(Day);
        for day in [before, entry.until].into_iter().flatten() {
            let report = self.failing(folder, profile, Some(day))?;
            if let Some(found) = report.findings.iter().find(|one| one.rule == self.rule) {
                return Err(format!("on {day}: {}", told(found, folder)));
            }
        }
        Ok(())
    }

    fn passing(&self, folder: &Path, profile: &Profile) -> Result<(), String> {
        let mut variant = self.pass.clone().unwrap_or_default();
        if variant.base.is_empty() {
            variant.base.clone_from(&self.base);
        }
        let previous = self.previous.is_some().then(|| Variant::of(&variant.base));
        let report = variant.check(folder, profile, previous.as_ref())?;
        if let Some(found) = report.findings.iter().find(|one| one.rule == self.rule) {
            return Err(told(found, folder));
        }
        if report.judged.contains_key(&self.rule) {
            Ok(())
        } else {
            Err(format!("the rule judged nothing{}", why_not(&report, &self.rule)))
        }
    }

    fn failing(&self, folder: &Path, profile: &Profile, day: Option<Day>) -> Result<Report, String> {
        let mut profile = profile.clone();
        if let Some(text) = &self.overlay {
            let source = Source::from_text("overlay.toml", text.as_str());
            profile = profile.with_overlay(&source).map_err(|problems| problems.to_string())?;
        }
        let variant = Variant {
            base: self.base.clone(),
            edit: self.edit.clone(),
            append: self.append.clone(),
            as_of: day.map(|day| day.to_string()).or_else(|| self.as_of.clone()),
        };
        let previous =
            self.previous.as_ref().map(|edit| Variant { edit: edit.clone(), ..Variant::of(&self.base) });
        variant.check(folder, &profile, previous.as_ref())
    }
}

fn why_not(report: &Report, rule: &str) -> String {
    let why = report.not_judged.iter().find(|one| one.rule == rule);
    why.map_or_else(String::new, |one| format!(": {}: {}", one.subject, one.why))
}

/// A case file with its text, so that its golden lines can be written anew.
pub(crate) struct Cases {
    pub(crate) file: PathBuf,
    text: String,
    pub(crate) cases: Vec<Case>,
}

impl Cases {
    /// All case files.
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/cases");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
            .into_iter()
            .map(|file| {
                let text = fs::read_to_string(&file).unwrap();
                let cases = toml::from_str::<CaseFile>(&text);
                let cases = cases.unwrap_or_else(|error| panic!("{}: {error}", file.display())).case;
                Self { file, text, cases }
            })
            .collect()
    }

    /// Writes the golden lines anew: one line each, so that a diff shows what changed.
    pub(crate) fn bless(&self, lines: &[Vec<String>]) {
        let mut text = self.text.clone();
        for (case, lines) in self.cases.iter().zip(lines).rev() {
            let lines: Vec<_> =
                lines.iter().map(|line| format!("  {},\n", toml::Value::from(line.as_str()))).collect();
            text.replace_range(case.finding.span(), &format!("[\n{}]", lines.concat()));
        }
        if text != self.text {
            fs::write(&self.file, text).unwrap();
        }
    }
}
