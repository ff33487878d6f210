//! The server: what every message goes through first, and the way back to the client.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngCore;

use super::allocation::slot;
use super::auth::{Authenticator, Refusal, User};
use super::limiter::Limiter;
use super::ports::Ports;
use super::reply::{self, Exchange};
use super::table::Table;
use super::{
    Allocation, AllocationId, Client, Config, ConfigError, DropReason, EncapsulateError, Event,
    PeerPolicy, Received, RemovedReason, canonical,
};
use crate::attribute::{Attribute, Data, Family, Username, XorPeerAddress};
use crate::{
    Builder, ChannelData, ChannelDataError, Class, Message, Method, TransactionId, channel_header,
    padding,
};

/// Comprehension-required attributes we know: those of RFC 8489, RFC 8656 and RFC 6062.
const KNOWN: [u16; 22] = [
    0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x000c, 0x000d, 0x0012, 0x0013, 0x0014, 0x0015, 0x0016,
    0x0017, 0x0018, 0x0019, 0x001a, 0x001c, 0x001d, 0x001e, 0x0020, 0x0022, 0x002a,
];

/// A TURN server. `F` names a 5-tuple.
pub struct Server<F> {
    pub(super) config: Config,
    pub(super) auth: Authenticator,
    pub(super) table: Table<F>,
    /// Free relayed ports by family; none for a family without a relayed address.
    pub(super) ports: [Option<Ports>; 2],
    pub(super) events: VecDeque<Event<F>>,
    limiter: Limiter,
    /// Transaction ids of Data indications. Nobody answers those, so they need only differ.
    next_indication: Cell<u128>,
}

impl<F> fmt::Debug for Server<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("realm", &self.config.realm).finish_non_exhaustive()
    }
}

impl<F: Copy + Eq + Hash> Server<F> {
    /// A server without allocations. `rng` makes its nonces unpredictable.
    pub fn new(config: Config, rng: &mut dyn RngCore) -> Result<Server<F>, ConfigError> {
        config.check()?;
        let has = |family| config.relayed.iter().any(|ip| Family::of(*ip) == family);
        let ports = |family| has(family).then(|| Ports::new(&config.ports));
        Ok(Server {
            auth: Authenticator::new(&config, rng),
            table: Table::new(),
            ports: [ports(Family::V4), ports(Family::V6)],
            events: VecDeque::new(),
            limiter: Limiter::new(config.unauthenticated_per_second, rng),
            next_indication: Cell::new(u128::from(rng.next_u64()) << 32),
            config,
        })
    }

    /// Takes one message of a client: a datagram, or a message cut from a stream by
    /// [`framing::Decoder`](crate::framing::Decoder).
    ///
    /// `unix` is the time of day since 1970: credentials and nonces expire by it. `policy` says
    /// which peers the client may reach. `reply` is emptied first, and filled when the result is
    /// [`Received::Reply`].
    #[expect(clippy::too_many_arguments, reason = "time, randomness and policy are arguments")]
    pub fn handle(
        &mut self,
        now: Instant,
        unix: Duration,
        from: Client<F>,
        message: &[u8],
        policy: &dyn PeerPolicy,
        rng: &mut dyn RngCore,
        reply: &mut Vec<u8>,
    ) -> Received {
        reply.clear();
        if matches!(message.first(), Some(0x40..=0x4f)) {
            return match self.table.of_flow(from.flow) {
                Some(allocation) => self.handle_channel_data(now, allocation, message),
                None => DropReason::NoAllocation.into(),
            };
        }
        let Ok(message) = Message::parse(message) else {
            return DropReason::Malformed.into();
        };
        if message.has_fingerprint() && !message.verify_fingerprint() {
            return DropReason::Fingerprint.into();
        }
        if self.table.due(now).is_some() {
            self.handle_timeout(now);
        }
        let exchange = Exchange { now, unix, from, policy, rng, reply };
        match message.class() {
            Class::Request => self.handle_request(exchange, &message),
            Class::Indication => self.handle_indication(&exchange, &message),
            Class::Success | Class::Error => DropReason::Unexpected.into(),
        }
    }

    /// Takes a ChannelData message of an allocation that the caller has looked up: the shortest
    /// way for media. Constant time, no memory taken.
    pub fn handle_channel_data(
        &self,
        now: Instant,
        allocation: AllocationId,
        message: &[u8],
    ) -> Received {
        let data = match ChannelData::parse(message) {
            Ok(data) => data,
            Err(ChannelDataError::Number) => return DropReason::NoChannel.into(),
            Err(ChannelDataError::Truncated) => return DropReason::Malformed.into(),
        };
        let Some(owner) = self.table.get(allocation) else {
            return DropReason::NoAllocation.into();
        };
        let Some(peer) = owner.peer_of(data.number, now) else {
            return DropReason::NoChannel.into();
        };
        self.data(now, allocation, peer, 4..4 + data.payload.len())
    }

    /// Data for a peer, if there is a permission for it.
    pub(super) fn data(
        &self,
        now: Instant,
        allocation: AllocationId,
        peer: SocketAddr,
        payload: std::ops::Range<usize>,
    ) -> Received {
        let owner = self.table.get(allocation).filter(|a| a.is_permitted(peer.ip(), Some(now)));
        if let Some(owner) = owner {
            owner.heard.set(now);
        }
        match owner.and_then(|a| a.relayed_for(peer.ip())) {
            Some(relayed) => Received::Data { allocation, relayed, peer, payload },
            None => DropReason::NoPermission.into(),
        }
    }

    fn handle_request(&mut self, mut x: Exchange<'_, F>, request: &Message<'_>) -> Received {
        if request.method() == Method::BINDING {
            return self.answer_binding(x, request);
        }
        if !self.serves(request.method()) {
            return DropReason::Unexpected.into();
        }
        let user = match self.auth.authenticate(request, &x.from, x.unix) {
            Ok(user) => user,
            Err(_) if !self.may_answer(&x) => return DropReason::RateLimited.into(),
            Err(Refusal::Challenge(code)) => return x.challenge(request, code, &self.auth),
            Err(Refusal::BadRequest) => return x.refuse(request, None, 400),
        };
        let unknown: Vec<u16> = request.unknown_required(&KNOWN).collect();
        if !unknown.is_empty() {
            return x.refuse_unknown(request, Some(&user), unknown);
        }
        self.dispatch(x, request, &user)
    }

    fn dispatch(
        &mut self,
        mut x: Exchange<'_, F>,
        request: &Message<'_>,
        user: &User<'_>,
    ) -> Received {
        if request.method() == Method::ALLOCATE {
            return self.allocate(x, request, user);
        }
        // RFC 8656 §5: no allocation is 437, somebody else's is 441.
        let Some(id) = self.table.of_flow(x.from.flow) else {
            return x.refuse(request, Some(user), 437);
        };
        if self.table.get(id).is_none_or(|a| *a.user != *user.name) {
            return x.refuse(request, Some(user), 441);
        }
        if let Some(allocation) = self.table.get(id) {
            allocation.heard.set(x.now);
        }
        match request.method() {
            Method::REFRESH => self.refresh(x, request, user, id),
            Method::CREATE_PERMISSION => self.create_permission(x, request, user, id),
            Method::CHANNEL_BIND => self.channel_bind(x, request, user, id),
            // The relay is closed to TCP peers (RFC 6062 §5.2, §5.4).
            Method::CONNECT => x.refuse(request, Some(user), 403),
            _ => x.refuse(request, Some(user), 400),
        }
    }

    fn serves(&self, method: Method) -> bool {
        matches!(
            method,
            Method::ALLOCATE
                | Method::REFRESH
                | Method::CREATE_PERMISSION
                | Method::CHANNEL_BIND
                | Method::CONNECT
                | Method::CONNECTION_BIND
        )
    }

    /// Takes a message that came from `remote` to another UDP port of ours, and answers it if it is
    /// a Binding request as of a client that wants to know its address, without user name or
    /// integrity (RFC 8489 section 7.3). Answers are of the same budget as those of
    /// [`Self::handle`].
    pub fn handle_binding(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        message: &[u8],
        reply: &mut Vec<u8>,
    ) -> Received {
        reply.clear();
        let Ok(request) = Message::parse(message) else {
            return DropReason::Malformed.into();
        };
        let signed = request.has_integrity() || request.has_integrity_sha256();
        if request.class() != Class::Request
            || request.method() != Method::BINDING
            || signed
            || request.has(Username::TYPE)
        {
            return DropReason::Unexpected.into();
        }
        if request.has_fingerprint() && !request.verify_fingerprint() {
            return DropReason::Fingerprint.into();
        }
        if !self.limiter.allow(now, remote.ip()) {
            return DropReason::RateLimited.into();
        }
        reply::binding(&request, remote, &KNOWN, reply)
    }

    fn answer_binding(&mut self, x: Exchange<'_, F>, request: &Message<'_>) -> Received {
        if !self.may_answer(&x) {
            return DropReason::RateLimited.into();
        }
        reply::binding(request, x.from.remote, &KNOWN, x.reply)
    }

    /// Over TCP and TLS the client's address is proved by the handshake.
    fn may_answer(&mut self, x: &Exchange<'_, F>) -> bool {
        x.from.transport.is_stream() || self.limiter.allow(x.now, x.from.remote.ip())
    }

    fn handle_indication(&self, x: &Exchange<'_, F>, indication: &Message<'_>) -> Received {
        if indication.method() != Method::SEND {
            return DropReason::Unexpected.into();
        }
        let Some(id) = self.table.of_flow(x.from.flow) else {
            return DropReason::NoAllocation.into();
        };
        let data = indication.attributes().find(|raw| raw.kind == DATA);
        let (Some(data), Some(XorPeerAddress(peer))) = (data, indication.find()) else {
            return DropReason::Attribute.into();
        };
        if indication.unknown_required(&KNOWN).next().is_some() {
            return DropReason::Attribute.into();
        }
        let start = data.offset + 4;
        let received = self.data(x.now, id, peer, start..start + data.value.len());
        let user = self.table.get(id).map(|a| &*a.user);
        match user {
            Some(user) if matches!(received, Received::Data { .. }) => {
                let reachable = x.policy.reach(user, peer);
                if reachable { received } else { DropReason::PeerRefused.into() }
            }
            _ => received,
        }
    }

    /// Appends to `out` what carries a peer's data to the client: ChannelData when the peer has a
    /// channel (padded on TCP and TLS), else a Data indication. Gives its length.
    pub fn encapsulate(
        &self,
        allocation: AllocationId,
        peer: SocketAddr,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, EncapsulateError> {
        let owner = self.table.get(allocation).ok_or(EncapsulateError::NoAllocation)?;
        owner.relayed_for(peer.ip()).ok_or(EncapsulateError::NoAllocation)?;
        if !owner.is_permitted(peer.ip(), None) {
            return Err(EncapsulateError::NoPermission);
        }
        let begin = out.len();
        match owner.channel_of(peer) {
            Some(number) => {
                let length = u16::try_from(payload.len()).map_err(|_| EncapsulateError::TooLong)?;
                out.extend_from_slice(&channel_header(number, length));
                out.extend_from_slice(payload);
                if owner.client.transport.is_stream() {
                    out.resize(out.len() + padding(payload.len()), 0);
                }
            }
            None => self.write_indication(peer, payload, out)?,
        }
        Ok(out.len() - begin)
    }

    fn write_indication(
        &self,
        peer: SocketAddr,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), EncapsulateError> {
        // 24 bytes for the largest XOR-PEER-ADDRESS, 4 for the header of DATA, 3 of padding.
        if payload.len() > usize::from(u16::MAX) - 31 {
            return Err(EncapsulateError::TooLong);
        }
        let id = self.next_indication.get();
        self.next_indication.set(id.wrapping_add(1));
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&id.to_be_bytes()[4..]);
        Builder::new(out, Class::Indication, Method::DATA, TransactionId(transaction))
            .push(&XorPeerAddress(peer))
            .push(&Data(payload));
        Ok(())
    }

    /// The channel on which the client expects data of that peer: ChannelData can be written in
    /// place with [`channel_header`]. None without a channel or without a permission.
    pub fn channel_of(&self, allocation: AllocationId, peer: SocketAddr) -> Option<u16> {
        let owner = self.table.get(allocation)?;
        owner.is_permitted(peer.ip(), None).then(|| owner.channel_of(peer))?
    }

    /// An allocation, while it lives.
    pub fn allocation(&self, allocation: AllocationId) -> Option<&Allocation<F>> {
        self.table.get(allocation)
    }

    /// The allocation of a flow.
    pub fn allocation_of(&self, flow: F) -> Option<AllocationId> {
        self.table.of_flow(flow)
    }

    /// The allocation that has a relayed address.
    pub fn allocation_at(&self, relayed: SocketAddr) -> Option<AllocationId> {
        self.table.of_relayed(relayed)
    }

    /// How many allocations live.
    pub fn allocations(&self) -> usize {
        self.table.len()
    }

    /// The flow of every allocation.
    pub fn flows(&self) -> impl Iterator<Item = F> + use<'_, F> {
        self.table.flows()
    }

    /// The flow is gone, say because its connection closed: so is its allocation.
    pub fn remove_flow(&mut self, flow: F) {
        if let Some(id) = self.table.of_flow(flow) {
            self.remove(id, RemovedReason::FlowGone);
        }
    }

    /// How many allocations a participant has.
    pub fn allocations_of(&self, participant: u64) -> usize {
        self.table.count_of(participant)
    }

    /// The participant is gone: so are its allocations, however long they were to live.
    pub fn remove_participant(&mut self, participant: u64) {
        for id in self.table.of_participant(participant).to_vec() {
            self.remove(id, RemovedReason::ParticipantGone);
        }
    }

    /// The next change in the table of allocations.
    pub fn poll_event(&mut self) -> Option<Event<F>> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Server::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.next_deadline()
    }

    /// Ends what has expired: allocations, permissions, channels.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.table.due(now) {
            let relayed = self.table.get(id).and_then(Allocation::relayed);
            let expired = self.table.update(id, |allocation| allocation.sweep(now));
            for address in expired.into_iter().flatten().flatten() {
                self.give_back(address);
            }
            if self.table.get(id).is_some_and(|a| a.relayed().is_none()) {
                self.finish(id, relayed, RemovedReason::Expired);
            }
        }
    }

    pub(super) fn remove(&mut self, id: AllocationId, reason: RemovedReason) {
        let relayed = self.table.get(id).and_then(Allocation::relayed);
        self.finish(id, relayed, reason);
    }

    fn finish(&mut self, id: AllocationId, relayed: Option<SocketAddr>, reason: RemovedReason) {
        let Some(allocation) = self.table.remove(id) else { return };
        for relay in allocation.relays.iter().flatten() {
            self.give_back(relay.address);
        }
        if let Some(relayed) = relayed {
            let flow = allocation.client.flow;
            self.events.push_back(Event::Removed { allocation: id, flow, relayed, reason });
        }
    }

    /// A relayed address is nobody's any more.
    pub(super) fn give_back(&mut self, address: SocketAddr) {
        self.table.forget_relayed(address);
        if let Some(ports) = &mut self.ports[slot(Family::of(address.ip()))] {
            ports.give(address.port());
        }
    }
}

const DATA: u16 = <Data<'static> as crate::attribute::Attribute<'static>>::TYPE;

/// The address as the client knows it: v4-mapped ones are IPv4.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_some() => {
            SocketAddr::new(canonical(address.ip()), address.port())
        }
        _ => address,
    }
}
