//! The media core alone: no socket, no thread, no kernel. What is left is its own work and the
//! cryptography, so precisely that a few instructions more or less can be seen.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_sfu::{
    Arrival, Certificate, Command, ConnectionId, Event, MediaSocket, ParticipantId, PublicationId,
    RequestId, Shard, ShardConfig, Sink, SocketId, SocketKind, SubscriptionId, TransportId,
};

use crate::client::{Client, Identity, Section, Wire};
use crate::memory::counted;
use crate::network::SERVER;
use crate::{Plan, Room, Stream, turn};

const TURN_PORT: u16 = 3478;

/// The server, and what is on its way to the clients.
pub struct World {
    shard: Shard,
    arrived: Arrived,
    /// How far its clock is ahead.
    ahead: Duration,
}

impl World {
    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    /// Lets time pass, what is due happen, and what was sent be lost.
    pub fn settle(&mut self, time: Duration) {
        self.ahead += time;
        let now = self.now();
        counted(true, || {
            self.shard.handle_timeout(now);
            self.shard.flush(now, &mut self.arrived);
            while self.shard.poll_event().is_some() {}
        });
        self.arrived.0.clear();
    }
}

/// Datagrams by the client's address.
#[derive(Default)]
struct Arrived(HashMap<SocketAddr, VecDeque<Vec<u8>>>);

impl Sink for Arrived {
    fn send_datagrams(
        &mut self,
        _: SocketId,
        _: Option<IpAddr>,
        remote: SocketAddr,
        run: &[u8],
        segment: usize,
    ) {
        counted(false, || {
            let datagrams = run.chunks(segment).map(<[u8]>::to_vec);
            self.0.entry(remote).or_default().extend(datagrams);
        });
    }

    fn send_message(&mut self, _: ConnectionId, _: &[u8], _: bool) {}
}

/// Counts what leaves, and forgets it.
#[derive(Default)]
struct Gone {
    packets: u64,
    runs: u64,
}

impl Sink for Gone {
    fn send_datagrams(
        &mut self,
        _: SocketId,
        _: Option<IpAddr>,
        _: SocketAddr,
        run: &[u8],
        segment: usize,
    ) {
        self.packets += run.len().div_ceil(segment) as u64;
        self.runs += 1;
    }

    fn send_message(&mut self, _: ConnectionId, _: &[u8], _: bool) {}
}

/// A client's way to the server.
pub struct Inside {
    world: Rc<RefCell<World>>,
    arrival: Arrival,
}

impl Inside {
    /// Straight to a media socket.
    pub fn direct(world: &Rc<RefCell<World>>, socket: SocketId, port: u16) -> Self {
        let remote = SocketAddr::from((Ipv4Addr::new(10, 88, 0, 1), port));
        let local = SocketAddr::from((SERVER, port));
        let arrival = Arrival { socket, kind: SocketKind::Media, local, remote };
        Self { world: Rc::clone(world), arrival }
    }

    fn relayed(world: &Rc<RefCell<World>>, port: u16) -> Self {
        let mut inside = Self::direct(world, SocketId(1_000_000), TURN_PORT);
        inside.arrival.kind = SocketKind::Relay;
        inside.arrival.remote.set_port(port);
        inside
    }
}

impl Wire for Inside {
    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        let now = world.now();
        let World { shard, arrived, .. } = &mut *world;
        let mut datagram = datagram.to_vec();
        counted(true, || {
            shard.handle_datagram(now, self.arrival, &mut datagram);
            shard.flush(now, arrived);
        });
        Ok(())
    }

    fn receive(&self) -> io::Result<Vec<u8>> {
        let mut world = self.world.borrow_mut();
        let arrived = world.arrived.0.get_mut(&self.arrival.remote);
        arrived.and_then(VecDeque::pop_front).ok_or(io::ErrorKind::WouldBlock.into())
    }
}

/// An empty server.
pub fn world() -> Result<World, Box<dyn Error>> {
    let config = ShardConfig {
        addresses: vec![SERVER.into()],
        local_addresses: vec![SERVER.into()],
        media_ports: 20_000..=29_999,
        turn_port: TURN_PORT,
        https_port: 443,
        realm: turn::REALM.into(),
        turn_secret: turn::SECRET.to_vec(),
        max_allocations_per_participant: 4,
        certificate: Certificate::generate()?,
        stats_interval: Duration::from_secs(2),
        beat_interval: Duration::from_millis(200),
        silent_after: Duration::from_millis(600),
    };
    let unix = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let shard = Shard::new(config, Instant::now(), unix, Box::new(StdRng::seed_from_u64(1)))?;
    Ok(World { shard, arrived: Arrived::default(), ahead: Duration::ZERO })
}

/// Carries a command out; the SDP of its answer, if it has one.
pub fn ask(world: &RefCell<World>, command: Command) -> Result<String, Box<dyn Error>> {
    let mut world = world.borrow_mut();
    let now = world.now();
    counted(true, || world.shard.handle_command(now, command));
    while let Some(event) = world.shard.poll_event() {
        match event {
            Event::Answered { answer, .. } => return Ok(answer),
            Event::Done { .. } => return Ok(String::new()),
            Event::Failed { message, .. } => return Err(message.into()),
            _ => {}
        }
    }
    Err("no answer".into())
}

fn join(
    plan: &Plan,
    world: &Rc<RefCell<World>>,
    identity: &Identity,
    (number, section): (u16, Section),
) -> Result<Client<Inside>, Box<dyn Error>> {
    let (id, port) = (u64::from(number), 20_000 + number);
    let socket = SocketId(id);
    let open = Command::OpenTransport {
        request: RequestId(id),
        transport: TransportId(id),
        participant: ParticipantId(id),
        offer: identity.offer(&[section]),
        socket: Some(MediaSocket { socket, port, shared: false }),
        max_send_bitrate: 0,
    };
    let answer = ask(world, open)?;
    let relayed = plan.turn && section == Section::Receive;
    let wire = match relayed {
        true => Inside::relayed(world, port),
        false => Inside::direct(world, socket, port),
    };
    Client::connect(identity, &answer, id, wire, relayed)
}

fn fill(plan: &Plan, world: &Rc<RefCell<World>>) -> Result<Room<Inside>, Box<dyn Error>> {
    let identity = Identity::new(plan.profile)?;
    let publisher = join(plan, world, &identity, (1, Section::Send))?;
    let (publication, mid) = (PublicationId(1), "0".to_owned());
    let transport = TransportId(1);
    let request = RequestId(2);
    let publish =
        Command::Publish { request, publication, transport, mid: mid.clone(), max_bitrate: 0 };
    ask(world, publish)?;
    let mut subscribers = Vec::new();
    for number in 10..10 + u16::try_from(plan.subscribers)? {
        subscribers.push(join(plan, world, &identity, (number, Section::Receive))?);
        let id = u64::from(number);
        let subscribe = Command::Subscribe {
            request: RequestId(id),
            subscription: SubscriptionId(id),
            publication,
            transport: TransportId(id),
            mid: mid.clone(),
        };
        ask(world, subscribe)?;
    }
    Ok((publisher, subscribers))
}

/// Measures burst by burst and tells the least and the tenth of the durations: whatever else the
/// machine does makes some longer, none shorter.
#[expect(clippy::print_stdout, reason = "the result")]
pub fn measure(plan: &Plan) -> Result<(), Box<dyn Error>> {
    let world = Rc::new(RefCell::new(world()?));
    let (mut publisher, subscribers) = fill(plan, &world)?;
    let arrival = publisher.wire().arrival;
    let mut stream = Stream::new(plan.size);
    let (mut gone, mut took) = (Gone::default(), Vec::new());
    let end = Instant::now() + plan.length * u32::try_from(plan.rounds)?;
    while Instant::now() < end {
        let mut packets = Vec::new();
        stream.frame(plan.burst, &mut publisher, |client, roc, header| {
            packets.push(client.seal(roc, header)?.to_vec());
            Ok(())
        })?;
        let World { shard, .. } = &mut *world.borrow_mut();
        let before = gone.packets;
        let start = Instant::now();
        packets.iter_mut().for_each(|packet| shard.handle_datagram(start, arrival, packet));
        shard.flush(start, &mut gone);
        let elapsed = start.elapsed();
        if shard.poll_timeout().is_some_and(|due| due <= start) {
            shard.handle_timeout(start);
            shard.flush(start, &mut Gone::default());
            while shard.poll_event().is_some() {}
        }
        took.push(elapsed.as_nanos() as f64 / (gone.packets - before).max(1) as f64);
    }
    took.sort_by(f64::total_cmp);
    let of = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
    println!(
        "{:.1} ns/packet at least, {:.1} for a tenth, {:.1} for half; {} subscribers, runs of {:.1}",
        of(0),
        of(10),
        of(50),
        subscribers.len(),
        gone.packets as f64 / gone.runs as f64,
    );
    Ok(())
}
