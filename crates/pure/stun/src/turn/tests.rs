//! The server against the checklists of RFC 8656 and RFC 8489, in virtual time.

mod allocate;
mod auth;
mod data;
mod expiry;
mod peers;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::attribute::*;
use crate::testing::start;
use crate::{Builder, Class, Key, Message, Method, PasswordAlgorithm as Algorithm, TransactionId};

const SECRET: &[u8] = b"0123456789abcdef";
const REALM: &str = "rl";
const UNIX: Duration = Duration::from_secs(1_800_000_000);
const PEER: &str = "192.0.2.1:40000";
const PEER_V6: &str = "[2001:db8::1]:40000";

/// Any media address may be permitted; only ports from 40,000 up may be reached.
struct Closed;

impl PeerPolicy for Closed {
    fn permit(&self, _: &str, peer: IpAddr) -> bool {
        [addr(PEER).ip(), addr(PEER_V6).ip()].contains(&peer)
    }

    fn reach(&self, user: &str, peer: SocketAddr) -> bool {
        self.permit(user, peer.ip()) && peer.port() >= 40_000
    }
}

/// For tests that need many peers.
struct Open;

impl PeerPolicy for Open {
    fn permit(&self, _: &str, _: IpAddr) -> bool {
        true
    }

    fn reach(&self, _: &str, _: SocketAddr) -> bool {
        true
    }
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn peer(text: &str) -> XorPeerAddress {
    XorPeerAddress(addr(text))
}

/// A server and the time around it.
struct Bench {
    server: Server<u32>,
    now: Instant,
    unix: Duration,
    rng: StdRng,
    policy: &'static dyn PeerPolicy,
    reply: Vec<u8>,
}

/// One client on one 5-tuple.
#[derive(Clone)]
struct Phone {
    client: Client<u32>,
    credentials: Credentials,
    nonce: String,
    sha256: bool,
}

impl Phone {
    fn key(&self) -> Key {
        let algorithm = if self.sha256 { Algorithm::Sha256 } else { Algorithm::Md5 };
        Key::long_term(algorithm, &self.credentials.username, REALM, &self.credentials.password)
    }

    fn id(&self) -> TransactionId {
        TransactionId([self.client.flow as u8; 12])
    }
}

/// A response, owned.
#[derive(Clone, Debug, PartialEq)]
struct Response(Vec<u8>);

impl Response {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.0).unwrap()
    }

    /// 0 for success.
    fn code(&self) -> u16 {
        let message = self.message();
        match message.class() {
            Class::Success => 0,
            Class::Error => message.find::<ErrorCode<'_>>().unwrap().code,
            other => panic!("{other:?} is no response"),
        }
    }
}

fn config() -> Config {
    let relayed = vec![ip("203.0.113.1"), ip("2001:db8:9::1")];
    Config::new(REALM, SECRET, relayed, vec![50_000..=50_999])
}

fn bench() -> Bench {
    bench_with(config())
}

fn bench_with(config: Config) -> Bench {
    let mut rng = StdRng::seed_from_u64(42);
    let server = Server::new(config, &mut rng).unwrap();
    Bench { server, now: start(), unix: UNIX, rng, policy: &Closed, reply: Vec::new() }
}

impl Bench {
    /// A client with valid credentials and a nonce.
    fn phone(&mut self, flow: u32) -> Phone {
        self.phone_over(flow, ClientTransport::Udp)
    }

    fn phone_over(&mut self, flow: u32, transport: ClientTransport) -> Phone {
        let remote = SocketAddr::from(([198, 51, 100, 7], 10_000 + flow as u16));
        let client = Client { flow, transport, local: addr("203.0.113.1:3478"), remote };
        let credentials = Credentials::issue(SECRET, UNIX + Duration::from_secs(60), 7);
        let mut phone = Phone { client, credentials, nonce: String::new(), sha256: false };
        phone.nonce = self.challenge(&phone);
        phone
    }

    fn challenge(&mut self, phone: &Phone) -> String {
        let response = self.bare(phone, Method::ALLOCATE, |_| {});
        assert_eq!(response.code(), 401);
        let message = response.message();
        message.find::<Nonce<'_>>().unwrap().0.to_owned()
    }

    fn send(&mut self, phone: &Phone, bytes: &[u8]) -> Received {
        self.server.handle(
            self.now,
            self.unix,
            phone.client,
            bytes,
            self.policy,
            &mut self.rng,
            &mut self.reply,
        )
    }

    fn expect(&mut self, phone: &Phone, bytes: &[u8]) -> Response {
        assert_eq!(self.send(phone, bytes), Received::Reply);
        let response = Response(self.reply.clone());
        let request = Message::parse(bytes).unwrap();
        assert_eq!(response.message().transaction_id(), request.transaction_id());
        assert_eq!(response.message().method(), request.method());
        response
    }

    /// A request without integrity.
    fn bare(
        &mut self,
        phone: &Phone,
        method: Method,
        fill: impl FnOnce(&mut Builder<'_>),
    ) -> Response {
        let mut bytes = Vec::new();
        fill(&mut Builder::new(&mut bytes, Class::Request, method, phone.id()));
        self.expect(phone, &bytes)
    }

    /// An authenticated request; its response's integrity is checked.
    fn request(
        &mut self,
        phone: &Phone,
        method: Method,
        fill: impl FnOnce(&mut Builder<'_>),
    ) -> Response {
        let id = TransactionId::random(&mut self.rng);
        self.request_with(phone, method, id, fill)
    }

    fn request_with(
        &mut self,
        phone: &Phone,
        method: Method,
        id: TransactionId,
        fill: impl FnOnce(&mut Builder<'_>),
    ) -> Response {
        let bytes = signed(phone, method, id, fill);
        let response = self.expect(phone, &bytes);
        if !matches!(response.code(), 401 | 438) {
            let message = response.message();
            assert_eq!(message.has_integrity_sha256(), phone.sha256);
            message.verify_integrity(&phone.key()).unwrap();
        }
        response
    }

    fn allocate(&mut self, phone: &Phone, fill: impl FnOnce(&mut Builder<'_>)) -> Response {
        self.request(phone, Method::ALLOCATE, |b| {
            b.push(&RequestedTransport::UDP);
            fill(b);
        })
    }

    /// A client that has an allocation.
    fn allocated(&mut self, flow: u32, transport: ClientTransport) -> (Phone, AllocationId) {
        let phone = self.phone_over(flow, transport);
        assert_eq!(self.allocate(&phone, |_| {}).code(), 0);
        let id = self.server.allocation_of(flow).unwrap();
        let created = Event::Created { allocation: id, flow };
        assert_eq!(self.server.poll_event(), Some(created));
        (phone, id)
    }

    fn permit(&mut self, phone: &Phone, address: &str) -> u16 {
        self.request(phone, Method::CREATE_PERMISSION, |b| {
            b.push(&peer(address));
        })
        .code()
    }

    fn bind(&mut self, phone: &Phone, number: u16, address: &str) -> u16 {
        self.request(phone, Method::CHANNEL_BIND, |b| {
            b.push(&ChannelNumber(number)).push(&peer(address));
        })
        .code()
    }

    fn refresh(&mut self, phone: &Phone, lifetime: u32) -> Response {
        self.request(phone, Method::REFRESH, |b| {
            b.push(&Lifetime(lifetime));
        })
    }

    fn pass(&mut self, seconds: u64) {
        let step = Duration::from_secs(seconds);
        (self.now, self.unix) = (self.now + step, self.unix + step);
        self.server.handle_timeout(self.now);
    }
}

fn signed(
    phone: &Phone,
    method: Method,
    id: TransactionId,
    fill: impl FnOnce(&mut Builder<'_>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut builder = Builder::new(&mut bytes, Class::Request, method, id);
    fill(&mut builder);
    builder.push(&Username(&phone.credentials.username));
    builder.push(&Realm(REALM)).push(&Nonce(&phone.nonce));
    if phone.sha256 {
        builder.push(&PasswordAlgorithm(2)).push(&PasswordAlgorithms::OURS);
        builder.integrity_sha256(&phone.key());
    } else {
        builder.integrity(&phone.key());
    }
    bytes
}

fn send_indication(address: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Indication, Method::SEND, TransactionId([9; 12]))
        .push(&peer(address))
        .push(&Data(payload));
    bytes
}

fn channel_data(number: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = crate::channel_header(number, payload.len() as u16).to_vec();
    bytes.extend_from_slice(payload);
    bytes
}
