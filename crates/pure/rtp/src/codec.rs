//! Codec payload formats, as far as a forwarder needs them: where a keyframe begins.

mod av1;
mod h264;
mod vp8;
mod vp9;

/// A video codec whose keyframes can be recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184).
    H264,
    /// AV1 (AV1 RTP payload specification).
    Av1,
}

impl VideoCodec {
    /// The codec with this `a=rtpmap` encoding name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, VideoCodec); 4] = [
            ("VP8", VideoCodec::Vp8),
            ("VP9", VideoCodec::Vp9),
            ("H264", VideoCodec::H264),
            ("AV1", VideoCodec::Av1),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, codec)| *codec)
    }

    /// Whether a decoder can begin with the packet that has this RTP payload: the first packet of
    /// a keyframe. Malformed payloads are no keyframes.
    #[must_use]
    pub fn starts_keyframe(self, payload: &[u8]) -> bool {
        match self {
            Self::Vp8 => vp8::starts_keyframe(payload),
            Self::Vp9 => vp9::starts_keyframe(payload),
            Self::H264 => h264::starts_keyframe(payload),
            Self::Av1 => av1::starts_keyframe(payload),
        }
        .unwrap_or(false)
    }
}

#[cfg(test)]
mod tests;
