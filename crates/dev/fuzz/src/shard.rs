//! A whole shard with one open transport: whatever arrives on its sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_sdp::Description;
use roomline_sfu::{
    Arrival, Certificate, Command, ConnectionId, ConnectionInfo, Event, MediaSocket, ParticipantId,
    RequestId, Shard, ShardConfig, Sink, SocketId, SocketKind, TransportId,
};
use roomline_stun::attribute::Username;
use roomline_stun::{Builder, Class, Key, Method, TransactionId};

use crate::input::{Attributes, Steps};

const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const OFFER: &str = include_str!("../../../pure/sdp/tests/vectors/aiortc-join.sdp");

static CERTIFICATE: LazyLock<Certificate> =
    LazyLock::new(|| Certificate::generate().expect("a certificate"));

struct Nowhere;

impl Sink for Nowhere {
    fn send_datagrams(
        &mut self,
        _: SocketId,
        _: Option<IpAddr>,
        _: SocketAddr,
        run: &[u8],
        segment: usize,
    ) {
        assert!(segment > 0 && segment <= run.len());
    }

    fn send_message(&mut self, _: ConnectionId, message: &[u8], _: bool) {
        assert!(!message.is_empty());
    }
}

/// Sends a shard what the steps hold. A step's first byte: bit 0: a connectivity check to the
/// transport, signed, with the bytes as attributes; else bit 1: to the TURN port; else bit 2: a
/// message on a TLS connection; else to the media port. Bit 3: three seconds pass before.
pub fn shard(data: &[u8]) {
    let mut now = Instant::now();
    let unix = Duration::from_secs(1_700_000_000);
    let rng = Box::new(StdRng::seed_from_u64(1));
    let mut shard = Shard::new(config(), now, unix, rng).expect("a good configuration");
    let answer = open_transport(&mut shard, now);
    let connection = ConnectionId(1);
    let info = ConnectionInfo { tls: true, local: local(443), remote: remote() };
    shard.handle_connection(now, connection, info);
    for (control, bytes) in Steps(data).take(64) {
        if control & 8 != 0 {
            now += Duration::from_secs(3);
            shard.handle_timeout(now);
        }
        let mut bytes = if control & 1 == 0 { bytes.to_vec() } else { check(&answer, bytes) };
        match control & 7 {
            4 => shard.handle_message(now, connection, &mut bytes),
            2 | 6 => shard.handle_datagram(now, arrival(SocketKind::Relay, 3478), &mut bytes),
            _ => shard.handle_datagram(now, arrival(SocketKind::Media, 10_000), &mut bytes),
        }
        shard.flush(now, &mut Nowhere);
        while let Some(event) = shard.poll_event() {
            assert!(!matches!(event, Event::TransportConnected { .. }), "without a client");
        }
        while shard.poll_action().is_some() {}
    }
}

fn config() -> ShardConfig {
    ShardConfig {
        addresses: vec![OURS],
        local_addresses: Vec::new(),
        media_ports: 10_000..=60_000,
        turn_port: 3478,
        https_port: 443,
        realm: "r".to_owned(),
        turn_secret: b"secretsecretsecret".to_vec(),
        max_allocations_per_participant: 4,
        certificate: CERTIFICATE.clone(),
        stats_interval: Duration::from_secs(2),
    }
}

fn open_transport(shard: &mut Shard, now: Instant) -> Description {
    let command = Command::OpenTransport {
        request: RequestId(1),
        transport: TransportId(1),
        participant: ParticipantId(1),
        offer: OFFER.to_owned(),
        socket: Some(MediaSocket { socket: SocketId(1), port: 10_000, shared: false }),
        max_send_bitrate: 0,
    };
    shard.handle_command(now, command);
    match shard.poll_event() {
        Some(Event::Answered { answer, .. }) => Description::parse(&answer).expect("an answer"),
        other => panic!("no answer but {other:?}"),
    }
}

fn check(answer: &Description, attributes: &[u8]) -> Vec<u8> {
    let client = Description::parse(OFFER).expect("an offer");
    let mut out = Vec::new();
    let transaction = TransactionId([3; 12]);
    let mut builder = Builder::new(&mut out, Class::Request, Method::BINDING, transaction);
    builder.push(&Username(&format!("{}:{}", answer.ice.ufrag, client.ice.ufrag)));
    for (kind, value) in Attributes(attributes) {
        builder.push_raw(kind, value);
    }
    builder.integrity(&Key::short_term(&answer.ice.pwd)).fingerprint();
    out
}

fn arrival(kind: SocketKind, port: u16) -> Arrival {
    let socket = SocketId(if kind == SocketKind::Media { 1 } else { 2 });
    Arrival { socket, kind, local: local(port), remote: remote() }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(OURS, port)
}

fn remote() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), 40_000))
}
