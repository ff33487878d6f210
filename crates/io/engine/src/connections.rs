//! The TURN connections of a media thread: TCP, and TLS over TCP.

use std::io;
use std::time::Instant;

use mio::Token;
use roomline_driver::Poller;
use roomline_front::{ReadOutcome, TurnConnection};
use roomline_sfu::{ConnectionId, ConnectionInfo, Shard};
use roomline_stun::framing::Decoder;

use crate::arena::{Arena, index_of};

/// How much is framed at a time; below what the decoder holds.
const CHUNK: usize = 64 * 1024;

struct Connection {
    turn: Box<TurnConnection>,
    decoder: Decoder,
    readable: bool,
    dirty: bool,
}

/// Every TURN connection, and who of them has something to do.
pub(crate) struct Connections {
    arena: Arena<Connection>,
    readable: Vec<u64>,
    dirty: Vec<u64>,
    failed: Vec<u64>,
    buffer: Vec<u8>,
    dropped_by_closed: u64,
}

impl Connections {
    pub(crate) fn new() -> Self {
        Self {
            arena: Arena::new(),
            readable: Vec::new(),
            dirty: Vec::new(),
            failed: Vec::new(),
            buffer: Vec::new(),
            dropped_by_closed: 0,
        }
    }

    /// Takes a connection over. What was read before is read by the next [`read`](Self::read).
    pub(crate) fn add(
        &mut self,
        now: Instant,
        poller: &Poller,
        shard: &mut Shard,
        turn: Box<TurnConnection>,
    ) -> io::Result<()> {
        let info =
            ConnectionInfo { tls: turn.is_tls(), local: turn.local(), remote: turn.remote() };
        let decoder = Decoder::new();
        let key = self.arena.insert(Connection { turn, decoder, readable: true, dirty: false });
        let Some(connection) = self.arena.get_mut(key) else { return Ok(()) };
        if let Err(error) = poller.add_connection(connection.turn.source(), token(key)) {
            self.arena.remove(key);
            return Err(error);
        }
        shard.handle_connection(now, ConnectionId(key), info);
        self.readable.push(key);
        Ok(())
    }

    /// Notes what a connection is ready for.
    pub(crate) fn mark_ready(&mut self, token: Token, readable: bool, writable: bool) {
        let Some((key, connection)) = self.arena.at_mut(token.0 >> 1) else { return };
        if readable && !std::mem::replace(&mut connection.readable, true) {
            self.readable.push(key);
        }
        if writable && connection.turn.wants_write() {
            mark_dirty(&mut self.dirty, key, connection);
        }
    }

    /// True while something is left to do that no readiness event tells: bytes to read, or a failed
    /// connection to be told of.
    pub(crate) fn has_ready(&self) -> bool {
        !self.readable.is_empty() || !self.failed.is_empty()
    }

    /// Reads a bounded part of what is readable and gives the shard whole messages; tells it which
    /// are closed.
    pub(crate) fn read(&mut self, now: Instant, shard: &mut Shard) {
        let mut readable = std::mem::take(&mut self.readable);
        readable.retain(|key| match self.read_one(now, shard, *key) {
            Ok(more) => more,
            Err(Finished) => {
                self.failed.push(*key);
                false
            }
        });
        self.readable = readable;
        let mut failed = std::mem::take(&mut self.failed);
        for key in failed.drain(..) {
            if self.remove(key) {
                shard.handle_connection_closed(now, ConnectionId(key));
            }
        }
        self.failed = failed;
    }

    /// True if there is more to read.
    fn read_one(&mut self, now: Instant, shard: &mut Shard, key: u64) -> Result<bool, Finished> {
        let Some(connection) = self.arena.get_mut(key) else { return Ok(false) };
        self.buffer.clear();
        let outcome = connection.turn.read(&mut self.buffer);
        connection.readable = matches!(outcome, Ok(ReadOutcome::More));
        for chunk in self.buffer.chunks(CHUNK) {
            connection.decoder.push(chunk).map_err(|_| Finished)?;
            while let Some(message) = connection.decoder.next().map_err(|_| Finished)? {
                shard.handle_message(now, ConnectionId(key), message);
            }
        }
        // Reading TLS may have made something to write, such as a key update.
        if connection.turn.wants_write() {
            mark_dirty(&mut self.dirty, key, connection);
        }
        match outcome {
            Ok(ReadOutcome::Open) => Ok(false),
            Ok(ReadOutcome::More) => Ok(true),
            Ok(ReadOutcome::Closed) | Err(_) => Err(Finished),
        }
    }

    /// Queues a message; [`flush`](Self::flush) writes it.
    pub(crate) fn send(&mut self, id: ConnectionId, message: &[u8], droppable: bool, now: Instant) {
        if let Some(connection) = self.arena.get_mut(id.0) {
            connection.turn.queue(message, droppable, now);
            mark_dirty(&mut self.dirty, id.0, connection);
        }
    }

    /// Writes what the sockets take. What they don't is written when they become writable.
    pub(crate) fn flush(&mut self, now: Instant) {
        for key in self.dirty.drain(..) {
            let Some(connection) = self.arena.get_mut(key) else { continue };
            connection.dirty = false;
            if let Err(error) = connection.turn.flush(now) {
                log::debug!("TURN connection from {}: {error}", connection.turn.remote());
                self.failed.push(key);
            }
        }
    }

    /// Closes a connection at the shard's wish.
    pub(crate) fn close(&mut self, id: ConnectionId) {
        self.remove(id.0);
    }

    fn remove(&mut self, key: u64) -> bool {
        let removed = self.arena.remove(key);
        self.dropped_by_closed += removed.as_ref().map_or(0, |c| c.turn.dropped());
        removed.is_some()
    }

    /// Messages that were dropped because they waited too long.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped_by_closed + self.arena.values().map(|c| c.turn.dropped()).sum::<u64>()
    }
}

/// The stream ended, or is not TURN.
struct Finished;

fn mark_dirty(dirty: &mut Vec<u64>, key: u64, connection: &mut Connection) {
    if !std::mem::replace(&mut connection.dirty, true) {
        dirty.push(key);
    }
}

/// Odd tokens are connections.
fn token(key: u64) -> Token {
    Token((index_of(key) << 1) | 1)
}
