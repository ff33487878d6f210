//! From packets to the sink.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use roomline_stun::turn::AllocationId;

use super::Shard;
use crate::counters::{Counters, Discard};
use crate::forwarding::{Egress, LegId};
use crate::ids::SocketId;
use crate::io::Sink;
use crate::outbox::CHANNEL_HEADER;
use crate::relay::{Flow, Relay};
use crate::tables::Transports;
use crate::transport::Transport;
use crate::transport::pairs::Pair;
use crate::transport::srtp::{Keys, Kind, kind};

/// Where the router's packets go: sealed straight into the outboxes of the legs.
pub(super) struct Out<'a> {
    pub(super) transports: &'a mut Transports,
    pub(super) counters: &'a mut Counters,
}

impl Out<'_> {
    /// Puts into a leg's outbox what `seal` makes of a packet that lies there from a start on.
    fn seal(
        &mut self,
        leg: LegId,
        parts: [&[u8]; 2],
        seal: impl FnOnce(&mut Keys, &mut Vec<u8>, usize) -> bool,
    ) {
        let Some((slot, transport)) = self.transports.of_leg(leg) else { return };
        let Transport { keys, outbox, pairs, .. } = transport;
        let (Some(keys), false) = (keys, outbox.is_full() || pairs.selected().is_none()) else {
            return self.counters.discard(Discard::Unsendable);
        };
        let (slab, start) = outbox.begin();
        slab.extend_from_slice(parts[0]);
        slab.extend_from_slice(parts[1]);
        if seal(keys, slab, start) {
            outbox.commit();
        } else {
            outbox.cancel();
            self.counters.discard(Discard::Unsendable);
        }
        if !transport.dirty {
            self.transports.mark(slot);
        }
    }
}

impl Egress for Out<'_> {
    fn send_rtp(&mut self, leg: LegId, roc: u32, header: &[u8], payload: &[u8]) {
        self.counters.rtp_sent += 1;
        self.seal(leg, [header, payload], |keys, slab, start| {
            keys.seal_rtp(roc, slab, start, header.len()).is_ok()
        });
    }

    fn send_rtcp(&mut self, leg: LegId, compound: &[u8]) {
        self.seal(leg, [compound, &[]], |keys, slab, start| keys.seal_rtcp(slab, start).is_ok());
    }
}

/// Hands packets to the sink and counts them.
struct Exit<'a> {
    sink: &'a mut dyn Sink,
    counters: &'a mut Counters,
}

impl Exit<'_> {
    fn run(&mut self, to: (SocketId, IpAddr, SocketAddr), run: &[u8], segment: usize, count: u64) {
        let (socket, local, remote) = to;
        let local = Some(local).filter(|local| !local.is_unspecified());
        self.sink.send_datagrams(socket, local, remote, run, segment);
        self.counters.runs_sent += 1;
        self.counters.packets_sent += count;
        self.counters.bytes_sent += run.len() as u64;
    }

    fn message(&mut self, flow: Flow, message: &[u8], droppable: bool) {
        match flow {
            Flow::Datagram { socket, local, remote } => {
                self.run((socket, local, remote), message, message.len(), 1);
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
        for slot in &dirty {
            let Some(transport) = self.transports.get_mut(*slot) else { continue };
            transport.dirty = false;
            let carrier = &mut self.scratch.message;
            send_outbox(transport, &self.relay, carrier, &mut exit);
            transport.outbox.clear();
            transport.outbox.set_headroom(headroom(transport.pairs.selected()));
        }
        self.transports.restore_dirty(dirty);
    }
}

/// Room that a packet needs in front on a pair.
fn headroom(pair: Option<Pair>) -> usize {
    match pair {
        Some(Pair::Relayed { .. }) => CHANNEL_HEADER,
        _ => 0,
    }
}

fn send_outbox(
    transport: &mut Transport,
    relay: &Relay,
    carrier: &mut Vec<u8>,
    exit: &mut Exit<'_>,
) {
    let (packets, bytes) = (exit.counters.packets_sent, exit.counters.bytes_sent);
    match transport.pairs.selected() {
        Some(Pair::Direct { socket, local, remote }) => {
            send_direct(transport, (socket, local, remote), exit);
        }
        Some(Pair::Relayed { allocation, peer }) => {
            send_relayed(transport, relay, (allocation, peer), carrier, exit);
        }
        None => transport.outbox.packets().for_each(|_| exit.counters.discard(Discard::Unsendable)),
    }
    transport.totals.packets_sent += exit.counters.packets_sent - packets;
    transport.totals.bytes_sent += exit.counters.bytes_sent - bytes;
}

fn send_direct(transport: &Transport, to: (SocketId, IpAddr, SocketAddr), exit: &mut Exit<'_>) {
    let outbox = &transport.outbox;
    if outbox.headroom() == 0 {
        for run in outbox.runs() {
            exit.run(to, outbox.bytes(&run), run.segment, run.count);
        }
        return;
    }
    // The path changed since the tick began: the packets have room for a header between them.
    for packet in outbox.packets() {
        exit.run(to, packet, packet.len(), 1);
    }
}

fn send_relayed(
    transport: &mut Transport,
    relay: &Relay,
    (allocation, peer): (AllocationId, SocketAddr),
    carrier: &mut Vec<u8>,
    exit: &mut Exit<'_>,
) {
    let server = relay.server();
    let Some(found) = server.allocation(allocation) else {
        let lost = transport.outbox.packets().count();
        return (0..lost).for_each(|_| exit.counters.discard(Discard::Unsendable));
    };
    let flow = found.client().flow;
    let outbox = &mut transport.outbox;
    if let Flow::Datagram { socket, local, remote } = flow
        && outbox.headroom() == CHANNEL_HEADER
        && let Some(channel) = server.channel_of(allocation, peer)
    {
        outbox.fill_channel(channel);
        for run in outbox.runs() {
            exit.run((socket, local, remote), outbox.bytes(&run), run.segment, run.count);
        }
        return;
    }
    for packet in outbox.packets() {
        carrier.clear();
        match server.encapsulate(allocation, peer, packet, carrier) {
            Ok(_) => exit.message(flow, carrier, is_media(packet)),
            Err(_) => exit.counters.discard(Discard::Unsendable),
        }
    }
}

/// RTP is worthless when late; DTLS, and RTCP that asks for what is missing, are not.
fn is_media(packet: &[u8]) -> bool {
    matches!(packet.first(), Some(128..=191)) && kind(packet) == Kind::Rtp
}
