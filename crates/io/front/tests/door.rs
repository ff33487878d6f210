//! The front door over loopback, with a rustls client.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use roomline_front::{
    Front, FrontConfig, FrontError, Handover, ReadOutcome, StillListening, TurnConnection,
};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const PATIENCE: Duration = Duration::from_secs(10);
const BINDING: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xA4\x42transaction!";

struct Rig {
    front: Front,
    handovers: Receiver<Handover>,
    roots: RootCertStore,
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn identity() -> (Vec<u8>, Vec<u8>, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let certificate = made.cert.der().clone();
    (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes(), certificate)
}

impl Rig {
    fn new(max_connections_per_address: usize) -> Rig {
        let (certificate_pem, private_key_pem, der) = identity();
        let (sender, handovers) = channel();
        let config = FrontConfig {
            https: vec!["127.0.0.1:0".parse().unwrap()],
            turn_tcp: vec!["127.0.0.1:0".parse().unwrap()],
            certificate_pem,
            private_key_pem,
            max_connections_per_address,
        };
        let deliver = Box::new(move |h| sender.send(h).unwrap_or_default());
        let front = Front::start(config, deliver).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(der).unwrap();
        Rig { front, handovers, roots }
    }

    fn tcp(&self, port: u16) -> TcpStream {
        let tcp = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp
    }

    fn tls(&self) -> Tls {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(connection, self.tcp(self.front.https_port()))
    }

    fn http(&self) -> (UnixStream, SocketAddr) {
        match self.handovers.recv_timeout(PATIENCE).unwrap() {
            Handover::Http(http) => {
                let app = UnixStream::from(http.fd);
                app.set_nonblocking(false).unwrap();
                app.set_read_timeout(Some(PATIENCE)).unwrap();
                (app, http.client)
            }
            Handover::Turn(_) => panic!("TURN where HTTP was expected"),
        }
    }

    fn turn(&self) -> Box<TurnConnection> {
        match self.handovers.recv_timeout(PATIENCE).unwrap() {
            Handover::Turn(turn) => turn,
            Handover::Http(_) => panic!("HTTP where TURN was expected"),
        }
    }

    fn counted(&self, label: &str) -> u64 {
        self.front.counters().iter().find(|(_, l, _)| *l == label).unwrap().2
    }
}

/// Read until `wanted` bytes are there; the socket is non-blocking and polled.
fn read_turn(turn: &mut TurnConnection, wanted: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut poll = mio::Poll::new().unwrap();
    poll.registry().register(turn.source(), mio::Token(0), mio::Interest::READABLE).unwrap();
    while bytes.len() < wanted {
        assert_eq!(turn.read(&mut bytes).unwrap(), ReadOutcome::Open);
        if bytes.len() < wanted {
            poll.poll(&mut mio::Events::with_capacity(4), Some(PATIENCE)).unwrap();
        }
    }
    poll.registry().deregister(turn.source()).unwrap();
    bytes
}

#[test]
fn http_over_tls_reaches_the_application_with_the_true_address() {
    let rig = Rig::new(16);
    let mut client = rig.tls();
    client.write_all(b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n").unwrap();
    let (mut app, address) = rig.http();
    assert_eq!(address, client.sock.local_addr().unwrap());
    let mut request = [0; 48];
    let n = app.read(&mut request).unwrap();
    assert!(request[..n].starts_with(b"GET / HTTP/1.1\r\n"));
    app.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").unwrap();
    drop(app);
    let mut response = Vec::new();
    client.read_to_end(&mut response).unwrap();
    assert_eq!(response, b"HTTP/1.1 200 OK\r\n\r\nhello");
}

#[test]
fn large_bodies_pass_both_ways_and_a_half_closed_client_is_answered() {
    let rig = Rig::new(16);
    let mut client = rig.tls();
    let body: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
    client.write_all(b"POST /x HTTP/1.1\r\n\r\n").unwrap();
    let (mut app, _) = rig.http();
    let echo = std::thread::spawn(move || {
        let mut received = Vec::new();
        app.read_to_end(&mut received).unwrap();
        app.write_all(&received).unwrap();
    });
    client.write_all(&body).unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    echo.join().unwrap();
    assert_eq!(&back[back.len() - body.len()..], &body[..]);
}

#[test]
fn an_application_that_closes_with_bytes_unread_is_still_heard() {
    let rig = Rig::new(16);
    let mut client = rig.tls();
    client.write_all(b"POST / HTTP/1.1\r\n\r\nnobody reads this").unwrap();
    let (mut app, _) = rig.http();
    app.read_exact(&mut [0; 4]).unwrap();
    app.write_all(b"the last word").unwrap();
    drop(app);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"the last word");
}

#[test]
fn turn_over_tls_shares_the_port() {
    let rig = Rig::new(16);
    let mut client = rig.tls();
    client.write_all(&BINDING).unwrap();
    let mut turn = rig.turn();
    assert!(turn.is_tls());
    assert_eq!(turn.remote(), client.sock.local_addr().unwrap());
    assert_eq!(read_turn(&mut turn, 20), BINDING);
    let now = Instant::now();
    turn.queue(b"reply", false, now);
    turn.queue(b"media", true, now);
    turn.flush(now).unwrap();
    let mut back = [0; 10];
    client.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"replymedia");
}

#[test]
fn turn_over_tcp_has_its_own_port_and_refuses_http() {
    let rig = Rig::new(16);
    let mut client = rig.tcp(rig.front.turn_port());
    client.write_all(&BINDING).unwrap();
    let mut turn = rig.turn();
    assert!(!turn.is_tls());
    assert_eq!(read_turn(&mut turn, 20), BINDING);
    let mut other = rig.tcp(rig.front.turn_port());
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(rig.counted("front-unknown-protocol"), 1);
}

#[test]
fn noise_is_closed_and_counted() {
    let rig = Rig::new(16);
    let mut noise = rig.tcp(rig.front.https_port());
    noise.write_all(&[0xA5; 300]).unwrap();
    let mut answer = Vec::new();
    // An alert may come before the end; a reset is an end too.
    let _ = noise.read_to_end(&mut answer);
    assert_eq!(rig.counted("front-tls-handshake"), 1);

    let mut inside = rig.tls();
    inside.write_all(b"SSH-2.0-x\r\n").unwrap();
    assert!(matches!(inside.read(&mut [0; 8]), Ok(0) | Err(_)));
    assert_eq!(rig.counted("front-unknown-protocol"), 1);
}

#[test]
fn one_address_can_not_hold_every_connection() {
    let rig = Rig::new(2);
    let _idle = [rig.tcp(rig.front.https_port()), rig.tcp(rig.front.https_port())];
    let mut third = rig.tcp(rig.front.https_port());
    assert!(matches!(third.read(&mut [0; 8]), Ok(0) | Err(_)));
    assert_eq!(rig.counted("front-address-limit"), 1);
}

#[test]
fn one_address_can_not_hold_every_place_for_http() {
    let rig = Rig::new(2);
    let request = |rig: &Rig| {
        let mut client = rig.tls();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        client
    };
    let mut open: Vec<_> = (0..32).map(|_| (request(&rig), rig.http())).collect();
    let mut refused = request(&rig);
    assert!(matches!(refused.read(&mut [0; 8]), Ok(0) | Err(_)));
    assert_eq!(rig.counted("front-address-limit"), 1);
    // One that ends makes room.
    let (mut client, (app, _)) = open.pop().unwrap();
    drop(app);
    client.read_to_end(&mut Vec::new()).unwrap();
    let _again = (request(&rig), rig.http());
}

#[test]
fn a_peer_that_sends_without_end_is_read_in_turns() {
    const SENT: usize = 1_000_000;
    let rig = Rig::new(16);
    let tcp = rig.tcp(rig.front.turn_port());
    for mut client in [Box::new(rig.tls()) as Box<dyn Write + Send>, Box::new(tcp)] {
        client.write_all(&BINDING).unwrap();
        let mut turn = rig.turn();
        let sender = std::thread::spawn(move || {
            client.write_all(&vec![7; SENT]).unwrap();
            client.flush().unwrap();
            client
        });
        let mut poll = mio::Poll::new().unwrap();
        poll.registry().register(turn.source(), mio::Token(0), mio::Interest::READABLE).unwrap();
        let (mut total, mut turns) = (0, 0);
        while total < BINDING.len() + SENT {
            let mut bytes = Vec::new();
            let outcome = turn.read(&mut bytes).unwrap();
            assert!(bytes.len() <= 128 * 1024, "{} bytes in one turn", bytes.len());
            total += bytes.len();
            match outcome {
                ReadOutcome::More => turns += 1,
                ReadOutcome::Open if total < BINDING.len() + SENT => {
                    poll.poll(&mut mio::Events::with_capacity(4), Some(PATIENCE)).unwrap();
                }
                ReadOutcome::Open => {}
                ReadOutcome::Closed => panic!("closed"),
            }
        }
        assert!(turns > 0, "never more than a turn's worth at once");
        sender.join().unwrap();
    }
}

#[test]
fn a_renewed_certificate_is_used_at_once_and_a_wrong_one_never() {
    let mut rig = Rig::new(16);
    let (certificate, key, der) = identity();
    let (_, other_key, _) = identity();
    assert!(matches!(
        rig.front.reload_certificate(&certificate, &other_key),
        Err(FrontError::Certificate(_))
    ));
    rig.front.reload_certificate(&certificate, &key).unwrap();
    rig.roots = RootCertStore::empty();
    rig.roots.add(der).unwrap();
    let mut client = rig.tls();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    rig.http();
}

#[test]
fn a_door_that_does_not_close_is_told_and_one_that_does_later_is_closed() {
    let (certificate_pem, private_key_pem, _) = identity();
    let config = FrontConfig {
        https: Vec::new(),
        turn_tcp: vec!["127.0.0.1:0".parse().unwrap()],
        certificate_pem,
        private_key_pem,
        max_connections_per_address: 16,
    };
    let (busy, is_busy) = channel();
    let (go_on, wait) = channel();
    let deliver = Box::new(move |_| {
        busy.send(()).unwrap();
        wait.recv().unwrap();
    });
    let front = Front::start(config, deliver).unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", front.turn_port())).unwrap();
    client.write_all(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]).unwrap();
    client.write_all(&[0; 12]).unwrap();
    is_busy.recv_timeout(PATIENCE).unwrap();
    assert_eq!(front.stop_accepting(), Err(StillListening));
    go_on.send(()).unwrap();
    assert_eq!(front.stop_accepting(), Ok(()));
    assert!(TcpStream::connect(("127.0.0.1", front.turn_port())).is_err());
}

#[test]
fn accepting_stops_and_connections_go_on() {
    let rig = Rig::new(16);
    let mut client = rig.tls();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let (mut app, _) = rig.http();
    rig.front.stop_accepting().unwrap();
    app.write_all(b"still here").unwrap();
    let mut answer = [0; 10];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"still here");
    let listener = SocketAddr::from(([127, 0, 0, 1], rig.front.https_port()));
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(listener).is_ok() {
        assert!(Instant::now() < deadline, "the listener stays open");
    }
    client.sock.shutdown(Shutdown::Both).unwrap();
}
