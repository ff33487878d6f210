//! An allocation at the server's own TURN.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::Wire;
use roomline_stun::attribute::{
    ChannelNumber, Nonce, Realm, RequestedTransport, Username, XorPeerAddress,
};
use roomline_stun::turn::Credentials;
use roomline_stun::{
    Builder, Class, Key, Message, Method, PasswordAlgorithm, TransactionId, channel_header,
};

/// What credentials are made with.
pub const SECRET: &[u8] = b"nobody knows this, does anybody?";
/// Where they are good.
pub const REALM: &str = "cost";

const CHANNEL: u16 = 0x4001;

/// An allocation with a channel to one peer.
pub struct Turn;

impl Turn {
    /// Allocates, and binds a channel to `peer`.
    pub fn allocate(
        wire: &impl Wire,
        participant: u64,
        peer: SocketAddr,
    ) -> Result<Self, Box<dyn Error>> {
        let expiry = SystemTime::now().duration_since(UNIX_EPOCH)? + Duration::from_secs(3600);
        let credentials = Credentials::issue(SECRET, expiry, participant);
        let mut request = Vec::new();
        Builder::new(&mut request, Class::Request, Method::ALLOCATE, TransactionId([1; 12]))
            .push(&RequestedTransport(17));
        let reply = exchange(wire, &request)?;
        let reply = Message::parse(&reply)?;
        let nonce = reply.find::<Nonce<'_>>().ok_or("no nonce")?.0.to_owned();
        let ask = |number: u8, method, fill: &dyn Fn(&mut Builder<'_>)| {
            let mut message = Vec::new();
            let id = TransactionId([number; 12]);
            let mut request = Builder::new(&mut message, Class::Request, method, id);
            fill(&mut request);
            let Credentials { username, password } = &credentials;
            let key = Key::long_term(PasswordAlgorithm::Md5, username, REALM, password);
            request.push(&Username(username)).push(&Realm(REALM)).push(&Nonce(&nonce));
            request.integrity(&key);
            let reply = exchange(wire, &message)?;
            match Message::parse(&reply)?.class() {
                Class::Success => Ok(()),
                other => Err(Box::<dyn Error>::from(format!("TURN: {other:?}"))),
            }
        };
        ask(2, Method::ALLOCATE, &|request| {
            request.push(&RequestedTransport(17));
        })?;
        ask(3, Method::CHANNEL_BIND, &|request| {
            request.push(&ChannelNumber(CHANNEL)).push(&XorPeerAddress(peer));
        })?;
        Ok(Self)
    }

    /// What stands before a payload.
    pub fn header(&self, length: usize) -> [u8; 4] {
        channel_header(CHANNEL, length as u16)
    }
}

fn exchange(wire: &impl Wire, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    wire.send(message)?;
    Ok(wire.receive()?)
}
