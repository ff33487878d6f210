//! What is refused, and that ends leave nothing behind.

use roomline_rtp::rtcp::Nack;
use roomline_sfu::forwarding::{Drop, LegId};
use roomline_sfu::{PublicationId, SubscriptionId};

use crate::lab::*;

#[test]
fn publishing_is_refused_with_a_code() {
    let mut lab = Lab::new();
    let leg = lab.leg(&[sending("0", vp8(96, None), Some(1)), slot("1", vp8(96, None), 2)]);
    let now = lab.now;
    let mut publish = |id, leg, mid| {
        lab.router.publish(now, PublicationId(id), leg, mid, 0).map_err(|refusal| refusal.code)
    };
    assert_eq!(publish(1, LegId(9), "0"), Err("unknown-transport"));
    assert_eq!(publish(1, leg, "7"), Err("unknown-section"));
    assert_eq!(publish(1, leg, "1"), Err("section-direction"));
    assert_eq!(publish(1, leg, "0"), Ok(()));
    assert_eq!(publish(1, leg, "0"), Err("duplicate"));
    assert_eq!(publish(2, leg, "0"), Err("duplicate"));
}

#[test]
fn subscribing_is_refused_with_a_code() {
    let mut camera = Camera::new();
    let h264 = camera.lab.leg(&[slot("9", video_codec("H264", 96, None), 2)]);
    let audio = camera.lab.leg(&[slot("9", opus(111), 2), sending("8", opus(111), None)]);
    let (now, publication) = (camera.lab.now, camera.publication);
    let (viewer, taken) = (camera.viewer, camera.subscription.0);
    let mut subscribe = |id, publication, leg, mid| {
        let id = SubscriptionId(id);
        let result = camera.lab.router.subscribe(now, id, publication, leg, mid);
        result.map_err(|refusal| refusal.code)
    };
    assert_eq!(subscribe(taken, publication, viewer, "9"), Err("duplicate"));
    assert_eq!(subscribe(70, PublicationId(70), viewer, "9"), Err("unknown-publication"));
    assert_eq!(subscribe(70, publication, LegId(70), "9"), Err("unknown-transport"));
    assert_eq!(subscribe(70, publication, viewer, "8"), Err("unknown-section"));
    assert_eq!(subscribe(70, publication, audio, "8"), Err("section-direction"));
    assert_eq!(subscribe(70, publication, audio, "9"), Err("codec-mismatch"));
    assert_eq!(subscribe(70, publication, h264, "9"), Err("codec-mismatch"));
    camera.send(1, KEY).expect("what was refused changed nothing");
    assert_eq!(camera.lab.take_rtp().len(), 1);
}

#[test]
fn a_codec_that_is_in_use_counts_more_than_those_that_might_be() {
    let mut lab = Lab::new();
    let mut section = sending("0", vp8(96, None), Some(CAMERA));
    section.codecs.push(video_codec("VP9", 98, None));
    let publisher = lab.leg(&[section]);
    let viewer = lab.leg(&[slot("9", video_codec("VP9", 98, None), VIEW)]);
    let publication = lab.publish(publisher, "0");
    assert!(lab.try_subscribe(publication, viewer, "9").is_ok(), "VP9 may come");
    lab.rtp(publisher, &Outgoing::new(CAMERA, 96, 1, KEY).bytes()).expect("taken");
    assert_eq!(lab.dropped(Drop::CodecMismatch), 1);
    let refusal = lab.try_subscribe(publication, viewer, "9").map_err(|refusal| refusal.code);
    assert_eq!(refusal, Err("codec-mismatch"));
}

#[test]
fn unpublish_ends_the_subscriptions() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    camera.lab.router.unpublish(camera.publication);
    assert_eq!(camera.send(2, DELTA), Err(Drop::NotPublished));
    assert_eq!(camera.lab.take_rtp().len(), 1);
    // Section and slot are free again, and the numbers go on.
    let again = camera.lab.publish(camera.publisher, "0");
    camera.lab.subscribe(again, camera.viewer, "9");
    camera.send(3, KEY).expect("taken");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 1);
    camera.lab.run(10_000);
}

#[test]
fn a_removed_leg_takes_everything_with_it() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    let now = camera.lab.now;
    camera.lab.router.remove_leg(now, camera.viewer);
    camera.send(2, DELTA).expect("nobody listens");
    assert_eq!(camera.lab.take_rtp().len(), 1);
    assert_eq!(
        camera.lab.try_subscribe(camera.publication, camera.viewer, "9").map_err(|r| r.code),
        Err("unknown-transport")
    );
    let again = camera.lab.leg(&[slot("9", vp8(100, None), VIEW)]);
    assert_eq!(again, camera.viewer, "the id is used again");
    camera.send(3, KEY).expect("nobody listens");
    assert!(camera.lab.take_rtp().is_empty());
    let now = camera.lab.now;
    camera.lab.router.remove_leg(now, camera.publisher);
    assert_eq!(camera.send(4, KEY), Err(Drop::UnknownLeg));
    camera.lab.run(60_000);
    assert_eq!(camera.lab.router.poll_timeout(), None);
}

#[test]
fn an_idle_router_has_no_deadline() {
    let mut lab = Lab::new();
    for _ in 0..100 {
        let leg = lab.leg(&[sending("0", opus(111), None), slot("1", opus(111), 5)]);
        lab.publish(leg, "0");
    }
    lab.run(5000);
    assert_eq!(lab.router.poll_timeout(), None);
}

#[test]
fn a_section_may_send_and_receive() {
    let mut lab = Lab::new();
    let both = |ssrc, own| {
        let mut section = slot("0", opus(111), own);
        section.sends = true;
        section.remote_ssrcs = sending("0", opus(111), Some(ssrc)).remote_ssrcs;
        section
    };
    let one = lab.leg(&[both(1, 10)]);
    let two = lab.leg(&[both(2, 20)]);
    let (first, second) = (lab.publish(one, "0"), lab.publish(two, "0"));
    lab.subscribe(first, two, "0");
    lab.subscribe(second, one, "0");
    lab.rtp(one, &Outgoing::new(1, 111, 1, b"from one").bytes()).expect("taken");
    lab.rtp(two, &Outgoing::new(2, 111, 1, b"from two").bytes()).expect("taken");
    let sent: Vec<_> = lab.take_rtp().iter().map(|sent| (sent.leg, sent.ssrc())).collect();
    assert_eq!(sent, [(two, 20), (one, 10)]);
}

#[test]
fn a_section_that_is_gone_is_sent_nothing_until_it_is_back() {
    let mut camera = Camera::with_viewer(vp8(100, None));
    let (viewer, now) = (camera.viewer, camera.lab.now);
    camera.send(1, KEY).expect("taken");
    let first = camera.lab.take_rtp().remove(0);
    // The client stopped its transceiver: the answer has no such section any more.
    let other = slot("8", vp8(100, None), 0xc0);
    camera.lab.router.set_sections(now, viewer, std::slice::from_ref(&other), false);
    camera.send(2, DELTA).expect("taken");
    camera.lab.rtcp(viewer, |out| Nack::write(out, 1, VIEW, [first.sequence()]));
    assert_eq!(camera.lab.take_rtp().len(), 0, "sent where nobody listens");
    let sections = [other, slot("9", vp8(100, None), VIEW)];
    camera.lab.router.set_sections(now, viewer, &sections, true);
    camera.send(3, KEY).expect("taken");
    let again = camera.lab.take_rtp().remove(0);
    assert_eq!((again.ssrc(), again.number()), (VIEW, first.number() + 1));
    // What was sent with other headers is not sent under the same number again.
    camera.lab.rtcp(viewer, |out| Nack::write(out, 1, VIEW, [first.sequence()]));
    assert_eq!(camera.lab.take_rtp().len(), 0);
}
