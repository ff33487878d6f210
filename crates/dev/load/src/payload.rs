//! What the published packets carry: real codec headers, then a stamp, then filler.

use crate::clock::Nanos;

/// Begins a stamp. SFUs may rewrite the codec's descriptor before it, so it is looked for.
const MAGIC: [u8; 4] = *b"RLld";
/// How far into a payload a stamp may begin.
const REACH: usize = 40;

/// Who sent a packet, which one it is, and when it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The publisher's number for the stream.
    pub(crate) stream: u32,
    /// Counts the stream's packets from 0.
    pub(crate) number: u64,
    /// When it was handed to the kernel.
    pub(crate) sent: Nanos,
}

impl Stamp {
    pub(crate) const LEN: usize = 24;

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.stream.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.sent.to_be_bytes());
    }

    /// The stamp in a decrypted payload.
    pub(crate) fn find(payload: &[u8]) -> Option<Stamp> {
        let reach = payload.get(..REACH + MAGIC.len()).unwrap_or(payload);
        let at = reach.windows(MAGIC.len()).position(|bytes| bytes == MAGIC)?;
        let stamp = payload.get(at + MAGIC.len()..at + Stamp::LEN)?;
        let (stream, rest) = stamp.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let sent = rest.first_chunk::<8>()?;
        Some(Stamp {
            stream: u32::from_be_bytes(*stream),
            number: u64::from_be_bytes(*number),
            sent: Nanos::from_be_bytes(*sent),
        })
    }
}

/// Where a packet stands in its VP8 frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vp8 {
    /// Begins the frame.
    pub(crate) start: bool,
    pub(crate) keyframe: bool,
    /// Counts frames; 15 bits are sent.
    pub(crate) picture: u16,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

impl Vp8 {
    /// The payload descriptor (RFC 7741 §4.2) and, at the start of a frame, the frame's header
    /// (RFC 6386 §9.1).
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let picture = self.picture | 0x8000;
        let start = if self.start { 0x10 } else { 0 };
        out.extend_from_slice(&[0x80 | start, 0x80]);
        out.extend_from_slice(&picture.to_be_bytes());
        if !self.start {
            return;
        }
        // show_frame, and a first partition of 1000 bytes.
        let tag = u32::from(!self.keyframe) | 1 << 4 | 1000 << 5;
        out.extend_from_slice(&tag.to_le_bytes()[..3]);
        if self.keyframe {
            out.extend_from_slice(&[0x9d, 0x01, 0x2a]);
            out.extend_from_slice(&self.width.to_le_bytes());
            out.extend_from_slice(&self.height.to_le_bytes());
        }
    }
}

/// The table of contents of an Opus packet (RFC 6716 §3.1): one CELT frame of 20 ms, mono.
pub(crate) const OPUS: u8 = 31 << 3;

/// The least payload that holds the longest codec header and a stamp.
#[cfg(test)]
const MIN_LEN: usize = 14 + Stamp::LEN;

#[cfg(test)]
mod tests {
    use roomline_rtp::VideoCodec;

    use super::*;

    const STAMP: Stamp = Stamp { stream: 7, number: 1 << 40, sent: 123_456_789 };

    fn frame(start: bool, keyframe: bool) -> Vec<u8> {
        let mut payload = Vec::new();
        Vp8 { start, keyframe, picture: 0x7fff, width: 640, height: 360 }.write(&mut payload);
        STAMP.write(&mut payload);
        payload.resize(100, 0);
        payload
    }

    #[test]
    fn a_stamp_is_found_behind_any_codec_header() {
        for payload in [frame(true, true), frame(true, false), frame(false, false)] {
            assert_eq!(Stamp::find(&payload), Some(STAMP));
        }
        let mut audio = vec![OPUS];
        STAMP.write(&mut audio);
        assert_eq!(Stamp::find(&audio), Some(STAMP));
    }

    #[test]
    fn a_cut_or_foreign_payload_has_none() {
        assert_eq!(Stamp::find(&frame(true, true)[..30]), None);
        assert_eq!(Stamp::find(b"nothing of ours"), None);
        assert_eq!(Stamp::find(&[]), None);
    }

    #[test]
    fn servers_see_where_a_keyframe_begins() {
        assert!(VideoCodec::Vp8.starts_keyframe(&frame(true, true)));
        assert!(!VideoCodec::Vp8.starts_keyframe(&frame(true, false)));
        assert!(!VideoCodec::Vp8.starts_keyframe(&frame(false, true)));
    }

    #[test]
    fn the_smallest_payload_holds_header_and_stamp() {
        let mut payload = Vec::new();
        Vp8 { start: true, keyframe: true, picture: 1, width: 1, height: 1 }.write(&mut payload);
        STAMP.write(&mut payload);
        assert!(payload.len() <= MIN_LEN);
    }
}
