//! The SunSpec points that a site can name, as `MODEL.NAME`.
//!
//! Facts of SunSpec's model definitions (its published JSON): offset, type, scale factor and unit of each point.
//! The crate `sunspec` has the same facts as Rust structs, but not by name and without units; a test holds this
//! table against it. Of repeating groups (models 302 and 303) the first instance is meant.

use telemetry::Unit;

/// A point of a SunSpec model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SunSpecPoint {
    /// Number of the model.
    pub model: u16,
    /// Name within the model, in SunSpec's spelling.
    pub name: &'static str,
    /// Registers after the model's length register.
    pub offset: u16,
    /// Its type.
    pub kind: SunSpecType,
    /// Its scale factor.
    pub scale: SunSpecScale,
    /// Its unit, with the scale factor applied.
    pub unit: Unit,
}

/// Type of a SunSpec point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SunSpecType {
    /// Two's complement, 16 bits.
    Int16,
    /// Unsigned, 16 bits.
    Uint16,
    /// Two's complement, 32 bits.
    Int32,
    /// Unsigned, 32 bits.
    Uint32,
    /// Unsigned, 64 bits.
    Uint64,
    /// Accumulator, 32 bits.
    Acc32,
    /// Enumeration, 16 bits.
    Enum16,
    /// Flags, 32 bits.
    Bitfield32,
}

impl SunSpecType {
    /// Registers taken.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::Int16 | Self::Uint16 | Self::Enum16 => 1,
            Self::Int32 | Self::Uint32 | Self::Acc32 | Self::Bitfield32 => 2,
            Self::Uint64 => 4,
        }
    }

    /// Bits taken.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.registers() * 16
    }
}

/// The power of ten that a SunSpec point is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SunSpecScale {
    /// None.
    One,
    /// Fixed by the model.
    Fixed(i16),
    /// In the register at this offset of the same model (`sunssf`).
    At(u16),
}

/// Finds `MODEL.NAME`.
///
/// # Errors
/// In words: what is unknown, and what is allowed.
pub fn find(text: &str) -> Result<&'static SunSpecPoint, String> {
    let (model, name) = text
        .split_once('.')
        .ok_or_else(|| format!("`{text}` is not of the form MODEL.NAME, such as 203.W"))?;
    let number = model.parse::<u16>().ok();
    if let Some(point) = POINTS.iter().find(|point| Some(point.model) == number && point.name == name) {
        return Ok(point);
    }
    let names: Vec<&str> =
        POINTS.iter().filter(|point| Some(point.model) == number).map(|point| point.name).collect();
    if names.is_empty() {
        let mut models: Vec<u16> = POINTS.iter().map(|point| point.model).collect();
        models.dedup();
        return Err(format!("SunSpec model `{model}` is not known here, allowed: {}", list(&models)));
    }
    Err(format!("SunSpec model {model} has no point `{name}`, allowed: {}", list(&names)))
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

macro_rules! points {
    ($($model:literal $name:literal $offset:literal $kind:ident $scale:ident $(($by:expr))? $unit:ident;)*) => {
        /// All points, by model and offset.
        pub const POINTS: &[SunSpecPoint] = &[$(SunSpecPoint {
            model: $model,
            name: $name,
            offset: $offset,
            kind: SunSpecType::$kind,
            scale: SunSpecScale::$scale $(($by))?,
            unit: Unit::$unit,
        },)*];
    };
}

points! {
    103 "A" 0 Uint16 At(4) Ampere;
    103 "AphA" 1 Uint16 At(4) Ampere;
    103 "AphB" 2 Uint16 At(4) Ampere;
    103 "AphC" 3 Uint16 At(4) Ampere;
    103 "PPVphAB" 5 Uint16 At(11) Volt;
    103 "PPVphBC" 6 Uint16 At(11) Volt;
    103 "PPVphCA" 7 Uint16 At(11) Volt;
    103 "PhVphA" 8 Uint16 At(11) Volt;
    103 "PhVphB" 9 Uint16 At(11) Volt;
    103 "PhVphC" 10 Uint16 At(11) Volt;
    103 "W" 12 Int16 At(13) Watt;
    103 "Hz" 14 Uint16 At(15) Hertz;
    103 "VA" 16 Int16 At(17) VoltAmpere;
    103 "VAr" 18 Int16 At(19) Var;
    103 "PF" 20 Int16 At(21) Percent;
    103 "WH" 22 Acc32 At(24) WattHour;
    103 "DCA" 25 Uint16 At(26) Ampere;
    103 "DCV" 27 Uint16 At(28) Volt;
    103 "DCW" 29 Int16 At(30) Watt;
    103 "TmpCab" 31 Int16 At(35) Celsius;
    103 "TmpSnk" 32 Int16 At(35) Celsius;
    103 "TmpTrns" 33 Int16 At(35) Celsius;
    103 "TmpOt" 34 Int16 At(35) Celsius;
    103 "St" 36 Enum16 One Count;
    103 "StVnd" 37 Enum16 One Count;
    103 "Evt1" 38 Bitfield32 One Count;
    103 "Evt2" 40 Bitfield32 One Count;
    103 "EvtVnd1" 42 Bitfield32 One Count;
    103 "EvtVnd2" 44 Bitfield32 One Count;
    103 "EvtVnd3" 46 Bitfield32 One Count;
    103 "EvtVnd4" 48 Bitfield32 One Count;
    123 "Conn" 2 Enum16 One Count;
    123 "WMaxLimPct" 3 Uint16 At(21) Percent;
    123 "WMaxLim_Ena" 7 Enum16 One Count;
    203 "A" 0 Int16 At(4) Ampere;
    203 "AphA" 1 Int16 At(4) Ampere;
    203 "AphB" 2 Int16 At(4) Ampere;
    203 "AphC" 3 Int16 At(4) Ampere;
    203 "PhV" 5 Int16 At(13) Volt;
    203 "PhVphA" 6 Int16 At(13) Volt;
    203 "PhVphB" 7 Int16 At(13) Volt;
    203 "PhVphC" 8 Int16 At(13) Volt;
    203 "PPV" 9 Int16 At(13) Volt;
    203 "PhVphAB" 10 Int16 At(13) Volt;
    203 "PhVphBC" 11 Int16 At(13) Volt;
    203 "PhVphCA" 12 Int16 At(13) Volt;
    203 "Hz" 14 Int16 At(15) Hertz;
    203 "W" 16 Int16 At(20) Watt;
    203 "WphA" 17 Int16 At(20) Watt;
    203 "WphB" 18 Int16 At(20) Watt;
    203 "WphC" 19 Int16 At(20) Watt;
    203 "VA" 21 Int16 At(25) VoltAmpere;
    203 "VAphA" 22 Int16 At(25) VoltAmpere;
    203 "VAphB" 23 Int16 At(25) VoltAmpere;
    203 "VAphC" 24 Int16 At(25) VoltAmpere;
    203 "VAR" 26 Int16 At(30) Var;
    203 "VARphA" 27 Int16 At(30) Var;
    203 "VARphB" 28 Int16 At(30) Var;
    203 "VARphC" 29 Int16 At(30) Var;
    203 "PF" 31 Int16 At(35) Percent;
    203 "PFphA" 32 Int16 At(35) Percent;
    203 "PFphB" 33 Int16 At(35) Percent;
    203 "PFphC" 34 Int16 At(35) Percent;
    203 "TotWhExp" 36 Acc32 At(52) WattHour;
    203 "TotWhExpPhA" 38 Acc32 At(52) WattHour;
    203 "TotWhExpPhB" 40 Acc32 At(52) WattHour;
    203 "TotWhExpPhC" 42 Acc32 At(52) WattHour;
    203 "TotWhImp" 44 Acc32 At(52) WattHour;
    203 "TotWhImpPhA" 46 Acc32 At(52) WattHour;
    203 "TotWhImpPhB" 48 Acc32 At(52) WattHour;
    203 "TotWhImpPhC" 50 Acc32 At(52) WattHour;
    203 "Evt" 103 Bitfield32 One Count;
    302 "GHI" 0 Uint16 One WattPerSquareMetre;
    302 "POAI" 1 Uint16 One WattPerSquareMetre;
    302 "DFI" 2 Uint16 One WattPerSquareMetre;
    302 "DNI" 3 Uint16 One WattPerSquareMetre;
    302 "OTI" 4 Uint16 One WattPerSquareMetre;
    303 "TmpBOM" 0 Int16 Fixed(-1) Celsius;
    307 "TmpAmb" 0 Int16 Fixed(-1) Celsius;
    307 "RH" 1 Int16 One Percent;
    307 "Pres" 2 Int16 One Hectopascal;
    307 "WndSpd" 3 Int16 One MetrePerSecond;
    307 "WndDir" 4 Int16 One Degree;
    307 "PPT" 7 Int16 One Count;
    307 "SoilWet" 10 Int16 One Percent;
    701 "ACType" 0 Enum16 One Count;
    701 "St" 1 Enum16 One Count;
    701 "InvSt" 2 Enum16 One Count;
    701 "ConnSt" 3 Enum16 One Count;
    701 "Alrm" 4 Bitfield32 One Count;
    701 "DERMode" 6 Bitfield32 One Count;
    701 "W" 8 Int16 At(114) Watt;
    701 "VA" 9 Int16 At(116) VoltAmpere;
    701 "Var" 10 Int16 At(117) Var;
    701 "PF" 11 Int16 At(115) Count;
    701 "A" 12 Int16 At(111) Ampere;
    701 "LLV" 13 Uint16 At(112) Volt;
    701 "LNV" 14 Uint16 At(112) Volt;
    701 "Hz" 15 Uint32 At(113) Hertz;
    701 "TotWhInj" 17 Uint64 At(118) WattHour;
    701 "TotWhAbs" 21 Uint64 At(118) WattHour;
    701 "TmpAmb" 33 Int16 At(120) Celsius;
    701 "TmpCab" 34 Int16 At(120) Celsius;
    701 "TmpSnk" 35 Int16 At(120) Celsius;
    701 "TmpTrns" 36 Int16 At(120) Celsius;
    701 "TmpSw" 37 Int16 At(120) Celsius;
    701 "TmpOt" 38 Int16 At(120) Celsius;
    701 "WL1" 39 Int16 At(114) Watt;
    701 "VAL1" 40 Int16 At(116) VoltAmpere;
    701 "VarL1" 41 Int16 At(117) Var;
    701 "PFL1" 42 Int16 At(115) Count;
    701 "AL1" 43 Int16 At(111) Ampere;
    701 "VL1L2" 44 Uint16 At(112) Volt;
    701 "VL1" 45 Uint16 At(112) Volt;
    701 "TotWhInjL1" 46 Uint64 At(118) WattHour;
    701 "TotWhAbsL1" 50 Uint64 At(118) WattHour;
    701 "WL2" 62 Int16 At(114) Watt;
    701 "VAL2" 63 Int16 At(116) VoltAmpere;
    701 "VarL2" 64 Int16 At(117) Var;
    701 "PFL2" 65 Int16 At(115) Count;
    701 "AL2" 66 Int16 At(111) Ampere;
    701 "VL2L3" 67 Uint16 At(112) Volt;
    701 "VL2" 68 Uint16 At(112) Volt;
    701 "TotWhInjL2" 69 Uint64 At(118) WattHour;
    701 "TotWhAbsL2" 73 Uint64 At(118) WattHour;
    701 "WL3" 85 Int16 At(114) Watt;
    701 "VAL3" 86 Int16 At(116) VoltAmpere;
    701 "VarL3" 87 Int16 At(117) Var;
    701 "PFL3" 88 Int16 At(115) Count;
    701 "AL3" 89 Int16 At(111) Ampere;
    701 "VL3L1" 90 Uint16 At(112) Volt;
    701 "VL3" 91 Uint16 At(112) Volt;
    701 "TotWhInjL3" 92 Uint64 At(118) WattHour;
    701 "TotWhAbsL3" 96 Uint64 At(118) WattHour;
    701 "ThrotPct" 108 Uint16 One Percent;
    701 "ThrotSrc" 109 Bitfield32 One Count;
    702 "WMaxRtg" 0 Uint16 At(43) Watt;
    702 "WChaRteMaxRtg" 8 Uint16 At(43) Watt;
    702 "WDisChaRteMaxRtg" 9 Uint16 At(43) Watt;
    702 "WMax" 24 Uint16 At(43) Watt;
    702 "WChaRteMax" 32 Uint16 At(43) Watt;
    702 "WDisChaRteMax" 33 Uint16 At(43) Watt;
    713 "WHRtg" 0 Uint16 At(5) WattHour;
    713 "WHAvail" 1 Uint16 At(5) WattHour;
    713 "SoC" 2 Uint16 At(6) Percent;
    713 "SoH" 3 Uint16 At(6) Percent;
    713 "Sta" 4 Enum16 One Count;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::sunspec::models::{
        model103::Model103, model203::Model203, model302, model307::Model307, model701::Model701,
        model702::Model702, model713::Model713,
    };

    #[test]
    fn agrees_with_the_models_as_structs() {
        let offset = |text: &str| find(text).unwrap().offset;
        assert_eq!(offset("103.W"), Model103::W.offset);
        assert_eq!(offset("103.TmpCab"), Model103::TMP_CAB.offset);
        assert_eq!(offset("203.W"), Model203::W.offset);
        assert_eq!(offset("203.TotWhExp"), Model203::TOT_WH_EXP.offset);
        assert_eq!(offset("302.POAI"), model302::Repeating::POAI.offset);
        assert_eq!(offset("307.WndSpd"), Model307::WND_SPD.offset);
        assert_eq!(offset("701.Hz"), Model701::HZ.offset);
        assert_eq!(offset("701.W"), Model701::W.offset);
        assert_eq!(offset("702.WMax"), Model702::W_MAX.offset);
        assert_eq!(offset("702.WChaRteMaxRtg"), Model702::W_CHA_RTE_MAX_RTG.offset);
        assert_eq!(offset("702.WDisChaRteMaxRtg"), Model702::W_DIS_CHA_RTE_MAX_RTG.offset);
        assert_eq!(offset("702.WChaRteMax"), Model702::W_CHA_RTE_MAX.offset);
        assert_eq!(offset("702.WDisChaRteMax"), Model702::W_DIS_CHA_RTE_MAX.offset);
        assert_eq!(offset("713.SoC"), Model713::SOC.offset);
        let factor = |text: &str| find(text).unwrap().scale;
        assert_eq!(factor("103.W"), SunSpecScale::At(Model103::W_SF.offset));
        assert_eq!(factor("203.W"), SunSpecScale::At(Model203::W_SF.offset));
        assert_eq!(factor("701.W"), SunSpecScale::At(Model701::W_SF.offset));
        assert_eq!(factor("702.WMax"), SunSpecScale::At(Model702::W_SF.offset));
        assert_eq!(factor("713.SoC"), SunSpecScale::At(Model713::PCT_SF.offset));
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        assert!(find("307.Wind").unwrap_err().contains("no point `Wind`, allowed: TmpAmb, RH, Pres"));
        assert!(find("9.W").unwrap_err().contains("model `9` is not known here, allowed: 103, 123, 203"));
        assert!(find("W").unwrap_err().contains("MODEL.NAME"));
    }

    #[test]
    fn nothing_is_listed_twice() {
        for (at, point) in POINTS.iter().enumerate() {
            assert!(!POINTS[..at].iter().any(|other| (other.model, other.name) == (point.model, point.name)));
        }
    }
}
