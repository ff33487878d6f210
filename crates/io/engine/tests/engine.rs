//! The engine on loopback: start, seam, sockets, end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper fails the test")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::RangeInclusive;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use roomline_engine::{Closed, Config, Engine, EngineEvent, Listener, Metric, StartError};
use roomline_sfu::{Command, Event, ParticipantId, RequestId, TransportId};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(5);

fn config() -> Config {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    Config {
        addresses: vec![LOCALHOST],
        bind_addresses: vec![LOCALHOST],
        media_ports: 0..=0,
        https_port: 0,
        turn_port: 0,
        realm: "r".into(),
        turn_secret: vec![7; 32],
        certificate_pem: made.cert.pem().into_bytes(),
        private_key_pem: made.signing_key.serialize_pem().into_bytes(),
        max_allocations_per_participant: 4,
        max_connections_per_address: 16,
        stats_interval: Duration::from_secs(2),
    }
}

fn open(request: u64) -> Command {
    Command::OpenTransport {
        request: RequestId(request),
        transport: TransportId(request),
        participant: ParticipantId(1),
        offer: "not an offer".into(),
        socket: None,
        max_send_bitrate: 0,
    }
}

/// Waits for the descriptor, then takes what there is.
fn events(engine: &Engine) -> Vec<EngineEvent> {
    let mut poll = Poll::new().unwrap();
    let fd = engine.event_fd();
    poll.registry().register(&mut SourceFd(&fd), Token(0), Interest::READABLE).unwrap();
    let mut ready = Events::with_capacity(1);
    poll.poll(&mut ready, Some(PATIENCE)).unwrap();
    assert!(!ready.is_empty(), "no event came");
    engine.events().unwrap()
}

fn value(metrics: &[Metric], name: &str, label: &str) -> u64 {
    let of = |metric: &&Metric| (metric.0, metric.1) == (name, label);
    metrics.iter().find(of).unwrap_or_else(|| panic!("no {name} {label}")).2
}

/// Asks until a figure has a value; the answers themselves are paced by the media thread.
fn wait_for(mut ask: impl FnMut() -> Vec<Metric>, name: &str, label: &str, wanted: u64) {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let got = value(&ask(), name, label);
        if got == wanted {
            return;
        }
        assert!(std::time::Instant::now() < until, "{name} {label} is {got}, not {wanted}");
    }
}

/// A Binding request (RFC 8489) without attributes.
fn binding_request() -> [u8; 20] {
    let mut request = [0; 20];
    request[1] = 1;
    request[4..8].copy_from_slice(&0x2112_A442u32.to_be_bytes());
    request[8..].copy_from_slice(b"transaction.");
    request
}

#[test]
fn it_starts_and_closes() {
    let engine = Engine::start(config()).unwrap();
    assert_ne!((engine.https_port(), engine.turn_port()), (0, 0));
    let turn = SocketAddr::new(LOCALHOST, engine.turn_port());
    assert!(engine.counters().iter().any(|metric| metric.0 == "drops"));
    engine.close();
    engine.close();
    assert_eq!(engine.submit(open(1)), Err(Closed));
    assert!(engine.counters().is_empty());
    assert!(engine.reload_certificate(b"", b"").is_err());
    drop(UdpSocket::bind(turn).unwrap());
    drop(TcpListener::bind(turn).unwrap());
    drop(TcpListener::bind((LOCALHOST, engine.https_port())).unwrap());
}

#[test]
fn two_can_run() {
    let (one, two) = (Engine::start(config()).unwrap(), Engine::start(config()).unwrap());
    assert_ne!(one.turn_port(), two.turn_port());
}

#[test]
fn a_taken_port_is_named_and_nothing_stays() {
    let busy = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let taken = busy.local_addr().unwrap();
    let refused = Engine::start(Config { https_port: taken.port(), ..config() });
    match refused.map(|_| ()) {
        Err(StartError::Bind { listener: Listener::Https, address, .. }) => {
            assert_eq!(address, taken);
        }
        other => panic!("{other:?}"),
    }
    let busy = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let taken = busy.local_addr().unwrap();
    let udp = Engine::start(Config { turn_port: taken.port(), ..config() });
    assert!(matches!(
        udp.map(|_| ()),
        Err(StartError::Bind { listener: Listener::TurnUdp, address, .. }) if address == taken
    ));
    let port = taken.port();
    let media = Engine::start(Config { media_ports: port..=port, ..config() });
    assert!(matches!(
        media.map(|_| ()),
        Err(StartError::Bind { listener: Listener::Media, address, .. }) if address == taken
    ));
    let tcp = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let tcp = Engine::start(Config { turn_port: port, ..config() });
    assert!(matches!(tcp.map(|_| ()), Err(StartError::Bind { listener: Listener::TurnTcp, .. })));
    drop(UdpSocket::bind((LOCALHOST, port)).unwrap());
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_bound() {
    let refused = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        matches!(Engine::start(config).map(|_| ()), Err(StartError::Config(_)))
    };
    assert!(refused(|config| config.addresses.clear()));
    assert!(refused(|config| config.addresses[0] = "0.0.0.0".parse().unwrap()));
    assert!(refused(|config| config.bind_addresses.clear()));
    assert!(refused(|config| config.media_ports = RangeInclusive::new(2, 1)));
    assert!(refused(|config| config.media_ports = 0..=9));
    assert!(refused(|config| config.realm.clear()));
    assert!(refused(|config| config.turn_secret.clear()));
    assert!(refused(|config| config.stats_interval = Duration::ZERO));
    let unusable = Engine::start(Config { certificate_pem: b"no".to_vec(), ..config() });
    assert!(matches!(unusable.map(|_| ()), Err(StartError::Certificate(_))));
}

#[test]
fn without_a_free_media_port_a_transport_is_refused() {
    let (first, second) = two_ports_in_a_row();
    let start = first.local_addr().unwrap().port();
    let engine = Engine::start(Config { media_ports: start..=start + 1, ..config() }).unwrap();
    engine.submit(open(1)).unwrap();
    let got = events(&engine);
    assert!(
        matches!(
            got.as_slice(),
            [EngineEvent::Shard(Event::Failed {
                request: RequestId(1),
                code: "no-media-port",
                ..
            })]
        ),
        "{got:?}"
    );
    assert_eq!(value(&engine.gauges(), "media_ports", ""), 0);
    drop(second);
}

#[test]
fn a_refused_transport_gives_its_port_back() {
    // The lower half of the registered ports: below what the system hands out by itself.
    let engine = Engine::start(Config { media_ports: 20_000..=29_999, ..config() }).unwrap();
    for request in 1..=3 {
        engine.submit(open(request)).unwrap();
    }
    let mut codes = Vec::new();
    while codes.len() < 3 {
        codes.extend(events(&engine).into_iter().map(|event| match event {
            EngineEvent::Shard(Event::Failed { code, .. }) => code,
            other => panic!("{other:?}"),
        }));
    }
    assert_eq!(codes, ["bad-offer"; 3]);
    wait_for(|| engine.gauges(), "media_ports", "", 0);
}

/// Two bound sockets with neighbouring ports.
fn two_ports_in_a_row() -> (UdpSocket, UdpSocket) {
    for _ in 0..100 {
        let first = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        let next = first.local_addr().unwrap().port().saturating_add(1);
        if let Ok(second) = UdpSocket::bind((LOCALHOST, next)) {
            return (first, second);
        }
    }
    panic!("no two free ports in a row")
}

#[test]
fn datagrams_reach_the_shard() {
    let engine = Engine::start(config()).unwrap();
    let client = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    for _ in 0..3 {
        client.send_to(b"\xFFnothing we know", (LOCALHOST, engine.turn_port())).unwrap();
    }
    wait_for(|| engine.counters(), "udp_datagrams", "received", 3);
}

#[test]
fn a_binding_request_is_answered_over_udp_and_tcp() {
    let engine = Engine::start(config()).unwrap();
    let turn = (LOCALHOST, engine.turn_port());
    let client = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send_to(&binding_request(), turn).unwrap();
    let mut answer = [0; 200];
    let (length, from) = client.recv_from(&mut answer).unwrap();
    assert_eq!(from, turn.into());
    assert_eq!((&answer[..2], &answer[8..20]), (&[1, 1][..], &b"transaction."[..]));
    assert!(length > 20);

    let mut client = TcpStream::connect(turn).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(&binding_request()).unwrap();
    let mut answer = [0; 20];
    client.read_exact(&mut answer).unwrap();
    assert_eq!((&answer[..2], &answer[8..20]), (&[1, 1][..], &b"transaction."[..]));
}

#[test]
fn a_turn_connection_comes_and_goes() {
    let engine = Engine::start(config()).unwrap();
    let mut client = TcpStream::connect((LOCALHOST, engine.turn_port())).unwrap();
    client.write_all(&binding_request()).unwrap();
    wait_for(|| engine.gauges(), "connections", "", 1);
    drop(client);
    wait_for(|| engine.gauges(), "connections", "", 0);
}

#[test]
fn a_connection_with_garbage_after_stun_is_closed() {
    let engine = Engine::start(config()).unwrap();
    let mut client = TcpStream::connect((LOCALHOST, engine.turn_port())).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(&binding_request()).unwrap();
    client.write_all(&[0xFF; 100]).unwrap();
    let mut rest = Vec::new();
    // Closed with unread bytes, the kernel may say so by a reset.
    let _ = client.read_to_end(&mut rest);
    wait_for(|| engine.gauges(), "connections", "", 0);
}

#[test]
fn what_a_connection_sends_at_once_is_answered_to_the_last() {
    const REQUESTS: usize = 10_000;
    let engine = Engine::start(config()).unwrap();
    let turn = SocketAddr::new(LOCALHOST, engine.turn_port());
    let mut client = TcpStream::connect(turn).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut writer = client.try_clone().unwrap();
    let sender =
        std::thread::spawn(move || writer.write_all(&binding_request().repeat(REQUESTS)).unwrap());
    // A response: the header and XOR-MAPPED-ADDRESS for IPv4.
    let mut replies = vec![0; REQUESTS * 32];
    client.read_exact(&mut replies).unwrap();
    assert!(replies.chunks(32).all(|reply| reply[..2] == [1, 1]));
    sender.join().unwrap();
}

#[test]
fn released_ports_are_free_for_another_engine_and_for_one_alone() {
    let taken = two_ports_in_a_row().0.local_addr().unwrap().port();
    let first = Engine::start(Config { media_ports: taken..=taken, ..config() }).unwrap();
    let same = Config {
        https_port: first.https_port(),
        turn_port: first.turn_port(),
        media_ports: taken..=taken,
        ..config()
    };
    let refused = |listener: Listener| {
        let outcome = Engine::start(same.clone()).map(|_| ());
        matches!(outcome, Err(StartError::Bind { listener: found, .. }) if found == listener)
    };
    assert!(refused(Listener::TurnUdp));
    let mut running = TcpStream::connect((LOCALHOST, first.turn_port())).unwrap();
    assert_eq!(first.release_ports().unwrap(), 0);
    let second = Engine::start(same.clone()).unwrap();
    assert_eq!((second.https_port(), second.turn_port()), (same.https_port, same.turn_port));
    assert!(refused(Listener::TurnUdp));
    // What was connected goes on, and what would need a port that is gone is refused.
    running.set_read_timeout(Some(PATIENCE)).unwrap();
    running.write_all(&binding_request()).unwrap();
    running.read_exact(&mut [0; 20]).unwrap();
    first.submit(open(1)).unwrap();
    assert!(matches!(
        events(&first).as_slice(),
        [EngineEvent::Shard(Event::Failed { code: "no-media-port", .. })]
    ));
    let client = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    client.send_to(b"\xFFnothing we know", (LOCALHOST, second.turn_port())).unwrap();
    wait_for(|| second.counters(), "udp_datagrams", "received", 1);
    first.close();
    assert!(first.release_ports().is_err());
}
