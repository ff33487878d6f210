//! RTP that is sent.

use roomline_rtp::rtcp::Nack;
use roomline_rtp::{Extension, Fields, Form, HeaderWriter, extension};
use std::time::Duration;

use super::{Session, World};
use crate::clock::{MILLISECOND, Nanos};
use crate::datagrams::Batch;
use crate::outgoing::{Kept, Outgoing, Packet, Pattern};
use crate::sdp::Section;

/// How much earlier an encoding starts than the next smaller one, where the largest has to be first.
const HEAD_START: Nanos = 50 * MILLISECOND;

impl Session {
    /// Starts what is sent in a section: one pattern for each encoding, from the smallest.
    pub(crate) fn start(
        &mut self,
        section: usize,
        patterns: &[Pattern],
        now: Nanos,
    ) -> Result<(), String> {
        if let Some(problem) = patterns.iter().find_map(Pattern::problem) {
            return Err(problem.to_owned());
        }
        let streams: Vec<&mut Outgoing> =
            self.outgoing.iter_mut().filter(|stream| stream.section == section).collect();
        if streams.len() != patterns.len() {
            let (found, wanted) = (patterns.len(), streams.len());
            return Err(format!("section {section} sends {wanted} streams, not {found}"));
        }
        let largest_first = self.sections.get(section).is_some_and(|one| one.largest_first);
        let count = streams.len() as Nanos;
        for (index, (stream, pattern)) in (1..).zip(streams.into_iter().zip(patterns)) {
            // Galene gives people the encoding that it has seen first.
            let delay = if largest_first { (count - index) * HEAD_START } else { 0 };
            stream.start(*pattern, now + delay);
        }
        Ok(())
    }

    /// Stops what is sent in a section.
    pub(crate) fn quiet(&mut self, section: usize) {
        let streams = self.outgoing.iter_mut().filter(|stream| stream.section == section);
        streams.for_each(Outgoing::stop);
    }

    /// When the next frame is due.
    pub(super) fn next_frame(&self) -> Nanos {
        self.outgoing.iter().map(Outgoing::next_timeout).min().unwrap_or(Nanos::MAX)
    }

    /// Writes the packets that are due.
    pub(super) fn publish(&mut self, batch: &mut Batch, headroom: usize, world: &World<'_>) {
        for index in 0..self.outgoing.len() {
            while let Some(packets) = self.outgoing[index].frame(world.now) {
                for packet in packets {
                    self.write_packet(index, &packet, (batch, headroom), world);
                }
            }
        }
    }

    fn write_packet(
        &mut self,
        index: usize,
        packet: &Packet,
        (batch, headroom): (&mut Batch, usize),
        world: &World<'_>,
    ) {
        let (stream, now) = (&mut self.outgoing[index], world.now);
        let (Some(section), Some(outbound)) =
            (self.sections.get(stream.section), &mut self.outbound)
        else {
            return;
        };
        let start = batch.start() + headroom;
        batch.bytes.resize(start, 0);
        let fields = Fields {
            marker: packet.marker,
            payload_type: section.payload_type,
            sequence_number: stream.number as u16,
            timestamp: packet.timestamp,
            ssrc: stream.source.ssrc,
        };
        let mut writer = HeaderWriter::new(&mut batch.bytes, &fields, Form::OneByte);
        extend(&mut writer, section, &mut self.transport_sequence, now);
        if let Some(rid) = &stream.source.rid
            && let Some(id) = section.extension_map().id(Extension::RtpStreamId)
        {
            writer.extension(id, rid.as_bytes());
        }
        let header = writer.finish();
        stream.write_payload(packet, (&mut batch.bytes, start), now);
        let roc = (stream.number >> 16) as u32;
        stream.keep(packet, &batch.bytes[start + header..], now);
        match outbound.seal_rtp(roc, &mut batch.bytes, start, header) {
            Ok(()) => batch.finish(),
            Err(_) => batch.abandon(),
        }
    }

    /// Sends again what was asked for, as RTX (RFC 4588).
    pub(super) fn resend(&mut self, nack: &Nack<'_>, world: &World<'_>) {
        let of_source = |stream: &Outgoing| stream.source.ssrc == nack.media;
        let Some(index) = self.outgoing.iter().position(of_source) else { return };
        for sequence in nack.sequence_numbers() {
            if let Some(kept) = self.outgoing[index].take(sequence, world.now) {
                self.retransmit(index, &kept, world);
                self.outgoing[index].put_back(kept);
            }
        }
    }

    fn retransmit(&mut self, index: usize, kept: &Kept, world: &World<'_>) {
        let stream = &mut self.outgoing[index];
        let (Some(section), Some(outbound), Some(to)) =
            (self.sections.get(stream.section), &mut self.outbound, self.agent.selected())
        else {
            return;
        };
        let (Some(payload_type), Some(ssrc)) = (section.rtx, stream.source.rtx) else { return };
        let mut datagram = Vec::with_capacity(kept.payload.len() + 64);
        let fields = Fields {
            marker: kept.marker,
            payload_type,
            sequence_number: stream.rtx_number as u16,
            timestamp: kept.timestamp,
            ssrc,
        };
        let mut writer = HeaderWriter::new(&mut datagram, &fields, Form::OneByte);
        extend(&mut writer, section, &mut self.transport_sequence, world.now);
        if let Some(rid) = &stream.source.rid
            && let Some(id) = section.extension_map().id(Extension::RepairedRtpStreamId)
        {
            writer.extension(id, rid.as_bytes());
        }
        let header = writer.finish();
        datagram.extend_from_slice(&(kept.number as u16).to_be_bytes());
        datagram.extend_from_slice(&kept.payload);
        let roc = (stream.rtx_number >> 16) as u32;
        stream.rtx_number += 1;
        if outbound.seal_rtp(roc, &mut datagram, 0, header).is_ok() {
            stream.sent.retransmitted += 1;
            self.out.push((to, datagram));
        }
    }
}

/// The extensions that every packet carries, as far as they were agreed upon.
fn extend(
    writer: &mut HeaderWriter<'_>,
    section: &Section,
    transport_sequence: &mut u16,
    now: Nanos,
) {
    for (id, extension) in &section.extensions {
        match extension {
            Extension::Mid => {
                writer.extension(*id, section.mid.as_bytes());
            }
            Extension::AbsSendTime => {
                let time = extension::AbsSendTime::from_duration(Duration::from_nanos(now));
                writer.extension(*id, &time.to_bytes());
            }
            Extension::TransportSequence => {
                writer.extension(*id, &transport_sequence.to_be_bytes());
                *transport_sequence = transport_sequence.wrapping_add(1);
            }
            Extension::AudioLevel => {
                let level = extension::AudioLevel { voice: true, level: 30 };
                writer.extension(*id, &level.to_bytes());
            }
            _ => {}
        }
    }
}
