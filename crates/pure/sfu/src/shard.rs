//! The shard: leads packets, commands and timers to what they are for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::RngCore;

use crate::command::Command;
use crate::config::{ShardConfig, ShardError};
use crate::counters::{Counters, Gauges};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::io::{Action, Arrival, ConnectionInfo, Sink};

/// One shard: transports, TURN server and forwarding of the participants it owns.
pub struct Shard {
    config: ShardConfig,
    rng: Box<dyn RngCore + Send>,
    events: VecDeque<Event>,
    actions: VecDeque<Action>,
    counters: Counters,
}

impl Shard {
    /// Makes an empty shard. `unix` is the time since the Unix epoch at `now`.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn new(
        config: ShardConfig,
        now: Instant,
        unix: Duration,
        rng: Box<dyn RngCore + Send>,
    ) -> Result<Self, ShardError> {
        if config.addresses.is_empty() {
            return Err(ShardError::NoAddress);
        }
        let _ = (now, unix);
        Ok(Self {
            config,
            rng,
            events: VecDeque::new(),
            actions: VecDeque::new(),
            counters: Counters::default(),
        })
    }

    /// Carries out a decision. What comes of it is told by [`poll_event`](Self::poll_event).
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let _ = (now, command, &self.config, &self.rng);
    }

    /// Takes a datagram; it is decrypted in place.
    pub fn handle_datagram(&mut self, now: Instant, arrival: Arrival, data: &mut [u8]) {
        let _ = (now, arrival, data);
        self.counters.discard(crate::counters::Discard::UnknownTransport);
    }

    /// Takes note of a TCP or TLS connection that carries TURN.
    pub fn handle_connection(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        info: ConnectionInfo,
    ) {
        let _ = (now, connection, info);
    }

    /// Takes one framed STUN or ChannelData message from a connection; it is decrypted in place.
    pub fn handle_message(&mut self, now: Instant, connection: ConnectionId, message: &mut [u8]) {
        let _ = (now, connection, message);
    }

    /// Forgets a connection: the driver closed it, or saw it closed.
    pub fn handle_connection_closed(&mut self, now: Instant, connection: ConnectionId) {
        let _ = (now, connection);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next fact for Python.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next thing the driver is to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Hands over all that is to be sent. Call it at the end of a tick, after everything that had
    /// arrived was handled: the longer the runs, the fewer system calls.
    pub fn flush(&mut self, now: Instant, sink: &mut dyn Sink) {
        let _ = (now, sink);
    }

    /// Totals since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How much of everything there is now.
    pub fn gauges(&self) -> Gauges {
        Gauges::default()
    }
}
