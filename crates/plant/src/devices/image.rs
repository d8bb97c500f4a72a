//! A device's registers: what is where, what can be written.

use std::collections::BTreeMap;

use super::{Kind, layout, raw};

/// Why a request is refused, as Modbus numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exception {
    Function = 1,
    Address = 2,
    Value = 3,
}

/// The registers of one device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Image {
    base: u16,
    words: Vec<u16>,
    writable: Vec<bool>,
    /// Where each model's body begins.
    bodies: BTreeMap<u16, usize>,
}

impl Image {
    pub(crate) fn read(&self, start: u16, count: u16) -> Result<&[u16], Exception> {
        let from = usize::from(start.checked_sub(self.base).ok_or(Exception::Address)?);
        self.words.get(from..from + usize::from(count)).ok_or(Exception::Address)
    }

    pub(crate) fn write(&mut self, start: u16, values: &[u16]) -> Result<(), Exception> {
        let from = usize::from(start.checked_sub(self.base).ok_or(Exception::Address)?);
        let range = from..from + values.len();
        if !self.writable.get(range.clone()).is_some_and(|all| all.iter().all(|can| *can)) {
            return Err(Exception::Address);
        }
        let mut next = self.clone();
        next.words.get_mut(range).ok_or(Exception::Address)?.copy_from_slice(values);
        let switches = [(123, 2), (123, 7), (704, 20), (704, 28)];
        if switches.iter().any(|(model, at)| next.bodies.contains_key(model) && next.get(*model, *at) > 1) {
            return Err(Exception::Value);
        }
        // Only watts: a percent mode that is taken and ignored would be worse than a refusal.
        if next.bodies.contains_key(&704) && next.get(704, 21) != 1 {
            return Err(Exception::Value);
        }
        *self = next;
        Ok(())
    }

    /// A register of a model, by its offset behind id and length; zero where the device has no such model.
    pub(crate) fn get(&self, model: u16, at: usize) -> u16 {
        self.bodies.get(&model).and_then(|body| self.words.get(body + at)).copied().unwrap_or(0)
    }

    pub(crate) fn get_u32(&self, model: u16, at: usize) -> u32 {
        u32::from(self.get(model, at)) << 16 | u32::from(self.get(model, at + 1))
    }

    pub(crate) fn put(&mut self, model: u16, at: usize, word: u16) {
        let place = self.bodies.get(&model).copied().and_then(|body| self.words.get_mut(body + at));
        if let Some(place) = place {
            *place = word;
        }
    }

    /// Writes the lowest `words` registers' worth of `value`, high word first.
    pub(crate) fn put_wide(&mut self, model: u16, at: usize, words: usize, value: u64) {
        for word in 0..words {
            let part = value >> (16 * (words - 1 - word)) & 0xFFFF;
            self.put(model, at + word, u16::try_from(part).unwrap_or(0));
        }
    }

    /// Writes a signed figure of 32 bits, rounded.
    pub(crate) fn put_signed(&mut self, model: u16, at: usize, value: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
        let raw = value.round() as i32;
        self.put_wide(model, at, 2, u64::from(raw.cast_unsigned()));
    }

    fn text(&mut self, at: usize, text: &str) {
        for (word, pair) in text.as_bytes().chunks(2).take(16).enumerate() {
            let high = pair.first().copied().unwrap_or(0);
            self.put(1, at + word, u16::from_be_bytes([high, pair.get(1).copied().unwrap_or(0)]));
        }
    }

    fn model(&mut self, id: u16, layout: &str) {
        self.words.extend([id, u16::try_from(layout.len()).unwrap_or(0)]);
        self.bodies.insert(id, self.words.len());
        self.words.extend(layout.chars().map(|letter| match letter {
            'u' => 0xFFFF,
            's' => 0x8000,
            _ => 0,
        }));
    }

    fn allow(&mut self, model: u16, range: std::ops::Range<usize>) {
        let body = self.bodies.get(&model).copied().unwrap_or(0);
        if let Some(all) = self.writable.get_mut(body + range.start..body + range.end) {
            all.fill(true);
        }
    }
}

/// The image of a device of raw registers: register 0 to the last of its table; what lies between reads 0.
fn raw_image(table: &[raw::Register]) -> Image {
    let length = table.iter().map(|one| one.at + one.form.words()).max().unwrap_or(0);
    let mut image = Image { words: vec![0; length], bodies: BTreeMap::from([(0, 0)]), ..Image::default() };
    image.writable = vec![false; length];
    for one in table.iter().filter(|one| one.writable) {
        image.allow(0, one.at..one.at + one.form.words());
    }
    image
}

/// The image of a device before its first refresh.
pub(crate) fn new(id: &str, kind: &Kind) -> Image {
    if matches!(kind, Kind::Switchgear) {
        return Image { words: vec![0; 11], bodies: BTreeMap::from([(0, 0)]), ..Image::default() };
    }
    if let Some(table) = raw::table(kind) {
        let mut image = raw_image(table);
        image.put(0, raw::GOVERNOR, u16::from(matches!(kind, Kind::Unit { .. })));
        return image;
    }
    let mut image = Image { base: 40_000, words: vec![0x5375, 0x6E53], ..Image::default() };
    image.model(1, layout::MODEL_1);
    let models: &[(u16, &str)] = match kind {
        Kind::Inverter { .. } => {
            &[(103, layout::MODEL_103), (120, layout::MODEL_120), (123, layout::MODEL_123)]
        }
        Kind::Turbine { .. } => &[
            (103, layout::MODEL_103),
            (120, layout::MODEL_120),
            (121, layout::MODEL_121),
            (123, layout::MODEL_123),
        ],
        Kind::Battery { .. } => &[
            (701, layout::MODEL_701),
            (702, layout::MODEL_702),
            (704, layout::MODEL_704),
            (713, layout::MODEL_713),
        ],
        Kind::Meter { .. } => &[(203, layout::MODEL_203)],
        _ => &[(302, layout::MODEL_302), (303, layout::MODEL_303), (307, layout::MODEL_307)],
    };
    for (model, layout) in models {
        image.model(*model, layout);
    }
    image.words.extend([0xFFFF, 0]);
    image.writable = vec![false; image.words.len()];
    image.text(0, "OpenRTD");
    image.text(16, "Simulated plant");
    image.text(48, id);
    image.allow(123, 2..8);
    image.allow(704, 20..31);
    // Connected, no limit; no set point; factors for per cent (0.01 %) and watts.
    image.put(123, 2, 1);
    image.put(123, 3, 10_000);
    for at in [5, 7, 12, 20] {
        image.put(123, at, 0);
    }
    image.put(123, 21, (-2_i16).cast_unsigned());
    for at in [20, 22, 24, 28, 29, 30, 31, 32, 53] {
        image.put(704, at, 0);
    }
    image.put(704, 21, 1);
    image
}

#[cfg(test)]
mod tests {
    use sunspec::Group as _;
    use sunspec::models::{model103, model121, model203, model701, model704, model713};

    use super::*;

    #[test]
    fn layouts_agree_with_an_independent_definition() {
        let length = |layout: &str| u16::try_from(layout.len()).unwrap();
        assert_eq!(length(layout::MODEL_103), model103::Model103::LEN);
        assert_eq!(length(layout::MODEL_121), model121::Model121::LEN);
        assert_eq!(
            (model121::Model121::ECP_NOM_HZ.offset, model121::Model121::ECP_NOM_HZ_SF.offset),
            (18, 29)
        );
        assert_eq!(length(layout::MODEL_203), model203::Model203::LEN);
        assert_eq!(length(layout::MODEL_701), model701::Model701::LEN);
        assert_eq!(length(layout::MODEL_713), model713::Model713::LEN);
        assert_eq!(length(layout::MODEL_704), model704::Model704::LEN + 8);
        assert_eq!((model203::Model203::W.offset, model203::Model203::W_SF.offset), (16, 20));
        assert_eq!((model704::Model704::W_SET.offset, model704::Model704::W_SET_RVRT_TMS.offset), (22, 29));
    }
}
