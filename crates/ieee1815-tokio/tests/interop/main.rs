//! Interoperability with DNP3 programs that others wrote, both ways round, over TCP and over mutual TLS; and a rule
//! breaker among them. Each test is a row of the matrix in docs/interop.md: a peer, its role and a transport.
//!
//! All of a row's octets pass through a recorder, and tshark judges what we sent. A row whose peer is not here says
//! what it needs and passes; with `OPENRTD_REQUIRE_ALL=1` it fails. `make proof ITEM=interop` writes the matrix.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod asked;
mod asking;
mod breaks;
mod masters;
mod matrix;
mod ours;
mod outstations;
mod peer;
mod pki;
mod recorder;
mod row;
mod wire;
