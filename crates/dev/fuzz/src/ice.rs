//! Connectivity checks.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use roomline_ice::{Agent, Credentials, ufrag_of};
use roomline_stun::attribute::Username;
use roomline_stun::{Builder, Class, Key, Message, Method, TransactionId};

use crate::input::{Attributes, Steps};

/// What a check to the agent of this target carries.
pub const USERNAME: &str = "local:remote";

/// What such a check is signed with.
pub const LOCAL_PWD: &str = "passwordpasswordpassword";

/// Sends an agent checks: as they are, or (with the lowest bit of a step's first byte) signed,
/// with the bytes as attributes. With the next bit the agent restarts before.
pub fn ice_check(data: &[u8]) {
    let local = Credentials { ufrag: "local".to_owned(), pwd: LOCAL_PWD.to_owned() };
    let mut agent = Agent::new(&local, "remote");
    let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let now = Instant::now();
    let mut reply = Vec::new();
    for (control, bytes) in Steps(data).take(64) {
        if control & 2 != 0 {
            agent.restart(&local, "remote");
        }
        let signed = if control & 1 == 0 { bytes.to_vec() } else { sign(bytes) };
        let _ = ufrag_of(&signed);
        let accepted = agent.handle_check(now, &signed, remote, &mut reply).is_ok();
        assert!(!accepted || agent.consent_expires().is_some());
        assert!(!accepted || !reply.is_empty());
        if !reply.is_empty() {
            Message::parse(&reply).expect("a reply is a message");
        }
        while agent.poll_retired().is_some() {}
        assert!(agent.local_ufrags().count() <= 2);
    }
}

fn sign(attributes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let transaction = TransactionId([3; 12]);
    let mut builder = Builder::new(&mut out, Class::Request, Method::BINDING, transaction);
    builder.push(&Username(USERNAME));
    for (kind, value) in Attributes(attributes) {
        builder.push_raw(kind, value);
    }
    builder.integrity(&Key::short_term(LOCAL_PWD)).fingerprint();
    out
}
