//! RTP header extensions by name: their URIs and the values they carry.

use std::time::Duration;

use crate::bytes::{u16_at, u24_at};

/// A header extension the server understands or forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Extension {
    /// Client-to-mixer audio level (RFC 6464): [`AudioLevel`].
    AudioLevel,
    /// Media identification, the `a=mid` of the section (RFC 9143 §15): text.
    Mid,
    /// RTP stream id of a simulcast encoding (RFC 8852): text.
    RtpStreamId,
    /// RTP stream id of the stream a retransmission repairs (RFC 8852): text.
    RepairedRtpStreamId,
    /// Absolute send time: [`AbsSendTime`].
    AbsSendTime,
    /// Transport-wide sequence number: 16 bits, see [`transport_sequence`].
    TransportSequence,
    /// Coordination of video orientation (3GPP TS 26.114): [`VideoOrientation`].
    VideoOrientation,
    /// Limits for the receiver's playout delay: [`PlayoutDelay`].
    PlayoutDelay,
    /// AV1 dependency descriptor, also used with other codecs. Opaque here.
    DependencyDescriptor,
}

const URIS: [(Extension, &str); Extension::COUNT] = [
    (Extension::AudioLevel, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
    (Extension::Mid, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    (Extension::RtpStreamId, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
    (Extension::RepairedRtpStreamId, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
    (Extension::AbsSendTime, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
    (
        Extension::TransportSequence,
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    ),
    (Extension::VideoOrientation, "urn:3gpp:video-orientation"),
    (Extension::PlayoutDelay, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"),
    (
        Extension::DependencyDescriptor,
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ),
];

impl Extension {
    /// How many extensions there are.
    pub const COUNT: usize = 9;

    /// Every extension, in the order of [`Extension::index`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::AudioLevel,
        Self::Mid,
        Self::RtpStreamId,
        Self::RepairedRtpStreamId,
        Self::AbsSendTime,
        Self::TransportSequence,
        Self::VideoOrientation,
        Self::PlayoutDelay,
        Self::DependencyDescriptor,
    ];

    /// A dense number for tables, below [`Extension::COUNT`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The extension with this `a=extmap` URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        URIS.iter().find(|(_, known)| *known == uri).map(|(extension, _)| *extension)
    }

    /// The URI for `a=extmap`.
    #[must_use]
    pub fn uri(self) -> &'static str {
        URIS[self.index()].1
    }
}

/// The extension ids one side uses (`a=extmap`), looked up both ways in constant time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionMap {
    /// Id by [`Extension::index`]; 0 for none, which is no valid id.
    ids: [u8; Extension::COUNT],
}

impl ExtensionMap {
    /// The map for these `(id, extension)` pairs; of two ids for one extension the last one counts.
    #[must_use]
    pub fn new(pairs: &[(u8, Extension)]) -> Self {
        let mut map = Self::default();
        for (id, extension) in pairs {
            map.ids[extension.index()] = *id;
        }
        map
    }

    /// The id of `extension`, if it was negotiated.
    #[must_use]
    pub fn id(&self, extension: Extension) -> Option<u8> {
        Some(self.ids[extension.index()]).filter(|id| *id != 0)
    }

    /// The extension that has this id.
    #[must_use]
    pub fn extension(&self, id: u8) -> Option<Extension> {
        let index = self.ids.iter().position(|known| *known == id && id != 0)?;
        Some(Extension::ALL[index])
    }
}

/// Audio level of the packet (RFC 6464 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Whether the sender believes that this is speech.
    pub voice: bool,
    /// Loudness in −dBov: 0 is the loudest, 127 silence.
    pub level: u8,
}

impl AudioLevel {
    /// Reads the extension's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let byte = *value.first()?;
        Some(Self { voice: byte & 0x80 != 0, level: byte & 0x7f })
    }

    /// The extension's value.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 1] {
        [u8::from(self.voice) << 7 | self.level & 0x7f]
    }
}

/// When the packet was sent: seconds as a 6.18 fixed point number, wrapping every 64 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsSendTime(u32);

impl AbsSendTime {
    /// The value for a time since any fixed epoch.
    #[must_use]
    pub fn from_duration(since_epoch: Duration) -> Self {
        let seconds = (since_epoch.as_secs() & 0x3f) as u32;
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 18) / 1_000_000_000;
        Self(seconds << 18 | fraction as u32)
    }

    /// Reads the extension's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        u24_at(value, 0).map(Self)
    }

    /// The time within the 64 s cycle.
    #[must_use]
    pub fn to_duration(self) -> Duration {
        Duration::from_nanos((u64::from(self.0) * 1_000_000_000) >> 18)
    }

    /// The extension's value.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

/// How to turn the picture before showing it (3GPP TS 26.114 §7.4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoOrientation {
    /// The back camera took it.
    pub back_camera: bool,
    /// It is mirrored.
    pub flipped: bool,
    /// Quarter turns clockwise, 0 to 3.
    pub quarter_turns: u8,
}

impl VideoOrientation {
    /// Reads the extension's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let byte = *value.first()?;
        Some(Self {
            back_camera: byte & 0x08 != 0,
            flipped: byte & 0x04 != 0,
            quarter_turns: byte & 0x03,
        })
    }

    /// The extension's value.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 1] {
        [u8::from(self.back_camera) << 3 | u8::from(self.flipped) << 2 | self.quarter_turns & 0x03]
    }
}

/// Bounds for the receiver's playout delay, in units of 10 ms, 0 to 4095.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// The shortest delay wanted.
    pub min: u16,
    /// The longest delay wanted.
    pub max: u16,
}

impl PlayoutDelay {
    /// Reads the extension's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let bits = u24_at(value, 0)?;
        Some(Self { min: (bits >> 12) as u16, max: (bits & 0xfff) as u16 })
    }

    /// The extension's value.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 3] {
        let bits = u32::from(self.min & 0xfff) << 12 | u32::from(self.max & 0xfff);
        let [_, a, b, c] = bits.to_be_bytes();
        [a, b, c]
    }
}

/// Reads the value of [`Extension::TransportSequence`].
#[must_use]
pub fn transport_sequence(value: &[u8]) -> Option<u16> {
    u16_at(value, 0)
}

/// Reads the value of a text extension: [`Extension::Mid`], [`Extension::RtpStreamId`] or
/// [`Extension::RepairedRtpStreamId`]. Empty or non-ASCII text is `None`.
#[must_use]
pub fn text(value: &[u8]) -> Option<&str> {
    let text = str::from_utf8(value).ok()?;
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

#[cfg(test)]
mod tests;
