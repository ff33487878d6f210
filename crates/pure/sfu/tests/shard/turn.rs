//! A small TURN client.

use std::net::SocketAddr;
use std::time::Duration;

use roomline_sfu::ParticipantId;
use roomline_stun::attribute::{
    ChannelNumber, ErrorCode, Lifetime, Nonce, Realm, RequestedTransport, Username, XorPeerAddress,
    XorRelayedAddress,
};
use roomline_stun::turn::Credentials;
use roomline_stun::{
    Builder, ChannelData, Class, Key, Message, Method, PasswordAlgorithm, TransactionId,
    channel_header, padding,
};

use crate::client::Via;
use crate::world::{SECRET, SERVER, TURN_SOCKET, UNIX, Way, World};

const CHANNEL: u16 = 0x4001;

pub struct Turn {
    pub way: Way,
    pub relayed: SocketAddr,
    credentials: Credentials,
    nonce: String,
    stream: bool,
}

impl Turn {
    /// Allocates, and binds a channel to the media port.
    pub fn allocate(
        world: &mut World,
        via: Via,
        address: SocketAddr,
        participant: ParticipantId,
        port: u16,
    ) -> Turn {
        let way = match via {
            Via::TurnTcp | Via::TurnTls => {
                Way::Connection(world.connect(via == Via::TurnTls, address))
            }
            _ => Way::Datagram { socket: TURN_SOCKET, client: address },
        };
        let expiry = UNIX + Duration::from_secs(3600);
        let mut turn = Turn {
            way,
            relayed: address,
            credentials: Credentials::issue(SECRET, expiry, participant.0),
            nonce: String::new(),
            stream: matches!(way, Way::Connection(_)),
        };
        turn.challenge(world);
        turn.create(world);
        let peer = SocketAddr::new(SERVER.parse().unwrap(), port);
        let code = turn.bind(world, CHANNEL, peer);
        assert_eq!(code, None);
        turn
    }

    fn challenge(&mut self, world: &mut World) {
        let mut request = Vec::new();
        Builder::new(&mut request, Class::Request, Method::ALLOCATE, id(world))
            .push(&RequestedTransport(17));
        let reply = world.exchange(self.way, &request).remove(0);
        let reply = Message::parse(&reply).unwrap();
        assert_eq!(reply.find::<ErrorCode<'_>>().unwrap().code, 401);
        self.nonce = reply.find::<Nonce<'_>>().unwrap().0.to_owned();
    }

    fn create(&mut self, world: &mut World) {
        let reply = self.request(world, Method::ALLOCATE, |request| {
            request.push(&RequestedTransport(17));
        });
        let reply = Message::parse(&reply).unwrap();
        assert_eq!(reply.class(), Class::Success, "{reply:?}");
        self.relayed = reply.find::<XorRelayedAddress>().unwrap().0;
    }

    /// ChannelBind; the error code, if it is refused.
    pub fn bind(&self, world: &mut World, number: u16, peer: SocketAddr) -> Option<u16> {
        let reply = self.request(world, Method::CHANNEL_BIND, |request| {
            request.push(&ChannelNumber(number)).push(&XorPeerAddress(peer));
        });
        Message::parse(&reply).unwrap().find::<ErrorCode<'_>>().map(|error| error.code)
    }

    /// Gives the allocation back.
    pub fn release(&self, world: &mut World) {
        self.request(world, Method::REFRESH, |request| {
            request.push(&Lifetime(0));
        });
    }

    /// Leaves as a client does: closes its connection, or gives the allocation back.
    pub fn leave(&self, world: &mut World) {
        match self.way {
            Way::Connection(connection) => world.disconnect(connection),
            Way::Datagram { .. } => self.release(world),
        }
    }

    fn request(
        &self,
        world: &mut World,
        method: Method,
        fill: impl FnOnce(&mut Builder<'_>),
    ) -> Vec<u8> {
        let mut message = Vec::new();
        let mut request = Builder::new(&mut message, Class::Request, method, id(world));
        fill(&mut request);
        let Credentials { username, password } = &self.credentials;
        let key = Key::long_term(PasswordAlgorithm::Md5, username, "r", password);
        request.push(&Username(username)).push(&Realm("r")).push(&Nonce(&self.nonce));
        request.integrity(&key);
        world.exchange(self.way, &message).remove(0)
    }

    pub fn wrap(&self, payload: &[u8]) -> Vec<u8> {
        let mut message = channel_header(CHANNEL, payload.len() as u16).to_vec();
        message.extend_from_slice(payload);
        if self.stream {
            message.resize(message.len() + padding(payload.len()), 0);
        }
        message
    }

    /// What a ChannelData message carries.
    pub fn unwrap<'m>(&self, message: &'m [u8]) -> Option<&'m [u8]> {
        let data = ChannelData::parse(message).ok()?;
        assert_eq!(data.number, CHANNEL);
        assert!(!self.stream || message.len().is_multiple_of(4), "not padded");
        Some(data.payload)
    }
}

fn id(world: &mut World) -> TransactionId {
    let mut id = [7; 12];
    id[..8].copy_from_slice(&world.number().to_be_bytes());
    TransactionId(id)
}
