//! Which media section a packet belongs to.

use roomline_sfu::forwarding::{Drop, LegId};

use crate::lab::*;

/// A leg with two cameras that announce no SSRCs, and a viewer of both.
fn two_cameras(second: u8) -> (Lab, LegId) {
    let mut lab = Lab::new();
    let publisher = lab.leg(&[
        sending("c0", vp8(96, Some(97)), None),
        sending("c1", vp8(second, Some(second + 1)), None),
    ]);
    let viewer =
        lab.leg(&[slot("v0", vp8(100, Some(101)), 0x10), slot("v1", vp8(100, Some(101)), 0x20)]);
    for (mid, slot) in [("c0", "v0"), ("c1", "v1")] {
        let publication = lab.publish(publisher, mid);
        lab.subscribe(publication, viewer, slot);
    }
    (lab, publisher)
}

#[test]
fn by_the_ssrcs_of_the_description() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("announced");
    let unknown = Outgoing::new(0xdead, 50, 1, KEY).bytes();
    assert_eq!(camera.lab.rtp(camera.publisher, &unknown), Err(Drop::UnknownStream));
}

#[test]
fn by_mid_and_from_then_on_by_ssrc() {
    let (mut lab, publisher) = two_cameras(96);
    let first = Outgoing::new(7, 96, 1, KEY).with(2, b"c1");
    lab.rtp(publisher, &first.bytes()).expect("the MID tells");
    lab.rtp(publisher, &Outgoing::new(7, 96, 2, DELTA).bytes()).expect("the SSRC is known");
    let ssrcs: Vec<_> = lab.take_rtp().iter().map(Sent::ssrc).collect();
    assert_eq!(ssrcs, [0x20, 0x20]);
    let nowhere = Outgoing::new(8, 96, 1, KEY).with(2, b"c9");
    assert_eq!(lab.rtp(publisher, &nowhere.bytes()), Err(Drop::UnknownStream));
}

#[test]
fn by_a_payload_type_that_only_one_section_uses() {
    let (mut lab, publisher) = two_cameras(98);
    lab.rtp(publisher, &Outgoing::new(7, 98, 1, KEY).bytes()).expect("98 is c1");
    lab.rtp(publisher, &Outgoing::new(8, 96, 1, KEY).bytes()).expect("96 is c0");
    let ssrcs: Vec<_> = lab.take_rtp().iter().map(Sent::ssrc).collect();
    assert_eq!(ssrcs, [0x20, 0x10]);

    let (mut lab, publisher) = two_cameras(96);
    let packet = Outgoing::new(7, 96, 1, KEY).bytes();
    assert_eq!(lab.rtp(publisher, &packet), Err(Drop::UnknownStream));
}

#[test]
fn retransmissions_by_mid_and_payload_type() {
    let (mut lab, publisher) = two_cameras(96);
    for sequence in [1, 3] {
        let packet = Outgoing::new(7, 96, sequence, KEY).with(2, b"c0");
        lab.rtp(publisher, &packet.bytes()).expect("forwarded");
    }
    let repaired = Outgoing::new(7, 96, 2, DELTA).retransmitted(8, 97, 1).with(2, b"c0");
    lab.rtp(publisher, &repaired.bytes()).expect("the gap is filled");
    let sent = lab.take_rtp();
    assert_eq!(sent[2].number(), sent[0].number() + 1);
    assert_eq!(sent[2].payload(), DELTA);
}

#[test]
fn a_payload_type_that_was_not_negotiated_is_dropped() {
    let mut camera = Camera::new();
    let packet = Outgoing::new(CAMERA, 35, 1, KEY).bytes();
    assert_eq!(camera.lab.rtp(camera.publisher, &packet), Err(Drop::UnknownPayloadType));
}

#[test]
fn a_client_cannot_fill_the_table_of_ssrcs() {
    let mut lab = Lab::new();
    let publisher = lab.leg(&[sending("0", opus(111), None)]);
    lab.publish(publisher, "0");
    for ssrc in 0..1000 {
        let _ = lab.rtp(publisher, &Outgoing::new(ssrc, 111, 1, b"x").bytes());
    }
    assert!(lab.dropped(Drop::TooManyStreams) > 700);
}

#[test]
fn a_second_encoding_is_dropped_until_the_first_falls_silent() {
    let mut lab = Lab::new();
    let publisher = lab.leg(&[sending("0", opus(111), None)]);
    let viewer = lab.leg(&[slot("v", opus(111), 0x10)]);
    let publication = lab.publish(publisher, "0");
    lab.subscribe(publication, viewer, "v");
    lab.rtp(publisher, &Outgoing::new(1, 111, 1, b"a").bytes()).expect("the first");
    let other = |sequence| Outgoing::new(2, 111, sequence, b"b").bytes();
    assert_eq!(lab.rtp(publisher, &other(9000)), Err(Drop::OtherEncoding));
    lab.run(400);
    lab.rtp(publisher, &other(9001)).expect("takes over");
    let sent = lab.take_rtp();
    assert_eq!(sent[1].number(), sent[0].number() + 1);
    assert_eq!(sent[1].timestamp().wrapping_sub(sent[0].timestamp()), 48 * 400);
}
