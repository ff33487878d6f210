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
    /// Nothing can be written any more.
    broken: bool,
}

/// Every TURN connection, and who of them has something to do.
pub(crate) struct Connections {
    arena: Arena<Connection>,
    readable: Vec<u64>,
    dirty: Vec<u64>,
    buffer: Vec<u8>,
    dropped_by_closed: u64,
}

impl Connections {
    pub(crate) fn new() -> Self {
        Self {
            arena: Arena::new(),
            readable: Vec::new(),
            dirty: Vec::new(),
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
        let key = self.arena.insert(Connection {
            turn,
            decoder,
            readable: true,
            dirty: false,
            broken: false,
        });
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

    /// True while there is something to read that no readiness event tells: bytes, or that a
    /// connection is broken.
    pub(crate) fn has_ready(&self) -> bool {
        !self.readable.is_empty()
    }

    /// Reads a bounded part of what is readable and gives the shard whole messages; tells it which
    /// are closed.
    pub(crate) fn read(&mut self, now: Instant, shard: &mut Shard) {
        let mut readable = std::mem::take(&mut self.readable);
        readable.retain(|key| match self.read_one(now, shard, *key) {
            Ok(more) => more,
            Err(Finished) => {
                if self.remove(*key) {
                    shard.handle_connection_closed(now, ConnectionId(*key));
                }
                false
            }
        });
        self.readable = readable;
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
            Ok(ReadOutcome::More) => Ok(true),
            Ok(ReadOutcome::Open) if !connection.broken => Ok(false),
            Ok(ReadOutcome::Open | ReadOutcome::Closed) | Err(_) => Err(Finished),
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
                // What the client sent before it went may be there still.
                connection.broken = true;
                if !std::mem::replace(&mut connection.readable, true) {
                    self.readable.push(key);
                }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper fails the test")]

    use std::io::Write;
    use std::net::{IpAddr, Ipv4Addr, TcpStream};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use roomline_front::{Front, FrontConfig, Handover};
    use roomline_sfu::{Certificate, Discard, ShardConfig};
    use socket2::SockRef;

    use super::*;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const PATIENCE: Duration = Duration::from_secs(5);
    const BINDING: &[u8; 20] = b"\x00\x01\x00\x00\x21\x12\xA4\x42transaction!";
    /// For a channel that nobody has bound.
    const CHANNEL_DATA: [u8; 8] = [0x40, 0, 0, 4, 1, 2, 3, 4];

    /// A client's end, and ours.
    fn connection() -> (TcpStream, Box<TurnConnection>, Front) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let (sender, handovers) = channel();
        let config = FrontConfig {
            https: vec![(LOCALHOST, 0).into()],
            turn_tcp: vec![(LOCALHOST, 0).into()],
            certificate_pem: made.cert.pem().into_bytes(),
            private_key_pem: made.signing_key.serialize_pem().into_bytes(),
            max_connections_per_address: 4,
        };
        let deliver = Box::new(move |handover| sender.send(handover).unwrap_or_default());
        let front = Front::start(config, deliver).unwrap();
        let mut client = TcpStream::connect((LOCALHOST, front.turn_port())).unwrap();
        client.write_all(BINDING).unwrap();
        match handovers.recv_timeout(PATIENCE).unwrap() {
            Handover::Turn(turn) => (client, turn, front),
            Handover::Http(_) => panic!("HTTP where TURN was expected"),
        }
    }

    fn shard(now: Instant) -> Shard {
        let config = ShardConfig {
            addresses: vec![LOCALHOST],
            local_addresses: Vec::new(),
            media_ports: 10_000..=60_000,
            turn_port: 3478,
            https_port: 443,
            realm: "r".into(),
            turn_secret: vec![7; 32],
            max_allocations_per_participant: 4,
            certificate: Certificate::generate().unwrap(),
            stats_interval: Duration::from_secs(2),
            beat_interval: Duration::from_millis(200),
            silent_after: Duration::from_millis(600),
        };
        let unix = Duration::from_secs(1_700_000_000);
        Shard::new(config, now, unix, Box::new(StdRng::seed_from_u64(1))).unwrap()
    }

    #[test]
    fn what_a_client_sent_before_it_reset_is_handled_though_writing_failed_first() {
        let (mut client, turn, _front) = connection();
        let now = Instant::now();
        let (mut shard, poller) = (shard(now), Poller::new().unwrap());
        let mut connections = Connections::new();
        connections.add(now, &poller, &mut shard, turn).unwrap();
        connections.read(now, &mut shard);
        assert!(!connections.has_ready());

        client.write_all(&CHANNEL_DATA).unwrap();
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        // Media is on its way to the client, and no readiness event was looked at.
        let until = now + PATIENCE;
        while !connections.has_ready() {
            assert!(Instant::now() < until, "a connection that was reset takes what is written");
            connections.send(ConnectionId(0), b"media", true, Instant::now());
            connections.flush(Instant::now());
        }
        assert_eq!(shard.counters().discarded(Discard::Turn), 0);
        connections.read(now, &mut shard);
        assert_eq!(shard.counters().discarded(Discard::Turn), 1);
        assert_eq!(connections.arena.values().count(), 0);
    }
}
