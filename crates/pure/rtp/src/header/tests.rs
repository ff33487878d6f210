use super::{Header, RtpPacket};
use crate::RtpError;

/// Header flags, then sequence number 0x0102, timestamp 0x03040506, SSRC 0x0708090a.
fn packet(flags: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![flags, 0x80 | 111, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    packet.extend_from_slice(rest);
    packet
}

#[test]
fn fixed_fields_are_read() {
    let bytes = packet(0x80, b"abc");
    let header = Header::parse(&bytes).unwrap();
    assert!(header.marker());
    assert!(!header.has_padding());
    assert!(!header.is_empty());
    assert_eq!(header.payload_type(), 111);
    assert_eq!(header.sequence_number(), 0x0102);
    assert_eq!(header.timestamp(), 0x0304_0506);
    assert_eq!(header.ssrc(), 0x0708_090a);
    assert_eq!(header.len(), 12);
    assert_eq!(header.payload_range(&bytes), Ok(12..15));
}

#[test]
fn contributing_sources_are_skipped() {
    let bytes = packet(0x82, &[0, 0, 0, 1, 0, 0, 0, 2, b'x']);
    let parsed = RtpPacket::parse(&bytes).unwrap();
    assert_eq!(parsed.header().len(), 20);
    assert_eq!(parsed.payload(), b"x");
    assert_eq!(Header::parse(&bytes[..19]), Err(RtpError::Truncated));
}

#[test]
fn one_byte_extensions_are_walked() {
    let bytes = packet(
        0x90,
        &[0xbe, 0xde, 0, 3, 0x10, 0xaa, 0, 0, 0x31, 1, 2, 0x40, 0xbb, 0xf3, 9, 9, b'p'],
    );
    let parsed = RtpPacket::parse(&bytes).unwrap();
    let found: Vec<_> = parsed.extensions().collect();
    // Id 15 ends the walk.
    assert_eq!(found, [(1, &[0xaa][..]), (3, &[1, 2][..]), (4, &[0xbb][..])]);
    assert_eq!(parsed.extension(3), Some(&[1, 2][..]));
    assert_eq!(parsed.extension(2), None);
    assert_eq!(parsed.payload(), b"p");
}

#[test]
fn two_byte_extensions_are_walked() {
    let bytes = packet(0x90, &[0x10, 0x07, 0, 2, 20, 0, 0, 200, 2, 5, 6, 0]);
    let parsed = RtpPacket::parse(&bytes).unwrap();
    let found: Vec<_> = parsed.extensions().collect();
    assert_eq!(found, [(20, &[][..]), (200, &[5, 6][..])]);
}

#[test]
fn unknown_extension_profiles_are_skipped() {
    let bytes = packet(0x90, &[0xab, 0xcd, 0, 1, 0x10, 0xaa, 0, 0, b'p']);
    let parsed = RtpPacket::parse(&bytes).unwrap();
    assert_eq!(parsed.extensions().count(), 0);
    assert_eq!(parsed.payload(), b"p");
}

#[test]
fn an_element_past_the_end_is_left_out() {
    let bytes = packet(0x90, &[0xbe, 0xde, 0, 1, 0x10, 0xaa, 0x2f, 1]);
    let found: Vec<_> = RtpPacket::parse(&bytes).unwrap().extensions().collect();
    assert_eq!(found, [(1, &[0xaa][..])]);
    let bytes = packet(0x90, &[0x10, 0x00, 0, 1, 1, 1, 7, 9]);
    let found: Vec<_> = RtpPacket::parse(&bytes).unwrap().extensions().collect();
    assert_eq!(found, [(1, &[7][..])]);
}

#[test]
fn padding_is_taken_off() {
    let bytes = packet(0xa0, &[b'a', b'b', 0, 2]);
    assert_eq!(RtpPacket::parse(&bytes).unwrap().payload(), b"ab");
    let only_padding = packet(0xa0, &[0, 0, 3]);
    assert_eq!(RtpPacket::parse(&only_padding).unwrap().payload(), b"");
    for bad in [&[][..], &[0][..], &[1, 3][..]] {
        let refused = RtpPacket::parse(&packet(0xa0, bad)).map(drop);
        assert_eq!(refused, Err(RtpError::Padding));
    }
}

#[test]
fn the_header_parses_while_the_padding_is_still_encrypted() {
    let bytes = packet(0xa0, &[0xff; 4]);
    assert!(Header::parse(&bytes).unwrap().has_padding());
}

#[test]
fn other_versions_and_short_packets_are_refused() {
    assert_eq!(Header::parse(&packet(0x40, &[])), Err(RtpError::Version));
    let whole = packet(0x91, &[0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]);
    assert!(Header::parse(&whole).is_ok());
    for len in 0..whole.len() {
        assert_eq!(Header::parse(&whole[..len]), Err(RtpError::Truncated), "{len}");
    }
    let header = Header::parse(&whole).unwrap();
    assert_eq!(header.payload_range(&whole[..20]), Err(RtpError::Truncated));
    assert_eq!(header.extensions(&whole[..20]).count(), 0);
}
