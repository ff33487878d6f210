//! From a datagram to what it is for.

use std::net::SocketAddr;
use std::time::Instant;

use roomline_ice::{Generation, ufrag_of};
use roomline_stun::turn::{Client, Received};

use super::Shard;
use crate::counters::Discard;
use crate::event::{Event, Path, Tier};
use crate::relay::{self, Change, Flow};
use crate::tables::Slot;
use crate::transport::pairs::{Checked, Pair};
use crate::transport::srtp::Kind;

impl Shard {
    /// Takes what came in on a media socket, or through an allocation for one. `source` is the
    /// client's address as the pair has it: its own one, or the relayed one.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        pair: Pair,
        source: SocketAddr,
        data: &mut [u8],
    ) {
        // RFC 7983 section 7.
        match data.first() {
            Some(0..=3) => self.receive_check(now, pair, source, data),
            Some(20..=63) => self.receive_dtls(now, pair, data),
            Some(128..=191) => self.receive_srtp(now, pair, data),
            _ => self.counters.discard(Discard::UnknownProtocol),
        }
    }

    /// Takes one message of a TURN client.
    pub(super) fn receive_turn(&mut self, now: Instant, from: Client<Flow>, data: &mut [u8]) {
        let unix = self.unix(now);
        let mut reply = std::mem::take(&mut self.scratch.reply);
        reply.clear();
        let received =
            self.relay.handle(now, unix, from, data, &self.transports, &mut *self.rng, &mut reply);
        match received {
            Received::Reply => self.reply(from.flow, &reply),
            Received::Data { allocation, relayed, peer, payload } => {
                let pair = Pair::Relayed { allocation, peer };
                match data.get_mut(payload) {
                    Some(payload) => self.receive(now, pair, relayed, payload),
                    None => self.counters.discard(Discard::Turn),
                }
            }
            Received::Dropped(_) => self.counters.discard(Discard::Turn),
        }
        self.scratch.reply = reply;
        self.follow_allocations(now);
    }

    /// Lets the tables follow what changed among the allocations.
    pub(super) fn follow_allocations(&mut self, now: Instant) {
        while let Some(change) = self.relay.poll_change(now) {
            match change {
                Change::Made => self.counters.allocations_made += 1,
                Change::Gone(allocation) => self.drop_allocation(now, allocation),
            }
        }
    }

    fn receive_check(&mut self, now: Instant, pair: Pair, source: SocketAddr, data: &[u8]) {
        let Some(ufrag) = ufrag_of(data) else {
            return self.receive_binding(now, pair, data);
        };
        let Some(slot) =
            self.transports.find_ufrag(ufrag).filter(|slot| self.belongs(*slot, &pair))
        else {
            return self.counters.discard(Discard::UnknownTransport);
        };
        if self.is_taken(now, slot, &pair) {
            return self.counters.discard(Discard::BadCheck);
        }
        let Some(transport) = self.transports.get_mut(slot) else { return };
        let mut reply = std::mem::take(&mut self.scratch.message);
        reply.clear();
        match transport.ice.handle_check(now, data, source, &mut reply) {
            Ok(check) => {
                let previous = check.generation == Generation::Previous;
                let checked = Checked {
                    priority: check.priority.unwrap_or(0),
                    nominated: check.nominated,
                    previous,
                };
                self.accept_check(now, slot, pair, checked, data.len());
            }
            Err(_) => self.counters.discard(Discard::BadCheck),
        }
        let own = self.transports.get_mut(slot);
        if !reply.is_empty() && !own.is_some_and(|own| own.holds(pair, &reply)) {
            self.respond(pair, &reply);
        }
        self.scratch.message = reply;
    }

    /// Answers a plain Binding request to a media port: so a client finds out whether it could be
    /// reached there. Nothing is remembered of it.
    fn receive_binding(&mut self, now: Instant, pair: Pair, data: &[u8]) {
        let Pair::Direct { socket, local, remote } = pair else {
            return self.counters.discard(Discard::BadCheck);
        };
        let mut reply = std::mem::take(&mut self.scratch.message);
        match self.relay.bind(now, remote, data, &mut reply) {
            Some(true) => {
                self.counters.bindings_answered += 1;
                self.reply(Flow::Datagram { socket, local, remote }, &reply);
            }
            Some(false) => self.counters.discard(Discard::BadCheck),
            None => self.counters.discard(Discard::TooManyBindings),
        }
        self.scratch.message = reply;
    }

    /// A check must come in where its transport listens, and through an allocation only from the
    /// transport's owner: a ufrag is no secret.
    fn belongs(&self, slot: Slot, pair: &Pair) -> bool {
        let Some(transport) = self.transports.get(slot) else { return false };
        match pair {
            Pair::Direct { socket, .. } => transport.socket.socket == *socket,
            Pair::Relayed { allocation, peer } => {
                transport.socket.port == peer.port()
                    && self.relay.owner(*allocation) == Some(transport.participant)
            }
        }
    }

    /// True if the pair is in use by another participant's transport. Where many share a media port,
    /// a check with a forged source would take the pair away, and with it somebody's call.
    fn is_taken(&self, now: Instant, slot: Slot, pair: &Pair) -> bool {
        let other = self.transports.find_pair(pair).filter(|other| *other != slot);
        let other = other.and_then(|other| self.transports.get(other));
        let own = self.transports.get(slot).map(|transport| transport.participant);
        other.is_some_and(|other| Some(other.participant) != own && other.pairs.holds(now, pair))
    }

    fn accept_check(
        &mut self,
        now: Instant,
        slot: Slot,
        pair: Pair,
        checked: Checked,
        bytes: usize,
    ) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        transport.touch(now, pair);
        transport.totals.packets_received += 1;
        transport.totals.bytes_received += bytes as u64;
        let change = transport.pairs.check(now, pair, checked);
        if change.climbed {
            transport.hold_answers(now);
        }
        if let Some(evicted) = change.evicted {
            self.transports.remove_pair(evicted);
        }
        if change.added {
            self.transports.add_pair(pair, slot);
        }
        self.transports.retire_ufrags(slot);
        self.tell_woken(slot);
        if change.selected {
            self.tell_path(now, slot);
        }
    }

    /// Tells which pair is in use now, or will tell soon if another was told just before.
    pub(super) fn tell_path(&mut self, now: Instant, slot: Slot) {
        let path = self.path(slot);
        let Some(transport) = self.transports.get_mut(slot) else { return };
        transport.tier = path.map(|path| path.tier);
        match path {
            Some(path) if transport.paths.may_tell(now, path) => {
                self.events.push_back(Event::PathChanged { transport: transport.id, path });
            }
            Some(_) => {}
            None => transport.paths.lost(),
        }
        self.transports.schedule(slot);
    }

    fn path(&self, slot: Slot) -> Option<Path> {
        let transport = self.transports.get(slot)?;
        match transport.pairs.selected()? {
            Pair::Direct { remote, .. } => Some(Path {
                tier: Tier::Direct,
                server_port: transport.socket.port,
                client: remote,
                relayed: None,
            }),
            Pair::Relayed { allocation, peer } => {
                let found = self.relay.server().allocation(allocation)?;
                let client = found.client();
                Some(Path {
                    tier: relay::tier(client.transport),
                    server_port: client.local.port(),
                    client: client.remote,
                    relayed: found.relayed_for(peer.ip()),
                })
            }
        }
    }

    fn receive_dtls(&mut self, now: Instant, pair: Pair, data: &[u8]) {
        let Some(slot) = self.transports.find_pair(&pair) else {
            return self.counters.discard(Discard::UncheckedPair);
        };
        let Some(transport) = self.transports.get_mut(slot) else { return };
        transport.totals.packets_received += 1;
        transport.totals.bytes_received += data.len() as u64;
        let mut notices = std::mem::take(&mut self.scratch.notices);
        let mut moved = false;
        let scratch = &mut self.scratch.datagram;
        let outcome = transport.handle_dtls(now, (pair, &mut moved), data, scratch, &mut notices);
        self.tell_woken(slot);
        if moved {
            self.tell_path(now, slot);
        }
        self.after_dtls(now, slot, outcome, notices);
    }

    fn receive_srtp(&mut self, now: Instant, pair: Pair, data: &mut [u8]) {
        let Some(slot) = self.transports.find_pair(&pair) else {
            return self.counters.discard(Discard::UncheckedPair);
        };
        let Some(transport) = self.transports.get_mut(slot) else { return };
        let received = data.len();
        let Some(keys) = &mut transport.keys else {
            return self.counters.discard(Discard::NoKeys);
        };
        let (kind, len) = match keys.open(data) {
            Ok(opened) => opened,
            Err(reason) => return self.counters.discard(reason),
        };
        let moved = transport.hear(now, pair);
        transport.totals.packets_received += 1;
        transport.totals.bytes_received += received as u64;
        let leg = transport.leg;
        self.tell_woken(slot);
        if moved {
            self.tell_path(now, slot);
        }
        let mut out = super::egress::Out {
            transports: &mut self.transports,
            payloads: &mut self.payloads,
            counters: &mut self.counters,
        };
        match kind {
            Kind::Rtp => {
                out.counters.rtp_received += 1;
                // What was dropped is counted by the router, by reason.
                let _ = self.router.handle_rtp(now, leg, &data[..len], &mut out);
            }
            Kind::Rtcp => self.router.handle_rtcp(now, leg, &data[..len], &mut out),
        }
        self.follow_router();
    }

    /// Sends a reply where a check came from.
    pub(super) fn respond(&mut self, pair: Pair, message: &[u8]) {
        match pair {
            Pair::Direct { socket, local, remote } => {
                self.reply(Flow::Datagram { socket, local, remote }, message);
            }
            Pair::Relayed { allocation, peer } => self.reply_relayed(allocation, peer, message),
        }
    }
}
