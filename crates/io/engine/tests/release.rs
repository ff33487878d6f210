//! Clients of shared UDP ports that are given up: they go on, until they have gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper fails the test")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use roomline_engine::{Config, Engine, EngineEvent};
use roomline_sfu::{Command, Event, ParticipantId, RequestId, TransportId};
use roomline_stun::attribute::{
    ErrorCode, Lifetime, Nonce, Priority, Realm, RequestedTransport, Username, XorMappedAddress,
};
use roomline_stun::turn::Credentials;
use roomline_stun::{Builder, Class, Key, Message, Method, PasswordAlgorithm, TransactionId};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(5);
const SECRET: [u8; 32] = [7; 32];
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\na=ice-ufrag:peer\r\n\
    a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 \
    AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n";

/// An engine whose transports share one media port.
fn engine() -> Engine {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    Engine::start(Config {
        addresses: vec![LOCALHOST],
        bind_addresses: vec![LOCALHOST],
        media_ports: 0..=0,
        https_port: 0,
        turn_port: 0,
        realm: "r".into(),
        turn_secret: SECRET.to_vec(),
        certificate_pem: made.cert.pem().into_bytes(),
        private_key_pem: made.signing_key.serialize_pem().into_bytes(),
        max_allocations_per_participant: 64,
        max_connections_per_address: 16,
        stats_interval: Duration::from_secs(2),
    })
    .unwrap()
}

/// Asks until it is so; the answers are paced by the media thread.
fn wait_for_clients(engine: &Engine, wanted: u64) {
    let until = Instant::now() + PATIENCE;
    loop {
        let gauges = engine.gauges();
        let (_, _, got) = gauges.iter().find(|gauge| gauge.0 == "client_sockets").unwrap();
        if *got == wanted {
            return;
        }
        assert!(Instant::now() < until, "{got} clients, not {wanted}");
    }
}

fn connected(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.connect(SocketAddr::new(LOCALHOST, port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut answer = vec![0; 1500];
    let length = socket.recv(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

/// A client of the TURN port.
struct Turn {
    socket: UdpSocket,
    credentials: Credentials,
    nonce: String,
    asked: u8,
}

impl Turn {
    /// Asks for the nonce.
    fn new(engine: &Engine) -> Turn {
        let socket = connected(engine.turn_port());
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let credentials = Credentials::issue(&SECRET, unix + Duration::from_secs(3600), 1);
        let mut request = Vec::new();
        let id = TransactionId([9; 12]);
        Builder::new(&mut request, Class::Request, Method::ALLOCATE, id)
            .push(&RequestedTransport(17));
        socket.send(&request).unwrap();
        let answer = receive(&socket);
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.find::<ErrorCode<'_>>().unwrap().code, 401);
        let nonce = answer.find::<Nonce<'_>>().unwrap().0.to_owned();
        Turn { socket, credentials, nonce, asked: 0 }
    }

    fn send(&mut self, method: Method, fill: impl FnOnce(&mut Builder<'_>)) {
        self.asked += 1;
        let mut message = Vec::new();
        let id = TransactionId([self.asked; 12]);
        let mut request = Builder::new(&mut message, Class::Request, method, id);
        fill(&mut request);
        let Credentials { username, password } = &self.credentials;
        let key = Key::long_term(PasswordAlgorithm::Md5, username, "r", password);
        request.push(&Username(username)).push(&Realm("r")).push(&Nonce(&self.nonce));
        request.integrity(&key);
        self.socket.send(&message).unwrap();
    }

    fn allocate(&mut self) {
        self.send(Method::ALLOCATE, |request| {
            request.push(&RequestedTransport(17));
        });
    }

    /// 0 gives the allocation back.
    fn refresh(&mut self, seconds: u32) {
        self.send(Method::REFRESH, |request| {
            request.push(&Lifetime(seconds));
        });
        self.succeeds();
    }

    fn succeeds(&self) {
        let answer = receive(&self.socket);
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.class(), Class::Success, "{answer:?}");
        assert_eq!(answer.transaction_id(), TransactionId([self.asked; 12]));
    }
}

/// The next answer to a command.
fn answer(engine: &Engine) -> Event {
    let until = Instant::now() + PATIENCE;
    loop {
        for event in engine.events().unwrap() {
            if let EngineEvent::Shard(event @ (Event::Answered { .. } | Event::Failed { .. })) =
                event
            {
                return event;
            }
        }
        assert!(Instant::now() < until, "no answer");
        // Paced by the media thread.
        engine.counters();
    }
}

fn open(engine: &Engine, number: u64) -> Event {
    engine
        .submit(Command::OpenTransport {
            request: RequestId(number),
            transport: TransportId(number),
            participant: ParticipantId(1),
            offer: OFFER.into(),
            socket: None,
            max_send_bitrate: 0,
        })
        .unwrap();
    answer(engine)
}

/// A connectivity check to the media port, and its answer.
fn check(socket: &UdpSocket, sdp: &str) {
    let attribute = |name| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let username = format!("{}:peer", attribute("a=ice-ufrag:"));
    let mut message = Vec::new();
    Builder::new(&mut message, Class::Request, Method::BINDING, TransactionId([3; 12]))
        .push(&Username(&username))
        .push(&Priority(1_000))
        .integrity(&Key::short_term(attribute("a=ice-pwd:")))
        .fingerprint();
    socket.send(&message).unwrap();
    let answer = receive(socket);
    let mapped = Message::parse(&answer).unwrap().find::<XorMappedAddress>().unwrap();
    assert_eq!(mapped.0, socket.local_addr().unwrap());
}

#[test]
fn clients_go_on_and_their_sockets_end_with_them() {
    let engine = engine();
    let mut turn = Turn::new(&engine);
    turn.allocate();
    turn.succeeds();
    let Event::Answered { answer: sdp, .. } = open(&engine, 1) else { panic!("refused") };
    let port = sdp.lines().find_map(|line| line.strip_prefix("a=candidate:")).unwrap();
    let port = port.split(' ').nth(5).unwrap().parse().unwrap();
    let media = connected(port);
    check(&media, &sdp);

    assert_eq!(engine.release_ports().unwrap(), 2);
    // The ports are free for others, of this test too.
    let others = [engine.turn_port(), port].map(|port| {
        let address = SocketAddr::new(LOCALHOST, port);
        let domain = socket2::Domain::IPV4;
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&address.into()).unwrap();
        socket
    });
    check(&media, &sdp);
    turn.refresh(600);
    wait_for_clients(&engine, 2);
    let Event::Failed { code, message, .. } = open(&engine, 2) else { panic!("answered") };
    assert_eq!((code, message.contains("drains")), ("no-media-port", true), "{message}");

    turn.refresh(0);
    wait_for_clients(&engine, 1);
    engine.submit(Command::CloseTransport { transport: TransportId(1) }).unwrap();
    wait_for_clients(&engine, 0);
    drop(others);
}

#[test]
fn whoever_is_just_coming_goes_on_too() {
    for _ in 0..5 {
        let engine = engine();
        let mut turns: Vec<Turn> = (0..40).map(|_| Turn::new(&engine)).collect();
        turns.iter_mut().for_each(Turn::allocate);
        // Some of the requests wait in the socket now, some may have been read.
        assert_eq!(engine.release_ports().unwrap(), turns.len());
        for turn in &mut turns {
            turn.succeeds();
            turn.refresh(600);
        }
    }
}
