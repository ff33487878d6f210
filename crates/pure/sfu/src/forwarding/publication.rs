//! What a client sends in one media section.

use std::time::{Duration, Instant};

use roomline_rtp::VideoCodec;
use roomline_rtp::rtcp::SenderInfo;
use roomline_sdp::Kind;

use super::Drop;
use super::history::History;
use super::keyframe::KeyframeRequests;
use super::nack::Missing;
use super::rate::Rate;
use super::reports::Reception;
use super::window::{Received, Window};
use crate::ids::PublicationId;

/// A second SSRC takes over when the first has been silent for so long.
const TAKEOVER: Duration = Duration::from_millis(300);
/// Packets and bytes kept for retransmission: about one second of a good camera.
const VIDEO_HISTORY: (usize, usize) = (512, 256 * 1024);
const AUDIO_HISTORY: (usize, usize) = (128, 24 * 1024);

/// One publication.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) id: PublicationId,
    pub(super) leg: u32,
    pub(super) section: usize,
    pub(super) kind: Kind,
    /// Upper bound asked of the sender, in bit/s; 0 is no bound.
    pub(super) max_bitrate: u64,
    pub(super) paused: bool,
    /// Slots it is bound to.
    pub(super) slots: Vec<u32>,
    pub(super) source: Option<Source>,
    /// Counts clocks: in another epoch timestamps have another origin.
    pub(super) epoch: u32,
    pub(super) codec: Option<CurrentCodec>,
    pub(super) history: Option<History>,
    pub(super) keyframes: KeyframeRequests,
    pub(super) rate: Rate,
    pub(super) armed: Option<Instant>,
    window: Window,
    lost_before: u64,
}

/// The codec of the newest packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CurrentCodec {
    /// Payload type at the publisher.
    pub(super) payload_type: u8,
    /// RTP clock rate in Hz.
    pub(super) clock_rate: u32,
    /// For finding keyframes.
    pub(super) video: Option<VideoCodec>,
    /// Its index in the section.
    pub(super) index: usize,
}

/// The stream that is forwarded.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) ssrc: u32,
    pub(super) since: Instant,
    pub(super) missing: Missing,
    pub(super) reception: Reception,
    /// The last sender report and when it came.
    pub(super) report: Option<(SenderInfo, Instant)>,
    seen: Instant,
}

/// A packet as it came in, without the RTX wrapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) payload: &'a [u8],
    pub(super) retransmitted: bool,
}

/// A packet to be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// Extended number, unique in the publication.
    pub(super) index: u64,
    /// Others are missing before it: when to ask for them.
    pub(super) ask_at: Option<Instant>,
    /// The stream began, or began anew.
    pub(super) started: bool,
    /// It had been asked for.
    pub(super) recovered: bool,
}

impl Publication {
    pub(super) fn new(
        id: PublicationId,
        leg: u32,
        section: usize,
        kind: Kind,
        max_bitrate: u64,
    ) -> Self {
        Self {
            id,
            leg,
            section,
            kind,
            max_bitrate,
            paused: false,
            slots: Vec::new(),
            source: None,
            epoch: 0,
            codec: None,
            history: None,
            keyframes: KeyframeRequests::default(),
            rate: Rate::default(),
            armed: None,
            window: Window::new(),
            lost_before: 0,
        }
    }

    /// Makes room for retransmissions.
    pub(super) fn keep_history(&mut self) {
        let (packets, bytes) = if self.kind == Kind::Video { VIDEO_HISTORY } else { AUDIO_HISTORY };
        self.history.get_or_insert_with(|| History::new(packets, bytes));
    }

    /// Decides whether a packet is forwarded; at most once for every number.
    pub(super) fn accept(&mut self, now: Instant, packet: &Incoming<'_>) -> Result<Accepted, Drop> {
        match &mut self.source {
            None if packet.retransmitted => Err(Drop::UnknownStream),
            None => Ok(self.begin(now, packet)),
            Some(source) if source.ssrc != packet.ssrc && !packet.retransmitted => {
                if now.saturating_duration_since(source.seen) < TAKEOVER {
                    return Err(Drop::OtherEncoding);
                }
                Ok(self.begin(now, packet))
            }
            Some(_) if packet.retransmitted && self.window.would_restart(packet.sequence) => {
                Err(Drop::Stale)
            }
            Some(_) => self.continue_source(now, packet),
        }
    }

    fn begin(&mut self, now: Instant, packet: &Incoming<'_>) -> Accepted {
        self.lost_before += self.source.as_ref().map_or(0, Source::lost);
        let index = self.window.restart(packet.sequence);
        let mut reception = Reception::new(index);
        reception.received(index, packet.timestamp, now, self.clock_rate());
        self.source = Some(Source {
            ssrc: packet.ssrc,
            since: now,
            missing: Missing::new(),
            reception,
            report: None,
            seen: now,
        });
        self.epoch = self.epoch.wrapping_add(1);
        Accepted { index, ask_at: None, started: true, recovered: false }
    }

    fn continue_source(&mut self, now: Instant, packet: &Incoming<'_>) -> Result<Accepted, Drop> {
        let rate = self.clock_rate();
        let Some(source) = &mut self.source else { return Err(Drop::UnknownStream) };
        if !packet.retransmitted {
            source.seen = now;
        }
        let mut accepted = Accepted { index: 0, ask_at: None, started: false, recovered: false };
        match self.window.receive(packet.sequence) {
            Received::Newest { index, previous } => {
                accepted.index = index;
                let gap = previous.filter(|previous| previous + 1 < index);
                accepted.ask_at = gap.map(|previous| source.missing.gap(previous, index, now));
            }
            Received::Late { index } => {
                accepted.index = index;
                accepted.recovered = source.missing.arrived(index, now) && packet.retransmitted;
            }
            Received::Restarted { .. } => return Ok(self.begin_anew(now, packet)),
            Received::Duplicate => return Err(Drop::Duplicate),
            Received::Stale => return Err(Drop::Stale),
        }
        if packet.retransmitted {
            source.reception.repaired(accepted.index);
        } else {
            source.reception.received(accepted.index, packet.timestamp, now, rate);
        }
        Ok(accepted)
    }

    /// The numbers of the same SSRC jumped; the clock behind the sender reports is the same.
    fn begin_anew(&mut self, now: Instant, packet: &Incoming<'_>) -> Accepted {
        let report = self.source.as_ref().and_then(|source| source.report);
        let accepted = self.begin(now, packet);
        if let Some(source) = &mut self.source {
            source.report = report;
        }
        accepted
    }

    /// Ticks per second of the media clock.
    pub(super) fn clock_rate(&self) -> u32 {
        let unknown = if self.kind == Kind::Video { 90_000 } else { 48_000 };
        self.codec.map_or(unknown, |codec| codec.clock_rate)
    }

    /// Packets that never came.
    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.source.as_ref().map_or(0, Source::lost)
    }

    /// Goes on with another section, where everything begins anew. Returns how many packets were
    /// lost in the old one.
    pub(super) fn change_source(&mut self, leg: u32, section: usize) -> u64 {
        let lost = self.lost();
        (self.leg, self.section) = (leg, section);
        (self.source, self.codec, self.lost_before) = (None, None, 0);
        lost
    }

    /// When a keyframe is to be asked for: only if somebody would see it.
    pub(super) fn keyframe_at(&self, now: Instant) -> Option<Instant> {
        if self.paused || self.slots.is_empty() { None } else { self.keyframes.deadline(now) }
    }
}

impl Source {
    fn lost(&self) -> u64 {
        self.reception.lost()
    }
}
