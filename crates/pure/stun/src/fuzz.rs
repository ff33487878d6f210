//! Random and mutated bytes for every parser: none may panic, whatever it makes of them.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::attribute::*;
use crate::framing::{self, Decoder};
use crate::testing::start;
use crate::turn::{Client, ClientTransport, Config, Credentials, PeerPolicy, Server, canonical};
use crate::{
    Builder, ChannelData, Class, Key, Message, Method, PasswordAlgorithm as Algorithm,
    TransactionId, is_stun,
};

const ROUNDS: usize = 20_000;

struct Everybody;

impl PeerPolicy for Everybody {
    fn permit(&self, _: &str, peer: std::net::IpAddr) -> bool {
        assert_eq!(canonical(peer), peer, "a disguised address reached the policy");
        true
    }

    fn reach(&self, user: &str, peer: std::net::SocketAddr) -> bool {
        self.permit(user, peer.ip())
    }
}

/// A message with attributes chosen at random, some of them well-formed.
fn message(rng: &mut StdRng) -> Vec<u8> {
    let classes = [Class::Request, Class::Request, Class::Indication, Class::Success];
    let mut bytes = Vec::new();
    let method = Method(rng.random_range(1..11));
    let id = TransactionId::random(rng);
    let mut builder = Builder::new(&mut bytes, classes[rng.random_range(0..4)], method, id);
    for _ in 0..rng.random_range(0..6) {
        if rng.random_ratio(9, 10) {
            plausible(&mut builder, rng);
            continue;
        }
        let kind = [0, 0x8000, 0x8020][rng.random_range(0..3)] + rng.random_range(0..0x30);
        let mut value = vec![0; rng.random_range(0..40)];
        rng.fill(&mut value[..]);
        builder.push_raw(kind, &value);
    }
    if rng.random() {
        builder.integrity(&Key::short_term("p"));
    }
    if rng.random() {
        builder.fingerprint();
    }
    bytes
}

/// An attribute that a client would send.
fn plausible(builder: &mut Builder<'_>, rng: &mut StdRng) {
    let port = 5000 + rng.random_range(0..3);
    match rng.random_range(0..9) {
        0 => builder.push(&XorPeerAddress(([192, 0, 2, 9], port).into())),
        1 => builder.push(&XorPeerAddress(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 9], port).into())),
        2 => builder.push(&ChannelNumber(0x4000 + port % 4)),
        3 => builder.push(&Lifetime(rng.random_range(0..4) * 300)),
        4 => builder.push(&RequestedAddressFamily(rng.random_range(0..4))),
        5 => builder.push(&AdditionalAddressFamily(2)),
        6 => builder.push(&EvenPort { reserve_next: rng.random() }),
        7 => builder.push(&Data(b"data")),
        _ => builder.push(&DontFragment),
    };
}

/// Flips, cuts and lengthens.
fn mutate(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    for _ in 0..rng.random_range(0..4) {
        match rng.random_range(0..4) {
            0 if !bytes.is_empty() => {
                let index = rng.random_range(0..bytes.len());
                bytes[index] = rng.random();
            }
            1 => bytes.truncate(rng.random_range(0..=bytes.len())),
            2 => bytes.push(rng.random()),
            // A length field that fits is what gets furthest.
            _ if bytes.len() >= 4 => {
                let length = (bytes.len() as u16).wrapping_sub(20);
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
            }
            _ => {}
        }
    }
}

fn sample(rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = match rng.random_range(0..4) {
        0 => {
            let mut noise = vec![0; rng.random_range(0..80)];
            rng.fill(&mut noise[..]);
            noise
        }
        1 => {
            let mut data = crate::channel_header(rng.random_range(0x3ff0..0x5010), 12).to_vec();
            data.resize(rng.random_range(0..20), 7);
            data
        }
        _ => message(rng),
    };
    if rng.random() {
        mutate(&mut bytes, rng);
    }
    bytes
}

fn read_everything(bytes: &[u8]) {
    let _ = (is_stun(bytes), framing::sniff(bytes), ChannelData::parse(bytes));
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = (message.class(), message.method(), message.transaction_id());
    let _ = (message.verify_fingerprint(), message.verify_integrity(&Key::short_term("p")));
    assert!(message.attributes().count() <= bytes.len() / 4);
    let _ = (message.get::<Username<'_>>(), message.get::<ErrorCode<'_>>());
    let _ = (message.get::<XorMappedAddress>(), message.get::<XorRelayedAddress>());
    let _ = (message.get::<UnknownAttributes>(), message.get::<AddressErrorCode>());
    let _ = (message.get::<PasswordAlgorithm>(), message.get::<ReservationToken>());
    let _ = (message.get::<IceControlling>(), message.get::<IceControlled>());
    let _ = (message.all::<XorPeerAddress>().count(), message.unknown_required(&[]).count());
}

#[test]
fn parsers_take_anything() {
    let mut rng = StdRng::seed_from_u64(0x5754_554e);
    for _ in 0..ROUNDS {
        read_everything(&sample(&mut rng));
    }
}

#[test]
fn the_decoder_takes_anything_and_keeps_order() {
    let mut rng = StdRng::seed_from_u64(0x6672_616d);
    for _ in 0..ROUNDS / 10 {
        let mut decoder = Decoder::new();
        for _ in 0..rng.random_range(1..8) {
            if decoder.push(&sample(&mut rng)).is_err() {
                break;
            }
            while let Ok(Some(message)) = decoder.next() {
                let known = is_stun(message) || ChannelData::parse(message).is_ok();
                assert!(known, "{message:?}");
            }
        }
        assert!(decoder.buffered() <= framing::MAX_BUFFERED);
    }
}

/// The same request with credentials, so that what lies behind them is reached.
fn authenticated(
    bytes: &[u8],
    credentials: &Credentials,
    nonce: &str,
    rng: &mut StdRng,
) -> Vec<u8> {
    let Ok(old) = Message::parse(bytes) else { return bytes.to_vec() };
    let Credentials { username, password } = credentials;
    let mut signed = Vec::new();
    let mut builder = Builder::new(&mut signed, old.class(), old.method(), old.transaction_id());
    builder.push(&Username(username)).push(&Realm("r")).push(&Nonce(nonce));
    builder.push(&RequestedTransport::UDP);
    for raw in old.attributes().filter(|raw| !(0x1c..0x1f).contains(&raw.kind)) {
        builder.push_raw(raw.kind, raw.value);
    }
    if rng.random() {
        builder.push(&ChannelNumber(0x4001)).push(&XorPeerAddress(([192, 0, 2, 9], 9).into()));
    }
    builder.integrity(&Key::long_term(Algorithm::Md5, username, "r", password));
    signed
}

fn client(flow: u8) -> Client<u8> {
    let even = flow.is_multiple_of(2);
    let transport = if even { ClientTransport::Udp } else { ClientTransport::Tls };
    let remote = ([198, 51, 100, 1], 4000 + u16::from(flow)).into();
    Client { flow, transport, local: ([192, 0, 2, 1], 3478).into(), remote }
}

#[test]
fn the_server_takes_anything() {
    let mut rng = StdRng::seed_from_u64(0x7475_726e);
    let relayed = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    let config = Config::new("r", [7; 16], relayed, vec![2000..=2999]);
    let mut server = Server::new(config, &mut rng).unwrap();
    let (mut now, mut unix) = (start(), Duration::from_secs(1_000_000));
    let credentials = Credentials::issue(&[7; 16], Duration::from_secs(u64::MAX / 2), 1);
    let mut nonces = [const { String::new() }; 4];
    let mut reply = Vec::new();
    let (mut events, mut successes) = (0, 0);
    for _ in 0..ROUNDS {
        let flow: u8 = rng.random_range(0..4);
        let nonce = &mut nonces[usize::from(flow)];
        let mut bytes = sample(&mut rng);
        if rng.random() {
            bytes = authenticated(&bytes, &credentials, nonce, &mut rng);
        }
        let _ = server.handle(now, unix, client(flow), &bytes, &Everybody, &mut rng, &mut reply);
        read_everything(&reply);
        if let Ok(reply) = Message::parse(&reply) {
            successes += usize::from(reply.class() == Class::Success);
            reply.find::<Nonce<'_>>().into_iter().for_each(|fresh| *nonce = fresh.0.to_owned());
        }
        let longest = if rng.random_ratio(1, 200) { 900_000 } else { 2_000 };
        let step = Duration::from_millis(rng.random_range(0..longest));
        (now, unix) = (now + step, unix + step);
        server.handle_timeout(now);
        assert!(server.poll_timeout().is_none_or(|next| next > now));
        events += std::iter::from_fn(|| server.poll_event()).count();
    }
    // The random requests do get behind the credentials.
    assert!(events > 50 && successes > 100, "{events} events, {successes} successes");
}
