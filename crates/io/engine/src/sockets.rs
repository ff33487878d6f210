//! The UDP ports of a media thread.

mod release;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Instant;

use mio::Token;
use roomline_driver::{
    Buffers, NoPort, Poller, PortPool, Receiver, SendCounters, Sender, UdpSocket,
};
use roomline_sfu::{Arrival, MediaSocket, Shard, SocketId, SocketKind};

use crate::arena::{Arena, index_of};

/// Reads per tick, each of up to 32 runs: then what came is sent on before more is read.
const READS_PER_TICK: usize = 16;
/// Addresses one port may be bound on; it bounds the token.
pub(crate) const MAX_ADDRESSES: usize = 8;

const LISTENER_BUFFERS: Buffers = Buffers { receive: 4 << 20, send: 4 << 20 };
const MEDIA_BUFFERS: Buffers = Buffers { receive: 1 << 20, send: 1 << 20 };

/// One port on every bind address. The shard knows it by one number.
struct Port {
    kind: SocketKind,
    number: u16,
    members: Vec<Member>,
    /// Set for the socket of one client: the port whose datagrams it takes.
    of: Option<u64>,
}

struct Member {
    socket: UdpSocket,
    queued: bool,
    overflowed: u32,
}

impl Port {
    /// The socket that has the source address, or the family.
    fn member_for(&self, local: Option<IpAddr>, remote: SocketAddr) -> Option<&Member> {
        let wanted = local.unwrap_or(remote.ip());
        let exact = |member: &&Member| member.socket.serves(wanted);
        let family = |member: &&Member| {
            let own = member.socket.local().ip();
            own.is_ipv4() == remote.is_ipv4() || own.is_unspecified()
        };
        self.members.iter().find(exact).or_else(|| self.members.iter().find(family))
    }
}

/// What receiving cost and brought.
#[derive(Clone, Copy, Default)]
pub(crate) struct ReceiveCounters {
    pub(crate) system_calls: u64,
    pub(crate) buffers: u64,
    pub(crate) datagrams: u64,
    pub(crate) errors: u64,
    pub(crate) overflowed: u64,
}

/// Every UDP port, and the buffers they share.
pub(crate) struct Sockets {
    ports: Arena<Port>,
    pool: PortPool,
    addresses: Vec<IpAddr>,
    ready: VecDeque<(u64, usize)>,
    receiver: Receiver,
    sender: Sender,
    received: ReceiveCounters,
    /// Ports that many clients share.
    shared: Vec<u64>,
    /// The sockets of the clients of ports that were given up.
    clients: HashMap<ClientKey, u64>,
}

/// The port, our address on it if it is known, and the client's.
type ClientKey = (u64, Option<IpAddr>, SocketAddr);

/// Binds one port number on every address. Port 0 is chosen by the system on the first address.
fn bind_all(
    addresses: &[IpAddr],
    port: u16,
    bind: impl Fn(SocketAddr) -> io::Result<UdpSocket>,
) -> Result<(u16, Vec<UdpSocket>), (SocketAddr, io::Error)> {
    let mut port = port;
    let mut sockets = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let wanted = SocketAddr::new(address, port);
        let socket = bind(wanted).map_err(|error| (wanted, error))?;
        port = socket.local().port();
        sockets.push(socket);
    }
    Ok((port, sockets))
}

/// Binds a port that many clients share, also after a process that has given it up but for its
/// clients.
pub(crate) fn bind_listener(
    addresses: &[IpAddr],
    port: u16,
) -> Result<(u16, Vec<UdpSocket>), (SocketAddr, io::Error)> {
    bind_all(addresses, port, |address| UdpSocket::bind_after(address, LISTENER_BUFFERS))
}

impl Sockets {
    pub(crate) fn new(addresses: Vec<IpAddr>, media_ports: RangeInclusive<u16>) -> Self {
        Self {
            ports: Arena::new(),
            pool: PortPool::new(media_ports),
            addresses,
            ready: VecDeque::new(),
            receiver: Receiver::new(),
            sender: Sender::new(),
            received: ReceiveCounters::default(),
            shared: Vec::new(),
            clients: HashMap::new(),
        }
    }

    /// Takes a bound port over that many clients share.
    pub(crate) fn add_shared(
        &mut self,
        poller: &Poller,
        kind: SocketKind,
        number: u16,
        sockets: Vec<UdpSocket>,
    ) -> io::Result<SocketId> {
        let socket = self.add(poller, kind, number, sockets)?;
        self.shared.push(socket.0);
        Ok(socket)
    }

    /// Takes a bound port over.
    fn add(
        &mut self,
        poller: &Poller,
        kind: SocketKind,
        number: u16,
        sockets: Vec<UdpSocket>,
    ) -> io::Result<SocketId> {
        let members = sockets
            .into_iter()
            .map(|socket| Member { socket, queued: false, overflowed: 0 })
            .collect();
        let key = self.ports.insert(Port { kind, number, members, of: None });
        let port = self.ports.get(key);
        let members = port.map_or(&[][..], |port| &port.members);
        for (place, member) in members.iter().enumerate() {
            if let Err(error) = poller.add_socket(&member.socket, token(key, place)) {
                self.ports.remove(key);
                return Err(error);
            }
        }
        Ok(SocketId(key))
    }

    /// Binds a media port for one transport.
    pub(crate) fn open_media(
        &mut self,
        poller: &Poller,
        random: u64,
    ) -> Result<MediaSocket, NoPort> {
        let addresses = &self.addresses;
        let (port, sockets) = self.pool.bind(random, |port| {
            bind_all(addresses, port, |address| UdpSocket::bind(address, MEDIA_BUFFERS))
                .map(|(_, sockets)| sockets)
                .map_err(|(_, error)| error)
        })?;
        match self.add(poller, SocketKind::Media, port, sockets) {
            Ok(socket) => Ok(MediaSocket { socket, port, shared: false }),
            Err(error) => {
                self.pool.release(port);
                Err(NoPort::Refused(error))
            }
        }
    }

    /// Closes a port; an unknown one is ignored.
    pub(crate) fn release(&mut self, socket: SocketId) {
        if let Some(port) = self.ports.remove(socket.0)
            && port.kind == SocketKind::Media
        {
            self.pool.release(port.number);
        }
    }

    /// Notes that there is something to read.
    pub(crate) fn mark_ready(&mut self, token: Token) {
        let (index, place) = (token.0 >> 4, (token.0 >> 1) & 7);
        if let Some((key, port)) = self.ports.at_mut(index)
            && let Some(member) = port.members.get_mut(place)
            && !std::mem::replace(&mut member.queued, true)
        {
            self.ready.push_back((key, place));
        }
    }

    /// True while something is left to read.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Reads from the ports in turn, so that a busy one does not hold up the others.
    pub(crate) fn read(&mut self, now: Instant, shard: &mut Shard) {
        for _ in 0..READS_PER_TICK {
            if shard.is_full() {
                return;
            }
            let Some((key, place)) = self.ready.pop_front() else { return };
            if !self.read_once(now, shard, key, place) {
                self.ready.push_back((key, place));
            }
        }
    }

    /// True if the socket is done with for now.
    fn read_once(&mut self, now: Instant, shard: &mut Shard, key: u64, place: usize) -> bool {
        let Some(port) = self.ports.get_mut(key) else { return true };
        let (kind, socket) = (port.kind, SocketId(port.of.unwrap_or(key)));
        let Some(member) = port.members.get_mut(place) else { return true };
        self.received.system_calls += 1;
        let received = self.receiver.receive(&member.socket, |datagram| {
            let (local, remote) = (datagram.local, datagram.remote);
            let arrival = Arrival { socket, kind, local, remote };
            shard.handle_datagram(now, arrival, datagram.data);
        });
        match received {
            Ok(received) => {
                self.received.buffers += received.buffers as u64;
                self.received.datagrams += received.datagrams as u64;
                if let Some(total) = received.overflowed {
                    let new = total.wrapping_sub(member.overflowed);
                    self.received.overflowed += u64::from(new);
                    member.overflowed = total;
                }
                member.queued = !received.drained;
                received.drained
            }
            Err(error) => {
                // What else waits is read when the next datagram comes.
                log::debug!("receiving on port {}: {error}", port.number);
                self.received.errors += 1;
                member.queued = false;
                true
            }
        }
    }

    /// Sends a run from the socket of a port that has the source address, or the family, or from the
    /// client's own.
    pub(crate) fn send(
        &mut self,
        socket: SocketId,
        local: Option<IpAddr>,
        remote: SocketAddr,
        run: &[u8],
        segment: usize,
    ) {
        let client = self.clients.get(&(socket.0, local, remote)).copied();
        let Some(port) = self.ports.get(client.unwrap_or(socket.0)) else { return };
        if let Some(member) = port.member_for(local, remote) {
            self.sender.send(&member.socket, local, remote, run, segment);
        }
    }

    pub(crate) fn sent(&self) -> &SendCounters {
        self.sender.counters()
    }

    pub(crate) fn received(&self) -> &ReceiveCounters {
        &self.received
    }

    pub(crate) fn media_ports_in_use(&self) -> usize {
        self.pool.in_use()
    }
}

/// Even tokens are sockets: a place in the arena and one of up to eight members.
fn token(key: u64, place: usize) -> Token {
    Token((index_of(key) << 4) | (place << 1))
}
