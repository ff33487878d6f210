//! The way of an RTP packet from a publisher's leg.

use std::time::Instant;

use roomline_rtp::{RtpPacket, VideoCodec, rtx};
use roomline_sdp::{Codec, Kind};

use super::fanout::{Fanout, send_time};
use super::leg::Format;
use super::media::{Elements, Media};
use super::publication::{CurrentCodec, Incoming};
use super::router::{Router, RouterEvent};
use super::timers::Owner;
use super::{Drop, Egress, LegId};

impl Router {
    /// Takes a decrypted RTP packet and forwards it.
    ///
    /// # Errors
    /// Why it was not; it is counted already.
    pub fn handle_rtp(
        &mut self,
        now: Instant,
        leg: LegId,
        packet: &[u8],
        out: &mut dyn Egress,
    ) -> Result<(), Drop> {
        self.counters.received += 1;
        let mut elements = std::mem::take(&mut self.elements);
        elements.clear();
        let result = self.receive(now, leg.0, packet, &mut elements, out);
        self.elements = elements;
        self.arm_leg(leg.0);
        if let Err(reason) = result {
            self.counters.drop(reason);
        }
        result
    }

    fn receive(
        &mut self,
        now: Instant,
        key: u32,
        packet: &[u8],
        elements: &mut Vec<u8>,
        out: &mut dyn Egress,
    ) -> Result<(), Drop> {
        let packet = RtpPacket::parse(packet).map_err(|_| Drop::Malformed)?;
        let leg = self.legs.get_mut(key as usize).ok_or(Drop::UnknownLeg)?;
        leg.read_extensions(&packet, now, elements);
        let (at, format) = leg.identify(&packet)?;
        let section = leg.sections.get(at).ok_or(Drop::UnknownStream)?;
        let publication = section.publication.ok_or(Drop::NotPublished)?;
        let (index, retransmitted) = match format {
            Format::Media(index) => (index, false),
            Format::Retransmission(index) => (index, true),
            Format::Unknown => return Err(Drop::UnknownPayloadType),
        };
        let codec = section.codecs.get(usize::from(index)).ok_or(Drop::UnknownPayloadType)?;
        let incoming = unwrap(&packet, codec.payload_type, retransmitted)?;
        let nack = codec.nack;
        let found = self.publications.get(publication as usize).ok_or(Drop::NotPublished)?;
        let moving = found.place() != (key, at);
        let keyframe = moving && starts_keyframe(Some(current(codec, 0)), incoming.payload);
        leg.active(now);
        if moving {
            self.hear_successor(now, publication, &incoming, keyframe)?;
        }
        if !retransmitted {
            self.observe_codec(publication, usize::from(index), incoming.payload_type);
        }
        self.publish_packet(now, publication, &incoming, nack, Elements(elements), out)
    }

    /// Takes note of the codec if it is another than before.
    fn observe_codec(&mut self, key: u32, index: usize, payload_type: u8) {
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        if publication.codec.is_some_and(|codec| codec.payload_type == payload_type) {
            return;
        }
        let section = self.legs.get(publication.leg as usize).map(|leg| &leg.sections);
        let codec = section.and_then(|all| all.get(publication.section)?.codecs.get(index));
        if let Some(codec) = codec {
            publication.codec = Some(current(codec, index));
            if !std::mem::replace(&mut publication.told, true) {
                let (publication, codec) = (publication.id, codec.name.clone());
                self.events.push_back(RouterEvent::PublicationStarted { publication, codec });
            }
        }
    }

    fn publish_packet(
        &mut self,
        now: Instant,
        key: u32,
        incoming: &Incoming<'_>,
        nack: bool,
        elements: Elements<'_>,
        out: &mut dyn Egress,
    ) -> Result<(), Drop> {
        let publication = self.publications.get_mut(key as usize).ok_or(Drop::NotPublished)?;
        let accepted = publication.accept(now, incoming)?;
        publication.rate.add(now, incoming.payload.len());
        self.counters.recovered += u64::from(accepted.recovered);
        if let Some(at) = accepted.ask_at.filter(|_| nack) {
            self.timers.arm(&mut publication.armed, Owner::Publication(key), at);
        }
        let keyframe = starts_keyframe(publication.codec, incoming.payload);
        if keyframe {
            self.counters.keyframes += 1;
            publication.keyframes.arrived();
        } else if accepted.started && publication.kind == Kind::Video {
            publication.keyframes.request();
        }
        if publication.paused {
            return Err(Drop::Paused);
        }
        if accepted.started {
            // A keyframe may have been wanted before there was anybody to ask.
            self.arm_keyframe(now, key);
        }
        self.fan_out(now, key, &media(accepted.index, incoming, elements), keyframe, out);
        Ok(())
    }

    fn fan_out(
        &mut self,
        now: Instant,
        key: u32,
        media: &Media<'_>,
        keyframe: bool,
        out: &mut dyn Egress,
    ) {
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        if let Some(history) = &mut publication.history {
            history.store(media);
        }
        let mut fanout = Fanout {
            legs: &mut self.legs,
            slots: &mut self.slots,
            timers: &mut self.timers,
            counters: &mut self.counters,
            header: &mut self.header,
            payload: &mut self.payload,
            time: send_time(now, self.epoch),
            now,
        };
        fanout.forward(publication, media, keyframe, out);
    }
}

/// Takes a retransmission out of its wrapping.
fn unwrap<'a>(
    packet: &RtpPacket<'a>,
    payload_type: u8,
    retransmitted: bool,
) -> Result<Incoming<'a>, Drop> {
    let header = packet.header();
    let mut incoming = Incoming {
        ssrc: header.ssrc(),
        sequence: header.sequence_number(),
        timestamp: header.timestamp(),
        payload_type,
        marker: header.marker(),
        payload: packet.payload(),
        retransmitted,
    };
    if retransmitted {
        if incoming.payload.len() <= rtx::OSN_LEN {
            return Err(Drop::Probe);
        }
        let original = rtx::original_sequence_number(incoming.payload);
        incoming.sequence = original.ok_or(Drop::Malformed)?;
        incoming.payload = incoming.payload.get(rtx::OSN_LEN..).ok_or(Drop::Malformed)?;
    }
    Ok(incoming)
}

fn media<'a>(index: u64, incoming: &Incoming<'a>, elements: Elements<'a>) -> Media<'a> {
    Media {
        index,
        timestamp: incoming.timestamp,
        payload_type: incoming.payload_type,
        marker: incoming.marker,
        elements,
        payload: incoming.payload,
    }
}

fn current(codec: &Codec, index: usize) -> CurrentCodec {
    CurrentCodec {
        payload_type: codec.payload_type,
        clock_rate: codec.clock_rate,
        video: VideoCodec::from_name(&codec.name),
        index,
    }
}

fn starts_keyframe(codec: Option<CurrentCodec>, payload: &[u8]) -> bool {
    codec.and_then(|codec| codec.video).is_some_and(|video| video.starts_keyframe(payload))
}
