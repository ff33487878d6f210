//! Retransmission payloads (RFC 4588 §4): the original sequence number (OSN), then the payload.

use crate::Header;
use crate::bytes::u16_at;

/// Length of the OSN field before the original payload.
pub const OSN_LEN: usize = 2;

/// The original sequence number of a retransmission payload; `None` if it has none, as in the
/// padding-only packets browsers send as bandwidth probes.
#[must_use]
pub fn original_sequence_number(payload: &[u8]) -> Option<u16> {
    u16_at(payload, 0)
}

/// Turns a decrypted retransmission packet back into the original one, in place.
///
/// `header` is the parsed header of `packet`; `ssrc` and `payload_type` are those of the repaired
/// stream. The header moves over the OSN, so the original is the returned tail of `packet`. Its
/// header extensions are those of the retransmission. `None`, with `packet` unchanged, if there is
/// no original payload in it.
pub fn restore<'a>(
    packet: &'a mut [u8],
    header: &Header,
    ssrc: u32,
    payload_type: u8,
) -> Option<&'a mut [u8]> {
    let payload = header.payload_range(packet).ok()?;
    if payload.len() <= OSN_LEN {
        return None;
    }
    let original = original_sequence_number(&packet[payload])?;
    packet.copy_within(..header.len(), OSN_LEN);
    let restored = &mut packet[OSN_LEN..];
    restored[1] = restored[1] & 0x80 | payload_type & 0x7f;
    restored[2..4].copy_from_slice(&original.to_be_bytes());
    restored[8..12].copy_from_slice(&ssrc.to_be_bytes());
    Some(restored)
}

#[cfg(test)]
mod tests {
    use super::{original_sequence_number, restore};
    use crate::{Fields, Form, Header, HeaderWriter, RtpPacket};

    fn retransmission(payload: &[u8]) -> Vec<u8> {
        let fields =
            Fields { marker: true, payload_type: 97, sequence_number: 9, timestamp: 5, ssrc: 2 };
        let mut packet = Vec::new();
        let mut writer = HeaderWriter::new(&mut packet, &fields, Form::OneByte);
        assert!(writer.extension(1, b"7"));
        writer.finish();
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn restores_the_original_packet() {
        let mut packet = retransmission(&[0x12, 0x34, b'a', b'b']);
        let header = Header::parse(&packet).unwrap();
        let restored = restore(&mut packet, &header, 1, 96).unwrap();
        let packet = RtpPacket::parse(restored).unwrap();
        assert_eq!(packet.header().sequence_number(), 0x1234);
        assert_eq!(packet.header().ssrc(), 1);
        assert_eq!(packet.header().payload_type(), 96);
        assert!(packet.header().marker());
        assert_eq!(packet.header().timestamp(), 5);
        assert_eq!(packet.extension(1), Some(&b"7"[..]));
        assert_eq!(packet.payload(), b"ab");
    }

    #[test]
    fn a_probe_restores_to_nothing() {
        let mut packet = retransmission(&[0, 0, 0, 4]);
        packet[0] |= 0x20;
        let header = Header::parse(&packet).unwrap();
        assert!(restore(&mut packet, &header, 1, 96).is_none());
        assert_eq!(original_sequence_number(&[]), None);
    }
}
