//! Pauses, mutes and new sources: the receiver sees one stream without a gap.

use roomline_sdp::MediaSection;
use roomline_sfu::forwarding::Drop;

use crate::lab::*;

fn contiguous(sent: &[Sent]) -> bool {
    sent.windows(2).all(|pair| pair[1].number() == pair[0].number() + 1)
}

#[test]
fn another_publication_goes_on_in_the_slot() {
    let mut camera = Camera::new();
    let other = camera.lab.leg(&[sending("x", vp8(120, None), Some(0xee))]);
    let second = camera.lab.publish(other, "x");
    camera.send(1, KEY).expect("taken");
    camera.lab.run(40);
    camera.send(2, DELTA).expect("taken");
    camera.lab.router.unsubscribe(camera.subscription);
    assert_eq!(camera.send(3, DELTA), Ok(()));
    camera.lab.run(100);
    camera.lab.subscribe(second, camera.viewer, "9");
    let packet = |sequence: u16, payload| {
        Outgoing::new(0xee, 120, sequence, payload)
            .at(4_294_960_000_u32.wrapping_add(u32::from(sequence) * 3000))
            .bytes()
    };
    camera.lab.rtp(other, &packet(60_000, DELTA)).expect("taken");
    camera.lab.rtp(other, &packet(60_001, KEY)).expect("taken");
    camera.lab.rtp(other, &packet(60_002, DELTA)).expect("taken");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 4);
    assert!(contiguous(&sent));
    assert!(sent.iter().all(|packet| packet.ssrc() == VIEW && packet.payload_type() == 100));
    assert_eq!(sent[2].timestamp().wrapping_sub(sent[1].timestamp()), 9000, "100 ms passed");
    assert_eq!(sent[3].timestamp().wrapping_sub(sent[2].timestamp()), 3000);
}

#[test]
fn a_bound_slot_is_bound_anew() {
    let mut camera = Camera::new();
    let other = camera.lab.leg(&[sending("x", vp8(120, None), Some(0xee))]);
    let second = camera.lab.publish(other, "x");
    camera.send(1, KEY).expect("taken");
    camera.lab.subscribe(second, camera.viewer, "9");
    camera.lab.rtp(other, &Outgoing::new(0xee, 120, 9, KEY).bytes()).expect("taken");
    camera.send(2, KEY).expect("taken");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 2, "the first camera is not sent any more");
    assert!(contiguous(&sent));
    assert!(sent[1].timestamp() != sent[0].timestamp());
    // The old subscription is gone; ending it again must not touch the new one.
    camera.lab.router.unsubscribe(camera.subscription);
    camera.lab.rtp(other, &Outgoing::new(0xee, 120, 10, DELTA).bytes()).expect("taken");
    assert_eq!(camera.lab.take_rtp().len(), 1);
}

#[test]
fn a_paused_subscription_resumes_with_a_keyframe_and_no_gap() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.run(1000);
    camera.lab.take_rtcp(camera.publisher);
    let now = camera.lab.now;
    camera.lab.router.pause_subscription(now, camera.subscription, true);
    camera.send(2, DELTA).expect("taken");
    assert_eq!(camera.lab.dropped(Drop::SubscriptionPaused), 1);
    camera.lab.router.pause_subscription(now, camera.subscription, false);
    camera.lab.run(0);
    assert_eq!(camera.lab.take_rtcp(camera.publisher), ["PLI a0"]);
    camera.send(3, DELTA).expect("taken");
    camera.send(4, KEY).expect("taken");
    camera.send(3, DELTA).expect_err("a duplicate");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 2);
    assert!(contiguous(&sent));
    assert_eq!(sent[1].timestamp().wrapping_sub(sent[0].timestamp()), 9000);
}

#[test]
fn a_muted_publication_is_forwarded_to_nobody() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.run(1000);
    camera.lab.take_rtcp(camera.publisher);
    let now = camera.lab.now;
    camera.lab.router.pause_publication(now, camera.publication, true);
    assert_eq!(camera.send(2, KEY), Err(Drop::Paused));
    camera.lab.run(5000);
    let asked = camera.lab.take_rtcp(camera.publisher);
    assert!(!asked.contains(&"PLI a0".to_string()), "{asked:?}");
    let now = camera.lab.now;
    camera.lab.router.pause_publication(now, camera.publication, false);
    camera.lab.run(0);
    assert!(camera.lab.take_rtcp(camera.publisher).contains(&"PLI a0".to_string()));
    camera.send(3, KEY).expect("taken");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 2);
    assert!(contiguous(&sent));
}

#[test]
fn what_came_before_the_start_is_not_sent() {
    let mut camera = Camera::new();
    camera.send(1, DELTA).expect("taken");
    camera.send(5, KEY).expect("taken");
    camera.send(3, DELTA).expect("taken");
    assert_eq!(camera.lab.dropped(Drop::BeforeStart), 1);
    assert_eq!(camera.lab.take_rtp().len(), 1);
}

#[test]
fn a_codec_switch_uses_the_payload_types_of_the_receiver() {
    let both = |mid: &str, first: u8, section: fn(&str, u8) -> MediaSection| {
        let mut section = section(mid, first);
        section.codecs.push(video_codec("VP9", first + 2, Some(first + 3)));
        section
    };
    let mut lab = Lab::new();
    let publisher =
        lab.leg(&[both("0", 96, |mid, pt| sending(mid, vp8(pt, Some(pt + 1)), Some(CAMERA)))]);
    let able = lab.leg(&[both("9", 100, |mid, pt| slot(mid, vp8(pt, Some(pt + 1)), VIEW))]);
    let unable = lab.leg(&[slot("9", vp8(120, None), 0xc0)]);
    let publication = lab.publish(publisher, "0");
    lab.subscribe(publication, able, "9");
    lab.subscribe(publication, unable, "9");
    lab.rtp(publisher, &Outgoing::new(CAMERA, 96, 1, KEY).bytes()).expect("taken");
    assert_eq!(lab.take_rtp().len(), 2);
    // VP9: beginning of a frame that is not inter-predicted (RFC 9628 §4.2).
    let vp9 = [0x08, 0x82, 0x49, 0x83, 0x42];
    lab.rtp(publisher, &Outgoing::new(CAMERA, 98, 2, &vp9).bytes()).expect("taken");
    let sent = lab.take_rtp();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].leg, sent[0].payload_type()), (able, 102));
    assert_eq!(lab.dropped(Drop::CodecMismatch), 1);
    // Back to VP8: the one who missed something waits for a keyframe.
    lab.rtp(publisher, &Outgoing::new(CAMERA, 96, 3, DELTA).bytes()).expect("taken");
    assert_eq!(lab.take_rtp().len(), 1);
    lab.rtp(publisher, &Outgoing::new(CAMERA, 96, 4, KEY).bytes()).expect("taken");
    assert_eq!(lab.take_rtp().len(), 2);
}

#[test]
fn a_jump_of_the_publishers_numbers_is_a_new_start() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.run(20);
    camera.send(20_000, DELTA).expect("taken");
    camera.send(20_001, KEY).expect("taken");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 2);
    assert!(contiguous(&sent));
}

#[test]
fn a_renegotiation_changes_nothing_for_what_goes_on() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    let now = camera.lab.now;
    let more = [slot("9", vp8(100, Some(101)), VIEW), slot("10", vp8(100, Some(101)), 0xd0)];
    camera.lab.router.set_sections(now, camera.viewer, &more, true);
    camera.send(2, DELTA).expect("taken");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 2);
    assert!(contiguous(&sent));
    camera.lab.subscribe(camera.publication, camera.viewer, "10");
    camera.send(3, KEY).expect("taken");
    assert_eq!(camera.lab.take_rtp().len(), 2);
}
