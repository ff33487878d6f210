use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomline_stun::attribute::{IceControlling, Realm};
use roomline_stun::{Key, TransactionId};

use super::*;
use crate::testing::start;
use crate::ufrag_of;

const ID: TransactionId = TransactionId([4; 12]);

fn local(generation: u8) -> Credentials {
    Credentials {
        ufrag: format!("server{generation}"),
        pwd: format!("password-of-the-server-{generation}"),
    }
}

fn remote() -> SocketAddr {
    "198.51.100.7:50000".parse().unwrap()
}

/// A check as a browser sends it to that generation, with `more` before the integrity.
fn check(generation: u8, more: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    check_as(&format!("server{generation}:client{generation}"), &local(generation).pwd, more)
}

fn check_as(username: &str, pwd: &str, more: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut builder = Builder::new(&mut bytes, Class::Request, Method::BINDING, ID);
    builder.push(&Username(username)).push(&Priority(1_853_824_767));
    more(&mut builder);
    builder.integrity(&Key::short_term(pwd)).fingerprint();
    bytes
}

fn nominate(builder: &mut Builder<'_>) {
    builder.push(&IceControlling(1)).push(&UseCandidate);
}

fn agent() -> Agent {
    Agent::new(&local(1), "client1")
}

struct Answer {
    result: Result<Check, Drop>,
    reply: Vec<u8>,
}

impl Answer {
    fn code(&self) -> Option<u16> {
        if self.reply.is_empty() {
            return None;
        }
        let message = Message::parse(&self.reply).unwrap();
        assert_eq!(message.transaction_id(), ID);
        assert!(message.verify_fingerprint());
        assert_eq!(message.class(), Class::Error);
        message.find::<ErrorCode<'_>>().map(|error| error.code)
    }

    fn is_signed(&self, key: &Key) -> bool {
        Message::parse(&self.reply).unwrap().verify_integrity(key).is_ok()
    }
}

fn ask(agent: &mut Agent, bytes: &[u8]) -> Answer {
    let mut reply = b"old".to_vec();
    let result = agent.handle_check(start(), bytes, remote(), &mut reply);
    Answer { result, reply }
}

#[test]
fn a_check_is_answered() {
    let mut agent = agent();
    let now = start();
    assert_eq!(agent.last_received(), None);
    let mut reply = Vec::new();
    let bytes = check(1, |b| {
        b.push(&IceControlling(1));
    });
    assert_eq!(ufrag_of(&bytes), Some("server1"));
    let check = agent.handle_check(now, &bytes, remote(), &mut reply).unwrap();
    let priority = Some(1_853_824_767);
    let generation = Generation::Current;
    assert_eq!(check, Check { remote: remote(), nominated: false, generation, priority });
    let response = Message::parse(&reply).unwrap();
    assert_eq!((response.class(), response.method()), (Class::Success, Method::BINDING));
    assert_eq!(response.transaction_id(), ID);
    assert_eq!(response.find(), Some(XorMappedAddress(remote())));
    assert!(response.verify_fingerprint());
    response.verify_integrity(&Key::short_term(&local(1).pwd)).unwrap();
    assert_eq!(agent.last_received(), Some(now));
    assert_eq!(agent.consent_expires(), Some(now + Duration::from_secs(30)));
}

#[test]
fn a_check_through_a_relay_is_told_the_relayed_address() {
    let mut agent = agent();
    let relayed = "[2001:db8::9]:61000".parse().unwrap();
    let mut reply = Vec::new();
    agent.handle_check(start(), &check(1, nominate), relayed, &mut reply).unwrap();
    let response = Message::parse(&reply).unwrap();
    assert_eq!(response.find(), Some(XorMappedAddress(relayed)));
}

#[test]
fn nomination_is_reported() {
    let mut agent = agent();
    assert!(ask(&mut agent, &check(1, nominate)).result.unwrap().nominated);
    assert!(!ask(&mut agent, &check(1, |_| {})).result.unwrap().nominated);
}

#[test]
fn sha256_integrity_is_answered_alike() {
    let key = Key::short_term(&local(1).pwd);
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, ID)
        .push(&Username("server1:client1"))
        .integrity_sha256(&key)
        .fingerprint();
    let answer = ask(&mut agent(), &bytes);
    assert_eq!(answer.result.unwrap().priority, None);
    assert!(Message::parse(&answer.reply).unwrap().has_integrity_sha256());
    assert!(answer.is_signed(&key));
}

#[test]
fn usernames_must_be_ours_and_the_peers() {
    let pwd = local(1).pwd;
    for username in
        ["server1", "server1:", "client1:server1", "server2:client1", "server1:client1:", ":", ""]
    {
        let answer = ask(&mut agent(), &check_as(username, &pwd, |_| {}));
        assert_eq!(answer.result, Err(Drop::Username), "{username}");
        assert_eq!(answer.code(), Some(401));
    }
}

#[test]
fn wrong_integrity_is_401_and_no_consent() {
    let mut agent = agent();
    let answer = ask(&mut agent, &check_as("server1:client1", "wrong", nominate));
    assert_eq!(answer.result, Err(Drop::Integrity));
    assert_eq!(answer.code(), Some(401));
    assert!(!Message::parse(&answer.reply).unwrap().has_integrity());
    assert!(answer.reply.len() < check(1, |_| {}).len());
    assert_eq!(agent.last_received(), None);
}

#[test]
fn absent_username_or_integrity_is_400() {
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, ID)
        .push(&Username("server1:client1"))
        .fingerprint();
    let answer = ask(&mut agent(), &bytes);
    assert_eq!((answer.code(), answer.result), (Some(400), Err(Drop::BadRequest)));
    bytes.clear();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, ID)
        .integrity(&Key::short_term(&local(1).pwd))
        .fingerprint();
    let answer = ask(&mut agent(), &bytes);
    assert_eq!((answer.code(), answer.result), (Some(400), Err(Drop::BadRequest)));
}

#[test]
fn a_malformed_priority_is_400() {
    let key = Key::short_term(&local(1).pwd);
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, ID)
        .push(&Username("server1:client1"))
        .push_raw(Priority::TYPE, &[1, 2])
        .integrity(&key)
        .fingerprint();
    let answer = ask(&mut agent(), &bytes);
    assert_eq!((answer.code(), answer.result), (Some(400), Err(Drop::BadRequest)));
    assert!(answer.is_signed(&key));
}

#[test]
fn no_fingerprint_no_answer() {
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, ID)
        .push(&Username("server1:client1"))
        .integrity(&Key::short_term(&local(1).pwd));
    let mut wrong = check(1, |_| {});
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    for bytes in [bytes, wrong] {
        let answer = ask(&mut agent(), &bytes);
        assert_eq!((answer.code(), answer.result), (None, Err(Drop::Fingerprint)));
    }
}

#[test]
fn unknown_attributes_are_named() {
    let bytes = check(1, |b| {
        b.push_raw(0x7002, &[]).push_raw(0xc057, &[0; 4]).push(&Realm("r"));
    });
    let answer = ask(&mut agent(), &bytes);
    assert_eq!((answer.code(), answer.result), (Some(420), Err(Drop::UnknownAttribute)));
    let response = Message::parse(&answer.reply).unwrap();
    assert_eq!(response.find(), Some(UnknownAttributes(vec![0x7002, 0x0014])));
    assert!(answer.is_signed(&Key::short_term(&local(1).pwd)));
}

#[test]
fn two_controlled_agents_conflict() {
    let mut agent = agent();
    // A lite agent never changes its role, whatever the tie-breaker.
    for tie_breaker in [0, u64::MAX] {
        let answer = ask(
            &mut agent,
            &check(1, |b| {
                b.push(&IceControlled(tie_breaker)).push(&UseCandidate);
            }),
        );
        assert_eq!((answer.code(), answer.result), (Some(487), Err(Drop::RoleConflict)));
        assert!(answer.is_signed(&Key::short_term(&local(1).pwd)));
    }
    assert!(ask(&mut agent, &check(1, nominate)).result.is_ok());
}

#[test]
fn what_is_no_request_is_not_answered() {
    let built = |class, method| {
        let mut bytes = Vec::new();
        Builder::new(&mut bytes, class, method, ID).fingerprint();
        bytes
    };
    let cases = [
        (vec![], Drop::Malformed),
        (vec![0x80; 40], Drop::Malformed),
        (built(Class::Indication, Method::BINDING), Drop::NotRequest),
        (built(Class::Success, Method::BINDING), Drop::NotRequest),
        (built(Class::Request, Method::ALLOCATE), Drop::NotRequest),
    ];
    for (bytes, drop) in cases {
        let answer = ask(&mut agent(), &bytes);
        assert_eq!((answer.code(), answer.result), (None, Err(drop)));
        assert!(answer.reply.is_empty());
    }
}

#[test]
fn what_follows_integrity_is_ignored() {
    let original = check(1, |_| {});
    // Somebody on the path adds a nomination behind the integrity, and a new FINGERPRINT.
    let tag = &original[original.len() - 28..original.len() - 8];
    let mut forged = Vec::new();
    let mut builder = Builder::new(&mut forged, Class::Request, Method::BINDING, ID);
    Message::parse(&original).unwrap().attributes().for_each(|raw| {
        builder.push_raw(raw.kind, raw.value);
    });
    builder.push_raw(0x0008, tag).push(&UseCandidate).fingerprint();
    assert!(!ask(&mut agent(), &forged).result.unwrap().nominated);
}

#[test]
fn a_restart_keeps_the_old_credentials_until_the_new_pair_is_nominated() {
    let mut agent = agent();
    assert!(ask(&mut agent, &check(1, nominate)).result.is_ok());
    agent.restart(&local(2), "client2");
    assert_eq!(agent.local_ufrags().collect::<Vec<_>>(), ["server2", "server1"]);

    let generation =
        |agent: &mut Agent, bytes: &[u8]| ask(agent, bytes).result.map(|c| c.generation);
    let old = check(1, nominate);
    assert_eq!(generation(&mut agent, &old), Ok(Generation::Previous));
    assert!(ask(&mut agent, &old).is_signed(&Key::short_term(&local(1).pwd)));
    assert_eq!(generation(&mut agent, &check(2, |_| {})), Ok(Generation::Current));
    assert_eq!(generation(&mut agent, &old), Ok(Generation::Previous));
    assert_eq!(agent.poll_retired(), None);

    assert_eq!(generation(&mut agent, &check(2, nominate)), Ok(Generation::Current));
    assert_eq!(agent.poll_retired().as_deref(), Some("server1"));
    assert_eq!(agent.poll_retired(), None);
    assert_eq!(generation(&mut agent, &old), Err(Drop::Username));
    assert_eq!(agent.local_ufrags().collect::<Vec<_>>(), ["server2"]);
}

#[test]
fn user_fragments_of_two_generations_do_not_mix() {
    let mut agent = agent();
    agent.restart(&local(2), "client2");
    for (username, pwd) in [("server1:client2", local(1).pwd), ("server2:client1", local(2).pwd)] {
        let answer = ask(&mut agent, &check_as(username, &pwd, |_| {}));
        assert_eq!(answer.result, Err(Drop::Username));
    }
    let crossed = check_as("server2:client2", &local(1).pwd, |_| {});
    assert_eq!(ask(&mut agent, &crossed).result, Err(Drop::Integrity));
}

#[test]
fn a_second_restart_keeps_the_generation_that_carries_media() {
    let mut agent = agent();
    assert!(ask(&mut agent, &check(1, nominate)).result.is_ok());
    agent.restart(&local(2), "client2");
    agent.restart(&local(3), "client3");
    assert_eq!(agent.poll_retired().as_deref(), Some("server2"));
    assert!(ask(&mut agent, &check(1, |_| {})).result.is_ok());
    assert_eq!(ask(&mut agent, &check(2, |_| {})).result, Err(Drop::Username));
    assert!(ask(&mut agent, &check(3, nominate)).result.is_ok());
    agent.restart(&local(4), "client4");
    assert_eq!(agent.local_ufrags().collect::<Vec<_>>(), ["server4", "server3"]);
    assert_eq!(agent.poll_retired().as_deref(), Some("server1"));
}

#[test]
fn a_restart_before_any_nomination_keeps_what_there_is() {
    let mut agent = agent();
    assert!(ask(&mut agent, &check(1, |_| {})).result.is_ok());
    agent.restart(&local(2), "client2");
    assert!(ask(&mut agent, &check(1, |_| {})).result.is_ok());
    assert!(ask(&mut agent, &check(2, nominate)).result.is_ok());
    assert_eq!(ask(&mut agent, &check(1, |_| {})).result, Err(Drop::Username));
}

#[test]
fn ufrag_of_takes_binding_messages_with_a_colon() {
    assert_eq!(ufrag_of(&check(1, |_| {})), Some("server1"));
    assert_eq!(ufrag_of(&check_as(":x", "p", |_| {})), Some(""));
    assert_eq!(ufrag_of(&check_as("server1", "p", |_| {})), None);
    assert_eq!(ufrag_of(b"no STUN"), None);
    let mut allocate = Vec::new();
    Builder::new(&mut allocate, Class::Request, Method::ALLOCATE, ID).push(&Username("a:b"));
    assert_eq!(ufrag_of(&allocate), None);
}

#[test]
fn mutated_checks_never_pass_and_never_panic() {
    let mut rng = StdRng::seed_from_u64(0x1ce);
    let mut agent = agent();
    let original = check(1, nominate);
    for _ in 0..20_000 {
        let mut bytes = original.clone();
        for _ in 0..rng.random_range(1..4) {
            let index = rng.random_range(0..bytes.len());
            bytes[index] = rng.random();
        }
        bytes.truncate(rng.random_range(1..400));
        let changed = bytes != original;
        let answer = ask(&mut agent, &bytes);
        let _ = ufrag_of(&bytes);
        // CRC-32 and HMAC cover every byte.
        assert!(answer.result.is_err() || !changed, "{bytes:02x?}");
    }
}

#[test]
fn a_copied_check_is_worth_nothing_elsewhere() {
    let (mut agent, mut reply) = (agent(), Vec::new());
    let bytes = check(1, nominate);
    let elsewhere: SocketAddr = "203.0.113.9:4000".parse().unwrap();
    for _ in 0..3 {
        let checked = agent.handle_check(start(), &bytes, remote(), &mut reply);
        assert!(checked.unwrap().nominated, "a retransmission is answered");
        let copied = agent.handle_check(start(), &bytes, elsewhere, &mut reply);
        assert_eq!(copied, Err(Drop::Replayed));
        assert!(reply.is_empty());
    }
}

#[test]
fn the_memory_of_checks_is_bounded() {
    let mut agent = agent();
    for number in 0..=REMEMBERED {
        let mut id = [0; 12];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        agent.remember(TransactionId(id), remote());
    }
    assert_eq!(agent.recent.len(), REMEMBERED);
    assert_eq!(agent.first_seen(TransactionId([0; 12])), None);
}
