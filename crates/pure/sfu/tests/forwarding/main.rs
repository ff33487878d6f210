//! The router from outside: hand-made packets in, recorded packets out, virtual time.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "tests")]

mod cap;
mod commands;
mod feedback;
mod history;
mod identify;
mod keyframes;
mod lab;
mod loss;
mod moving;
mod once;
mod reports;
mod rewriting;
mod switching;
