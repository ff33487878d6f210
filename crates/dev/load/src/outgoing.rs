//! One published RTP stream: when its packets are due, what is in them, and what is kept for
//! retransmission.

use roomline_rtp::rtcp::SenderInfo;
use serde::Deserialize;

use crate::clock::{MILLISECOND, Nanos, SECOND};
use crate::payload::{self, Stamp, Vp8};
use crate::sdp::Stream;

/// A keyframe comes this often, and at once when somebody asks.
const KEYFRAME: Nanos = SECOND;
/// How long a packet can be asked for again.
const HISTORY: Nanos = SECOND;
/// A sender that is later than this, and than a frame, does not catch up: all at once would be a burst
/// that its pattern does not have, and what the server then takes for it would look like latency.
const TOO_LATE: Nanos = MILLISECOND;

/// When packets leave, and how large they are: `bytes` is a whole RTP packet, before SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Pattern {
    /// All packets of a frame at once.
    Frames { fps: f64, packets: u32, bytes: usize },
    /// Frames of one packet, evenly spaced.
    Even { pps: f64, bytes: usize },
    /// Opus.
    Audio { bytes: usize, every_ms: f64 },
}

impl Pattern {
    /// Between two frames.
    pub(crate) fn interval(&self) -> Nanos {
        let seconds = match self {
            Pattern::Frames { fps, .. } => 1.0 / fps,
            Pattern::Even { pps, .. } => 1.0 / pps,
            Pattern::Audio { every_ms, .. } => every_ms / 1e3,
        };
        ((seconds * SECOND as f64) as Nanos).max(1)
    }

    fn packets(&self) -> u32 {
        match self {
            Pattern::Frames { packets, .. } => *packets,
            _ => 1,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Pattern::Frames { bytes, .. }
            | Pattern::Even { bytes, .. }
            | Pattern::Audio { bytes, .. } => *bytes,
        }
    }

    /// What is wrong with it.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let rate = SECOND as f64 / self.interval() as f64 * f64::from(self.packets());
        if !(0.1..=500_000.0).contains(&rate) {
            return Some("a pattern has between 0.1 and 500,000 packets a second");
        }
        if !(100..=1_400).contains(&self.bytes()) {
            return Some("a packet has between 100 and 1,400 bytes");
        }
        (self.packets() == 0).then_some("a frame has a packet at least")
    }
}

/// What a stream has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Without retransmissions.
    pub(crate) packets: u64,
    /// RTP bytes before SRTP.
    pub(crate) bytes: u64,
    pub(crate) retransmitted: u64,
    /// Sequence numbers that somebody asked for.
    pub(crate) nacked: u64,
    /// Keyframes that somebody asked for.
    pub(crate) keyframe_requests: u64,
    /// Packets that were not sent because the sender was too late.
    pub(crate) skipped: u64,
}

impl Sent {
    pub(crate) fn since(&self, before: &Sent) -> Sent {
        Sent {
            packets: self.packets - before.packets,
            bytes: self.bytes - before.bytes,
            retransmitted: self.retransmitted - before.retransmitted,
            nacked: self.nacked - before.nacked,
            keyframe_requests: self.keyframe_requests - before.keyframe_requests,
            skipped: self.skipped - before.skipped,
        }
    }
}

/// A packet that may be asked for again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) number: u64,
    pub(crate) at: Nanos,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) section: usize,
    /// Our number for it, in every stamp.
    pub(crate) stream: u32,
    pub(crate) source: Stream,
    pub(crate) video: bool,
    pub(crate) sent: Sent,
    pub(crate) before: Sent,
    /// The next packet's sequence number, with its wraps above the lower 16 bits.
    pub(crate) number: u64,
    pub(crate) rtx_number: u64,
    pattern: Option<Pattern>,
    count: u64,
    next: Nanos,
    keyframe_due: Nanos,
    picture: u16,
    size: (u16, u16),
    timestamp: u32,
    history: Vec<Kept>,
}

/// A packet to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) marker: bool,
    pub(crate) timestamp: u32,
    frame: Option<Vp8>,
    count: u64,
    /// Of the whole RTP packet.
    pub(crate) bytes: usize,
}

impl Outgoing {
    /// `layer` counts from the smallest of a simulcast section's encodings; `random` is where
    /// sequence numbers and timestamps begin.
    pub(crate) fn new(
        (section, stream): (usize, u32),
        source: Stream,
        video: bool,
        layer: usize,
        random: u64,
    ) -> Outgoing {
        let scale = if source.rid.is_some() { 2_u16.saturating_sub(layer as u16) } else { 0 };
        Outgoing {
            section,
            stream,
            source,
            video,
            sent: Sent::default(),
            before: Sent::default(),
            // RFC 3711 §3.3.1: a low start keeps the first wrap away from the first packets.
            number: random & 0x7fff,
            rtx_number: random >> 16 & 0x7fff,
            pattern: None,
            count: 0,
            next: Nanos::MAX,
            keyframe_due: 0,
            picture: (random >> 32) as u16 & 0x7fff,
            size: (1280 >> scale, 720 >> scale),
            timestamp: (random >> 24) as u32,
            history: Vec::new(),
        }
    }

    /// Starts, or goes on in another way. Streams begin at different points of their interval, so
    /// that frames of many publishers don't all leave at once.
    pub(crate) fn start(&mut self, pattern: Pattern, now: Nanos) {
        let interval = pattern.interval();
        let share = (f64::from(self.stream) * 0.618_033_988_75).fract();
        self.next = now + (interval as f64 * share) as Nanos;
        self.keyframe_due = now;
        let kept = HISTORY.div_ceil(interval) * u64::from(pattern.packets());
        self.history = vec![Kept::default(); kept.clamp(64, 32_768) as usize];
        self.pattern = Some(pattern);
    }

    pub(crate) fn stop(&mut self) {
        self.pattern = None;
        self.next = Nanos::MAX;
    }

    pub(crate) fn next_timeout(&self) -> Nanos {
        self.next
    }

    /// Somebody cannot go on without a keyframe.
    pub(crate) fn keyframe_wanted(&mut self) {
        self.sent.keyframe_requests += 1;
        self.keyframe_due = 0;
    }

    /// The packets of the next frame, if it is due.
    pub(crate) fn frame(&mut self, now: Nanos) -> Option<impl Iterator<Item = Packet> + use<>> {
        let pattern = self.pattern.filter(|_| self.next <= now)?;
        let interval = pattern.interval();
        if now - self.next > TOO_LATE {
            let frames = (now - self.next) / interval;
            self.sent.skipped += frames * u64::from(pattern.packets());
            self.next += frames * interval;
        }
        let timestamp = self.timestamp_at(self.next);
        self.next += interval;
        let keyframe = now >= self.keyframe_due;
        if keyframe {
            self.keyframe_due = now + KEYFRAME;
        }
        self.picture = (self.picture + 1) & 0x7fff;
        let (packets, bytes, count) = (pattern.packets(), pattern.bytes(), self.count);
        self.count += u64::from(packets);
        let (video, picture, (width, height)) = (self.video, self.picture, self.size);
        Some((0..packets).map(move |index| Packet {
            marker: index + 1 == packets && video,
            timestamp,
            frame: video.then_some(Vp8 { start: index == 0, keyframe, picture, width, height }),
            count: count + u64::from(index),
            bytes,
        }))
    }

    fn timestamp_at(&self, at: Nanos) -> u32 {
        let rate: u128 = if self.video { 90_000 } else { 48_000 };
        self.timestamp.wrapping_add((u128::from(at) * rate / u128::from(SECOND)) as u32)
    }

    /// Writes a packet's payload into `out`, whose packet began at `start`.
    pub(crate) fn write_payload(
        &self,
        packet: &Packet,
        (out, start): (&mut Vec<u8>, usize),
        now: Nanos,
    ) {
        match packet.frame {
            Some(frame) => frame.write(out),
            None => out.push(payload::OPUS),
        }
        Stamp { stream: self.stream, number: packet.count, sent: now }.write(out);
        let end = (start + packet.bytes).max(out.len());
        // Filler: SFUs look at headers only, and it is encrypted anyway.
        out.resize(end, 0x5a);
    }

    /// Keeps a packet that was sent under `self.number`, and counts it.
    pub(crate) fn keep(&mut self, packet: &Packet, payload: &[u8], now: Nanos) {
        self.sent.packets += 1;
        self.sent.bytes += packet.bytes as u64;
        let length = self.history.len() as u64;
        let number = self.number;
        self.number += 1;
        if self.source.rtx.is_none() || length == 0 {
            return;
        }
        let kept = &mut self.history[(number % length) as usize];
        kept.number = number;
        kept.at = now;
        kept.timestamp = packet.timestamp;
        kept.marker = packet.marker;
        kept.payload.clear();
        kept.payload.extend_from_slice(payload);
    }

    /// A packet that was sent not long ago, taken out of the history; to be [put
    /// back](Self::put_back).
    pub(crate) fn take(&mut self, sequence: u16, now: Nanos) -> Option<Kept> {
        self.sent.nacked += 1;
        let behind = u64::from((self.number as u16).wrapping_sub(sequence));
        let number = self.number.checked_sub(behind.max(1))?;
        let length = self.history.len() as u64;
        let kept = self.history.get_mut((number.checked_rem(length)?) as usize)?;
        let fits = kept.number == number && kept.at + HISTORY > now && !kept.payload.is_empty();
        fits.then(|| std::mem::take(kept))
    }

    pub(crate) fn put_back(&mut self, kept: Kept) {
        let length = self.history.len() as u64;
        if let Some(slot) = kept.number.checked_rem(length) {
            self.history[slot as usize] = kept;
        }
    }

    /// What a sender report says of it.
    pub(crate) fn report(&self, now: Nanos, realtime_offset: Nanos) -> SenderInfo {
        let wall = u128::from(now + realtime_offset);
        let seconds = wall / u128::from(SECOND) + 2_208_988_800;
        let fraction = ((wall % u128::from(SECOND)) << 32) / u128::from(SECOND);
        SenderInfo {
            ssrc: self.source.ssrc,
            ntp: ((seconds << 32) | fraction) as u64,
            rtp: self.timestamp_at(now),
            packets: self.sent.packets as u32,
            octets: self.sent.bytes as u32,
        }
    }
}

#[cfg(test)]
mod tests;
