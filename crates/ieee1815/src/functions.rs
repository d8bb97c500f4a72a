//! Function codes and the control octet of a fragment (IEEE 1815, 4.2).

/// First fragment of a message.
pub(crate) const FIR: u8 = 0x80;
/// Last fragment of a message.
pub(crate) const FIN: u8 = 0x40;
/// A confirm is wanted.
pub(crate) const CON: u8 = 0x20;
/// Of an unsolicited response.
pub(crate) const UNS: u8 = 0x10;
/// The sequence number.
pub(crate) const SEQUENCE: u8 = 0x0F;

pub(crate) const CONFIRM: u8 = 0;
pub(crate) const READ: u8 = 1;
pub(crate) const WRITE: u8 = 2;
pub(crate) const SELECT: u8 = 3;
pub(crate) const OPERATE: u8 = 4;
pub(crate) const DIRECT_OPERATE: u8 = 5;
pub(crate) const DIRECT_OPERATE_NO_ACK: u8 = 6;
pub(crate) const FREEZE: u8 = 7;
pub(crate) const FREEZE_NO_ACK: u8 = 8;
pub(crate) const FREEZE_CLEAR: u8 = 9;
pub(crate) const FREEZE_CLEAR_NO_ACK: u8 = 10;
pub(crate) const FREEZE_AT_TIME_NO_ACK: u8 = 12;
pub(crate) const COLD_RESTART: u8 = 13;
pub(crate) const WARM_RESTART: u8 = 14;
pub(crate) const ENABLE_UNSOLICITED: u8 = 20;
pub(crate) const DISABLE_UNSOLICITED: u8 = 21;
pub(crate) const ASSIGN_CLASS: u8 = 22;
pub(crate) const DELAY_MEASURE: u8 = 23;
pub(crate) const RECORD_CURRENT_TIME: u8 = 24;
pub(crate) const AUTHENTICATION_NO_ACK: u8 = 33;
pub(crate) const RESPONSE: u8 = 129;
pub(crate) const UNSOLICITED_RESPONSE: u8 = 130;

/// The sequence number after this one.
pub(crate) const fn next_sequence(sequence: u8) -> u8 {
    sequence.wrapping_add(1) & SEQUENCE
}
