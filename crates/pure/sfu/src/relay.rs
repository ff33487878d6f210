//! The TURN server inside the shard: what a client sends through it to one of its own transports
//! goes there in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use rand::RngCore;
use roomline_stun::turn::{self, AllocationId, Client, ClientTransport, PeerPolicy, Received};

use crate::config::{ShardConfig, ShardError};
use crate::event::Tier;
use crate::ids::{ConnectionId, ParticipantId, SocketId};
use crate::io::ConnectionInfo;
use crate::tables::Transports;

/// A connection without an allocation is closed after this.
const IDLE: Duration = Duration::from_secs(30);

/// Connections without an allocation that one network (IPv4 address, IPv6 /64) may have. An honest
/// client has one for two round trips; many may share an address.
const MAX_IDLE_OF_NETWORK: usize = 128;

/// Connections without an allocation in all.
const MAX_IDLE: usize = 8192;

/// Allocations outlive their participant's last transport by this. Long enough for a client that
/// allocates for its next peer connection before it has offered that; after it the relayed ports
/// are free for others, however long the allocations were to live.
const AFTER_DEPARTURE: Duration = Duration::from_secs(60);

/// How often connections are looked at.
const SWEEP: Duration = Duration::from_secs(5);

/// How a client reaches the TURN server; also where a media datagram came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Flow {
    /// UDP.
    Datagram {
        /// Our socket.
        socket: SocketId,
        /// Our address.
        local: IpAddr,
        /// The client's address.
        remote: SocketAddr,
    },
    /// TCP or TLS.
    Connection(ConnectionId),
}

#[derive(Debug)]
struct Connection {
    info: ConnectionInfo,
    idle_since: Option<Instant>,
}

/// TURN server and the connections that carry it.
pub(crate) struct Relay {
    server: turn::Server<Flow>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// How many connections of a network have no allocation.
    idle: BTreeMap<IpAddr, usize>,
    idle_total: usize,
    addresses: BTreeSet<IpAddr>,
    next_sweep: Option<Instant>,
    /// Participants that lost their last transport, and when to look whether they have another.
    departures: VecDeque<(Instant, ParticipantId)>,
}

/// A change among the allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// One was made.
    Made,
    /// One is gone.
    Gone(AllocationId),
}

/// A client may send to its own transports, and ask permission for any of our addresses: browsers
/// ask before they know which of them answers.
struct Policy<'a> {
    addresses: &'a BTreeSet<IpAddr>,
    transports: &'a Transports,
}

impl PeerPolicy for Policy<'_> {
    fn permit(&self, _user: &str, peer: IpAddr) -> bool {
        self.addresses.contains(&peer)
    }

    fn reach(&self, user: &str, peer: SocketAddr) -> bool {
        self.addresses.contains(&peer.ip())
            && turn::participant_of(user).is_some_and(|participant| {
                self.transports.listens(ParticipantId(participant), peer)
            })
    }
}

impl Relay {
    pub(crate) fn new(config: &ShardConfig, rng: &mut dyn RngCore) -> Result<Self, ShardError> {
        let first = |v4: bool| config.addresses.iter().copied().find(|ip| ip.is_ipv4() == v4);
        let relayed = [first(true), first(false)].into_iter().flatten().collect();
        let mut settings = turn::Config::new(
            config.realm.clone(),
            config.turn_secret.clone(),
            relayed,
            config.relayed_ports(),
        );
        settings.max_allocations_per_user = config.max_allocations_per_participant;
        let server = turn::Server::new(settings, rng)
            .map_err(|error| ShardError::Turn(error.to_string()))?;
        let addresses = config.addresses.iter().chain(&config.local_addresses);
        Ok(Self {
            server,
            connections: BTreeMap::new(),
            idle: BTreeMap::new(),
            idle_total: 0,
            addresses: addresses.map(|ip| ip.to_canonical()).collect(),
            next_sweep: None,
            departures: VecDeque::new(),
        })
    }

    /// Takes a message of a stranger to a media port; true with an answer in `reply` to a Binding
    /// request. None when its network asks too often.
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        message: &[u8],
        reply: &mut Vec<u8>,
    ) -> Option<bool> {
        match self.server.handle_binding(now, remote, message, reply) {
            turn::Received::Dropped(turn::DropReason::RateLimited) => None,
            received => Some(received == turn::Received::Reply),
        }
    }

    /// The TURN server.
    pub(crate) fn server(&self) -> &turn::Server<Flow> {
        &self.server
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Takes note of a connection. False, and it is not taken, if its network, or everybody
    /// together, has too many that have shown no credentials.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        info: ConnectionInfo,
    ) -> bool {
        let of_network = self.idle.get(&network(info.remote.ip())).copied().unwrap_or(0);
        if of_network >= MAX_IDLE_OF_NETWORK || self.idle_total >= MAX_IDLE {
            return false;
        }
        self.connections.insert(connection, Connection { info, idle_since: None });
        self.set_idle(connection, Some(now));
        self.next_sweep.get_or_insert(now + SWEEP);
        true
    }

    /// Notes since when a connection has had no allocation.
    fn set_idle(&mut self, connection: ConnectionId, since: Option<Instant>) {
        let Some(connection) = self.connections.get_mut(&connection) else { return };
        let before = std::mem::replace(&mut connection.idle_since, since);
        let network = network(connection.info.remote.ip());
        match (before, since) {
            (None, Some(_)) => {
                *self.idle.entry(network).or_default() += 1;
                self.idle_total += 1;
            }
            (Some(_), None) => {
                self.idle_total -= 1;
                if let Some(count) = self.idle.get_mut(&network) {
                    *count -= 1;
                    if *count == 0 {
                        self.idle.remove(&network);
                    }
                }
            }
            _ => {}
        }
    }

    /// Forgets a connection with its allocation.
    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.set_idle(connection, None);
        if self.connections.remove(&connection).is_some() {
            self.server.remove_flow(Flow::Connection(connection));
        }
        if self.connections.is_empty() {
            self.next_sweep = None;
        }
    }

    /// The client behind a connection.
    pub(crate) fn client(&self, connection: ConnectionId) -> Option<Client<Flow>> {
        let Connection { info, .. } = self.connections.get(&connection)?;
        Some(Client {
            flow: Flow::Connection(connection),
            transport: if info.tls { ClientTransport::Tls } else { ClientTransport::Tcp },
            local: info.local,
            remote: info.remote,
        })
    }

    /// Takes one message of a client.
    #[expect(clippy::too_many_arguments, reason = "time, randomness and policy are arguments")]
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        unix: Duration,
        from: Client<Flow>,
        message: &[u8],
        transports: &Transports,
        rng: &mut dyn RngCore,
        reply: &mut Vec<u8>,
    ) -> Received {
        let policy = Policy { addresses: &self.addresses, transports };
        self.server.handle(now, unix, from, message, &policy, rng, reply)
    }

    /// Changes since the last call.
    pub(crate) fn poll_change(&mut self, now: Instant) -> Option<Change> {
        let (change, flow, idle_since) = match self.server.poll_event()? {
            turn::Event::Created { flow, .. } => (Change::Made, flow, None),
            turn::Event::Removed { allocation, flow, .. } => {
                (Change::Gone(allocation), flow, Some(now))
            }
        };
        if let Flow::Connection(id) = flow {
            self.set_idle(id, idle_since);
        }
        Some(change)
    }

    /// A participant lost its last transport.
    pub(crate) fn depart(&mut self, now: Instant, participant: ParticipantId) {
        if self.server.allocations_of(participant.0) > 0 {
            self.departures.push_back((now + AFTER_DEPARTURE, participant));
        }
    }

    fn end_departed(&mut self, now: Instant, transports: &Transports) {
        while let Some((at, participant)) = self.departures.front().copied()
            && at <= now
        {
            self.departures.pop_front();
            if !transports.has(participant) {
                self.server.remove_participant(participant.0);
            }
        }
    }

    /// Ends what is over. Returns connections that have been idle for too long; they are forgotten.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        transports: &Transports,
    ) -> Vec<ConnectionId> {
        self.server.handle_timeout(now);
        self.end_departed(now, transports);
        if self.next_sweep.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let idle = |connection: &Connection| {
            connection.idle_since.is_some_and(|since| now >= since + IDLE)
        };
        let over: Vec<ConnectionId> =
            self.connections.iter().filter(|(_, c)| idle(c)).map(|(id, _)| *id).collect();
        for connection in &over {
            self.close(*connection);
        }
        self.next_sweep = (!self.connections.is_empty()).then_some(now + SWEEP);
        over
    }

    /// When `handle_timeout` is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let departure = self.departures.front().map(|(at, _)| *at);
        [self.server.poll_timeout(), self.next_sweep, departure].into_iter().flatten().min()
    }

    /// The participant that owns an allocation.
    pub(crate) fn owner(&self, allocation: AllocationId) -> Option<ParticipantId> {
        self.server.allocation(allocation).map(|found| ParticipantId(found.participant()))
    }
}

/// What one client is likely to own: an IPv4 address, an IPv6 /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// The tier of a client that comes through the TURN server.
pub(crate) fn tier(transport: ClientTransport) -> Tier {
    match transport {
        ClientTransport::Udp => Tier::TurnUdp,
        ClientTransport::Tcp => Tier::TurnTcp,
        ClientTransport::Tls => Tier::TurnTls,
    }
}
