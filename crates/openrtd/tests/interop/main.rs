//! Our ends against programs that others wrote: masters, an analyser of captures, Modbus clients.
//! A test whose peer is not here says what it needs and passes; with `OPENRTD_REQUIRE_ALL=1` it fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/battery.rs"]
mod battery;
mod devices;
mod field;
mod front;
mod masters;
#[cfg(feature = "opcua")]
mod opcua;
mod operate;
mod outstations;
mod peer;
mod pki;
mod registers;
#[cfg(feature = "mqtt")]
mod sparkplug;
mod stations;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/mod.rs"]
mod support;
mod wire;
