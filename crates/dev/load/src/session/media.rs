//! RTP that is received.

use roomline_rtp::rtcp::TwccRecorder;
use roomline_rtp::{Extension, Header, VideoCodec, rtx};

use super::{Session, World};
use crate::clock::Nanos;
use crate::incoming::Incoming;
use crate::payload::Stamp;
use crate::sdp::Kind;

/// One packet in so many is decrypted, once a stream has begun. A prime, so that it isn't always the
/// same place in a frame.
const SAMPLE: u64 = 101;
/// More sources than one peer may have (roomline_srtp::MAX_SOURCES).
const MAX_STREAMS: usize = 1024;

impl Session {
    /// Counts a packet by its clear header; decrypts it if there is something to learn.
    pub(super) fn media(&mut self, data: &mut [u8], arrived: Nanos, world: &mut World<'_>) {
        let (Ok(header), Some(_)) = (Header::parse(data), &self.inbound) else {
            self.totals.ignored += 1;
            return;
        };
        if let Some(recorder) = &mut self.recorder {
            let id = self.extensions.id(Extension::TransportSequence);
            record(recorder, id, &header, data, (arrived, world));
        }
        let Some(index) = self.stream_of(&header, data) else {
            self.totals.ignored += 1;
            return;
        };
        let stream = &mut self.incoming[index];
        if stream.is_rtx {
            stream.counts.bytes += data.len() as u64;
            stream.counts.received += 1;
            self.retransmission(index, &header, data);
            return;
        }
        if stream.packet(header.sequence_number(), data.len(), arrived) {
            self.next_feedback = self.next_feedback.min(stream.next_timeout());
        }
        let stream = &mut self.incoming[index];
        stream.arrival(header.timestamp(), arrived);
        if !stream.started || stream.counts.received.is_multiple_of(SAMPLE) {
            self.look_inside(index, &header, data, arrived, world);
        }
    }

    /// The stream of a packet, a new one if need be.
    fn stream_of(&mut self, header: &Header, data: &[u8]) -> Option<usize> {
        let ssrc = header.ssrc();
        if let Some(index) = self.incoming.iter().position(|stream| stream.ssrc == ssrc) {
            return Some(index);
        }
        if self.incoming.len() >= MAX_STREAMS {
            return None;
        }
        let payload_type = header.payload_type();
        let announced = self.announced.iter().find(|(known, ..)| *known == ssrc);
        let mid = self
            .extensions
            .id(Extension::Mid)
            .and_then(|id| header.extension(data, id))
            .and_then(|value| self.sections.iter().position(|s| s.mid.as_bytes() == value));
        let carries = |section: &crate::sdp::Section| {
            section.kind.is_some()
                && (section.payload_type == payload_type || section.rtx == Some(payload_type))
        };
        let section = announced
            .map(|(_, section, _)| *section)
            .or(mid)
            .or_else(|| self.sections.iter().position(carries))?;
        let agreed = &self.sections[section];
        let video = agreed.kind == Some(Kind::Video);
        let mut stream = Incoming::new(ssrc, if video { 90_000 } else { 48_000 });
        stream.section = Some(section);
        stream.is_video = video;
        stream.is_rtx = agreed.rtx == Some(payload_type);
        self.incoming.push(stream);
        self.next_feedback = 0;
        Some(self.incoming.len() - 1)
    }

    fn look_inside(
        &mut self,
        index: usize,
        header: &Header,
        data: &mut [u8],
        arrived: Nanos,
        world: &mut World<'_>,
    ) {
        let Some(payload) = self.open(header, data) else { return };
        let stream = &mut self.incoming[index];
        let begins = !stream.is_video || VideoCodec::Vp8.starts_keyframe(payload);
        if begins && !stream.started {
            stream.started = true;
            self.note_first_frame(index, arrived);
        }
        let Some(stamp) = Stamp::find(payload) else { return };
        self.incoming[index].stream = Some(stamp.stream);
        if let Some(latency) = &mut world.latency {
            latency.record(arrived.saturating_sub(stamp.sent));
        }
    }

    /// Video counts, unless there is none.
    fn note_first_frame(&mut self, index: usize, arrived: Nanos) {
        let expects_video = self
            .sections
            .iter()
            .any(|section| section.kind == Some(Kind::Video) && section.direction.receives());
        if self.first_frame.is_none() && (self.incoming[index].is_video || !expects_video) {
            self.first_frame = Some(arrived);
        }
    }

    /// The decrypted payload; failures are counted.
    fn open<'a>(&mut self, header: &Header, data: &'a mut [u8]) -> Option<&'a [u8]> {
        let inbound = self.inbound.as_mut()?;
        self.totals.decrypted += 1;
        let length = match inbound.open_rtp(data, header.len()) {
            Ok(length) => length,
            // The same packet twice is a duplicate, which is counted as that.
            Err(roomline_srtp::SrtpError::Replayed | roomline_srtp::SrtpError::TooOld) => {
                return None;
            }
            Err(_) => {
                self.totals.decrypt_failures += 1;
                return None;
            }
        };
        let plain = &data[..length];
        let range = header.payload_range(plain).ok()?;
        plain.get(range)
    }

    /// A packet that comes again under another source. Without a payload it is a probe.
    fn retransmission(&mut self, index: usize, header: &Header, data: &mut [u8]) {
        let (ssrc, section) = (self.incoming[index].ssrc, self.incoming[index].section);
        let Some(payload) = self.open(header, data).filter(|payload| payload.len() > rtx::OSN_LEN)
        else {
            return;
        };
        let Some(sequence) = rtx::original_sequence_number(payload) else { return };
        let repairs = self.announced.iter().find(|(known, ..)| *known == ssrc);
        let source = repairs.and_then(|(_, _, source)| *source);
        let repaired = self.incoming.iter_mut().find(|stream| match source {
            Some(source) => stream.ssrc == source,
            None => !stream.is_rtx && stream.section == section,
        });
        if let Some(stream) = repaired {
            stream.repaired(sequence);
        }
    }
}

fn record(
    recorder: &mut TwccRecorder,
    id: Option<u8>,
    header: &Header,
    data: &[u8],
    (arrived, world): (Nanos, &World<'_>),
) {
    let value = id.and_then(|id| header.extension(data, id));
    if let Some(sequence) = value.and_then(roomline_rtp::extension::transport_sequence) {
        recorder.record(sequence, world.clock.instant(arrived));
    }
}
