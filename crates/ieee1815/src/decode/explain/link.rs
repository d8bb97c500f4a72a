//! Transactions of the link layer: resets, tests, confirmed frames and their answers.

use alloc::format;

use super::Told;
use crate::Time;
use crate::decode::flow::Ends;
use crate::decode::frame::Frame;

/// The link between one pair of addresses, both ways.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// What each side awaits; the master's side first.
    open: [Option<Open>; 2],
    /// Frame count bit of the last confirmed frame of each side.
    count: [Option<(bool, usize)>; 2],
    /// Whether the outstation's link has said anything.
    pub(super) answered: bool,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    at: Time,
    function: u8,
}

impl Link {
    pub(super) fn frame(&mut self, frame: &Frame, ends: Ends, told: &mut Told) {
        self.answered |= !ends.from_master;
        let (this, other) = if ends.from_master { (0, 1) } else { (1, 0) };
        if frame.primary() {
            self.primary(this, frame, ends, told);
        } else {
            self.secondary(other, frame, ends, told);
        }
    }

    fn primary(&mut self, side: usize, frame: &Frame, ends: Ends, told: &mut Told) {
        let function = frame.function();
        let (Some(open), Some(count)) = (self.open.get_mut(side), self.count.get_mut(side)) else { return };
        if let Some(before) = *open {
            let name = frame_name(before.function);
            told.warn("link-no-answer", format!("the link of {} did not answer {name}", ends.destination));
        }
        let answer_due = !matches!(function, 4) && ends.destination < 0xFFF0;
        *open = answer_due.then_some(Open { at: told.now, function });
        match (function, frame.frame_count()) {
            (0, _) => {
                *count = None;
                told.note(
                    "link-reset",
                    format!("{} resets the link states of {}", ends.source, ends.destination),
                );
            }
            (9, _) => {
                told.note(
                    "link-status",
                    format!("{} asks for the link status of {}", ends.source, ends.destination),
                );
            }
            (3, Some(bit)) => {
                let this = (bit, frame.user.len());
                if *count == Some(this) {
                    let text =
                        format!("{} sends a confirmed frame again (same frame count bit)", ends.source);
                    told.warn("link-retry", text);
                }
                *count = Some(this);
            }
            _ => {}
        }
    }

    fn secondary(&mut self, side: usize, frame: &Frame, ends: Ends, told: &mut Told) {
        let Some(open) = self.open.get_mut(side) else { return };
        let asked = open.take();
        let name = frame.function_name().unwrap_or("an answer");
        match (asked, frame.function()) {
            (None, _) => {
                told.warn("link-unasked", format!("{} sends {name}, and nobody asked", ends.source));
            }
            (Some(asked), 1) => {
                let text = format!(
                    "{} refuses {} (NACK): its link was not reset",
                    ends.source,
                    frame_name(asked.function)
                );
                told.warn("link-nack", text);
            }
            (Some(asked), 14 | 15) => {
                let text = format!("{} answers {} with {name}", ends.source, frame_name(asked.function));
                told.warn("link-not-supported", text);
            }
            (Some(asked), _) => {
                let after = super::words::span(told.now.saturating_sub(asked.at));
                told.note("link-answer", format!("{} answers {name} {after}", ends.source));
            }
        }
        if frame.data_flow_control() {
            told.warn("link-busy", format!("{} has no room for more (data flow control)", ends.source));
        }
    }

    pub(super) fn finish(&self, master: u16, outstation: u16, told: &mut Told) {
        for (open, asked) in self.open.iter().zip([outstation, master]) {
            if let Some(open) = open {
                let name = frame_name(open.function);
                told.warn("link-no-answer", format!("the link of {asked} did not answer {name}"));
            }
        }
    }
}

fn frame_name(function: u8) -> &'static str {
    super::super::names::link_function(true, function).unwrap_or("a frame")
}
