//! What a publisher is told: NACK, transport-wide feedback, REMB.

use roomline_rtp::rtcp::{Compound, Packet};
use roomline_sfu::PublicationId;
use roomline_sfu::forwarding::Drop;

use crate::lab::*;

#[test]
fn a_gap_is_asked_for_and_asked_for_again_within_bounds() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.run(5);
    camera.lab.take_rtcp(camera.publisher);
    camera.send(5, DELTA).expect("taken");
    camera.lab.run(9);
    assert!(camera.lab.take_rtcp(camera.publisher).is_empty());
    camera.send(3, DELTA).expect("only reordered");
    camera.lab.run(1);
    assert_eq!(camera.lab.take_rtcp(camera.publisher), ["NACK a0 [2, 4]"]);
    let repaired = Outgoing::new(CAMERA, 96, 2, DELTA).retransmitted(CAMERA + 1, 97, 9);
    camera.lab.rtp(camera.publisher, &repaired.bytes()).expect("taken");
    assert_eq!(camera.lab.router.counters().recovered, 1);
    camera.lab.run(5000);
    let asked = camera.lab.take_rtcp(camera.publisher);
    let again = asked.iter().filter(|word| *word == "NACK a0 [4]").count();
    assert_eq!(again, 7, "{asked:?}");
    assert_eq!(camera.lab.router.leg_stats(camera.publisher).packets_lost, 1);
}

#[test]
fn retransmissions_reach_the_subscribers_in_their_place() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.send(3, DELTA).expect("taken");
    camera.lab.run(20);
    let repaired = Outgoing::new(CAMERA, 96, 2, b"two").retransmitted(CAMERA + 1, 97, 9);
    camera.lab.rtp(camera.publisher, &repaired.bytes()).expect("taken");
    let late = Outgoing::new(CAMERA, 96, 2, b"two").bytes();
    assert_eq!(camera.lab.rtp(camera.publisher, &late), Err(Drop::Duplicate));
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[2].number(), sent[0].number() + 1);
    assert_eq!(sent[2].payload(), b"two");
    assert_eq!((sent[2].ssrc(), sent[2].payload_type()), (VIEW, 100));
}

#[test]
fn audio_without_nack_is_not_asked_for() {
    let mut lab = Lab::new();
    let publisher = lab.leg(&[sending("0", opus(111), Some(5))]);
    lab.publish(publisher, "0");
    for sequence in [1, 2, 9] {
        lab.rtp(publisher, &Outgoing::new(5, 111, sequence, b"o").bytes()).expect("taken");
    }
    lab.run(3000);
    let told = lab.take_rtcp(publisher);
    assert_eq!(told, ["RR"]);
}

#[test]
fn transport_wide_feedback_tells_of_every_packet_within_a_tick() {
    let mut camera = Camera::new();
    let mut told = Vec::new();
    for number in 0..200_u16 {
        if number % 10 != 7 {
            let payload = if number == 0 { KEY } else { DELTA };
            let packet =
                Outgoing::new(CAMERA, 96, number, payload).with(3, &number.to_be_bytes()).bytes();
            camera.lab.rtp(camera.publisher, &packet).expect("taken");
        }
        camera.lab.run(3);
    }
    camera.lab.run(100);
    let compounds = camera.lab.take_compounds(camera.publisher);
    let mut feedbacks = 0;
    for packet in compounds.iter().flat_map(|compound| Compound::new(compound)) {
        if let Ok(Packet::TransportFeedback(feedback)) = packet {
            feedbacks += 1;
            told.extend(feedback.statuses().filter(|status| status.arrival.is_some()));
        }
    }
    assert!((8..=14).contains(&feedbacks), "{feedbacks} in 600 ms");
    let numbers: Vec<_> = told.iter().map(|status| status.sequence_number).collect();
    let expected: Vec<_> = (0..200).filter(|number| number % 10 != 7).collect();
    assert_eq!(numbers, expected);
    let first = told[0].arrival.expect("arrived");
    let last = told[told.len() - 1].arrival.expect("arrived");
    assert!((last - first - 597 * 4).abs() <= 8, "in quarters of a millisecond");
}

#[test]
fn a_bound_is_told_by_remb() {
    let mut lab = Lab::new();
    let publisher =
        lab.leg(&[sending("0", vp8(96, None), Some(5)), sending("1", opus(111), Some(6))]);
    let now = lab.now;
    lab.router.publish(now, PublicationId(1), publisher, "0", 500_000).expect("free");
    lab.router.publish(now, PublicationId(2), publisher, "1", 0).expect("free");
    lab.rtp(publisher, &Outgoing::new(5, 96, 1, KEY).bytes()).expect("taken");
    lab.rtp(publisher, &Outgoing::new(6, 111, 1, b"o").bytes()).expect("taken");
    lab.run(250);
    assert_eq!(lab.take_rtcp(publisher), ["RR", "REMB 628000"]);
}

#[test]
fn a_changed_bound_is_told_at_once_and_a_lifted_one_again_and_again() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.run(1000);
    camera.lab.take_rtcp(camera.publisher);
    let now = camera.lab.now;
    camera.lab.router.limit_publication(now, camera.publication, 300_000);
    camera.lab.run(0);
    let told = camera.lab.take_rtcp(camera.publisher);
    assert!(told.contains(&"REMB 300000".to_owned()), "{told:?}");
    camera.lab.router.limit_publication(now, camera.publication, 0);
    for sequence in 2..4 {
        camera.send(sequence, DELTA).expect("taken");
        camera.lab.run(1000);
        let told = camera.lab.take_rtcp(camera.publisher);
        assert!(told.contains(&"REMB 9999941632".to_owned()), "{told:?}");
    }
}

#[test]
fn without_a_bound_there_is_no_remb() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.run(5000);
    let told = camera.lab.take_rtcp(camera.publisher);
    assert!(told.iter().all(|word| !word.starts_with("REMB")), "{told:?}");
}
