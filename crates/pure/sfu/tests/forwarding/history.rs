//! NACKs of subscribers, answered from the history.

use roomline_rtp::rtcp::Nack;

use crate::lab::*;

fn nack(camera: &mut Camera, lost: &[u16]) {
    let viewer = camera.viewer;
    let lost = lost.to_vec();
    camera.lab.rtcp(viewer, |out| Nack::write(out, 1, VIEW, lost));
}

#[test]
fn by_rtx_with_the_original_number_in_front() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    let packet = Outgoing::new(CAMERA, 96, 2, DELTA).with(4, &[0x03]);
    camera.lab.rtp(camera.publisher, &packet.bytes()).expect("taken");
    let sent = camera.lab.take_rtp();
    let lost = sent[1].sequence();
    nack(&mut camera, &[lost]);
    nack(&mut camera, &[lost]);
    let again = camera.lab.take_rtp();
    assert_eq!(again.len(), 2);
    for packet in &again {
        assert_eq!((packet.ssrc(), packet.payload_type()), (VIEW + 1, 101));
        assert_eq!(packet.payload(), [&lost.to_be_bytes()[..], DELTA].concat());
        assert_eq!(packet.timestamp(), sent[1].timestamp());
        assert_eq!(packet.view().header().marker(), sent[1].view().header().marker());
        assert_eq!(packet.view().extension(7), Some(&[0x03][..]));
        assert_eq!(packet.view().extension(5), Some(&b"9"[..]));
    }
    assert_eq!(again[1].number(), again[0].number() + 1);
    assert_eq!(camera.lab.router.leg_stats(camera.viewer).retransmissions, 2);
}

#[test]
fn plainly_without_rtx_and_then_bit_by_bit_the_same() {
    let mut camera = Camera::with_viewer(vp8(100, None));
    camera.send(1, KEY).expect("taken");
    for sequence in 2..10 {
        let packet = Outgoing::new(CAMERA, 96, sequence, DELTA).with(4, &[0x03]);
        camera.lab.rtp(camera.publisher, &packet.bytes()).expect("taken");
    }
    let sent = camera.lab.take_rtp();
    camera.lab.run(300);
    let lost: Vec<_> = sent.iter().map(Sent::sequence).collect();
    nack(&mut camera, &lost);
    let again = camera.lab.take_rtp();
    assert_eq!(again.len(), sent.len());
    for (first, second) in sent.iter().zip(&again) {
        assert_eq!((first.roc, &first.bytes), (second.roc, &second.bytes));
    }
}

#[test]
fn after_a_pause_and_a_switch_only_what_this_source_sent() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    let now = camera.lab.now;
    camera.lab.router.pause_subscription(now, camera.subscription, true);
    camera.lab.router.pause_subscription(now, camera.subscription, false);
    camera.send(50, KEY).expect("taken");
    let before = camera.lab.take_rtp();
    let lost: Vec<_> = before.iter().map(Sent::sequence).collect();
    nack(&mut camera, &lost);
    let again = camera.lab.take_rtp();
    assert_eq!(again.len(), 2, "both runs are remembered");
    assert_eq!(again[0].timestamp(), before[0].timestamp());
    assert_eq!(again[1].timestamp(), before[1].timestamp());

    let other = camera.lab.leg(&[sending("x", vp8(120, None), Some(0xee))]);
    let second = camera.lab.publish(other, "x");
    camera.lab.subscribe(second, camera.viewer, "9");
    camera.lab.rtp(other, &Outgoing::new(0xee, 120, 1, KEY).bytes()).expect("taken");
    camera.lab.take_rtp();
    nack(&mut camera, &lost);
    assert!(camera.lab.take_rtp().is_empty());
    assert_eq!(camera.lab.router.counters().nacks_missed, 2);
}

#[test]
fn what_was_never_sent_cannot_be_asked_for() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    let sequence = camera.lab.take_rtp()[0].sequence();
    nack(&mut camera, &[sequence.wrapping_add(1), sequence.wrapping_sub(1)]);
    assert!(camera.lab.take_rtp().is_empty());
    let viewer = camera.viewer;
    camera.lab.rtcp(viewer, |out| Nack::write(out, 1, 0x1234, [sequence]));
    assert!(camera.lab.take_rtp().is_empty());
}

#[test]
fn a_client_that_asks_for_everything_again_and_again_is_held_back() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    for sequence in 2..300 {
        camera.send(sequence, DELTA).expect("taken");
    }
    let lost: Vec<_> = camera.lab.take_rtp().iter().map(Sent::sequence).collect();
    for _ in 0..100 {
        nack(&mut camera, &lost);
        camera.lab.run(10);
    }
    let again = camera.lab.take_rtp().len();
    assert!((1000..=2100).contains(&again), "{again} retransmissions in a second");
}
