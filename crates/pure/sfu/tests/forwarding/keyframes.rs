//! A picture within one keyframe, and few requests for it.

use roomline_rtp::rtcp::{Fir, FirEntry, Pli};
use roomline_sfu::forwarding::Drop;

use crate::lab::*;

#[test]
fn video_begins_with_a_keyframe_that_is_asked_for_at_once() {
    let mut camera = Camera::new();
    camera.lab.run(0);
    assert_eq!(camera.lab.take_rtcp(camera.publisher), ["PLI a0"]);
    camera.send(1, DELTA).expect("taken");
    assert!(camera.lab.take_rtp().is_empty());
    assert_eq!(camera.lab.dropped(Drop::AwaitingKeyframe), 1);
    camera.send(2, KEY).expect("taken");
    camera.send(3, DELTA).expect("taken");
    assert_eq!(camera.lab.take_rtp().len(), 2);
}

#[test]
fn a_late_joiner_asks_anew_and_disturbs_nobody() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.run(5000);
    camera.lab.take_rtcp(camera.publisher);
    let late = camera.lab.leg(&[slot("9", vp8(100, None), 0xc0)]);
    camera.lab.subscribe(camera.publication, late, "9");
    camera.lab.run(0);
    assert_eq!(camera.lab.take_rtcp(camera.publisher), ["PLI a0"]);
    camera.lab.take_rtp();
    camera.send(2, DELTA).expect("taken");
    assert_eq!(camera.lab.take_rtp().len(), 1);
    camera.send(3, KEY).expect("taken");
    assert_eq!(camera.lab.take_rtp().len(), 2);
}

#[test]
fn requests_of_many_viewers_are_one() {
    let mut camera = Camera::new();
    camera.lab.run(0);
    camera.send(1, KEY).expect("taken");
    camera.lab.run(1000);
    camera.lab.take_rtcp(camera.publisher);
    let viewer = camera.viewer;
    for _ in 0..20 {
        camera.lab.rtcp(viewer, |out| Pli { sender: 1, media: VIEW }.write(out));
        let entry = FirEntry { ssrc: VIEW, sequence: 1 };
        camera.lab.rtcp(viewer, |out| Fir::write(out, 1, &[entry]));
        camera.lab.run(10);
    }
    let asked = camera.lab.take_rtcp(camera.publisher);
    assert_eq!(asked.iter().filter(|word| *word == "PLI a0").count(), 1, "{asked:?}");
    camera.lab.run(150);
    assert_eq!(camera.lab.take_rtcp(camera.publisher), ["PLI a0"]);
    camera.send(2, KEY).expect("taken");
    camera.lab.run(5000);
    let asked = camera.lab.take_rtcp(camera.publisher);
    assert!(!asked.contains(&"PLI a0".to_string()), "{asked:?}");
}

#[test]
fn an_unanswered_request_is_repeated() {
    let mut camera = Camera::new();
    camera.lab.run(2100);
    let asked = camera.lab.take_rtcp(camera.publisher);
    assert_eq!(asked.iter().filter(|word| word.starts_with("PLI")).count(), 5, "{asked:?}");
}

#[test]
fn a_publisher_without_announced_ssrcs_is_asked_when_its_first_packet_comes() {
    let mut lab = Lab::new();
    let publisher = lab.leg(&[sending("0", vp8(96, None), None)]);
    let viewer = lab.leg(&[slot("9", vp8(100, None), VIEW)]);
    let publication = lab.publish(publisher, "0");
    lab.subscribe(publication, viewer, "9");
    lab.run(1000);
    assert!(lab.take_rtcp(publisher).is_empty());
    lab.rtp(publisher, &Outgoing::new(5, 96, 1, DELTA).bytes()).expect("taken");
    lab.run(0);
    assert_eq!(lab.take_rtcp(publisher), ["PLI 5"]);
}

#[test]
fn fir_where_the_publisher_knows_nothing_else() {
    let mut lab = Lab::new();
    let mut codec = vp8(96, None);
    codec.nack_pli = false;
    let publisher = lab.leg(&[sending("0", codec, Some(5))]);
    let viewer = lab.leg(&[slot("9", vp8(100, None), VIEW)]);
    let publication = lab.publish(publisher, "0");
    lab.subscribe(publication, viewer, "9");
    lab.run(600);
    assert_eq!(lab.take_rtcp(publisher), ["FIR 5 1", "FIR 5 2"]);
}

#[test]
fn nothing_is_sent_or_asked_for_before_the_viewer_is_connected() {
    let mut lab = Lab::new();
    let publisher = lab.leg(&[sending("0", vp8(96, None), Some(5))]);
    let publication = lab.publish(publisher, "0");
    let viewer = lab.router.add_leg(0);
    let now = lab.now;
    lab.router.set_sections(now, viewer, &[slot("9", vp8(100, None), VIEW)], true);
    lab.subscribe(publication, viewer, "9");
    lab.run(0);
    lab.rtp(publisher, &Outgoing::new(5, 96, 1, KEY).bytes()).expect("taken");
    assert!(lab.take_rtp().is_empty());
    assert_eq!(lab.dropped(Drop::NotConnected), 1);
    lab.take_rtcp(publisher);
    lab.run(500);
    lab.take_rtcp(publisher);
    let now = lab.now;
    lab.router.leg_connected(now, viewer);
    lab.run(0);
    assert_eq!(lab.take_rtcp(publisher), ["PLI 5"]);
    lab.rtp(publisher, &Outgoing::new(5, 96, 2, KEY).bytes()).expect("taken");
    assert_eq!(lab.take_rtp().len(), 1);
}
