//! A dissector: what octets say, layer by layer, whoever sent them and whatever is wrong with them.
//!
//! The ends of a conversation throw away what they cannot use. Whoever looks for a fault wants to see just that, so
//! nothing here depends on a session: a [`Flow`] takes the octets of one direction and gives every frame, every
//! fragment and every octet that became neither, with a [`Reason`]. A fragment shows its application layer and its
//! objects by name. [`explain`] watches both directions and says in plain words what happened.
//!
//! ```
//! use ieee1815::decode::{Flow, Item};
//!
//! let read_class_1 = [0x05, 0x64, 0x0B, 0xC4, 0x00, 0x04, 0x01, 0x00, 0xCA, 0x8A,
//!                     0xC0, 0xC1, 0x01, 0x3C, 0x02, 0x06, 0x52, 0xC3];
//! let items = Flow::default().push(&read_class_1);
//! let Some(Item::Fragment(fragment)) = items.last() else { panic!() };
//! let application = fragment.application().unwrap();
//! assert_eq!(application.function_name(), Some("READ"));
//! let block = application.blocks().next().unwrap().unwrap();
//! assert_eq!((block.group_name(), block.variation_name()), (Some("Class objects"), Some("class 1")));
//! ```
//!
//! Nothing in here panics, loops without consuming octets, or holds more than a fragment for each pair of
//! addresses.

mod application;
mod attributes;
mod block;
pub mod explain;
mod flow;
mod frame;
mod layout;
pub mod names;
mod reason;
mod table;
mod value;

pub use application::{Application, Blocks, Control};
pub use block::{Block, Extent, Object, Objects, Unreadable};
pub use flow::{Ends, Flow, Fragment, Item, Limits};
pub use frame::{BlockCheck, Frame, Transport};
pub use reason::Reason;
pub use value::{Field, FieldValue, Hex, Stamp};

#[cfg(test)]
mod tests;
