//! A shard, its clients, and the network between them.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_sfu::{
    Action, Arrival, Certificate, Command, ConnectionId, ConnectionInfo, Event, MediaSocket,
    ParticipantId, Shard, ShardConfig, Sink, SocketId, SocketKind, TransportId,
};

use crate::client::Client;

pub const SERVER: &str = "192.0.2.1";
pub const TURN_SOCKET: SocketId = SocketId(1);
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
pub const UNIX: Duration = Duration::from_secs(1_800_000_000);

/// One way through the network.
pub const LATENCY: Duration = Duration::from_millis(10);

/// How a packet reaches the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Datagram { socket: SocketId, client: SocketAddr },
    Connection(ConnectionId),
}

#[derive(Debug)]
struct Flight {
    lands: Instant,
    way: Way,
    up: bool,
    data: Vec<u8>,
}

/// What a shard sent.
#[derive(Default)]
pub struct Sent {
    pub packets: Vec<(Way, Vec<u8>)>,
    /// Packets in each run.
    pub runs: Vec<usize>,
}

impl Sink for Sent {
    fn send_datagrams(
        &mut self,
        socket: SocketId,
        local: Option<IpAddr>,
        client: SocketAddr,
        run: &[u8],
        segment: usize,
    ) {
        assert_eq!(local, Some(SERVER.parse().unwrap()));
        self.runs.push(run.len().div_ceil(segment));
        let way = Way::Datagram { socket, client };
        self.packets.extend(run.chunks(segment).map(|packet| (way, packet.to_vec())));
    }

    fn send_message(&mut self, connection: ConnectionId, message: &[u8], _droppable: bool) {
        self.packets.push((Way::Connection(connection), message.to_vec()));
    }
}

/// True for a packet that is to be lost.
type Loss = Box<dyn FnMut(bool, &[u8]) -> bool>;

/// Everything there is in a test.
pub struct World {
    pub now: Instant,
    pub shard: Shard,
    pub clients: Vec<Client>,
    pub events: Vec<Event>,
    pub actions: Vec<Action>,
    pub runs: Vec<usize>,
    flights: VecDeque<Flight>,
    /// Tells packets that are lost: upward or not, and their bytes.
    pub lose: Option<Loss>,
    /// What clients send to this socket is lost.
    pub lose_from: Option<SocketId>,
    /// Nothing passes here, in neither direction.
    pub blocked: Vec<Way>,
    /// Changes offers on their way.
    pub tamper: Option<fn(&mut String)>,
    next: u64,
}

#[expect(clippy::disallowed_methods, reason = "the one clock reading of the tests")]
fn start() -> Instant {
    Instant::now()
}

pub fn config() -> ShardConfig {
    ShardConfig {
        addresses: vec![SERVER.parse().unwrap()],
        local_addresses: Vec::new(),
        media_ports: 10_000..=60_000,
        turn_port: 3478,
        https_port: 443,
        realm: "r".into(),
        turn_secret: SECRET.to_vec(),
        max_allocations_per_participant: 8,
        certificate: Certificate::generate().unwrap(),
        stats_interval: Duration::from_secs(2),
        beat_interval: Duration::from_millis(200),
        silent_after: Duration::from_millis(600),
    }
}

impl World {
    pub fn new() -> Self {
        let now = start();
        let rng = Box::new(StdRng::seed_from_u64(7));
        World {
            now,
            shard: Shard::new(config(), now, UNIX, rng).unwrap(),
            clients: Vec::new(),
            events: Vec::new(),
            actions: Vec::new(),
            runs: Vec::new(),
            flights: VecDeque::new(),
            lose: None,
            lose_from: None,
            blocked: Vec::new(),
            tamper: None,
            next: 1,
        }
    }

    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn command(&mut self, command: Command) {
        self.shard.handle_command(self.now, command);
        self.collect();
    }

    /// Opens a transport; returns the answer.
    pub fn open(
        &mut self,
        transport: TransportId,
        participant: ParticipantId,
        mut offer: String,
        socket: MediaSocket,
    ) -> Result<String, String> {
        if let Some(tamper) = self.tamper {
            tamper(&mut offer);
        }
        let request = roomline_sfu::RequestId(self.number());
        self.command(Command::OpenTransport {
            request,
            transport,
            participant,
            offer,
            socket: Some(socket),
            max_send_bitrate: 0,
        });
        self.answered(request)
    }

    /// The answer to a request.
    pub fn answered(&mut self, request: roomline_sfu::RequestId) -> Result<String, String> {
        let found = self.events.iter().rev().find_map(|event| match event {
            Event::Answered { request: r, answer, .. } if *r == request => Some(Ok(answer.clone())),
            Event::Done { request: r } if *r == request => Some(Ok(String::new())),
            Event::Failed { request: r, code, .. } if *r == request => Some(Err(code.to_string())),
            _ => None,
        });
        found.expect("no answer")
    }

    /// A message of a client, on its way.
    pub fn send_up(&mut self, way: Way, data: Vec<u8>) {
        self.fly(way, true, data);
    }

    /// A message of a client that arrives at once; returns what the shard sent back that way.
    pub fn exchange(&mut self, way: Way, data: &[u8]) -> Vec<Vec<u8>> {
        self.arrive(way, data.to_vec());
        let mut sent = Sent::default();
        self.shard.flush(self.now, &mut sent);
        self.collect();
        let mut replies = Vec::new();
        for (to, packet) in sent.packets {
            if to == way {
                replies.push(packet);
            } else {
                self.fly(to, false, packet);
            }
        }
        replies
    }

    /// Lets time pass until `done`, at most `limit`. True when it is done.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&World) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            if self.now >= end {
                return false;
            }
            self.now = self.next_moment().min(end);
        }
    }

    pub fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    fn next_moment(&self) -> Instant {
        let flights = self.flights.iter().map(|flight| flight.lands);
        let clients = self.clients.iter().map(|client| client.deadline);
        let moments = flights.chain(clients).chain(self.shard.poll_timeout());
        // Never stand still, and never wait long: a test's own sends are due at any time.
        let soonest = moments.min().unwrap_or(self.now + Duration::from_millis(50));
        soonest.max(self.now + Duration::from_millis(1))
    }

    /// Everything that happens at this moment.
    fn settle(&mut self) {
        while let Some(at) = self.flights.iter().position(|flight| flight.lands <= self.now) {
            let Some(flight) = self.flights.remove(at) else { break };
            if flight.up {
                self.arrive(flight.way, flight.data);
            } else {
                let mut clients = std::mem::take(&mut self.clients);
                for client in &mut clients {
                    client.receive(self.now, flight.way, &flight.data);
                }
                self.clients = clients;
            }
        }
        if self.shard.poll_timeout().is_some_and(|at| at <= self.now) {
            self.shard.handle_timeout(self.now);
        }
        self.collect();
        self.flush();
        let mut clients = std::mem::take(&mut self.clients);
        for client in &mut clients {
            for (way, data) in client.advance(self.now) {
                self.fly(way, true, data);
            }
        }
        self.clients = clients;
    }

    fn arrive(&mut self, way: Way, mut data: Vec<u8>) {
        match way {
            Way::Datagram { socket, client } => {
                let arrival = if socket == TURN_SOCKET {
                    let local = format!("{SERVER}:3478").parse().unwrap();
                    Arrival { socket, kind: SocketKind::Relay, local, remote: client }
                } else {
                    let local = SocketAddr::new(SERVER.parse().unwrap(), media_port(socket));
                    Arrival { socket, kind: SocketKind::Media, local, remote: client }
                };
                self.shard.handle_datagram(self.now, arrival, &mut data);
            }
            Way::Connection(connection) => {
                self.shard.handle_message(self.now, connection, &mut data);
            }
        }
    }

    pub fn connect(&mut self, tls: bool, remote: SocketAddr) -> ConnectionId {
        let connection = ConnectionId(self.number());
        let port = if tls { 443 } else { 3478 };
        let local = SocketAddr::new(SERVER.parse().unwrap(), port);
        self.shard.handle_connection(self.now, connection, ConnectionInfo { tls, local, remote });
        connection
    }

    /// The client closed a connection.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.shard.handle_connection_closed(self.now, connection);
        self.collect();
    }

    fn flush(&mut self) {
        let mut sent = Sent::default();
        self.shard.flush(self.now, &mut sent);
        self.runs.extend(sent.runs);
        for (way, packet) in sent.packets {
            self.fly(way, false, packet);
        }
    }

    pub fn collect(&mut self) {
        while let Some(event) = self.shard.poll_event() {
            self.events.push(event);
        }
        while let Some(action) = self.shard.poll_action() {
            self.actions.push(action);
        }
    }

    fn fly(&mut self, way: Way, up: bool, data: Vec<u8>) {
        if up && matches!(way, Way::Datagram { socket, .. } if Some(socket) == self.lose_from) {
            return;
        }
        if self.blocked.contains(&way) {
            return;
        }
        if self.lose.as_mut().is_some_and(|lose| lose(up, &data)) {
            return;
        }
        self.flights.push_back(Flight { lands: self.now + LATENCY, way, up, data });
    }
}

/// The media socket with that port: sockets are named by their ports here.
pub fn media_socket(port: u16) -> MediaSocket {
    MediaSocket { socket: SocketId(u64::from(port)), port, shared: false }
}

pub fn media_port(socket: SocketId) -> u16 {
    socket.0 as u16
}
