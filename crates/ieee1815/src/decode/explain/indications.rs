//! Internal indications that change, and what they mean for whom.

use alloc::format;

use super::Told;
use super::words;
use crate::Iin;

/// Responses with the restart bit set after which somebody should have cleared it.
const RESTART_RESPONSES_MAX: u32 = 3;

/// What the last response of an outstation indicated.
#[derive(Debug, Default)]
pub(super) struct Indications {
    last: Option<Iin>,
    /// Responses in a row with the restart bit.
    restart: u32,
}

/// Bits that tell about one request, not about the device.
const OF_REQUEST: Iin = Iin::from_bits(0x0700);

impl Indications {
    /// A response with `iin` came; `function` is what it answers.
    pub(super) fn see(&mut self, iin: Iin, function: Option<u8>, outstation: u16, told: &mut Told) {
        let before = self.last.unwrap_or_default();
        let risen = |bit: Iin| iin.contains(bit) && !before.contains(bit);
        let fallen = |bit: Iin| self.last.is_some() && before.contains(bit) && !iin.contains(bit);
        let who = format!("outstation {outstation}");
        if risen(Iin::DEVICE_RESTART) {
            let text = format!(
                "{who} says that it has restarted (IIN1.7): the master should clear the bit and read everything"
            );
            told.warn("restart", text);
        }
        if fallen(Iin::DEVICE_RESTART) {
            told.note("restart-cleared", format!("{who} no longer says that it has restarted"));
        }
        if risen(Iin::NEED_TIME) {
            told.note("need-time", format!("{who} wants the time (IIN1.4): the master should set it"));
        }
        if fallen(Iin::NEED_TIME) {
            told.note("time-set", format!("{who} no longer wants the time"));
        }
        if risen(Iin::EVENT_BUFFER_OVERFLOW) {
            let text = format!(
                "{who} has lost events (IIN2.3, buffer overflow): the master should read everything and poll more often"
            );
            told.warn("overflow", text);
        }
        if fallen(Iin::EVENT_BUFFER_OVERFLOW) {
            told.note("overflow-over", format!("{who} has room for events again"));
        }
        if risen(Iin::LOCAL_CONTROL) {
            told.warn(
                "local",
                format!("outputs of {who} are in local (IIN1.5): commands to them will be refused"),
            );
        }
        if fallen(Iin::LOCAL_CONTROL) {
            told.note("remote", format!("outputs of {who} are back in remote"));
        }
        if risen(Iin::DEVICE_TROUBLE) {
            told.warn("trouble", format!("{who} has trouble of its own (IIN1.6): look at the device"));
        }
        if risen(Iin::CONFIG_CORRUPT) {
            told.error("config-corrupt", format!("the configuration of {who} is damaged (IIN2.5)"));
        }
        if risen(Iin::BROADCAST) {
            told.note("broadcast-heard", format!("{who} has heard a broadcast (IIN1.0)"));
        }
        self.of_request(iin, function, &who, told);
        self.restart = if iin.contains(Iin::DEVICE_RESTART) { self.restart.saturating_add(1) } else { 0 };
        if self.restart == RESTART_RESPONSES_MAX {
            let text = format!(
                "the master has not cleared the restart bit of {who}: a restart to come would not be seen"
            );
            told.warn("restart-not-cleared", text);
        }
        self.last = Some(iin.without(OF_REQUEST));
    }

    fn of_request(&self, iin: Iin, function: Option<u8>, who: &str, told: &mut Told) {
        let what = function.map_or_else(|| alloc::string::String::from("what was asked"), words::function);
        let mut refused = |bit, code, why: &str| {
            if iin.contains(bit) {
                told.warn(code, format!("{who} refuses {what}: {why}"));
            }
        };
        refused(Iin::NO_FUNC_CODE_SUPPORT, "function-unknown", "it does not know the function (IIN2.0)");
        refused(Iin::OBJECT_UNKNOWN, "object-unknown", "it does not have all the objects (IIN2.1)");
        refused(Iin::PARAMETER_ERROR, "parameter", "a qualifier, range or value is wrong (IIN2.2)");
        refused(Iin::ALREADY_EXECUTING, "already-executing", "it is at it already (IIN2.4)");
    }
}
