//! Why something could not be read, or should not have been sent. Each reason has a code that does not change, so
//! that a test or a script can count on it.

use core::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident $(($($field:ident: $kind:ty),+))? $code:literal $text:literal;)*) => {
        /// Why octets were passed over, dropped or refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])* $name $(($($kind),+))?,)*
        }

        impl Reason {
            /// A short name that stays.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name $(($(reasons!(@skip $field)),+))? => $code,)*
                }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $(($($field),+))? => write!(f, $text),)*
                }
            }
        }
    };
    (@skip $field:ident) => { _ };
}

reasons! {
    /// Octets between frames.
    Noise "noise" "octets that belong to no frame";
    /// The CRC of a frame's header is wrong.
    HeaderCrc "header-crc" "the CRC of the link header is wrong";
    /// The CRC of a block of user data is wrong.
    DataCrc "data-crc" "the CRC of a block of data is wrong";
    /// The length of a frame is below 5.
    LinkLength "link-length" "the link length is below 5, which no frame can have";
    /// The octets end within a frame.
    FrameTruncated "frame-truncated" "the octets end within a frame";
    /// A link function that does not exist.
    LinkFunction(code: u8) "link-function" "link function {code} does not exist";
    /// The function of the frame and whether it carries data do not agree.
    LinkUserData "link-user-data" "the frame's function and its user data do not go together";
    /// A segment in the middle of nothing.
    SegmentOrphan "segment-orphan" "a segment without the first one of its series";
    /// A segment that does not follow the one before.
    SegmentSequence "segment-sequence" "the segment does not follow the one before it";
    /// The same segment again.
    SegmentRepeated "segment-repeated" "the same segment once more";
    /// A new series began before the last one ended.
    SegmentSuperseded "segment-superseded" "a new series of segments began before this one ended";
    /// A series that was never ended.
    SegmentUnfinished "segment-unfinished" "a series of segments without its last one";
    /// The fragment is longer than allowed.
    FragmentTooLong "fragment-too-long" "the fragment is longer than allowed";
    /// The fragment has no whole application header.
    ApplicationTruncated "application-truncated" "the fragment is shorter than its application header";
    /// An application function that does not exist.
    Function(code: u8) "function" "application function {code} does not exist";
    /// A request towards a master or a response towards an outstation.
    Direction(code: u8) "direction" "application function {code} does not go in this direction";
    /// A request in more than one fragment, or UNS where it cannot be.
    ApplicationControl "application-control" "these control bits do not go with the function";
    /// The octets end within an object header.
    HeaderTruncated "object-header-truncated" "the octets end within an object header";
    /// The object is not known, so that its size is not either.
    UnknownObject(group: u8, variation: u8) "unknown-object" "group {group} variation {variation} is not known";
    /// The qualifier does not exist, or not for this object.
    Qualifier(code: u8) "qualifier" "qualifier 0x{code:02X} does not exist or is not for this object";
    /// The range ends before it starts, or names objects without octets.
    Range "range" "the range ends before it starts, or names objects without octets";
    /// More objects are claimed than there are octets.
    Count "count" "the header claims more objects than there are octets";
    /// Lengths or offsets within an object do not agree with its size.
    ObjectSize "object-size" "the lengths within the object do not agree with its size";
    /// The object cannot go with the function.
    ObjectForFunction(group: u8, function: u8) "object-for-function" "group {group} has no place in function {function}";
}
