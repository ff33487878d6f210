//! Slots and what is bound to them.

use std::sync::Arc;
use std::time::Instant;

use roomline_rtp::{Extension, ExtensionMap};
use roomline_sdp::{Codec, Kind, LocalStream, MediaSection};

use super::path_loss::PathLoss;
use super::rewrite::{OutgoingStream, Rewriter};
use super::template::Template;
use crate::ids::SubscriptionId;

/// A media section in which a client receives. It lives as long as its leg.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) leg: u32,
    pub(super) mid: String,
    pub(super) kind: Kind,
    pub(super) ssrc: u32,
    pub(super) cname: String,
    pub(super) extensions: ExtensionMap,
    pub(super) stream: OutgoingStream,
    pub(super) rtx: Option<RtxStream>,
    pub(super) packets: u32,
    pub(super) octets: u32,
    /// `packets` at the last sender report.
    pub(super) reported: u32,
    pub(super) path_loss: PathLoss,
    pub(super) binding: Option<Box<Binding>>,
    /// The client receives in it now.
    pub(super) open: bool,
    /// Made when it is needed.
    pub(super) template: Option<Template>,
    codecs: Arc<[Codec]>,
}

/// The stream that carries retransmissions (RFC 4588).
#[derive(Debug)]
pub(super) struct RtxStream {
    pub(super) ssrc: u32,
    pub(super) stream: OutgoingStream,
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) subscription: SubscriptionId,
    pub(super) publication: u32,
    /// Counts subscriptions.
    pub(super) order: u64,
    /// Paused by command.
    pub(super) paused: bool,
    /// Stopped by the bitrate cap, since when.
    pub(super) stopped: Option<Instant>,
    /// Packets flow; if not, video begins with a keyframe.
    pub(super) running: bool,
    pub(super) rewriter: Rewriter,
    formats: [OutgoingFormat; 128],
}

/// How packets with one of the publisher's payload types are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutgoingFormat {
    /// Payload type, [`NONE`] if the codec was not negotiated.
    payload_type: u8,
    /// Payload type of its retransmissions, or [`NONE`].
    rtx: u8,
    /// The client sends NACKs for it.
    pub(super) nack: bool,
}

const NONE: u8 = 0xff;
const REFUSED: OutgoingFormat = OutgoingFormat { payload_type: NONE, rtx: NONE, nack: false };

impl Slot {
    pub(super) fn new(
        leg: u32,
        section: &MediaSection,
        local: &LocalStream,
        codecs: Arc<[Codec]>,
    ) -> Self {
        let rtx = |ssrc| RtxStream { ssrc, stream: OutgoingStream::new(ssrc.rotate_left(16)) };
        Self {
            leg,
            mid: section.mid.clone(),
            kind: section.kind,
            ssrc: local.ssrc,
            cname: local.cname.clone(),
            extensions: ExtensionMap::new(&section.extensions),
            stream: OutgoingStream::new(local.ssrc.rotate_left(16)),
            rtx: local.rtx_ssrc.map(rtx),
            packets: 0,
            octets: 0,
            reported: 0,
            path_loss: PathLoss::default(),
            binding: None,
            open: section.receives,
            template: None,
            codecs,
        }
    }

    /// Takes over a renegotiation. True if packets look different from now on.
    pub(super) fn update(
        &mut self,
        section: &MediaSection,
        local: &LocalStream,
        codecs: Arc<[Codec]>,
    ) -> bool {
        self.open = section.receives;
        if let (None, Some(ssrc)) = (&self.rtx, local.rtx_ssrc) {
            self.rtx = Some(RtxStream { ssrc, stream: OutgoingStream::new(ssrc.rotate_left(16)) });
        }
        let extensions = ExtensionMap::new(&section.extensions);
        let changed = extensions != self.extensions || self.codecs != codecs;
        if changed {
            self.extensions = extensions;
            self.template = None;
            self.codecs = codecs;
        }
        changed
    }

    /// How many numbers were passed over: their packets have not come, or did not fit.
    pub(super) fn skipped(&self) -> u32 {
        (self.stream.passed() as u32).wrapping_sub(self.packets)
    }

    /// How a publisher's `codecs` are sent in this slot.
    pub(super) fn formats(&self, codecs: &[Codec]) -> [OutgoingFormat; 128] {
        let mut formats = [REFUSED; 128];
        for codec in codecs {
            let Some(own) = self.codecs.iter().find(|own| own.matches(codec)) else { continue };
            let rtx = self.rtx.as_ref().and(own.rtx);
            formats[usize::from(codec.payload_type & 0x7f)] = OutgoingFormat {
                payload_type: own.payload_type,
                rtx: rtx.unwrap_or(NONE),
                nack: own.nack,
            };
        }
        formats
    }

    /// Whether the client accepts one of these codecs.
    pub(super) fn accepts_any(&self, codecs: &[Codec]) -> bool {
        codecs.iter().any(|codec| self.codecs.iter().any(|own| own.matches(codec)))
    }

    /// Whether there is a subscription in it.
    pub(super) fn is_bound(&self) -> bool {
        self.binding.is_some()
    }

    /// Id of a header extension at the client.
    pub(super) fn id(&self, extension: Extension) -> Option<u8> {
        self.extensions.id(extension)
    }
}

impl Binding {
    pub(super) fn new(
        subscription: SubscriptionId,
        publication: u32,
        order: u64,
        formats: [OutgoingFormat; 128],
    ) -> Self {
        Self {
            subscription,
            publication,
            order,
            paused: false,
            stopped: None,
            running: false,
            rewriter: Rewriter::default(),
            formats,
        }
    }

    /// How packets with this payload type of the publisher are sent, if the client takes them.
    pub(super) fn format(&self, payload_type: u8) -> Option<OutgoingFormat> {
        let format = self.formats[usize::from(payload_type & 0x7f)];
        (format.payload_type != NONE).then_some(format)
    }

    /// The codecs of either side changed. What was sent before is not sent again: it would not be
    /// the same packet any more.
    pub(super) fn renegotiate(&mut self, formats: [OutgoingFormat; 128]) {
        if self.formats != formats {
            self.formats = formats;
            self.restart();
        }
    }

    /// Begins anew, and forgets what was sent.
    pub(super) fn restart(&mut self) {
        self.running = false;
        self.rewriter.forget();
    }

    /// Whether the client may ask for packets again.
    pub(super) fn wants_history(&self) -> bool {
        self.formats.iter().any(|format| format.nack)
    }

    /// Whether the client waits for this subscription to begin.
    pub(super) fn is_waiting(&self) -> bool {
        !self.running && !self.paused && self.stopped.is_none()
    }
}

impl OutgoingFormat {
    /// Payload type at the subscriber.
    pub(super) fn payload_type(self) -> u8 {
        self.payload_type
    }

    /// Payload type of retransmissions, if they have a stream of their own.
    pub(super) fn rtx(self) -> Option<u8> {
        (self.rtx != NONE).then_some(self.rtx)
    }

    /// Whether a packet may have to be sent again bit by bit: then nothing may be in it that is
    /// different at every transmission.
    pub(super) fn is_repeatable(self) -> bool {
        self.nack && self.rtx == NONE
    }
}
