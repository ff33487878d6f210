//! The shard: leads packets, commands and timers to what they are for.

mod channels;
mod commands;
mod egress;
mod ingress;
mod lifecycle;
mod negotiation;
mod stats_clock;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::RngCore;

use crate::command::Command;
use crate::config::{ShardConfig, ShardError};
use crate::counters::{Counters, Discard, Gauges};
use crate::data::Channels;
use crate::event::{Event, Tier};
use crate::forwarding::Router;
use crate::ids::{ConnectionId, SocketId};
use crate::io::{Action, Arrival, ConnectionInfo, Sink, SocketKind};
use crate::outbox::Payloads;
use crate::relay::{Flow, Relay};
use crate::replies::Replies;
use crate::runs::Runs;
use crate::tables::{Slot, Transports};
use crate::transport::Notice;
use crate::transport::dtls::Identity;
use crate::transport::pairs::Pair;
use stats_clock::StatsClock;

/// Bytes of payloads that wait for a flush; more fit, but the tick should end.
const MAX_PAYLOADS: usize = 512 * 1024;

/// One shard: transports, TURN server and forwarding of the participants it owns.
pub struct Shard {
    config: ShardConfig,
    identity: Identity,
    fingerprint: [u8; 32],
    rng: Box<dyn RngCore + Send>,
    /// An instant, and the time since the Unix epoch at it.
    epoch: (Instant, Duration),
    stats_clock: StatsClock,
    transports: Transports,
    relay: Relay,
    router: Router,
    channels: Channels,
    replies: Replies,
    payloads: Payloads,
    runs: Runs,
    events: VecDeque<Event>,
    actions: VecDeque<Action>,
    counters: Counters,
    scratch: Scratch,
}

/// Buffers that are used again and again.
#[derive(Default)]
struct Scratch {
    reply: Vec<u8>,
    datagram: Vec<u8>,
    message: Vec<u8>,
    notices: Vec<Notice>,
    due: Vec<Slot>,
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
        mut rng: Box<dyn RngCore + Send>,
    ) -> Result<Self, ShardError> {
        if config.addresses.is_empty() {
            return Err(ShardError::NoAddress);
        }
        let identity = Identity::new(&config.certificate)?;
        let relay = Relay::new(&config, &mut *rng)?;
        Ok(Self {
            fingerprint: config.certificate.fingerprint_sha256(),
            identity,
            relay,
            router: Router::new(now),
            rng,
            epoch: (now, unix),
            stats_clock: StatsClock::new(now, config.stats_interval),
            transports: Transports::default(),
            channels: Channels::default(),
            replies: Replies::default(),
            payloads: Payloads::default(),
            runs: Runs::default(),
            events: VecDeque::new(),
            actions: VecDeque::new(),
            counters: Counters::default(),
            scratch: Scratch::default(),
            config,
        })
    }

    /// Carries out a decision. What comes of it is told by [`poll_event`](Self::poll_event).
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        self.command(now, command);
    }

    /// Closes every transport, and says so to the clients with the next [`flush`](Self::flush).
    pub fn close(&mut self, now: Instant) {
        let open: Vec<_> = self.transports.iter().map(|transport| transport.id).collect();
        for transport in open {
            self.command(now, Command::CloseTransport { transport });
        }
    }

    /// Takes a datagram; it is decrypted in place.
    pub fn handle_datagram(&mut self, now: Instant, arrival: Arrival, data: &mut [u8]) {
        self.count_received(data.len());
        let Arrival { socket, kind, local, remote } = arrival;
        match kind {
            SocketKind::Media => {
                let pair = Pair::Direct { socket, local: local.ip(), remote };
                self.receive(now, pair, remote, data);
            }
            SocketKind::Relay => self.receive_turn(
                now,
                roomline_stun::turn::Client {
                    flow: Flow::Datagram { socket, local: local.ip(), remote },
                    transport: roomline_stun::turn::ClientTransport::Udp,
                    local,
                    remote,
                },
                data,
            ),
        }
    }

    /// Takes note of a TCP or TLS connection that carries TURN. It is refused by an action if its
    /// network has too many that have shown no credentials.
    pub fn handle_connection(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        info: ConnectionInfo,
    ) {
        if !self.relay.open(now, connection, info) {
            self.counters.discard(Discard::TooManyConnections);
            self.actions.push_back(Action::CloseConnection(connection));
        }
    }

    /// Takes one framed STUN or ChannelData message from a connection; it is decrypted in place.
    pub fn handle_message(&mut self, now: Instant, connection: ConnectionId, message: &mut [u8]) {
        self.count_received(message.len());
        match self.relay.client(connection) {
            Some(client) => self.receive_turn(now, client, message),
            None => self.counters.discard(Discard::UnknownConnection),
        }
    }

    /// Everybody who is reached over UDP: our socket, our address on it if it is known, and the
    /// client's. A client may be listed more than once.
    pub fn datagram_clients(&self) -> Vec<(SocketId, Option<IpAddr>, SocketAddr)> {
        let pairs = self.transports.iter().flat_map(|transport| transport.pairs.iter());
        let direct = pairs.filter_map(|pair| match pair {
            Pair::Direct { socket, local, remote } => Some((socket, local, remote)),
            Pair::Relayed { .. } => None,
        });
        let relayed = self.relay.server().flows().filter_map(|flow| match flow {
            Flow::Datagram { socket, local, remote } => Some((socket, local, remote)),
            Flow::Connection(_) => None,
        });
        let known = |local: IpAddr| Some(local).filter(|local| !local.is_unspecified());
        direct
            .chain(relayed)
            .map(|(socket, local, remote)| (socket, known(local), remote))
            .collect()
    }

    /// Forgets a connection: the driver closed it, or saw it closed.
    pub fn handle_connection_closed(&mut self, now: Instant, connection: ConnectionId) {
        self.relay.close(connection);
        self.follow_allocations(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.run_timers(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due =
            [self.transports.poll_timeout(), self.relay.poll_timeout(), self.router.poll_timeout()];
        due.into_iter().flatten().min()
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
        self.send_all(now, sink);
    }

    /// True when so much waits that it should be flushed before more is handed over.
    pub fn is_full(&self) -> bool {
        self.payloads.len() >= MAX_PAYLOADS
    }

    /// Totals since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Calls `f(name, label, value)` for every total of the shard and of forwarding.
    pub fn visit_counters(&self, f: &mut dyn FnMut(&'static str, &'static str, u64)) {
        self.counters.visit(f);
        self.router.counters().visit(f);
    }

    /// How much of everything there is now.
    pub fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            transports: self.transports.len(),
            allocations: self.relay.server().allocations(),
            connections: self.relay.connections(),
            data_channels: self.channels.len(),
            routes: self.transports.routes(),
            ..Gauges::default()
        };
        for tier in self.transports.iter().filter_map(|transport| transport.tier) {
            gauges.transports_by_tier[tier as usize] += 1;
        }
        gauges
    }

    /// Calls `f(name, entries)` for every table that grows with what clients do: what is left in
    /// one after its owner has gone is a leak.
    pub fn visit_tables(&self, f: &mut dyn FnMut(&'static str, usize)) {
        self.transports.visit_tables(f);
        self.router.visit_tables(f);
        f("data_channels", self.channels.len());
        f("allocations", self.relay.server().allocations());
        f("connections", self.relay.connections());
    }

    /// Time since the Unix epoch.
    fn unix(&self, now: Instant) -> Duration {
        self.epoch.1 + now.saturating_duration_since(self.epoch.0)
    }

    fn count_received(&mut self, bytes: usize) {
        self.counters.packets_received += 1;
        self.counters.bytes_received += bytes as u64;
    }
}

const _: () = {
    const fn sends<T: Send>() {}
    sends::<Shard>();
    assert!(Tier::Direct as usize == 0 && Tier::TurnTls as usize == 3);
};
