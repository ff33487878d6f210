use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{PacketStatus, TwccRecorder, chunk_len, chunk_symbol};
use crate::rtcp::{Compound, Packet, RtcpError};

const TICK: Duration = Duration::from_micros(250);

/// Writes all feedback and reads it back, the statuses of each packet.
fn drain(recorder: &mut TwccRecorder) -> Vec<Vec<PacketStatus>> {
    let mut feedback = Vec::new();
    let mut out = Vec::new();
    while recorder.write(1, 2, &mut out) {
        assert!(out.len() <= 1200 && out.len().is_multiple_of(4));
        let packets: Vec<_> = Compound::new(&out).collect();
        let [Ok(Packet::TransportFeedback(read))] = packets[..] else { panic!("{packets:?}") };
        assert_eq!((read.sender, read.media), (1, 2));
        let statuses: Vec<_> = read.statuses().collect();
        assert_eq!(statuses.len(), usize::from(read.status_count));
        assert_eq!(statuses[0].sequence_number, read.base_sequence);
        feedback.push(statuses);
        out.clear();
    }
    assert!(out.is_empty());
    assert!(!recorder.has_feedback());
    feedback
}

fn status(sequence_number: u16, arrival: impl Into<Option<i64>>) -> PacketStatus {
    PacketStatus { sequence_number, arrival: arrival.into() }
}

/// A recorder that got these packets, each at a tick.
fn recorded(arrivals: &[(u16, u32)]) -> TwccRecorder {
    let epoch = epoch();
    let mut recorder = TwccRecorder::new(epoch);
    for (sequence, tick) in arrivals {
        recorder.record(*sequence, epoch + TICK * *tick);
    }
    recorder
}

/// Some moment to count from; which one makes no difference.
#[allow(clippy::disallowed_methods)]
fn epoch() -> Instant {
    Instant::now()
}

#[test]
fn nothing_recorded_is_nothing_to_report() {
    assert!(drain(&mut recorded(&[])).is_empty());
}

#[test]
fn gaps_and_the_wrap_are_reported() {
    let mut recorder = recorded(&[(0xfffe, 1_000), (0xffff, 1_001), (2, 1_300), (3, 1_290)]);
    let expected = [
        status(0xfffe, 1_000),
        status(0xffff, 1_001),
        status(0, None),
        status(1, None),
        status(2, 1_300),
        status(3, 1_290),
    ];
    assert_eq!(drain(&mut recorder), [expected]);
}

#[test]
fn the_wire_format_is_that_of_the_draft() {
    let mut out = Vec::new();
    assert!(recorded(&[(5, 256), (6, 257), (8, 600)]).write(1, 2, &mut out));
    let expected = [
        // Padding bit, format 15, six words; sender and media.
        0xaf, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, //
        // Base 5, four statuses, reference 64 ms, feedback 0.
        0, 5, 0, 4, 0, 0, 1, 0, //
        // Vector of two-bit symbols: small, small, none, large. Deltas 0, 1 and 343.
        0xd4, 0x80, 0, 1, 0x01, 0x57, 0, 2,
    ];
    assert_eq!(out, expected);
}

#[test]
fn a_late_packet_is_reported_again_with_its_followers() {
    let epoch = epoch();
    let mut recorder = TwccRecorder::new(epoch);
    recorder.record(10, epoch + TICK * 10);
    recorder.record(12, epoch + TICK * 12);
    assert_eq!(drain(&mut recorder).concat().len(), 3);
    recorder.record(11, epoch + TICK * 15);
    recorder.record(11, epoch + TICK * 99);
    assert_eq!(drain(&mut recorder), [[status(11, 15), status(12, 12)]]);
}

#[test]
fn the_next_feedback_spells_out_losses_since_the_last() {
    let epoch = epoch();
    let mut recorder = TwccRecorder::new(epoch);
    recorder.record(1, epoch);
    assert_eq!(drain(&mut recorder), [[status(1, 0)]]);
    recorder.record(4, epoch + TICK * 9);
    assert_eq!(drain(&mut recorder), [[status(2, None), status(3, None), status(4, 9)]]);
}

#[test]
fn a_delta_too_large_begins_another_feedback() {
    let feedback = drain(&mut recorded(&[(1, 0), (2, 32_767), (3, 70_000), (4, 70_001)]));
    assert_eq!(feedback.len(), 2);
    let statuses = [status(1, 0), status(2, 32_767), status(3, 70_000), status(4, 70_001)];
    assert_eq!(feedback.concat(), statuses);
}

#[test]
fn the_reference_time_wraps_at_24_bits() {
    // 2^24 references of 64 ms later the field is zero again.
    let wrap = 256 * (1_u64 << 24);
    let epoch = epoch();
    let mut recorder = TwccRecorder::new(epoch);
    recorder.record(1, epoch + Duration::from_micros(250 * (wrap + 300)));
    assert_eq!(drain(&mut recorder), [[status(1, 300)]]);
}

#[test]
fn long_losses_take_a_run() {
    let mut recorder = recorded(&[(0, 0), (1_000, 10)]);
    let mut out = Vec::new();
    assert!(recorder.write(1, 2, &mut out));
    assert!(out.len() < 40);
    let mut recorder = recorded(&[(0, 0), (1_000, 10)]);
    let statuses = drain(&mut recorder).concat();
    assert_eq!(statuses.len(), 1_001);
    assert_eq!(statuses.iter().filter(|status| status.arrival.is_some()).count(), 2);
}

#[test]
fn a_jump_of_the_sequence_number_starts_over() {
    let mut recorder = recorded(&[(0, 0), (20_000, 10), (19_999, 11), (3, 12)]);
    assert_eq!(drain(&mut recorder), [[status(19_999, 11), status(20_000, 10)]]);
}

#[test]
fn times_before_the_epoch_count_as_the_epoch() {
    let epoch = epoch() + Duration::from_secs(1);
    let mut recorder = TwccRecorder::new(epoch);
    recorder.record(7, epoch - Duration::from_millis(5));
    assert_eq!(drain(&mut recorder), [[status(7, 0)]]);
}

/// Loss, reordering, bursts and pauses: everything recorded is reported as it was recorded.
#[test]
fn random_arrivals_survive_a_round_trip() {
    let mut rng = StdRng::seed_from_u64(4);
    for _ in 0..300 {
        let epoch = epoch();
        let mut recorder = TwccRecorder::new(epoch);
        let (mut tick, mut next) = (0_u64, rng.random::<u16>());
        let mut reported = BTreeMap::new();
        let mut recorded = BTreeMap::new();
        for _ in 0..rng.random_range(1..20) {
            for _ in 0..rng.random_range(1..600) {
                let pause = if rng.random_bool(0.01) { 40_000 } else { 300 };
                tick += rng.random_range(0..pause);
                next = next.wrapping_add(if rng.random_bool(0.1) {
                    rng.random_range(1..9)
                } else {
                    1
                });
                let late = if rng.random_bool(0.1) { rng.random_range(0..20) } else { 0 };
                let sequence = next.wrapping_sub(late);
                recorder.record(sequence, epoch + Duration::from_micros(250 * tick));
                recorded.entry(sequence).or_insert(tick as i64);
            }
            for status in drain(&mut recorder).concat() {
                reported.insert(status.sequence_number, status.arrival);
            }
        }
        for (sequence, tick) in recorded {
            assert_eq!(reported.get(&sequence), Some(&Some(tick)), "{sequence}");
        }
    }
}

#[test]
fn chunks_are_read_as_the_draft_draws_them() {
    // The draft's examples: a run of 221 not received, a run of 24 large or negative deltas.
    assert_eq!((chunk_len(0x00dd), chunk_symbol(0x00dd, 220)), (221, 0));
    assert_eq!((chunk_len(0x6018), chunk_symbol(0x6018, 0)), (24, 3));
    let one_bit: Vec<_> = (0..14).map(|index| chunk_symbol(0x9f1c, index)).collect();
    assert_eq!(one_bit, [0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0]);
    let two_bit: Vec<_> = (0..7).map(|index| chunk_symbol(0xcd50, index)).collect();
    assert_eq!(two_bit, [0, 3, 1, 1, 1, 0, 0]);
}

#[test]
fn feedback_that_contradicts_itself_is_malformed() {
    let head = [0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5];
    let refused = [
        // Three statuses but a run of two; a reserved symbol; a delta missing.
        [0, 3, 0, 0, 1, 0, 0x00, 0x02, 0x00, 0x00],
        [0, 1, 0, 0, 1, 0, 0x60, 0x01, 0x00, 0x00],
        [0, 2, 0, 0, 1, 0, 0x40, 0x02, 0x00, 0x00],
    ];
    for tail in refused {
        let bytes = [&head[..], &tail].concat();
        let mut packets = Compound::new(&bytes);
        assert!(matches!(packets.next(), Some(Err(RtcpError::Malformed))), "{tail:?}");
    }
}
