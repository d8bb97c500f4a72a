//! What happened how often.

use control::authority::EDGES;

use crate::proof::Tally;
use crate::script::KINDS;

/// Statuses of the table, as records name them.
pub(crate) const STATUSES: [&str; 10] = [
    "SUCCESS",
    "NOT_AUTHORIZED",
    "OUT_OF_RANGE",
    "TOO_MANY_OPS",
    "BLOCKED_OTHER_MASTER",
    "AUTOMATION_INHIBIT",
    "LOCAL",
    "DOWNSTREAM_LOCAL",
    "BLOCKED",
    "DOWNSTREAM_FAIL",
];

/// Codes of what holds the output.
const CLAMPS: [&str; 7] = [
    "clamp_none",
    "clamp_hard",
    "clamp_energy",
    "clamp_soft",
    "clamp_ramp",
    "clamp_deadband",
    "clamp_source",
];

/// Numbers of a run, or of a part of one.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) cases: u64,
    pub(crate) kinds: [u64; KINDS.len()],
    pub(crate) edges: [u64; EDGES.len()],
    pub(crate) statuses: [u64; STATUSES.len()],
    pub(crate) clamps: [u64; CLAMPS.len()],
    /// A set point that another configuration gave back.
    pub(crate) withdrawn: u64,
    /// Turns in which a write of another life was waited for.
    pub(crate) under_way: u64,
    pub(crate) writes: u64,
    /// Outputs that were held against ramp, bounds and goal.
    pub(crate) outputs: u64,
    /// Of those, the first after a hand-over or after devices were away.
    pub(crate) first_outputs: u64,
    /// Handles after which the output had to be nearer to its goal.
    pub(crate) progress: u64,
    pub(crate) compared: u64,
    pub(crate) feedback_good: u64,
    pub(crate) feedback_bad: u64,
    pub(crate) retries: u64,
    pub(crate) released: u64,
    /// Changes of the frequency that had to be answered at once, and ways by the ramp that came to their end.
    pub(crate) responses: u64,
    pub(crate) responses_by_ramp: u64,
    /// Outputs in which a silent unit counted, and judgements of the meter that it does not, or does again.
    pub(crate) silent_counted: u64,
    pub(crate) silent_turned: u64,
    /// Writes that were refused where nobody took any: the output begins anew.
    pub(crate) refused_all: u64,
    /// Outputs that came back by the ramp, or still had to.
    pub(crate) behind: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            cases: 0,
            kinds: [0; KINDS.len()],
            edges: [0; EDGES.len()],
            statuses: [0; STATUSES.len()],
            clamps: [0; CLAMPS.len()],
            withdrawn: 0,
            under_way: 0,
            writes: 0,
            outputs: 0,
            first_outputs: 0,
            progress: 0,
            compared: 0,
            feedback_good: 0,
            feedback_bad: 0,
            retries: 0,
            released: 0,
            responses: 0,
            responses_by_ramp: 0,
            silent_counted: 0,
            silent_turned: 0,
            refused_all: 0,
            behind: 0,
        }
    }
}

impl Tally for Counts {
    fn fields(&mut self) -> Vec<(&'static str, &mut u64)> {
        let mut fields = vec![
            ("cases", &mut self.cases),
            ("withdrawn_by_another_configuration", &mut self.withdrawn),
            ("writes_of_before_under_way", &mut self.under_way),
            ("writes", &mut self.writes),
            ("outputs_judged", &mut self.outputs),
            ("first_outputs_judged", &mut self.first_outputs),
            ("progress_judged", &mut self.progress),
            ("polls_after_which_all_was_compared", &mut self.compared),
            ("feedback_good_judged", &mut self.feedback_good),
            ("feedback_not_good_judged", &mut self.feedback_bad),
            ("retries_that_did_nothing", &mut self.retries),
            ("releases", &mut self.released),
            ("frequencies_answered_at_once", &mut self.responses),
            ("responses_that_came_by_the_ramp", &mut self.responses_by_ramp),
            ("outputs_with_a_silent_unit_counted", &mut self.silent_counted),
            ("silent_units_that_the_meter_judged", &mut self.silent_turned),
            ("refusals_after_which_the_output_began_anew", &mut self.refused_all),
            ("outputs_behind_what_units_could_not_do", &mut self.behind),
        ];
        fields.extend(KINDS.iter().copied().zip(&mut self.kinds));
        fields.extend(edge_names().iter().map(String::as_str).zip(&mut self.edges));
        fields.extend(STATUSES.iter().copied().zip(&mut self.statuses));
        fields.extend(CLAMPS.iter().copied().zip(&mut self.clamps));
        fields
    }

    fn events(&self) -> u64 {
        self.kinds.iter().sum()
    }
}

/// Every way of changing hands by its name.
pub(crate) fn edge_names() -> &'static [String] {
    static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    NAMES
        .get_or_init(|| EDGES.iter().map(|(from, cause, to)| format!("edge {from} {cause:?} {to}")).collect())
}
