//! The common header of RTCP packets (RFC 3550 §6.4.1).

pub(super) const SR: u8 = 200;
pub(super) const RR: u8 = 201;
pub(super) const SDES: u8 = 202;
pub(super) const BYE: u8 = 203;
/// Transport-layer feedback (RFC 4585 §6.2).
pub(super) const RTPFB: u8 = 205;
/// Payload-specific feedback (RFC 4585 §6.3).
pub(super) const PSFB: u8 = 206;

/// The most items that the five-bit count can announce.
pub(super) const MAX_COUNT: usize = 31;

/// Appends a packet whose body `body` writes. `count` is the count or format field; the body is
/// padded to whole words with zeros.
pub(super) fn packet(
    out: &mut Vec<u8>,
    count: u8,
    packet_type: u8,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count & 0x1f, packet_type, 0, 0]);
    body(out);
    let len = (out.len() - start).next_multiple_of(4);
    out.resize(start + len, 0);
    let words = (len / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

/// Appends a feedback packet: sender, media source, and what `body` writes (RFC 4585 §6.1).
pub(super) fn feedback(
    out: &mut Vec<u8>,
    format: u8,
    packet_type: u8,
    (sender, media): (u32, u32),
    body: impl FnOnce(&mut Vec<u8>),
) {
    packet(out, format, packet_type, |out| {
        out.extend_from_slice(&sender.to_be_bytes());
        out.extend_from_slice(&media.to_be_bytes());
        body(out);
    });
}
