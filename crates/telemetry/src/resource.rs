//! What a resource is to the ISO: its kind, what it sells, and where it stands in the market.
//!
//! Rules ask for these, and files, reports and command lines name them; so each has one spelling, here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A word that is not one of a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    what: &'static str,
    found: String,
    allowed: Vec<&'static str>,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} `{}`, allowed: {}", self.what, self.found, self.allowed.join(", "))
    }
}

impl std::error::Error for UnknownWord {}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident $what:literal { $($variant:ident $text:literal $doc:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $(#[doc = $doc] #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// All of them, in the order in which they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word as written in files and on screens.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|one| one.text() == text).ok_or_else(|| UnknownWord {
                    what: $what,
                    found: text.to_owned(),
                    allowed: vec![$($text,)*],
                })
            }
        }
    };
}

words! {
    /// Kinds of resources, as the ISO's rules tell them apart. Parts of a plant are of a kind, too.
    ResourceKind "kind of resource" {
        Conventional "conventional" "Thermal or hydro generating unit.";
        MultiStage "multi-stage" "Generating unit with several configurations, such as a combined cycle.";
        PumpedHydro "pumped-hydro" "Hydro unit that pumps as well.";
        Wind "wind" "Wind plant.";
        SolarPv "solar-pv" "Photovoltaic plant.";
        ConcentratingPv "concentrating-pv" "Photovoltaic plant that concentrates the light.";
        SolarThermal "solar-thermal" "Solar plant with a steam cycle.";
        Storage "storage" "Battery or other storage of limited energy.";
        Hybrid "hybrid" "Several technologies behind one interconnection and one resource id.";
        CoLocated "co-located" "Several technologies behind one interconnection, a resource id each.";
        PhysicalAggregate "physical-aggregate" "Several units telemetered as one.";
        ProxyDemand "proxy-demand" "Demand response that bids as a proxy demand resource (PDR).";
        ReliabilityDemand "reliability-demand" "Demand response for reliability (RDRR).";
        DerAggregate "der-aggregate" "Distributed energy resources, aggregated.";
    }
}

words! {
    /// Ancillary services that a resource is certified for.
    Service "service" {
        Regulation "regulation" "Follows the ISO's regulation signal.";
        Spinning "spinning" "Reserve of synchronized units.";
        NonSpinning "non-spinning" "Reserve of units that can be started in time.";
    }
}

words! {
    /// Where a resource stands, as the ISO's rules see it.
    Area "area" {
        Caiso "caiso" "Inside the ISO's balancing authority area.";
        Weim "weim" "In another balancing area, in the energy imbalance market.";
        Dynamic "dynamic" "In another balancing area, scheduled dynamically.";
        PseudoTie "pseudo-tie" "In another balancing area, counted into the ISO's by a pseudo-tie.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spells_as_it_reads<T>(all: &[T])
    where
        T: Copy + fmt::Display + FromStr<Err = UnknownWord> + PartialEq + fmt::Debug + Serialize,
        for<'de> T: Deserialize<'de>,
    {
        for one in all {
            let text = one.to_string();
            assert_eq!(text.parse(), Ok(*one));
            assert_eq!(serde_json::to_value(one).unwrap(), text.as_str());
            assert_eq!(serde_json::from_value::<T>(text.into()).unwrap(), *one);
        }
    }

    #[test]
    fn every_word_has_one_spelling() {
        spells_as_it_reads(ResourceKind::ALL);
        spells_as_it_reads(Service::ALL);
        spells_as_it_reads(Area::ALL);
        assert_eq!(ResourceKind::ALL.len(), 14);
    }

    #[test]
    fn an_unknown_word_is_told_with_what_is_allowed() {
        assert_eq!(
            "spin".parse::<Service>().unwrap_err().to_string(),
            "unknown service `spin`, allowed: regulation, spinning, non-spinning"
        );
    }
}
