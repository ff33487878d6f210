//! A TURN client (RFC 8656): one allocation, a channel to each peer. No socket, no clock.

use std::net::SocketAddr;

use rand::rngs::StdRng;
use roomline_stun::attribute::{
    ChannelNumber, Data, ErrorCode, Lifetime, Nonce, Realm, RequestedTransport, Username,
    XorPeerAddress, XorRelayedAddress,
};
use roomline_stun::{
    Builder, ChannelData, Class, Key, Message, Method, PasswordAlgorithm, TransactionId, is_stun,
};

use crate::clock::{MILLISECOND, Nanos, SECOND};

/// Retransmission over UDP (RFC 8489 §6.2.1), quicker than the RFC's first half second.
const FIRST_RTO: Nanos = 200 * MILLISECOND;
const TRIES: u8 = 7;
/// Over a connection there is one request and this much patience.
const RELIABLE: Nanos = 10 * SECOND;
/// Permissions live for 5 minutes, channels for 10 (RFC 8656 §9, §12).
const RENEW: Nanos = 240 * SECOND;
/// A server that keeps changing its nonce is given up.
const CHALLENGES: u8 = 3;
/// Datagrams that wait for their channel.
const MAX_WAITING: usize = 8;

const STALE_NONCE: u16 = 438;
const UNAUTHORIZED: u16 = 401;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Allocate,
    Refresh,
    /// The index of the channel.
    Bind(usize),
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    ask: Ask,
    transaction: TransactionId,
    due: Nanos,
    rto: Nanos,
    tries: u8,
}

#[derive(Debug)]
struct Channel {
    peer: SocketAddr,
    bound: bool,
    waiting: Vec<Vec<u8>>,
}

/// What a message from the server was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// From a peer: where the content lies in the message.
    Peer(SocketAddr, std::ops::Range<usize>),
    /// For the relay itself, or of no use.
    Nothing,
}

/// An allocation, or the wish for one.
pub(crate) struct Relay {
    username: String,
    password: String,
    reliable: bool,
    /// Realm, nonce and the key they make, from the server's challenge.
    challenge: Option<(String, String, Key)>,
    challenges: u8,
    relayed: Option<SocketAddr>,
    failure: Option<String>,
    pending: Vec<Pending>,
    channels: Vec<Channel>,
    renew: Nanos,
    rng: StdRng,
}

impl Relay {
    /// `reliable`: the server is reached over a connection, which loses nothing.
    pub(crate) fn new(username: String, password: String, reliable: bool, rng: StdRng) -> Relay {
        Relay {
            username,
            password,
            reliable,
            challenge: None,
            challenges: 0,
            relayed: None,
            failure: None,
            pending: Vec::new(),
            channels: Vec::new(),
            renew: Nanos::MAX,
            rng,
        }
    }

    /// Asks for an allocation.
    pub(crate) fn start(&mut self, now: Nanos, out: &mut Vec<Vec<u8>>) {
        self.ask(Ask::Allocate, now, out);
    }

    /// The relayed address, once there is one.
    pub(crate) fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// Why there is no allocation and will be none.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    pub(crate) fn next_timeout(&self) -> Nanos {
        let pending = self.pending.iter().map(|one| one.due).min().unwrap_or(Nanos::MAX);
        if self.failure.is_some() { Nanos::MAX } else { pending.min(self.renew) }
    }

    /// Repeats and renews what is due.
    pub(crate) fn poll(&mut self, now: Nanos, out: &mut Vec<Vec<u8>>) {
        for index in 0..self.pending.len() {
            let pending = &mut self.pending[index];
            if pending.due > now {
                continue;
            }
            if self.reliable || pending.tries >= TRIES {
                self.failure.get_or_insert_with(|| "the relay does not answer".to_owned());
                return;
            }
            pending.tries += 1;
            pending.rto *= 2;
            pending.due = now + pending.rto;
            let (ask, transaction) = (pending.ask, pending.transaction);
            out.push(self.request(ask, transaction));
        }
        if self.renew <= now {
            self.renew = now + RENEW;
            self.ask(Ask::Refresh, now, out);
            for index in 0..self.channels.len() {
                self.ask(Ask::Bind(index), now, out);
            }
        }
    }

    /// The number of the channel to a peer; without one, the datagram waits until there is.
    pub(crate) fn channel(
        &mut self,
        peer: SocketAddr,
        datagram: Option<&[u8]>,
        now: Nanos,
        out: &mut Vec<Vec<u8>>,
    ) -> Option<u16> {
        let known = self.channels.iter().position(|channel| channel.peer == peer);
        let index = known.unwrap_or_else(|| {
            self.channels.push(Channel { peer, bound: false, waiting: Vec::new() });
            self.channels.len() - 1
        });
        if known.is_none() {
            self.ask(Ask::Bind(index), now, out);
        }
        let channel = &mut self.channels[index];
        if channel.bound {
            return Some(number(index));
        }
        if channel.waiting.len() < MAX_WAITING {
            channel.waiting.extend(datagram.map(<[u8]>::to_vec));
        }
        None
    }

    /// Takes a message from the server.
    pub(crate) fn handle(&mut self, data: &[u8], now: Nanos, out: &mut Vec<Vec<u8>>) -> Inner {
        if let Ok(channel) = ChannelData::parse(data) {
            let index = usize::from(channel.number).wrapping_sub(usize::from(number(0)));
            let known = self.channels.get(index);
            return known.map_or(Inner::Nothing, |known| {
                Inner::Peer(known.peer, 4..4 + channel.payload.len())
            });
        }
        if !is_stun(data) {
            return Inner::Nothing;
        }
        let Ok(message) = Message::parse(data) else { return Inner::Nothing };
        match (message.class(), message.method()) {
            (Class::Indication, Method::DATA) => return indicated(&message, data),
            (Class::Success, _) => self.succeeded(&message, now, out),
            (Class::Error, _) => self.refused(&message, now, out),
            _ => {}
        }
        Inner::Nothing
    }

    fn settle(&mut self, message: &Message<'_>) -> Option<Ask> {
        let transaction = message.transaction_id();
        let index = self.pending.iter().position(|one| one.transaction == transaction)?;
        Some(self.pending.swap_remove(index).ask)
    }

    fn succeeded(&mut self, message: &Message<'_>, now: Nanos, out: &mut Vec<Vec<u8>>) {
        let authentic = self
            .challenge
            .as_ref()
            .is_some_and(|(_, _, key)| message.verify_integrity(key).is_ok());
        if !authentic {
            return;
        }
        match self.settle(message) {
            Some(Ask::Allocate) => {
                self.relayed = message.find::<XorRelayedAddress>().map(|found| found.0);
                self.renew = now + RENEW;
                if self.relayed.is_none() {
                    self.failure = Some("the relay gave no address".to_owned());
                }
            }
            Some(Ask::Bind(index)) => {
                let channel = &mut self.channels[index];
                channel.bound = true;
                out.extend(channel.waiting.drain(..).map(|data| wrap(number(index), &data)));
            }
            Some(Ask::Refresh) | None => {}
        }
    }

    fn refused(&mut self, message: &Message<'_>, now: Nanos, out: &mut Vec<Vec<u8>>) {
        let Some(ask) = self.settle(message) else { return };
        let error = message.find::<ErrorCode<'_>>();
        let code = error.map_or(0, |error| error.code);
        let (realm, nonce) = (message.find::<Realm<'_>>(), message.find::<Nonce<'_>>());
        let first = code == UNAUTHORIZED && self.challenge.is_none();
        if (first || code == STALE_NONCE)
            && self.challenges < CHALLENGES
            && let (Some(Realm(realm)), Some(Nonce(nonce))) = (realm, nonce)
        {
            self.challenges += 1;
            let algorithm = PasswordAlgorithm::Md5;
            let key = Key::long_term(algorithm, &self.username, realm, &self.password);
            self.challenge = Some((realm.to_owned(), nonce.to_owned(), key));
            self.ask(ask, now, out);
            return;
        }
        let reason = error.map_or("", |error| error.reason);
        self.failure = Some(format!("the relay refused {ask:?}: {code} {reason}"));
    }

    fn ask(&mut self, ask: Ask, now: Nanos, out: &mut Vec<Vec<u8>>) {
        let transaction = TransactionId::random(&mut self.rng);
        let rto = if self.reliable { RELIABLE } else { FIRST_RTO };
        self.pending.push(Pending { ask, transaction, due: now + rto, rto, tries: 1 });
        out.push(self.request(ask, transaction));
    }

    fn request(&self, ask: Ask, transaction: TransactionId) -> Vec<u8> {
        let mut message = Vec::with_capacity(192);
        let method = match ask {
            Ask::Allocate => Method::ALLOCATE,
            Ask::Refresh => Method::REFRESH,
            Ask::Bind(_) => Method::CHANNEL_BIND,
        };
        let mut builder = Builder::new(&mut message, Class::Request, method, transaction);
        match ask {
            Ask::Allocate => drop(builder.push(&RequestedTransport::UDP)),
            Ask::Refresh => drop(builder.push(&Lifetime(600))),
            Ask::Bind(index) => {
                let peer = self.channels[index].peer;
                builder.push(&ChannelNumber(number(index))).push(&XorPeerAddress(peer));
            }
        }
        if let Some((realm, nonce, key)) = &self.challenge {
            builder.push(&Username(&self.username)).push(&Realm(realm)).push(&Nonce(nonce));
            builder.integrity(key);
        }
        message
    }
}

fn number(index: usize) -> u16 {
    0x4000 + (index % 0x1000) as u16
}

/// A ChannelData message, without the padding that connections want.
pub(crate) fn wrap(number: u16, data: &[u8]) -> Vec<u8> {
    let mut message = roomline_stun::channel_header(number, data.len() as u16).to_vec();
    message.extend_from_slice(data);
    message
}

fn indicated(message: &Message<'_>, data: &[u8]) -> Inner {
    let (Some(peer), Some(Data(content))) = (message.find::<XorPeerAddress>(), message.find())
    else {
        return Inner::Nothing;
    };
    let start = content.as_ptr().addr() - data.as_ptr().addr();
    Inner::Peer(peer.0, start..start + content.len())
}

#[cfg(test)]
mod tests;
