//! The TURN server: strangers, and clients with credentials who misbehave.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_stun::attribute::{Nonce, Realm, Username};
use roomline_stun::turn::{
    Client, ClientTransport, Config, Credentials, PeerPolicy, Received, Server,
};
use roomline_stun::{Builder, Class, Key, Message, Method, TransactionId};

use crate::input::{Attributes, Steps};

const REALM: &str = "r";
const SECRET: &[u8] = b"secretsecretsecret";
const UNIX: Duration = Duration::from_secs(1_700_000_000);
const RELAYED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const METHODS: [Method; 6] = [
    Method::ALLOCATE,
    Method::REFRESH,
    Method::CREATE_PERMISSION,
    Method::CHANNEL_BIND,
    Method::SEND,
    Method::BINDING,
];

struct Closed;

impl PeerPolicy for Closed {
    fn permit(&self, _: &str, peer: IpAddr) -> bool {
        peer == RELAYED
    }

    fn reach(&self, _: &str, peer: SocketAddr) -> bool {
        peer.ip() == RELAYED && peer.port() > 9_999
    }
}

/// Sends a server messages from eight flows. A step's first byte: bits 0–2 the flow; bit 3: the
/// bytes are attributes of a request that is signed with good credentials, of the method that bits
/// 4–6 choose; bit 7: half a minute passes before.
pub fn turn_server(data: &[u8]) {
    let mut rng = StdRng::seed_from_u64(1);
    let mut config = Config::new(REALM, SECRET, vec![RELAYED], vec![2_000..=2_003]);
    config.max_allocations_per_user = 3;
    let mut server = Server::new(config, &mut rng).expect("a good configuration");
    let mut now = Instant::now();
    let mut reply = Vec::new();
    for (control, bytes) in Steps(data).take(64) {
        if control & 0x80 != 0 {
            now += Duration::from_secs(30);
            server.handle_timeout(now);
        }
        let from = client(control & 7);
        let message = match control & 8 {
            0 => bytes.to_vec(),
            _ => {
                let challenge = request(Method::ALLOCATE, &[], None);
                server.handle(now, UNIX, from, &challenge, &Closed, &mut rng, &mut reply);
                let nonce = nonce_of(&reply);
                request(METHODS[usize::from(control >> 4 & 7) % 6], bytes, nonce.as_deref())
            }
        };
        let received = server.handle(now, UNIX, from, &message, &Closed, &mut rng, &mut reply);
        check(&mut server, &received, &message, &reply);
        if server.handle_binding(now, from.remote, &message, &mut reply) == Received::Reply {
            Message::parse(&reply).expect("a reply is a message");
            assert!(reply.len() <= message.len() + 40, "an answer that amplifies");
        }
    }
    server.handle_timeout(now + Duration::from_secs(7_200));
    assert_eq!(server.allocations(), 0, "an allocation outlived its lifetime");
}

fn check(server: &mut Server<u8>, received: &Received, message: &[u8], reply: &[u8]) {
    assert!(server.allocations() <= 3);
    match received {
        Received::Reply => drop(Message::parse(reply).expect("a reply is a message")),
        Received::Data { allocation, peer, payload, .. } => {
            assert!(Closed.reach("", *peer), "{peer} was reached");
            assert!(payload.end <= message.len());
            let mut out = Vec::new();
            let back = server.encapsulate(*allocation, *peer, &message[payload.clone()], &mut out);
            assert_eq!(back, Ok(out.len()));
        }
        Received::Dropped(_) => assert!(reply.is_empty()),
    }
    while server.poll_event().is_some() {}
}

/// Four UDP flows, two TCP and two TLS.
fn client(flow: u8) -> Client<u8> {
    let transport = match flow {
        0..4 => ClientTransport::Udp,
        4 | 5 => ClientTransport::Tcp,
        _ => ClientTransport::Tls,
    };
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 3478));
    let remote = SocketAddr::from((Ipv4Addr::new(198, 51, 100, flow), 40_000));
    Client { flow, transport, local, remote }
}

fn request(method: Method, attributes: &[u8], nonce: Option<&str>) -> Vec<u8> {
    let class = if method == Method::SEND { Class::Indication } else { Class::Request };
    let mut out = Vec::new();
    // Another transaction for another content, so that a repetition is one.
    let id = attributes.iter().fold(7u64, |id, b| id.wrapping_mul(31).wrapping_add(u64::from(*b)));
    let mut transaction = [0; 12];
    transaction[..8].copy_from_slice(&id.to_be_bytes());
    let mut builder = Builder::new(&mut out, class, method, TransactionId(transaction));
    for (kind, value) in Attributes(attributes) {
        builder.push_raw(kind, value);
    }
    if let Some(nonce) = nonce {
        let Credentials { username, password } =
            Credentials::issue(SECRET, UNIX + Duration::from_secs(60), 5);
        builder.push(&Username(&username)).push(&Realm(REALM)).push(&Nonce(nonce));
        builder.integrity(&key(&username, &password));
    }
    out
}

fn key(username: &str, password: &str) -> Key {
    let algorithm = roomline_stun::PasswordAlgorithm::Md5;
    Key::long_term(algorithm, username, REALM, password)
}

fn nonce_of(reply: &[u8]) -> Option<String> {
    let message = Message::parse(reply).ok()?;
    message.find::<Nonce<'_>>().map(|nonce| nonce.0.to_owned())
}
