//! The handle that Python holds.

use std::os::fd::RawFd;

use roomline_sfu::Command;

use crate::config::Config;
use crate::error::{Closed, StartError};
use crate::outbox::EngineEvent;

/// Name, label and value of a counter or gauge; the label is empty where there is none.
pub type Metric = (String, String, u64);

/// The running engine.
pub struct Engine {}

impl Engine {
    /// Binds every listener, then starts the threads.
    pub fn start(config: Config) -> Result<Engine, StartError> {
        config.check()?;
        Ok(Engine {})
    }

    /// Readable while events wait.
    pub fn event_fd(&self) -> RawFd {
        -1
    }

    /// Hands a command over; never blocks.
    pub fn submit(&self, _command: Command) -> Result<(), Closed> {
        Err(Closed)
    }

    /// Takes every event that waits.
    pub fn events(&self) -> Vec<EngineEvent> {
        Vec::new()
    }

    /// Totals since the start.
    pub fn counters(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// Present values.
    pub fn gauges(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// Uses another certificate for new TLS connections.
    pub fn reload_certificate(&self, _certificate: &[u8], _key: &[u8]) -> Result<(), StartError> {
        Ok(())
    }

    /// The port of the HTTPS listener.
    pub fn https_port(&self) -> u16 {
        0
    }

    /// The port of the TURN listeners.
    pub fn turn_port(&self) -> u16 {
        0
    }

    /// Closes the listeners; connections and transports go on.
    pub fn stop_accepting(&self) {}

    /// Stops every thread and closes every socket. Idempotent.
    pub fn close(&self) {}
}
