//! OpenRTD, one program.
fn main() {}
