use std::time::Duration;

use super::{
    Bye, Compound, Fir, FirEntry, Nack, Packet, Pli, ReceiverReport, Remb, ReportBlock, RtcpError,
    Sdes, SenderInfo, SenderReport, compact_ntp, is_rtcp, round_trip_time,
};

/// The one packet of a compound.
fn only(bytes: &[u8]) -> Packet<'_> {
    assert_eq!(bytes.len() % 4, 0);
    let mut packets = Compound::new(bytes);
    let packet = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none());
    packet
}

fn block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 25,
        cumulative_lost: -3,
        highest_sequence: 0x0001_fffe,
        jitter: 77,
        last_sender_report: 0x1234_5678,
        delay_since_last: 0x8765,
    }
}

#[test]
fn reports_survive_a_round_trip() {
    let sender =
        SenderInfo { ssrc: 1, ntp: 0x0102_0304_0506_0708, rtp: 9, packets: 10, octets: 11 };
    let mut out = Vec::new();
    SenderReport::write(&mut out, &sender, &[block(2), block(3)]);
    let Packet::SenderReport(report) = only(&out) else { panic!() };
    assert_eq!(report.sender, sender);
    assert!(report.reports().eq([block(2), block(3)]));
    assert_eq!(compact_ntp(sender.ntp), 0x0304_0506);

    out.clear();
    ReceiverReport::write(&mut out, 7, &[]);
    let Packet::ReceiverReport(report) = only(&out) else { panic!() };
    assert_eq!((report.ssrc, report.reports().count()), (7, 0));
}

#[test]
fn many_reports_take_several_packets() {
    let blocks: Vec<_> = (0..70).map(block).collect();
    let sender = SenderInfo { ssrc: 1, ntp: 2, rtp: 3, packets: 4, octets: 5 };
    let mut out = Vec::new();
    SenderReport::write(&mut out, &sender, &blocks);
    let read: Vec<_> = Compound::new(&out)
        .flat_map(|packet| match packet.unwrap() {
            Packet::SenderReport(report) => report.reports().collect::<Vec<_>>(),
            Packet::ReceiverReport(report) => report.reports().collect(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(read, blocks);
}

#[test]
fn lost_packets_saturate_at_24_bits() {
    for (lost, kept) in [(i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000), (-1, -1), (5, 5)] {
        let mut out = Vec::new();
        ReceiverReport::write(&mut out, 1, &[ReportBlock { cumulative_lost: lost, ..block(2) }]);
        let Packet::ReceiverReport(report) = only(&out) else { panic!() };
        assert_eq!(report.reports().next().unwrap().cumulative_lost, kept);
    }
}

#[test]
fn round_trip_time_is_what_is_left_of_the_delay() {
    let at = |seconds: u64, units: u64| seconds << 32 | units << 16;
    let report = |lsr: u64, dlsr: u32| ReportBlock {
        last_sender_report: compact_ntp(lsr),
        delay_since_last: dlsr,
        ..block(1)
    };
    let time = round_trip_time(at(11, 0x8000), &report(at(10, 0), 0x1_0000));
    assert_eq!(time, Some(Duration::from_millis(500)));
    // Over the wrap of the 16-bit seconds.
    let time = round_trip_time(at(0x1_0000, 0), &report(at(0xffff, 0), 0xc000));
    assert_eq!(time, Some(Duration::from_millis(250)));
    // Slightly and absurdly negative; no report yet.
    assert_eq!(round_trip_time(at(10, 0), &report(at(9, 0), 0x1_0001)), Some(Duration::ZERO));
    assert_eq!(round_trip_time(at(10, 0), &report(at(9, 0), 0x9_0000)), None);
    assert_eq!(round_trip_time(at(10, 0), &report(0, 0)), None);
}

#[test]
fn cnames_of_every_length_survive_a_round_trip() {
    for len in 0..=255 {
        let cname = "c".repeat(len);
        let mut out = Vec::new();
        Sdes::write_cname(&mut out, 5, &cname);
        let Packet::Sdes(sdes) = only(&out) else { panic!() };
        assert!(sdes.cnames().eq([(5, Some(cname.as_bytes()))]));
    }
}

#[test]
fn chunks_with_other_items_are_read() {
    let bytes =
        [0x82, 202, 0, 5, 0, 0, 0, 1, 2, 1, b'n', 0, 0, 0, 0, 2, 6, 1, b't', 1, 1, b'c', 0, 0];
    let Packet::Sdes(sdes) = only(&bytes) else { panic!() };
    assert!(sdes.cnames().eq([(1, None), (2, Some(&b"c"[..]))]));
}

#[test]
fn byes_survive_a_round_trip() {
    let sources: Vec<u32> = (0..40).collect();
    let mut out = Vec::new();
    Bye::write(&mut out, &sources);
    let mut read = Vec::new();
    for packet in Compound::new(&out) {
        let Packet::Bye(bye) = packet.unwrap() else { panic!() };
        read.extend(bye.sources());
    }
    assert_eq!(read, sources);
    // A reason behind the sources does not matter.
    let Packet::Bye(bye) = only(&[0x81, 203, 0, 2, 0, 0, 0, 9, 3, b'b', b'y', b'e']) else {
        panic!()
    };
    assert!(bye.sources().eq([9]));
}

#[test]
fn nacks_survive_a_round_trip_over_the_wrap() {
    let lost = [0xfffd, 0xfffe, 0, 13, 14, 40, 41, 1_000];
    let mut out = Vec::new();
    Nack::write(&mut out, 1, 2, lost);
    let Packet::Nack(nack) = only(&out) else { panic!() };
    assert_eq!((nack.sender, nack.media), (1, 2));
    assert!(nack.sequence_numbers().eq(lost));
    // 0xfffd to 13 is one pair, 14 is 17 ahead, 40 is 26 ahead.
    assert_eq!(out.len(), 12 + 4 * 4);
    out.clear();
    Nack::write(&mut out, 1, 2, []);
    assert!(out.is_empty());
}

#[test]
fn keyframe_requests_survive_a_round_trip() {
    let mut out = Vec::new();
    Pli { sender: 3, media: 4 }.write(&mut out);
    assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]);
    let Packet::Pli(pli) = only(&out) else { panic!() };
    assert_eq!(pli, Pli { sender: 3, media: 4 });

    out.clear();
    let entries = [FirEntry { ssrc: 5, sequence: 6 }, FirEntry { ssrc: 7, sequence: 8 }];
    Fir::write(&mut out, 3, &entries);
    let Packet::Fir(fir) = only(&out) else { panic!() };
    assert_eq!(fir.sender, 3);
    assert!(fir.entries().eq(entries));
}

#[test]
fn estimates_are_rounded_down_to_18_bits() {
    for (bitrate, kept) in [
        (0, 0),
        (262_143, 262_143),
        (262_145, 262_144),
        (2_500_000, 2_500_000),
        (u64::MAX, 0xffff_c000_0000_0000),
    ] {
        let mut out = Vec::new();
        Remb::write(&mut out, 1, bitrate, &[8, 9]);
        let Packet::Remb(remb) = only(&out) else { panic!() };
        assert_eq!((remb.sender, remb.bitrate), (1, kept));
        assert!(remb.sources().eq([8, 9]));
    }
    let mut huge = Vec::new();
    Remb::write(&mut huge, 1, 1, &[]);
    huge[17] = 0xff;
    let Packet::Remb(remb) = only(&huge) else { panic!() };
    assert_eq!(remb.bitrate, u64::MAX);
}

#[test]
fn unknown_packets_are_passed_over() {
    // XR, application feedback that is no REMB, and an application packet.
    let bytes = [
        [0x80, 207, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0],
        [0x8f, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0],
        [0x80, 204, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0],
    ]
    .concat();
    let kinds: Vec<_> = Compound::new(&bytes)
        .map(|packet| match packet {
            Ok(Packet::Other { packet_type, format }) => (packet_type, format),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [(207, 0), (206, 15), (204, 0)]);
}

#[test]
fn a_malformed_packet_does_not_hide_the_next_one() {
    let mut bytes = vec![0x82, 201, 0, 1, 0, 0, 0, 1];
    Pli { sender: 3, media: 4 }.write(&mut bytes);
    let mut packets = Compound::new(&bytes);
    assert!(matches!(packets.next(), Some(Err(RtcpError::Malformed))));
    assert!(matches!(packets.next(), Some(Ok(Packet::Pli(_)))));
    assert!(packets.next().is_none());
}

#[test]
fn bad_framing_ends_the_walk() {
    let mut packets = Compound::new(&[0x80, 201, 0, 9, 0, 0, 0, 0]);
    assert!(matches!(packets.next(), Some(Err(RtcpError::Truncated))));
    assert!(packets.next().is_none());
    let mut packets = Compound::new(&[0x40, 201, 0, 0]);
    assert!(matches!(packets.next(), Some(Err(RtcpError::Version))));
    assert!(packets.next().is_none());
}

#[test]
fn padding_is_taken_off() {
    let bytes = [0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
    assert!(matches!(only(&bytes), Packet::ReceiverReport(report) if report.ssrc == 7));
    for count in [0, 9] {
        let bad = [0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, count];
        let mut packets = Compound::new(&bad);
        assert!(matches!(packets.next(), Some(Err(RtcpError::Malformed))));
    }
}

#[test]
fn rtcp_is_told_from_rtp() {
    assert!(is_rtcp(&[0x80, 200]));
    assert!(is_rtcp(&[0x81, 206]));
    assert!(!is_rtcp(&[0x80, 96]));
    assert!(!is_rtcp(&[0x80, 0x80 | 111]));
    assert!(!is_rtcp(&[0x80]));
}
