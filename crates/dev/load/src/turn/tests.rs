use rand::SeedableRng;

use super::*;

const NOW: Nanos = SECOND;
const PEER: &str = "192.0.2.7:4000";

fn relay(reliable: bool) -> Relay {
    Relay::new("user".into(), "word".into(), reliable, StdRng::seed_from_u64(1))
}

fn key() -> Key {
    Key::long_term(PasswordAlgorithm::Md5, "user", "realm", "word")
}

/// What the server says to a request.
fn reply(request: &[u8], class: Class, fill: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    let request = Message::parse(request).unwrap();
    let mut message = Vec::new();
    let id = request.transaction_id();
    fill(&mut Builder::new(&mut message, class, request.method(), id));
    message
}

fn challenge(request: &[u8], code: u16, nonce: &str) -> Vec<u8> {
    reply(request, Class::Error, |builder| {
        builder.push(&ErrorCode::bare(code)).push(&Realm("realm")).push(&Nonce(nonce));
    })
}

fn success(request: &[u8]) -> Vec<u8> {
    reply(request, Class::Success, |builder| {
        let relayed = "192.0.2.1:5000".parse().unwrap();
        builder.push(&XorRelayedAddress(relayed)).push(&Lifetime(600)).integrity(&key());
    })
}

/// Goes on until there is an allocation.
fn allocate(relay: &mut Relay) {
    let mut out = Vec::new();
    relay.start(NOW, &mut out);
    let asked = out.remove(0);
    relay.handle(&challenge(&asked, 401, "one"), NOW, &mut out);
    let authentic = out.remove(0);
    assert!(Message::parse(&authentic).unwrap().verify_integrity(&key()).is_ok());
    relay.handle(&success(&authentic), NOW, &mut out);
    assert_eq!(relay.relayed(), Some("192.0.2.1:5000".parse().unwrap()));
    assert!(out.is_empty());
}

#[test]
fn datagrams_wait_for_their_channel_and_come_back_through_it() {
    let (mut relay, mut out) = (relay(false), Vec::new());
    allocate(&mut relay);
    let peer = PEER.parse().unwrap();
    assert_eq!(relay.channel(peer, Some(b"first"), NOW, &mut out), None);
    assert_eq!(relay.channel(peer, Some(b"second"), NOW, &mut out), None);
    let [bind] = out.as_slice() else { panic!("one request: {out:?}") };
    let bind = bind.clone();
    out.clear();
    relay.handle(&success(&bind), NOW, &mut out);
    assert_eq!(out, [wrap(0x4000, b"first"), wrap(0x4000, b"second")]);
    assert_eq!(relay.channel(peer, Some(b"third"), NOW, &mut out), Some(0x4000));
    let back = relay.handle(&wrap(0x4000, b"back"), NOW, &mut out);
    assert_eq!(back, Inner::Peer(peer, 4..8));
    assert_eq!(relay.handle(&wrap(0x4001, b"else"), NOW, &mut out), Inner::Nothing);
}

#[test]
fn an_indication_tells_peer_and_content() {
    let (mut relay, mut message, peer) = (relay(false), Vec::new(), PEER.parse().unwrap());
    let id = TransactionId([1; 12]);
    Builder::new(&mut message, Class::Indication, Method::DATA, id)
        .push(&XorPeerAddress(peer))
        .push(&Data(b"content"));
    let Inner::Peer(from, range) = relay.handle(&message, NOW, &mut Vec::new()) else {
        panic!("nothing in it")
    };
    assert_eq!((from, &message[range]), (peer, &b"content"[..]));
}

#[test]
fn a_stale_nonce_is_replaced_and_a_wrong_password_is_final() {
    let (mut relay, mut out) = (relay(true), Vec::new());
    relay.start(NOW, &mut out);
    for (code, nonce) in [(401, "one"), (438, "two")] {
        let asked = out.remove(0);
        relay.handle(&challenge(&asked, code, nonce), NOW, &mut out);
        let again = Message::parse(&out[0]).unwrap();
        assert_eq!(again.find::<Nonce<'_>>().map(|found| found.0), Some(nonce));
    }
    let asked = out.remove(0);
    relay.handle(&challenge(&asked, 401, "three"), NOW, &mut out);
    assert!(relay.failure().unwrap().contains("401"));
}

#[test]
fn requests_are_repeated_over_udp_until_patience_ends() {
    for (reliable, messages) in [(false, usize::from(TRIES)), (true, 1)] {
        let (mut relay, mut out) = (relay(reliable), Vec::new());
        relay.start(NOW, &mut out);
        while relay.failure().is_none() {
            let due = relay.next_timeout();
            relay.poll(due, &mut out);
        }
        assert_eq!((out.len(), relay.next_timeout()), (messages, Nanos::MAX));
    }
}

#[test]
fn allocation_and_channels_are_renewed() {
    let (mut relay, mut out) = (relay(false), Vec::new());
    allocate(&mut relay);
    relay.channel(PEER.parse().unwrap(), None, NOW, &mut out);
    let bind = out.remove(0);
    relay.handle(&success(&bind), NOW, &mut out);
    assert_eq!(relay.next_timeout(), NOW + RENEW);
    relay.poll(NOW + RENEW, &mut out);
    let methods: Vec<Method> = out.iter().map(|m| Message::parse(m).unwrap().method()).collect();
    assert_eq!(methods, [Method::REFRESH, Method::CHANNEL_BIND]);
}
