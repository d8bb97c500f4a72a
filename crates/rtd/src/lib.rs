//! The real-time device: acquire, judge, scale, serve, and take set points back.

pub mod core;
