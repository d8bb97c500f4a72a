//! What happened how often.

use crate::proof::Tally;
use crate::script::KINDS;

/// Numbers of a run, or of a part of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) cases: u64,
    pub(crate) kinds: [u64; KINDS.len()],
    pub(crate) times: u64,
    pub(crate) records: u64,
    pub(crate) objects: u64,
    pub(crate) good_objects: u64,
    pub(crate) good_timed: u64,
    pub(crate) compared: u64,
    pub(crate) left_good: u64,
    pub(crate) came_back: u64,
    pub(crate) requests_failed: u64,
    pub(crate) restarts_told: u64,
}

impl Tally for Counts {
    fn fields(&mut self) -> Vec<(&'static str, &mut u64)> {
        let mut fields = vec![
            ("cases", &mut self.cases),
            ("objects_judged", &mut self.objects),
            ("good_objects_judged", &mut self.good_objects),
            ("good_objects_with_their_time", &mut self.good_timed),
            ("polls_after_which_all_was_compared", &mut self.compared),
            ("points_seen_to_leave_good", &mut self.left_good),
            ("points_seen_to_come_back", &mut self.came_back),
            ("requests_failed", &mut self.requests_failed),
            ("restarts_told", &mut self.restarts_told),
            ("records", &mut self.records),
            ("clock_ticks", &mut self.times),
        ];
        fields.extend(KINDS.iter().copied().zip(&mut self.kinds));
        fields
    }

    fn events(&self) -> u64 {
        self.kinds.iter().sum()
    }
}
