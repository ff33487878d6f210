//! A peer that can only make connectivity checks.

use std::cell::Cell;
use std::net::SocketAddr;

use roomline_sfu::{MediaSocket, ParticipantId, TransportId};
use roomline_stun::attribute::{ErrorCode, Priority, UseCandidate, Username, XorMappedAddress};
use roomline_stun::{Builder, Class, Key, Message, Method, TransactionId};

use crate::turn::Turn;
use crate::world::{Way, World};

/// One side of ICE, with what the answer said.
#[derive(Clone, Debug)]
pub struct Raw {
    pub username: String,
    pub password: String,
    asked: Cell<u8>,
}

/// The offer of a peer with one ICE generation and a certificate that nobody has.
pub fn offer(ufrag: &str) -> String {
    let lines = [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=setup:actpass",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    ];
    let fingerprint = vec!["AB"; 32].join(":");
    let mut text = lines.join("\r\n");
    text.push_str(&format!("\r\na=ice-ufrag:{ufrag}\r\na=fingerprint:sha-256 {fingerprint}\r\n"));
    text
}

/// The value of an attribute of an answer.
fn attribute<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}: {answer}"))
}

impl Raw {
    pub fn open(
        world: &mut World,
        transport: TransportId,
        participant: ParticipantId,
        socket: MediaSocket,
    ) -> Raw {
        let answer = world.open(transport, participant, offer("peer"), socket).unwrap();
        Raw::read(&answer, "peer")
    }

    pub fn read(answer: &str, ufrag: &str) -> Raw {
        let ours = attribute(answer, "a=ice-ufrag:");
        let password = attribute(answer, "a=ice-pwd:").to_owned();
        Raw { username: format!("{ours}:{ufrag}"), password, asked: Cell::new(0) }
    }

    pub fn message(&self, nominate: bool) -> Vec<u8> {
        let mut message = Vec::new();
        self.asked.set(self.asked.get().wrapping_add(1));
        let mut id = [self.asked.get(); 12];
        id.iter_mut().skip(1).zip(self.username.bytes()).for_each(|(id, byte)| *id = byte);
        let transaction = TransactionId(id);
        let mut check = Builder::new(&mut message, Class::Request, Method::BINDING, transaction);
        check.push(&Username(&self.username)).push(&Priority(1_000));
        if nominate {
            check.push(&UseCandidate);
        }
        check.integrity(&Key::short_term(&self.password)).fingerprint();
        message
    }

    /// Makes a check; what XOR-MAPPED-ADDRESS or the error code say.
    pub fn check(
        &self,
        world: &mut World,
        socket: MediaSocket,
        client: SocketAddr,
        nominate: bool,
    ) -> Result<SocketAddr, u16> {
        let way = Way::Datagram { socket: socket.socket, client };
        let replies = world.exchange(way, &self.message(nominate));
        replies.first().map_or(Err(0), |reply| outcome(reply))
    }

    /// The same through TURN.
    pub fn check_relayed(&self, world: &mut World, turn: &Turn) -> Result<SocketAddr, u16> {
        let replies = world.exchange(turn.way, &turn.wrap(&self.message(true)));
        replies.first().map_or(Err(0), |reply| outcome(turn.unwrap(reply).unwrap()))
    }
}

fn outcome(reply: &[u8]) -> Result<SocketAddr, u16> {
    let reply = Message::parse(reply).unwrap();
    match reply.find::<XorMappedAddress>() {
        Some(mapped) => Ok(mapped.0),
        None => Err(reply.find::<ErrorCode<'_>>().map_or(0, |error| error.code)),
    }
}
