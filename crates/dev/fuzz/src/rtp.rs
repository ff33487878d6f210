//! RTP and RTCP. SRTP leaves RTP headers in the clear, so they are read before a packet is known
//! to be authentic; RTCP is read behind SRTCP, but from anybody who may join.

use roomline_rtp::extension::{
    AbsSendTime, AudioLevel, PlayoutDelay, VideoOrientation, text, transport_sequence,
};
use roomline_rtp::rtcp::{Compound, Packet};
use roomline_rtp::{Header, VideoCodec, rtx};

/// Reads a packet's header, extensions and payload, and restores it as if it were RTX.
pub fn rtp_packet(data: &[u8]) {
    let Ok(header) = Header::parse(data) else { return };
    for (_, value) in header.extensions(data) {
        let _ = (AbsSendTime::parse(value), AudioLevel::parse(value), PlayoutDelay::parse(value));
        let _ = (VideoOrientation::parse(value), transport_sequence(value), text(value));
    }
    let Ok(range) = header.payload_range(data) else { return };
    for name in ["VP8", "VP9", "H264", "AV1"] {
        let codec = VideoCodec::from_name(name).expect("a codec we forward");
        let _ = codec.starts_keyframe(&data[range.clone()]);
    }
    let mut packet = data.to_vec();
    if let Some(original) = rtx::restore(&mut packet, &header, 1, 96) {
        let restored = Header::parse(original).expect("a restored packet is a packet");
        assert_eq!((restored.ssrc(), restored.payload_type()), (1, 96));
    }
}

/// Reads every packet of a compound with everything in it.
pub fn rtcp_compound(data: &[u8]) {
    let mut packets = 0;
    for packet in Compound::new(data) {
        packets += 1;
        match packet {
            Ok(Packet::SenderReport(report)) => drop(report.reports().count()),
            Ok(Packet::ReceiverReport(report)) => drop(report.reports().count()),
            Ok(Packet::Sdes(sdes)) => drop(sdes.cnames().count()),
            Ok(Packet::Bye(bye)) => drop(bye.sources().count()),
            Ok(Packet::Nack(nack)) => {
                let lost = nack.sequence_numbers().count();
                assert!(lost <= 17 * data.len() / 4, "{lost} numbers in {} bytes", data.len());
            }
            Ok(Packet::Fir(fir)) => drop(fir.entries().count()),
            Ok(Packet::Remb(remb)) => drop(remb.sources().count()),
            Ok(Packet::TransportFeedback(feedback)) => {
                assert!(feedback.statuses().count() <= usize::from(u16::MAX));
            }
            Ok(Packet::Pli(_) | Packet::Other { .. }) | Err(_) => {}
        }
    }
    assert!(packets <= data.len() / 4 + 1);
}
