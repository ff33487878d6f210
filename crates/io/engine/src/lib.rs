//! Threads that own shards; commands in, events out.

mod config;
mod engine;
mod error;
mod outbox;

pub use config::Config;
pub use engine::{Engine, Metric};
pub use error::{Closed, Listener, StartError};
pub use outbox::{EngineEvent, HttpConnection};
