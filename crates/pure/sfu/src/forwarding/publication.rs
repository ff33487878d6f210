//! What a client sends in one media section.

use std::time::{Duration, Instant};

use roomline_rtp::VideoCodec;
use roomline_rtp::rtcp::SenderInfo;
use roomline_sdp::Kind;

use super::Drop;
use super::history::History;
use super::keyframe::KeyframeRequests;
use super::moving::Successor;
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
    /// Where it is moving.
    pub(super) successor: Option<Successor>,
    /// Counts clocks: in another epoch timestamps have another origin.
    pub(super) epoch: u32,
    pub(super) codec: Option<CurrentCodec>,
    pub(super) history: Option<History>,
    pub(super) keyframes: KeyframeRequests,
    pub(super) rate: Rate,
    pub(super) armed: Option<Instant>,
    /// That it started was told.
    pub(super) told: bool,
    window: Window,
    lost_before: u64,
    /// A sender report from before the first packet, and when it came.
    next_report: Option<(SenderInfo, Instant)>,
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
            successor: None,
            epoch: 0,
            codec: None,
            history: None,
            keyframes: KeyframeRequests::default(),
            rate: Rate::default(),
            armed: None,
            told: false,
            next_report: None,
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
        let silent = self.is_silent(now);
        match &self.source {
            None if packet.retransmitted => Err(Drop::UnknownStream),
            None => Ok(self.begin(now, packet)),
            Some(source) if source.ssrc != packet.ssrc && !packet.retransmitted => {
                if silent {
                    Ok(self.begin(now, packet))
                } else {
                    Err(Drop::OtherEncoding)
                }
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
            report: self.next_report.take().filter(|(report, _)| report.ssrc == packet.ssrc),
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

    /// The leg and the section its packets come in.
    pub(super) fn place(&self) -> (u32, usize) {
        (self.leg, self.section)
    }

    /// Whether anything of it is forwarded.
    pub(super) fn is_watched(&self) -> bool {
        !self.paused && !self.slots.is_empty()
    }

    /// Whether nothing has come for so long that another source may take over.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        let heard = self.source.as_ref().map(|source| source.seen);
        heard.is_none_or(|seen| now.saturating_duration_since(seen) >= TAKEOVER)
    }

    /// Goes on with another section, where everything but its numbers begins anew. Returns how many
    /// packets were lost in the old one.
    pub(super) fn change_source(&mut self, successor: Successor) -> u64 {
        let lost = self.lost();
        (self.leg, self.section) = successor.place();
        (self.keyframes, self.next_report) = (successor.keyframes, successor.report);
        (self.source, self.codec, self.lost_before) = (None, None, 0);
        lost
    }

    /// The requests for keyframes to one of its sections.
    pub(super) fn requests_at(&mut self, place: (u32, usize)) -> Option<&mut KeyframeRequests> {
        if self.place() == place {
            return Some(&mut self.keyframes);
        }
        let successor = self.successor.as_mut().filter(|successor| successor.place() == place);
        successor.map(|successor| &mut successor.keyframes)
    }

    /// Takes note of a sender report that came on the leg of one of its sections. `likely`: where
    /// nothing was heard yet, what is known of the leg speaks for this section.
    pub(super) fn note_report(
        &mut self,
        place: (u32, usize),
        likely: bool,
        info: SenderInfo,
        now: Instant,
    ) {
        if self.place() == place {
            let source = self.source.as_mut().filter(|source| source.ssrc == info.ssrc);
            source.into_iter().for_each(|source| source.report = Some((info, now)));
        } else if let Some(successor) = &mut self.successor
            && successor.place() == place
            && successor.ssrc.map_or(likely, |heard| heard == info.ssrc)
        {
            successor.report = Some((info, now));
        }
    }

    /// The SSRC with which it is sent in a section.
    pub(super) fn ssrc_at(&self, place: (u32, usize)) -> Option<u32> {
        if self.place() == place {
            return self.source.as_ref().map(|source| source.ssrc);
        }
        let successor = self.successor.as_ref().filter(|successor| successor.place() == place);
        successor.and_then(|successor| successor.ssrc)
    }

    /// When a keyframe is to be asked for: only if somebody would see it.
    pub(super) fn keyframe_at(&self, now: Instant) -> Option<Instant> {
        if self.is_watched() { self.keyframes.deadline(now) } else { None }
    }
}

impl Source {
    fn lost(&self) -> u64 {
        self.reception.lost()
    }
}
