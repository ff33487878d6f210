//! From packets to the sink.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use roomline_stun::turn::{AllocationId, ClientTransport};
use roomline_stun::{channel_header, padding};

use super::Shard;
use crate::counters::{Counters, Discard};
use crate::forwarding::{Egress, LegId, Payload};
use crate::ids::SocketId;
use crate::io::Sink;
use crate::outbox::{Media, Outbox, Packet, Payloads};
use crate::relay::{Flow, Relay};
use crate::runs::{Run, Runs};
use crate::tables::Transports;
use crate::transport::Transport;
use crate::transport::pairs::Pair;
use crate::transport::srtp::Keys;

/// Room in front of a packet for a ChannelData header (RFC 8656 section 12.4).
const CHANNEL_HEADER: usize = 4;

/// Where the router's packets go: into the outboxes of the legs.
pub(super) struct Out<'a> {
    pub(super) transports: &'a mut Transports,
    pub(super) payloads: &'a mut Payloads,
    pub(super) counters: &'a mut Counters,
}

impl Out<'_> {
    /// Lets `put` put something into a leg's outbox.
    fn put(&mut self, leg: LegId, put: impl FnOnce(&mut Keys, &mut Outbox) -> bool) {
        let Some((slot, transport)) = self.transports.of_leg(leg) else { return };
        let Transport { keys, outbox, pairs, .. } = transport;
        let (Some(keys), false) = (keys, outbox.is_full() || pairs.selected().is_none()) else {
            return self.counters.discard(Discard::Unsendable);
        };
        if !put(keys, outbox) {
            self.counters.discard(Discard::Unsendable);
        }
        if !transport.dirty {
            self.transports.mark(slot);
        }
    }
}

impl Egress for Out<'_> {
    fn keep(&mut self, payload: &[u8]) -> Payload {
        self.payloads.keep(payload)
    }

    fn send_rtp(&mut self, leg: LegId, roc: u32, header: &[u8], payload: Payload) {
        self.counters.rtp_sent += 1;
        let length = self.payloads.get(payload).len();
        self.put(leg, |_, outbox| {
            outbox.push_rtp(header, Media { roc, payload }, length);
            true
        });
    }

    fn send_rtcp(&mut self, leg: LegId, compound: &[u8]) {
        self.put(leg, |keys, outbox| {
            let sealed = outbox.push_with(|bytes, start| {
                bytes.extend_from_slice(compound);
                keys.seal_rtcp(bytes, start)
            });
            sealed.is_ok()
        });
    }
}

/// Hands packets to the sink and counts them.
struct Exit<'a> {
    sink: &'a mut dyn Sink,
    counters: &'a mut Counters,
}

impl Exit<'_> {
    fn run(&mut self, to: (SocketId, IpAddr, SocketAddr), run: Option<Run<'_>>) {
        let Some(Run { bytes, segment, count }) = run else { return };
        let (socket, local, remote) = to;
        let local = Some(local).filter(|local| !local.is_unspecified());
        self.sink.send_datagrams(socket, local, remote, bytes, segment);
        self.counters.runs_sent += 1;
        self.counters.packets_sent += count;
        self.counters.bytes_sent += bytes.len() as u64;
    }

    fn message(&mut self, flow: Flow, message: &[u8], droppable: bool) {
        match flow {
            Flow::Datagram { socket, local, remote } => {
                let run = Run { bytes: message, segment: message.len(), count: 1 };
                self.run((socket, local, remote), Some(run));
            }
            Flow::Connection(connection) => {
                self.sink.send_message(connection, message, droppable);
                self.counters.packets_sent += 1;
                self.counters.bytes_sent += message.len() as u64;
            }
        }
    }
}

impl Shard {
    /// Sends a message where a flow comes from.
    pub(super) fn reply(&mut self, flow: Flow, message: &[u8]) {
        if !self.replies.push(flow, message) {
            self.counters.discard(Discard::Unsendable);
        }
    }

    /// Sends a message of one of our candidates to a client, through its allocation.
    pub(super) fn reply_relayed(
        &mut self,
        allocation: AllocationId,
        peer: SocketAddr,
        message: &[u8],
    ) {
        let server = self.relay.server();
        let Some(flow) = server.allocation(allocation).map(|found| found.client().flow) else {
            return self.counters.discard(Discard::Unsendable);
        };
        let mut carrier = Vec::with_capacity(message.len() + 64);
        match server.encapsulate(allocation, peer, message, &mut carrier) {
            Ok(_) => self.reply(flow, &carrier),
            Err(_) => self.counters.discard(Discard::Unsendable),
        }
    }

    /// Hands everything that waits to the sink.
    pub(super) fn send_all(&mut self, _now: Instant, sink: &mut dyn Sink) {
        let mut exit = Exit { sink, counters: &mut self.counters };
        for (flow, message) in self.replies.iter() {
            exit.message(flow, message, false);
        }
        self.replies.clear();
        let dirty = self.transports.take_dirty();
        let mut departure = Departure {
            relay: &self.relay,
            payloads: &self.payloads,
            runs: &mut self.runs,
            carrier: &mut self.scratch.message,
            exit,
        };
        for slot in &dirty {
            let Some(transport) = self.transports.get_mut(*slot) else { continue };
            transport.dirty = false;
            departure.send(transport);
            transport.outbox.clear();
        }
        self.transports.restore_dirty(dirty);
        self.payloads.clear();
    }
}

/// Lets what waits in an outbox leave.
struct Departure<'a> {
    relay: &'a Relay,
    payloads: &'a Payloads,
    runs: &'a mut Runs,
    carrier: &'a mut Vec<u8>,
    exit: Exit<'a>,
}

impl Departure<'_> {
    fn send(&mut self, transport: &mut Transport) {
        let (packets, bytes) = (self.exit.counters.packets_sent, self.exit.counters.bytes_sent);
        match transport.pairs.selected() {
            Some(Pair::Direct { socket, local, remote }) => {
                self.send_runs(transport, None, (socket, local, remote));
            }
            Some(Pair::Relayed { allocation, peer }) => {
                self.send_relayed(transport, allocation, peer);
            }
            None => self.lose(transport),
        }
        transport.totals.packets_sent += self.exit.counters.packets_sent - packets;
        transport.totals.bytes_sent += self.exit.counters.bytes_sent - bytes;
    }

    fn lose(&mut self, transport: &Transport) {
        let lost = transport.outbox.packets().count();
        (0..lost).for_each(|_| self.exit.counters.discard(Discard::Unsendable));
    }

    fn send_relayed(
        &mut self,
        transport: &mut Transport,
        allocation: AllocationId,
        peer: SocketAddr,
    ) {
        let server = self.relay.server();
        let Some(found) = server.allocation(allocation) else { return self.lose(transport) };
        let client = found.client();
        match (client.flow, server.channel_of(allocation, peer)) {
            (Flow::Datagram { socket, local, remote }, Some(channel)) => {
                self.send_runs(transport, Some(channel), (socket, local, remote));
            }
            (flow, Some(channel)) => {
                self.send_channel(transport, (flow, client.transport), channel);
            }
            (flow, None) => self.send_indications(transport, flow, (allocation, peer)),
        }
    }

    /// Datagrams for an address, in runs; behind a ChannelData header if there is a channel.
    fn send_runs(
        &mut self,
        transport: &mut Transport,
        channel: Option<u16>,
        to: (SocketId, IpAddr, SocketAddr),
    ) {
        let Transport { keys, outbox, .. } = transport;
        let front = channel.map_or(0, |_| CHANNEL_HEADER);
        for packet in outbox.packets() {
            let length = front + self.length(keys.as_ref(), packet);
            if !self.runs.takes(length) {
                self.exit.run(to, self.runs.take());
            }
            match self.write(keys.as_mut(), packet, length, channel) {
                Some(_) => self.runs.add(length),
                None => self.exit.counters.discard(Discard::Unsendable),
            }
        }
        self.exit.run(to, self.runs.take());
    }

    /// ChannelData messages for a connection, or one by one for an address.
    fn send_channel(
        &mut self,
        transport: &mut Transport,
        (flow, kind): (Flow, ClientTransport),
        channel: u16,
    ) {
        let Transport { keys, outbox, .. } = transport;
        for packet in outbox.packets() {
            let length = self.length(keys.as_ref(), packet);
            let padding = if kind.is_stream() { padding(length) } else { 0 };
            let whole = CHANNEL_HEADER + length;
            if self.write(keys.as_mut(), packet, whole, Some(channel)).is_none() {
                self.exit.counters.discard(Discard::Unsendable);
            } else if let Some(message) = self.runs.room(whole + padding) {
                message[whole..].fill(0);
                self.exit.message(flow, message, matches!(packet, Packet::Rtp(..)));
            }
        }
    }

    /// Data indications, for a client without a channel.
    fn send_indications(
        &mut self,
        transport: &mut Transport,
        flow: Flow,
        (allocation, peer): (AllocationId, SocketAddr),
    ) {
        let Transport { keys, outbox, .. } = transport;
        for packet in outbox.packets() {
            let length = self.length(keys.as_ref(), packet);
            let written = self.write(keys.as_mut(), packet, length, None);
            let payload = written.and_then(|()| self.runs.room(length));
            self.carrier.clear();
            let carried = payload.is_some_and(|payload| {
                let server = self.relay.server();
                server.encapsulate(allocation, peer, payload, self.carrier).is_ok()
            });
            if carried {
                self.exit.message(flow, self.carrier, matches!(packet, Packet::Rtp(..)));
            } else {
                self.exit.counters.discard(Discard::Unsendable);
            }
        }
    }

    /// Length of a packet as it leaves.
    fn length(&self, keys: Option<&Keys>, packet: Packet<'_>) -> usize {
        match packet {
            Packet::Datagram(datagram) => datagram.len(),
            Packet::Rtp(header, media) => {
                let payload = self.payloads.get(media.payload);
                header.len() + payload.len() + keys.map_or(0, Keys::rtp_overhead)
            }
        }
    }

    /// Writes a packet of this length into the room for the next one.
    fn write(
        &mut self,
        keys: Option<&mut Keys>,
        packet: Packet<'_>,
        length: usize,
        channel: Option<u16>,
    ) -> Option<()> {
        let mut room = self.runs.room(length)?;
        if let Some(channel) = channel {
            let (front, rest) = room.split_at_mut_checked(CHANNEL_HEADER)?;
            front.copy_from_slice(&channel_header(channel, u16::try_from(rest.len()).ok()?));
            room = rest;
        }
        match packet {
            Packet::Datagram(datagram) => room.copy_from_slice(datagram),
            Packet::Rtp(header, media) => {
                let payload = self.payloads.get(media.payload);
                keys?.seal_rtp(media.roc, header, payload, room).ok()?;
            }
        }
        Some(())
    }
}
