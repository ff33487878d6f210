//! Relaying media takes no memory: what every packet goes through is counted here.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_stun::attribute::{
    ChannelNumber, Nonce, Realm, RequestedTransport, Username, XorPeerAddress,
};
use roomline_stun::turn::{
    Client, ClientTransport, Config, Credentials, PeerPolicy, Received, Server,
};
use roomline_stun::{
    Builder, Class, Key, Message, Method, PasswordAlgorithm, TransactionId, channel_header,
};

struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Anybody;

impl PeerPolicy for Anybody {
    fn permit(&self, _: &str, _: IpAddr) -> bool {
        true
    }

    fn reach(&self, _: &str, _: SocketAddr) -> bool {
        true
    }
}

struct Call {
    server: Server<u32>,
    now: Instant,
    rng: StdRng,
    reply: Vec<u8>,
}

const UNIX: Duration = Duration::from_secs(1_800_000_000);
const CHANNEL: u16 = 0x4000;

impl Call {
    #[expect(clippy::disallowed_methods, reason = "the one clock reading of the test")]
    fn new() -> Call {
        let mut rng = StdRng::seed_from_u64(1);
        let relayed = vec![IpAddr::from([203, 0, 113, 1])];
        let config = Config::new("r", [7; 16], relayed, vec![50_000..=50_099]);
        let server = Server::new(config, &mut rng).unwrap();
        Call { server, now: Instant::now(), rng, reply: Vec::new() }
    }

    fn handle(&mut self, message: &[u8]) -> Received {
        let from = Client {
            flow: 1,
            transport: ClientTransport::Udp,
            local: SocketAddr::from(([203, 0, 113, 1], 3478)),
            remote: SocketAddr::from(([198, 51, 100, 7], 9)),
        };
        let Call { server, now, rng, reply } = self;
        server.handle(*now, UNIX, from, message, &Anybody, rng, reply)
    }

    fn request(&mut self, method: Method, fill: impl Fn(&mut Builder<'_>)) {
        let Credentials { username, password } = Credentials::issue(&[7; 16], UNIX, 1);
        let key = Key::long_term(PasswordAlgorithm::Md5, &username, "r", &password);
        let mut nonce = String::new();
        // The first try is answered with a nonce.
        for _ in 0..2 {
            let mut message = Vec::new();
            let id = TransactionId::random(&mut self.rng);
            let mut builder = Builder::new(&mut message, Class::Request, method, id);
            fill(&mut builder);
            builder.push(&Username(&username)).push(&Realm("r")).push(&Nonce(&nonce));
            builder.integrity(&key);
            assert_eq!(self.handle(&message), Received::Reply);
            let reply = Message::parse(&self.reply).unwrap();
            nonce = reply.find::<Nonce<'_>>().map_or(nonce, |fresh| fresh.0.to_owned());
        }
        assert_eq!(Message::parse(&self.reply).unwrap().class(), Class::Success);
    }
}

#[test]
fn channel_data_takes_no_memory() {
    let peer = SocketAddr::from(([203, 0, 113, 1], 40_000));
    let mut call = Call::new();
    call.request(Method::ALLOCATE, |b| {
        b.push(&RequestedTransport::UDP);
    });
    call.request(Method::CHANNEL_BIND, |b| {
        b.push(&ChannelNumber(CHANNEL)).push(&XorPeerAddress(peer));
    });
    let mut message = channel_header(CHANNEL, 1200).to_vec();
    message.resize(4 + 1200, 0);
    let allocation = call.server.allocation_of(1).unwrap();
    let mut out = Vec::with_capacity(2000);

    let before = TAKEN.load(Ordering::Relaxed);
    for _ in 0..1000 {
        assert!(matches!(call.handle(&message), Received::Data { .. }));
        out.clear();
        assert_eq!(call.server.channel_of(allocation, peer), Some(CHANNEL));
        call.server.encapsulate(allocation, peer, &message[4..], &mut out).unwrap();
    }
    assert_eq!(TAKEN.load(Ordering::Relaxed) - before, 0);
}
