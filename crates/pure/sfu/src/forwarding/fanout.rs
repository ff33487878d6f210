//! One packet to every subscriber of its publication, and again to one that lost it.

use std::time::Instant;

use roomline_rtp::extension::AbsSendTime;
use roomline_rtp::{Extension, Fields, HeaderWriter};
use roomline_sdp::Kind;
use slab::Slab;

use super::error::ForwardingCounters;
use super::leg::Leg;
use super::media::{Elements, Media};
use super::publication::Publication;
use super::rewrite::{Clock, Rewritten};
use super::subscription::Slot;
use super::template::{Template, Varying};
use super::timers::{Owner, Timers};
use super::{Drop, Egress, LegId, Payload};

/// The longest RTP packet that is sent, in bytes: what a datagram carries in an Ethernet frame behind
/// headers of IPv6 and UDP (1,500 − 40 − 8), less a ChannelData header (RFC 8656 §12.4), the tag of
/// AEAD_AES_128_GCM (RFC 7714 §13.2), and what a retransmission adds (RFC 4588 §4). Fragments of longer
/// ones would be lost on many paths.
const MAX_PACKET: usize = 1500 - 40 - 8 - 4 - 16 - 2;

/// What sending needs of the router, besides the publication.
pub(super) struct Fanout<'r> {
    pub(super) legs: &'r mut Slab<Leg>,
    pub(super) slots: &'r mut Slab<Slot>,
    pub(super) timers: &'r mut Timers,
    pub(super) counters: &'r mut ForwardingCounters,
    /// Room for the header, and for the payload of a retransmission.
    pub(super) header: &'r mut Vec<u8>,
    pub(super) payload: &'r mut Vec<u8>,
    /// The absolute send time.
    pub(super) time: [u8; 3],
    pub(super) now: Instant,
}

impl Fanout<'_> {
    /// Sends a packet to all subscribers. `keyframe`: a decoder can begin with it.
    pub(super) fn forward(
        &mut self,
        publication: &Publication,
        media: &Media<'_>,
        keyframe: bool,
        out: &mut dyn Egress,
    ) {
        let mut kept = None;
        for &key in &publication.slots {
            match self.forward_to(key, publication, media, keyframe, &mut kept, out) {
                Ok(()) => self.counters.forwarded += 1,
                Err(reason) => self.counters.drop(reason),
            }
        }
    }

    fn forward_to(
        &mut self,
        key: u32,
        publication: &Publication,
        media: &Media<'_>,
        keyframe: bool,
        kept: &mut Option<Payload>,
        out: &mut dyn Egress,
    ) -> Result<(), Drop> {
        let slot = self.slots.get_mut(key as usize).ok_or(Drop::UnknownLeg)?;
        let leg = self.legs.get_mut(slot.leg as usize).ok_or(Drop::UnknownLeg)?;
        if !leg.connected {
            return Err(Drop::NotConnected);
        }
        let rewritten = rewrite(slot, publication, media, keyframe, self.now)?;
        let binding = slot.binding.as_ref().ok_or(Drop::SubscriptionPaused)?;
        let format = binding.format(media.payload_type).ok_or(Drop::CodecMismatch)?;
        let fields = Fields {
            marker: media.marker,
            payload_type: format.payload_type(),
            sequence_number: rewritten.number as u16,
            timestamp: rewritten.timestamp,
            ssrc: slot.ssrc,
        };
        self.header.clear();
        let time = (!format.is_repeatable()).then_some(self.time);
        write_header(self.header, &fields, slot, leg, media.elements, time);
        let size = self.header.len() + media.payload.len();
        if size > MAX_PACKET {
            return Err(Drop::TooLarge);
        }
        slot.packets = slot.packets.wrapping_add(1);
        slot.octets = slot.octets.wrapping_add(media.payload.len() as u32);
        let roc = (rewritten.number >> 16) as u32;
        let payload = *kept.get_or_insert_with(|| out.keep(media.payload));
        out.send_rtp(LegId(slot.leg), roc, self.header, payload);
        note_sent(leg, slot.leg, self.timers, self.now, size);
        Ok(())
    }

    /// Sends a packet of the history once more: in the RTX stream, or bit by bit as it was.
    /// `number` is its extended number in the slot, `shift` what was added to its timestamp.
    pub(super) fn retransmit(
        &mut self,
        key: u32,
        number: u64,
        shift: u32,
        media: &Media<'_>,
        out: &mut dyn Egress,
    ) -> Option<()> {
        let slot = self.slots.get_mut(key as usize)?;
        let leg = self.legs.get_mut(slot.leg as usize)?;
        let format = slot.binding.as_ref()?.format(media.payload_type)?;
        let mut fields = Fields {
            marker: media.marker,
            payload_type: format.payload_type(),
            sequence_number: number as u16,
            timestamp: media.timestamp.wrapping_add(shift),
            ssrc: slot.ssrc,
        };
        self.header.clear();
        let (rtx, roc, payload) = if let (Some(payload_type), Some(rtx)) = (format.rtx(), &slot.rtx)
        {
            let next = rtx.stream.following();
            fields.payload_type = payload_type;
            fields.sequence_number = next as u16;
            fields.ssrc = rtx.ssrc;
            self.payload.clear();
            self.payload.extend_from_slice(&(number as u16).to_be_bytes());
            self.payload.extend_from_slice(media.payload);
            write_header(self.header, &fields, slot, leg, media.elements, Some(self.time));
            (true, next >> 16, &self.payload[..])
        } else if format.is_repeatable() {
            write_header(self.header, &fields, slot, leg, media.elements, None);
            (false, number >> 16, media.payload)
        } else {
            return None;
        };
        let size = self.header.len() + media.payload.len();
        if size > MAX_PACKET {
            return None;
        }
        if rtx && let Some(rtx) = &mut slot.rtx {
            rtx.stream.next();
        }
        let payload = out.keep(payload);
        out.send_rtp(LegId(slot.leg), roc as u32, self.header, payload);
        leg.retransmissions += 1;
        note_sent(leg, slot.leg, self.timers, self.now, size);
        Some(())
    }
}

/// The numbers of a packet in a slot; begins the run if the subscription waits for this packet.
fn rewrite(
    slot: &mut Slot,
    publication: &Publication,
    media: &Media<'_>,
    keyframe: bool,
    now: Instant,
) -> Result<Rewritten, Drop> {
    let binding = slot.binding.as_mut().ok_or(Drop::SubscriptionPaused)?;
    if binding.paused || binding.stopped.is_some() || !slot.open {
        return Err(Drop::SubscriptionPaused);
    }
    if binding.format(media.payload_type).is_none() {
        binding.running = false;
        return Err(Drop::CodecMismatch);
    }
    if !binding.running || !binding.rewriter.is_of(publication.epoch) {
        if publication.kind == Kind::Video && !keyframe {
            return Err(Drop::AwaitingKeyframe);
        }
        let clock = Clock { rate: publication.clock_rate(), now };
        let (index, timestamp) = (media.index, media.timestamp);
        binding.rewriter.start(&slot.stream, index, timestamp, publication.epoch, clock);
        binding.running = true;
    }
    let rewriter = &binding.rewriter;
    rewriter.rewrite(&mut slot.stream, media.index, media.timestamp, now).ok_or(Drop::BeforeStart)
}

/// An absolute send time, whose clock began at `epoch`.
pub(super) fn send_time(now: Instant, epoch: Instant) -> [u8; 3] {
    AbsSendTime::from_duration(now.saturating_duration_since(epoch)).to_bytes()
}

/// Writes a header in the terms of the slot's leg. `time` is the send time, or nothing if the packet
/// must come out the same every time.
fn write_header(
    header: &mut Vec<u8>,
    fields: &Fields,
    slot: &mut Slot,
    leg: &mut Leg,
    elements: Elements<'_>,
    time: Option<[u8; 3]>,
) {
    if let Some(time) = time.filter(|_| elements.0.is_empty()) {
        if !slot.template.is_some_and(|template| template.is_of(leg.form)) {
            slot.template = Some(Template::new(slot, leg.form));
        }
        if let Some(template) = slot.template.as_ref().filter(|template| template.fits()) {
            let number = if template.is_numbered() { leg.next_transport_sequence() } else { 0 };
            return template.write(
                header,
                fields,
                Varying { sequence: number.to_be_bytes(), time },
            );
        }
    }
    let mut writer = HeaderWriter::new(header, fields, leg.form);
    if let Some(id) = slot.id(Extension::Mid) {
        writer.extension(id, slot.mid.as_bytes());
    }
    if let Some(time) = time {
        if let Some(id) = slot.id(Extension::TransportSequence) {
            writer.extension(id, &leg.next_transport_sequence().to_be_bytes());
        }
        if let Some(id) = slot.id(Extension::AbsSendTime) {
            writer.extension(id, &time);
        }
    }
    for (tag, value) in elements {
        let extension = Extension::ALL.get(usize::from(tag)).copied();
        if let Some(id) = extension.and_then(|extension| slot.id(extension)) {
            writer.extension(id, value);
        }
    }
    writer.finish();
}

fn note_sent(leg: &mut Leg, key: u32, timers: &mut Timers, now: Instant, size: usize) {
    leg.sent.add(now, size);
    leg.active(now);
    if let Some(at) = leg.deadline() {
        timers.arm(&mut leg.armed, Owner::Leg(key), at);
    }
}
