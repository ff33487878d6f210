//! The shard against str0m, an independent WebRTC implementation, in virtual time on a network in
//! memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod beats;
mod bindings;
mod client;
mod data;
mod life;
mod media;
mod moves;
mod paths;
mod raw;
mod turn;
mod world;
