//! What happened, beside the values: the event log.

use telemetry::Wall;

macro_rules! kinds {
    ($($name:ident $text:literal $doc:literal)*) => {
        /// What kind of event it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind { $(#[doc = $doc] $name,)* }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As the store and command lines spell it.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    Start "start" "The device started; begins a boot."
    Stop "stop" "It stopped in order; a boot without it was cut off."
    Quality "quality" "The reasons of a point changed."
    Alarm "alarm" "Something that a person should see, or its end."
    Command "command" "Somebody commanded; audit."
    Authority "authority" "The authority over a set point changed hands."
    Device "device" "A device of the plant came up or went down."
    Session "session" "A master's session came up, went down or was refused."
    Configuration "configuration" "The configuration is another one from here on; audit."
    History "history" "The store itself: what was lost, trimmed or found damaged."
}

impl EventKind {
    /// Whether it is on the disk, power cut or not, before it counts as recorded.
    #[must_use]
    pub const fn is_audit(self) -> bool {
        matches!(self, Self::Command | Self::Configuration)
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The start of the program that it belongs to.
    pub boot: u64,
    /// When.
    pub time: Wall,
    /// What kind.
    pub kind: EventKind,
    /// The point, device or master concerned; empty where it is the device itself.
    pub subject: String,
    /// The rest, as JSON.
    pub detail: serde_json::Value,
}

/// An event as it stands in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// Its number in the log; grows, is never given twice.
    pub sequence: i64,
    /// The kind as it was written; a later version may know more of them.
    pub kind: String,
    /// The start of the program that it belongs to.
    pub boot: u64,
    /// When.
    pub time: Wall,
    /// The point, device or master concerned.
    pub subject: String,
    /// The rest, as JSON.
    pub detail: serde_json::Value,
}
