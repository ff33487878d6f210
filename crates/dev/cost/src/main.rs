//! What a forwarded packet costs: one publisher, many subscribers, the real engine.
//!
//! The engine's media thread is alone on core 0, in a network namespace of its own; the clients are
//! on core 1. After the handshakes what the subscribers are sent is dropped as it arrives, so that
//! only the server's work is measured: its CPU time, by the scheduler, for each datagram it sends.
//! `--help` lists the choices. It needs root, for the namespaces.

mod channel;
mod client;
mod inside;
mod memory;
mod network;
mod thread;
mod turn;

use std::error::Error;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use client::{Client, Identity, Section, Wire};
use network::{Network, SERVER};
use roomline_engine::{Config, Engine, EngineEvent};
use roomline_rtp::extension::AbsSendTime;
use roomline_rtp::{Fields, Form, HeaderWriter};
use roomline_sfu::{
    Command, Event, ParticipantId, PublicationId, RequestId, SubscriptionId, TransportId,
};
use roomline_srtp::Profile;
use thread::Thread;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

const HELP: &str = "\
roomline-cost [NAME=VALUE]…
  subscribers=100   who gets what one publisher sends
  burst=10          packets that leave the publisher together: a frame
  size=1160         bytes of payload of a packet; subscribers get about 40 more
  interval=2000     µs from burst to burst
  rounds=5 ms=1000
  profile=gcm       or cm
  path=direct       or turn: subscribers come over TURN/UDP
  offload=no        or yes: the device segments runs
  idle=50           measure what so many idle participants hold, instead
  kernel=yes        or no: only the media core, without sockets
  ports=many        or one: all share a media port
  priority=real-time  or normal: others on this machine may come between";

/// What to measure.
struct Plan {
    subscribers: u64,
    burst: u64,
    size: usize,
    interval: Duration,
    rounds: usize,
    length: Duration,
    profile: Profile,
    turn: bool,
    offload: bool,
    one_port: bool,
    preferred: bool,
    inside: bool,
    idle: Option<u16>,
}

impl Plan {
    fn read(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut plan = Self {
            subscribers: 100,
            burst: 10,
            size: 1160,
            interval: Duration::from_micros(2000),
            rounds: 5,
            length: Duration::from_secs(1),
            profile: Profile::AeadAes128Gcm,
            turn: false,
            offload: false,
            one_port: false,
            preferred: true,
            inside: false,
            idle: None,
        };
        for argument in arguments {
            let (name, value) = argument.split_once('=').ok_or(HELP)?;
            match (name, value) {
                ("subscribers", _) => plan.subscribers = value.parse()?,
                ("burst", _) => plan.burst = value.parse()?,
                ("size", _) => plan.size = value.parse()?,
                ("interval", _) => plan.interval = Duration::from_micros(value.parse()?),
                ("rounds", _) => plan.rounds = value.parse()?,
                ("ms", _) => plan.length = Duration::from_millis(value.parse()?),
                ("profile", "gcm") => plan.profile = Profile::AeadAes128Gcm,
                ("profile", "cm") => plan.profile = Profile::AesCm128HmacSha1_80,
                ("path", "direct" | "turn") => plan.turn = value == "turn",
                ("offload", "no" | "yes") => plan.offload = value == "yes",
                ("priority", "real-time" | "normal") => plan.preferred = value == "real-time",
                ("idle", _) => plan.idle = Some(value.parse()?),
                ("kernel", "yes" | "no") => plan.inside = value == "no",
                ("ports", "many" | "one") => plan.one_port = value == "one",
                _ => return Err(HELP.into()),
            }
        }
        Ok(plan)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::read(std::env::args().skip(1))?;
    if let Some(participants) = plan.idle {
        return memory::measure(&plan, participants);
    }
    if plan.inside {
        return inside::measure(&plan);
    }
    let network = Network::new(plan.offload)?;
    network.enter_server()?;
    thread::pin(0)?;
    let engine = Engine::start(config(&plan)?)?;
    let worker = Thread::find("roomline-media-")?;
    thread::pin(1)?;
    network.enter_client()?;
    let (mut publisher, subscribers) = fill(&plan, &engine)?;
    network.drop_on_arrival()?;
    if plan.preferred {
        worker.prefer()?;
        thread::prefer_this()?;
    }
    let mut stream = Stream::new(plan.size);
    play(&plan, &mut publisher, &mut stream, Duration::from_millis(500))?;
    let mut costs = Vec::new();
    for _ in 0..plan.rounds {
        let before = Sample::take(&engine, &worker)?;
        play(&plan, &mut publisher, &mut stream, plan.length)?;
        let after = Sample::take(&engine, &worker)?;
        costs.push(after.since(&before));
    }
    if !subscribers.iter().all(|subscriber| subscriber.is_connected()) {
        return Err("a subscriber has gone".into());
    }
    report(&mut costs);
    engine.close();
    Ok(())
}

fn config(plan: &Plan) -> Result<Config, Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()])?;
    Ok(Config {
        addresses: vec![SERVER.into()],
        bind_addresses: vec![IpAddr::from([0, 0, 0, 0])],
        media_ports: if plan.one_port { 20_000..=20_000 } else { 20_000..=29_999 },
        https_port: 0,
        turn_port: 0,
        realm: turn::REALM.into(),
        turn_secret: turn::SECRET.to_vec(),
        certificate_pem: made.cert.pem().into_bytes(),
        private_key_pem: made.signing_key.serialize_pem().into_bytes(),
        max_allocations_per_participant: 4,
        max_connections_per_address: 16,
        stats_interval: Duration::from_secs(2),
    })
}

/// A publisher, and its subscribers.
type Room<W> = (Client<W>, Vec<Client<W>>);

/// The room: one publisher and everybody else.
fn fill(plan: &Plan, engine: &Engine) -> Result<Room<UdpSocket>, Box<dyn Error>> {
    let identity = Identity::new(plan.profile)?;
    let join = |number: u64, section: Section| -> Result<Client<UdpSocket>, Box<dyn Error>> {
        let request = RequestId(number);
        engine.submit(Command::OpenTransport {
            request,
            transport: TransportId(number),
            participant: ParticipantId(number),
            offer: identity.offer(&[section]),
            socket: None,
            max_send_bitrate: 0,
        })?;
        let answer = answered(engine, request)?;
        let turn = plan.turn && section == Section::Receive;
        let port = if turn { engine.turn_port() } else { client::media_port(&answer)? };
        Client::connect(&identity, &answer, number, client::socket(port)?, turn)
    };
    let publisher = join(1, Section::Send)?;
    let (request, publication) = (RequestId(2), PublicationId(1));
    let mid = "0".to_owned();
    engine.submit(Command::Publish {
        request,
        publication,
        transport: TransportId(1),
        mid: mid.clone(),
        max_bitrate: 0,
    })?;
    answered(engine, request)?;
    let mut subscribers = Vec::new();
    for number in 1_000..1_000 + plan.subscribers {
        subscribers.push(join(number, Section::Receive)?);
        let request = RequestId(1_000_000 + number);
        engine.submit(Command::Subscribe {
            request,
            subscription: SubscriptionId(number),
            publication,
            transport: TransportId(number),
            mid: mid.clone(),
        })?;
        answered(engine, request)?;
    }
    Ok((publisher, subscribers))
}

/// Waits for the answer to a request; the SDP, if it has one.
fn answered(engine: &Engine, wanted: RequestId) -> Result<String, Box<dyn Error>> {
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        for event in engine.events()? {
            match event {
                EngineEvent::Shard(Event::Answered { request, answer, .. })
                    if request == wanted =>
                {
                    return Ok(answer);
                }
                EngineEvent::Shard(Event::Done { request }) if request == wanted => {
                    return Ok(String::new());
                }
                EngineEvent::Shard(Event::Failed { message, .. }) => return Err(message.into()),
                _ => {}
            }
        }
        // Waits for the media thread's next tick.
        engine.counters();
    }
    Err("no answer".into())
}

/// The publisher's numbers.
struct Stream {
    number: u64,
    frame: u32,
    payload: Vec<u8>,
}

impl Stream {
    fn new(size: usize) -> Self {
        Self { number: 0, frame: 0, payload: vec![7; size] }
    }

    /// Makes one frame of VP8 (RFC 7741) and lets `send` send each packet: it is begun, and told are its
    /// rollover counter and the length of its header. Every hundredth is a keyframe.
    fn frame<W: Wire>(
        &mut self,
        packets: u64,
        client: &mut Client<W>,
        mut send: impl FnMut(&mut Client<W>, u32, usize) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        self.frame += 1;
        for place in 0..packets {
            let delta = u8::from(self.frame % 100 != 1);
            let descriptor = if place == 0 { 0x10 } else { 0 };
            self.payload[..2].copy_from_slice(&[descriptor, delta]);
            let fields = Fields {
                marker: place + 1 == packets,
                payload_type: 96,
                sequence_number: self.number as u16,
                timestamp: self.frame.wrapping_mul(3000),
                ssrc: 0x0C05_7000,
            };
            let buffer = client.begin();
            let mut header = HeaderWriter::new(buffer, &fields, Form::Mixed);
            header.extension(2, &AbsSendTime::from_duration(Duration::ZERO).to_bytes());
            header.extension(3, &(self.number as u16).to_be_bytes());
            header.extension(4, b"0");
            let length = header.finish();
            buffer.extend_from_slice(&self.payload);
            send(client, (self.number >> 16) as u32, length)?;
            self.number += 1;
        }
        Ok(())
    }
}

/// Sends frames at their interval.
fn play(
    plan: &Plan,
    publisher: &mut Client<UdpSocket>,
    stream: &mut Stream,
    length: Duration,
) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut next = start;
    while start.elapsed() < length {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += plan.interval;
        stream.frame(plan.burst, publisher, Client::send)?;
    }
    Ok(())
}

/// Totals at one moment.
struct Sample {
    at: Instant,
    cpu: Duration,
    sent: u64,
    received: u64,
    calls: u64,
    runs: u64,
    ticks: u64,
    dropped: u64,
}

/// What a packet cost in one round.
struct Cost {
    nanoseconds: f64,
    packets_per_second: f64,
    calls: f64,
    run: f64,
    load: f64,
    per_tick: f64,
    dropped: u64,
}

impl Sample {
    fn take(engine: &Engine, worker: &Thread) -> Result<Self, Box<dyn Error>> {
        let counters = engine.counters();
        let value = |name: &str, label: &str| {
            let of = |metric: &&(&str, &str, u64)| metric.0 == name && metric.1 == label;
            counters.iter().find(of).map_or(0, |metric| metric.2)
        };
        let drops =
            counters.iter().filter(|metric| metric.0 == "drops" || metric.0 == "rtp_dropped");
        Ok(Self {
            at: Instant::now(),
            cpu: worker.cpu()?,
            sent: value("udp_datagrams", "sent"),
            received: value("udp_datagrams", "received"),
            calls: value("udp_system_calls", "send") + value("udp_system_calls", "receive"),
            runs: value("runs_sent", ""),
            ticks: value("ticks", ""),
            dropped: drops.map(|metric| metric.2).sum(),
        })
    }

    fn since(&self, before: &Self) -> Cost {
        let sent = (self.sent - before.sent) as f64;
        let cpu = (self.cpu - before.cpu).as_nanos() as f64;
        let seconds = (self.at - before.at).as_secs_f64();
        Cost {
            nanoseconds: cpu / sent,
            packets_per_second: sent / seconds,
            calls: (self.calls - before.calls) as f64 / sent,
            run: sent / (self.runs - before.runs).max(1) as f64,
            load: cpu / 1e9 / seconds,
            per_tick: (self.received - before.received) as f64
                / (self.ticks - before.ticks).max(1) as f64,
            dropped: self.dropped - before.dropped,
        }
    }
}

#[expect(clippy::print_stdout, reason = "the result")]
fn report(costs: &mut [Cost]) {
    costs.sort_by(|one, other| one.nanoseconds.total_cmp(&other.nanoseconds));
    let Some(median) = costs.get(costs.len() / 2) else { return };
    let (least, most) = (costs[0].nanoseconds, costs[costs.len() - 1].nanoseconds);
    println!(
        "{:.0} ns/packet ({least:.0}–{most:.0}), {:.2} M packets per CPU-second; at {:.0} packets/s \
         the core is {:.0} % busy; runs of {:.1}, {:.2} system calls per packet, {:.1} packets in \
         per tick, {} dropped",
        median.nanoseconds,
        1e3 / median.nanoseconds,
        median.packets_per_second,
        median.load * 100.0,
        median.run,
        median.calls,
        median.per_tick,
        costs.iter().map(|cost| cost.dropped).sum::<u64>(),
    );
}
