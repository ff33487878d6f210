//! Seeded random and mutated input to every parser: whatever comes, nothing panics, walks end, and
//! what is handed out lies within the packet.

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

use crate::rtcp::{
    Bye, Compound, Fir, FirEntry, Nack, Packet, Pli, ReceiverReport, Remb, ReportBlock, Sdes,
    SenderInfo, SenderReport,
};
use crate::{Fields, Form, Header, HeaderWriter, RtpPacket, VideoCodec, extension, rtx};

const ROUNDS: usize = 60_000;

/// A mutation of `seed`: bytes replaced, cut off or appended.
fn mutate(rng: &mut StdRng, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.random_range(0..6) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] = rng.random();
    }
    if rng.random_bool(0.3) {
        bytes.truncate(rng.random_range(0..=seed.len()));
    }
    if rng.random_bool(0.2) {
        let more = rng.random_range(0..20);
        bytes.extend((0..more).map(|_| rng.random::<u8>()));
    }
    bytes
}

fn random(rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..120)];
    rng.fill_bytes(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x3f | 0x80;
    }
    bytes
}

fn rtp_seed() -> Vec<u8> {
    let fields =
        Fields { marker: false, payload_type: 96, sequence_number: 1, timestamp: 2, ssrc: 3 };
    let mut packet = Vec::new();
    let mut writer = HeaderWriter::new(&mut packet, &fields, Form::Mixed);
    for (id, value) in [(1, &b"mid"[..]), (2, &[7][..]), (3, &[0; 20][..])] {
        assert!(writer.extension(id, value));
    }
    writer.finish();
    packet.extend_from_slice(&[0x90, 0x80, 0x11, 0, 2, 8, 0, 1, 4]);
    packet
}

fn rtcp_seed() -> Vec<u8> {
    let sender = SenderInfo { ssrc: 1, ntp: 2, rtp: 3, packets: 4, octets: 5 };
    let mut out = Vec::new();
    SenderReport::write(&mut out, &sender, &[ReportBlock::default()]);
    ReceiverReport::write(&mut out, 1, &[ReportBlock::default()]);
    Sdes::write_cname(&mut out, 1, "cname");
    Nack::write(&mut out, 1, 2, [3, 4, 90]);
    Pli { sender: 1, media: 2 }.write(&mut out);
    Fir::write(&mut out, 1, &[FirEntry { ssrc: 2, sequence: 3 }]);
    Remb::write(&mut out, 1, 1_000_000, &[2]);
    // Transport feedback: a run, both vectors and a few deltas.
    out.extend_from_slice(&[0x8f, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 24, 0, 0, 1, 0]);
    out.extend_from_slice(&[0, 3, 0xa0, 0, 0xd4, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]);
    Bye::write(&mut out, &[1]);
    out
}

fn read_rtp(bytes: &mut [u8]) {
    let Ok(header) = Header::parse(bytes) else { return };
    assert!(header.len() <= bytes.len());
    for (id, value) in header.extensions(bytes) {
        assert!(id != 0 && value.len() < 256);
        let _ = extension::AudioLevel::parse(value);
        let _ = extension::AbsSendTime::parse(value);
        let _ = extension::PlayoutDelay::parse(value);
        let _ = extension::VideoOrientation::parse(value);
        let _ = extension::transport_sequence(value);
        let _ = extension::text(value);
    }
    if let Ok(packet) = RtpPacket::parse(bytes) {
        assert!(packet.payload().len() + header.len() <= bytes.len());
    }
    if let Some(original) = rtx::restore(bytes, &header, 9, 97) {
        assert_eq!(RtpPacket::parse(original).unwrap().header().ssrc(), 9);
    }
}

fn read_rtcp(bytes: &[u8]) {
    let mut packets = 0;
    for packet in Compound::new(bytes) {
        packets += 1;
        let Ok(packet) = packet else { continue };
        let items = match packet {
            Packet::SenderReport(report) => report.reports().count(),
            Packet::ReceiverReport(report) => report.reports().count(),
            Packet::Sdes(sdes) => sdes.cnames().count(),
            Packet::Bye(bye) => bye.sources().count(),
            Packet::Nack(nack) => nack.sequence_numbers().count() / 17,
            Packet::Fir(fir) => fir.entries().count(),
            Packet::Remb(remb) => remb.sources().count(),
            Packet::TransportFeedback(feedback) => {
                assert_eq!(feedback.statuses().count(), usize::from(feedback.status_count));
                0
            }
            Packet::Pli(_) | Packet::Other { .. } => 0,
        };
        assert!(items <= bytes.len() / 4);
    }
    assert!(packets <= bytes.len() / 4 + 1);
}

#[test]
fn rtp_takes_any_input() {
    let mut rng = StdRng::seed_from_u64(5);
    let seed = rtp_seed();
    for _ in 0..ROUNDS {
        read_rtp(&mut random(&mut rng));
        read_rtp(&mut mutate(&mut rng, &seed));
    }
    for len in 0..seed.len() {
        read_rtp(&mut seed[..len].to_vec());
    }
}

#[test]
fn rtcp_takes_any_input() {
    let mut rng = StdRng::seed_from_u64(6);
    let seed = rtcp_seed();
    assert!(Compound::new(&seed).all(|packet| packet.is_ok()));
    for _ in 0..ROUNDS {
        read_rtcp(&random(&mut rng));
        read_rtcp(&mutate(&mut rng, &seed));
    }
    for len in 0..seed.len() {
        read_rtcp(&seed[..len]);
    }
}

#[test]
fn codecs_take_any_input() {
    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..ROUNDS {
        let mut payload = [0; 12];
        rng.fill_bytes(&mut payload);
        let payload = &payload[..rng.random_range(0..=12)];
        for codec in [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264, VideoCodec::Av1] {
            let _ = codec.starts_keyframe(payload);
        }
    }
}
