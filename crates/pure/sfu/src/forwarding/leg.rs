//! One transport as forwarding sees it: what was negotiated, and which stream is which section.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use roomline_rtp::extension::{Extension, ExtensionMap, text, transport_sequence};
use roomline_rtp::{Form, RtpPacket};
use roomline_sdp::{Codec, Kind, MediaSection, RemoteSsrc};

use super::Drop;
use super::cap::Cap;
use super::feedback::Feedback;
use super::media::push_element;
use super::rate::Rate;

/// SSRCs a leg may send with, announced or not.
const MAX_STREAMS: usize = 256;
/// Sections a leg may ever have. A section that is gone keeps its place, because its SSRC must
/// never begin anew with the same keys.
const MAX_SECTIONS: usize = 1024;
/// Time from the first packet to the first report, and between reports.
const FIRST_REPORT: Duration = Duration::from_millis(200);
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Retransmissions per second that one leg may ask for, and how many at once.
const RETRANSMISSIONS: f64 = 1000.0;

/// One transport.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) connected: bool,
    pub(super) sections: Vec<Section>,
    pub(super) form: Form,
    /// Slots by the SSRC they send with.
    pub(super) slots: HashMap<u32, u32>,
    pub(super) feedback: Feedback,
    pub(super) cap: Cap,
    pub(super) sent: Rate,
    pub(super) report_at: Option<Instant>,
    /// The client has been told a bound: it holds until another one is told.
    pub(super) bounded: bool,
    pub(super) cap_at: Option<Instant>,
    pub(super) armed: Option<Instant>,
    pub(super) rtt: Option<Duration>,
    pub(super) fraction_lost: f32,
    pub(super) retransmissions: u64,
    /// Lost by publications that have ended.
    pub(super) lost_before: u64,
    /// Our NTP time less the client's, wrapping; the same for all its streams, which keeps their
    /// lip sync.
    pub(super) clock_offset: Option<u64>,
    streams: HashMap<u32, u16>,
    extensions: ExtensionMap,
    transport_sequence: u16,
    budget: Budget,
}

/// One media section of a leg.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) mid: String,
    pub(super) kind: Kind,
    pub(super) sends: bool,
    pub(super) receives: bool,
    /// Shared with the other sections that have the same.
    pub(super) codecs: Arc<[Codec]>,
    pub(super) announced: Option<RemoteSsrc>,
    pub(super) publication: Option<u32>,
    pub(super) slot: Option<u32>,
    formats: [Format; 128],
}

/// What a payload type stands for in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Nothing that was negotiated.
    Unknown,
    /// Media of the codec with this index.
    Media(u8),
    /// Retransmissions of the codec with this index.
    Retransmission(u8),
}

impl Leg {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            connected: false,
            sections: Vec::new(),
            form: Form::OneByte,
            slots: HashMap::new(),
            feedback: Feedback::default(),
            cap: Cap::new(limit),
            sent: Rate::default(),
            report_at: None,
            bounded: false,
            cap_at: None,
            armed: None,
            rtt: None,
            fraction_lost: 0.0,
            retransmissions: 0,
            lost_before: 0,
            clock_offset: None,
            streams: HashMap::new(),
            extensions: ExtensionMap::default(),
            transport_sequence: 0,
            budget: Budget::default(),
        }
    }

    /// The position of a section.
    pub(super) fn section(&self, mid: &str) -> Option<usize> {
        self.sections.iter().position(|section| section.mid == mid)
    }

    /// Takes over what was negotiated. Sections that were there before keep their place, their
    /// publication and their slot.
    pub(super) fn negotiate(&mut self, sections: &[MediaSection], form: Form) {
        self.form = form;
        for old in &mut self.sections {
            (old.sends, old.receives) = (false, false);
        }
        for section in sections {
            let codecs = self.share(&section.codecs);
            match self.section(&section.mid) {
                Some(at) => self.sections[at].update(section, codecs),
                None if self.sections.len() < MAX_SECTIONS => {
                    self.sections.push(Section::new(section, codecs));
                }
                None => {}
            }
        }
        // Within a bundle an id means the same in every section (RFC 9143 §9.1).
        let pairs: Vec<_> =
            sections.iter().flat_map(|section| &section.extensions).copied().collect();
        self.extensions = ExtensionMap::new(&pairs);
        self.announce(sections);
    }

    /// Codecs as a section has them already, if one does.
    fn share(&self, codecs: &[Codec]) -> Arc<[Codec]> {
        let known = self.sections.iter().map(|section| &section.codecs);
        known
            .into_iter()
            .find(|known| known[..] == *codecs)
            .map_or_else(|| codecs.into(), Arc::clone)
    }

    /// SSRCs learned from MIDs are kept: a client stops sending the MID once it was understood.
    fn announce(&mut self, sections: &[MediaSection]) {
        if self.streams.len() >= MAX_STREAMS {
            self.streams.clear();
        }
        for section in sections {
            let Some(at) = self.section(&section.mid) else { continue };
            for announced in &section.remote_ssrcs {
                for ssrc in std::iter::once(announced.ssrc).chain(announced.rtx) {
                    if self.streams.len() < MAX_STREAMS {
                        self.streams.insert(ssrc, at as u16);
                    }
                }
            }
        }
    }

    /// Notes the transport-wide sequence number, and copies the extensions that are passed on.
    pub(super) fn read_extensions(
        &mut self,
        packet: &RtpPacket<'_>,
        now: Instant,
        elements: &mut Vec<u8>,
    ) {
        for (id, value) in packet.extensions() {
            match self.extensions.extension(id) {
                Some(Extension::TransportSequence) => {
                    if let Some(sequence) = transport_sequence(value) {
                        self.feedback.record(now, sequence, packet.header().ssrc());
                    }
                }
                Some(
                    extension @ (Extension::AudioLevel
                    | Extension::VideoOrientation
                    | Extension::PlayoutDelay
                    | Extension::DependencyDescriptor),
                ) => push_element(elements, extension.index() as u8, value),
                _ => {}
            }
        }
    }

    /// Which section a packet belongs to, and what its payload type says: by SSRC, else by MID,
    /// else by a payload type that one section only uses (RFC 9143 §9.2).
    pub(super) fn identify(&mut self, packet: &RtpPacket<'_>) -> Result<(usize, Format), Drop> {
        let at = match self.streams.get(&packet.header().ssrc()) {
            Some(at) => usize::from(*at),
            None => self.learn(packet)?,
        };
        let section = self.sections.get(at).ok_or(Drop::UnknownStream)?;
        match section.format(packet.header().payload_type()) {
            Format::Unknown => Err(Drop::UnknownPayloadType),
            format => Ok((at, format)),
        }
    }

    /// Whether the media of a section may have this SSRC: the announced one, or without that any
    /// that is not known to be another section's.
    pub(super) fn may_send(&self, at: usize, ssrc: u32) -> bool {
        match self.sections.get(at).and_then(|section| section.announced) {
            Some(announced) => announced.ssrc == ssrc,
            None => self.streams.get(&ssrc).is_none_or(|known| usize::from(*known) == at),
        }
    }

    fn learn(&mut self, packet: &RtpPacket<'_>) -> Result<usize, Drop> {
        let id = self.extensions.id(Extension::Mid);
        let mid = id.and_then(|id| packet.extension(id)).and_then(text);
        let found = match mid {
            Some(mid) => self.section(mid),
            None => self.only_section_with(packet.header().payload_type()),
        };
        let at = found.ok_or(Drop::UnknownStream)?;
        if self.streams.len() >= MAX_STREAMS {
            return Err(Drop::TooManyStreams);
        }
        self.streams.insert(packet.header().ssrc(), at as u16);
        Ok(at)
    }

    fn only_section_with(&self, payload_type: u8) -> Option<usize> {
        let uses =
            |section: &Section| section.sends && section.format(payload_type) != Format::Unknown;
        let mut found = self.sections.iter().enumerate().filter(|(_, section)| uses(section));
        let (at, _) = found.next()?;
        found.next().is_none().then_some(at)
    }

    /// The next transport-wide sequence number on the way to the client.
    pub(super) fn next_transport_sequence(&mut self) -> u16 {
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        self.transport_sequence
    }

    /// Something was received or sent: there will be something to report.
    pub(super) fn active(&mut self, now: Instant) {
        self.report_at.get_or_insert(now + FIRST_REPORT);
    }

    /// Whether one more retransmission is within what a client may cause.
    pub(super) fn may_retransmit(&mut self, now: Instant) -> bool {
        self.budget.take(now)
    }

    /// When this leg has something to do next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.feedback.due(), self.report_at, self.cap_at].into_iter().flatten().min()
    }
}

impl Section {
    fn new(section: &MediaSection, codecs: Arc<[Codec]>) -> Self {
        let mut new = Self {
            mid: section.mid.clone(),
            kind: section.kind,
            sends: false,
            receives: false,
            codecs: Arc::default(),
            announced: None,
            publication: None,
            slot: None,
            formats: [Format::Unknown; 128],
        };
        new.update(section, codecs);
        new
    }

    fn update(&mut self, section: &MediaSection, codecs: Arc<[Codec]>) {
        self.sends = section.sends;
        self.receives = section.receives;
        self.announced = section.remote_ssrcs.first().copied();
        if self.codecs == codecs {
            return;
        }
        self.codecs = codecs;
        self.formats = [Format::Unknown; 128];
        for (index, codec) in self.codecs.iter().enumerate().take(128) {
            self.formats[usize::from(codec.payload_type & 0x7f)] = Format::Media(index as u8);
            if let Some(rtx) = codec.rtx {
                self.formats[usize::from(rtx & 0x7f)] = Format::Retransmission(index as u8);
            }
        }
    }

    fn format(&self, payload_type: u8) -> Format {
        self.formats[usize::from(payload_type & 0x7f)]
    }
}

/// A token bucket: a client that asks for everything again must not make us flood it.
#[derive(Debug)]
struct Budget {
    tokens: f64,
    filled: Option<Instant>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: RETRANSMISSIONS, filled: None }
    }
}

impl Budget {
    fn take(&mut self, now: Instant) -> bool {
        let filled = self.filled.replace(now).unwrap_or(now);
        let refill = now.saturating_duration_since(filled).as_secs_f64() * RETRANSMISSIONS;
        self.tokens = (self.tokens + refill).min(RETRANSMISSIONS);
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}
