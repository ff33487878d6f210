//! Publications that go on in another section, make before break.

use roomline_rtp::rtcp::Nack;
use roomline_sdp::{Codec, MediaSection};
use roomline_sfu::PublicationId;
use roomline_sfu::forwarding::{Drop, LegId, Refusal, RouterEvent};

use crate::lab::*;

/// SSRC of the camera on the second leg.
const BRIDGE: u32 = 0xc0;

impl Lab {
    fn move_to(&mut self, id: PublicationId, leg: LegId, mid: &str) -> Result<(), Refusal> {
        self.router.move_publication(self.now, id, leg, mid)
    }
}

/// A camera that its client also sends on a second leg.
struct Moving {
    camera: Camera,
    bridge: LegId,
    sequences: [u16; 2],
    /// What the viewer was sent.
    sent: Vec<Sent>,
}

impl Moving {
    fn new() -> Self {
        Self::with_bridge(vp8(96, Some(97)), vp8(100, Some(101)))
    }

    fn with_bridge(bridge: Codec, viewer: Codec) -> Self {
        let mut camera = Camera::with_viewer(viewer);
        let bridge = camera.lab.leg(&[sending("5", bridge, Some(BRIDGE))]);
        camera.lab.take_rtcp(bridge);
        Self { camera, bridge, sequences: [65_530, 12], sent: Vec::new() }
    }

    fn start(&mut self) {
        self.old(KEY).expect("taken");
        self.camera.lab.run(1000);
        self.rtcp();
    }

    fn go(&mut self) {
        self.camera.lab.move_to(self.camera.publication, self.bridge, "5").expect("can move");
    }

    fn go_back(&mut self) {
        let (publication, publisher) = (self.camera.publication, self.camera.publisher);
        self.camera.lab.move_to(publication, publisher, "0").expect("can move");
    }

    /// The next packet on the first leg, with its number as content.
    fn old(&mut self, head: &[u8]) -> Result<(), Drop> {
        self.send(0, 96, head)
    }

    /// The next packet on the second leg.
    fn fresh(&mut self, head: &[u8]) -> Result<(), Drop> {
        self.send(1, 96, head)
    }

    fn send(&mut self, which: usize, payload_type: u8, head: &[u8]) -> Result<(), Drop> {
        let sequence = self.sequences[which];
        self.sequences[which] = sequence.wrapping_add(1);
        let (leg, ssrc) = [(self.camera.publisher, CAMERA), (self.bridge, BRIDGE)][which];
        let content = [head, &[which as u8], &sequence.to_be_bytes()].concat();
        let packet = Outgoing::new(ssrc, payload_type, sequence, &content)
            .at(u32::from(sequence).wrapping_mul(3000).wrapping_add(ssrc << 24))
            .bytes();
        let taken = self.camera.lab.rtp(leg, &packet);
        self.sent.extend(self.camera.lab.take_rtp());
        taken
    }

    /// From which leg the packets were that the viewer got.
    fn origins(&self) -> Vec<u8> {
        self.sent
            .iter()
            .map(|sent| sent.payload().iter().rev().copied().nth(2).unwrap_or(9))
            .collect()
    }

    /// What both legs were asked since the last time.
    fn rtcp(&mut self) -> [Vec<String>; 2] {
        let asks = |word: &String| ["PLI ", "FIR ", "NACK"].iter().any(|ask| word.starts_with(ask));
        let legs = [self.camera.publisher, self.bridge];
        legs.map(|leg| self.camera.lab.take_rtcp(leg).into_iter().filter(asks).collect())
    }

    fn assert_continuous(&self) {
        for pair in self.sent.windows(2) {
            assert_eq!(pair[1].number(), pair[0].number() + 1);
            assert_eq!((pair[1].ssrc(), pair[1].payload_type()), (VIEW, 100));
        }
    }
}

#[test]
fn video_goes_on_with_the_first_keyframe_and_without_a_gap() {
    let mut moving = Moving::new();
    moving.start();
    moving.go();
    moving.camera.lab.run(0);
    assert_eq!(moving.rtcp(), [vec![], vec!["PLI c0".to_string()]]);
    for _ in 0..3 {
        moving.camera.lab.run(33);
        moving.old(DELTA).expect("the old source goes on");
        assert_eq!(moving.fresh(DELTA), Err(Drop::AwaitingKeyframe));
    }
    moving.camera.lab.run(33);
    moving.fresh(KEY).expect("takes over");
    assert_eq!(moving.old(DELTA), Err(Drop::NotPublished));
    moving.camera.lab.run(33);
    moving.fresh(DELTA).expect("goes on");
    assert_eq!(moving.origins(), [0, 0, 0, 0, 1, 1]);
    moving.assert_continuous();
    let times: Vec<_> = moving.sent.iter().map(Sent::timestamp).collect();
    assert_eq!(times[4].wrapping_sub(times[3]), 33 * 90, "the time that passed");
    assert_eq!(times[5].wrapping_sub(times[4]), 3000, "the clock of the new source");
    moving.camera.lab.run(5000);
    assert_eq!(moving.rtcp(), [vec![], Vec::<String>::new()]);
    let started = |event: &&RouterEvent| matches!(event, RouterEvent::PublicationStarted { .. });
    assert_eq!(moving.camera.lab.events().iter().filter(started).count(), 1);
}

#[test]
fn audio_goes_on_with_the_first_packet() {
    let mut lab = Lab::new();
    let main = lab.leg(&[sending("0", opus(111), None)]);
    let bridge = lab.leg(&[sending("0", opus(109), None)]);
    let viewer = lab.leg(&[slot("9", opus(111), VIEW)]);
    let publication = lab.publish(main, "0");
    lab.subscribe(publication, viewer, "9");
    for sequence in 0..10 {
        lab.rtp(main, &Outgoing::new(1, 111, sequence, b"m").at(sequence.into()).bytes())
            .expect("taken");
        lab.run(20);
    }
    lab.move_to(publication, bridge, "0").expect("can move");
    lab.rtp(main, &Outgoing::new(1, 111, 10, b"m").at(10).bytes()).expect("goes on");
    lab.run(20);
    lab.rtp(bridge, &Outgoing::new(2, 109, 7, b"b").at(70_000).bytes()).expect("takes over");
    assert!(lab.rtp(main, &Outgoing::new(1, 111, 11, b"m").bytes()).is_err());
    let sent = lab.take_rtp();
    assert!(sent.windows(2).all(|pair| pair[1].number() == pair[0].number() + 1));
    assert_eq!((sent.len(), sent[11].payload_type()), (12, 111));
    assert_eq!(sent[11].timestamp().wrapping_sub(sent[10].timestamp()), 960);
}

#[test]
fn a_keyframe_is_asked_for_once_there_is_somebody_to_ask_and_again_at_a_bounded_rate() {
    let mut moving = Moving::new();
    moving.start();
    let late = moving.camera.lab.router.add_leg(0);
    let unknown = MediaSection { remote_ssrcs: Vec::new(), ..sending("5", vp8(96, None), None) };
    let now = moving.camera.lab.now;
    moving.camera.lab.router.set_sections(now, late, &[unknown], true);
    moving.bridge = late;
    moving.go();
    moving.camera.lab.run(1000);
    moving.camera.lab.router.leg_connected(moving.camera.lab.now, late);
    moving.camera.lab.run(1000);
    assert_eq!(moving.rtcp(), [vec![], Vec::<String>::new()], "its SSRC is not known yet");
    let mut packet = Outgoing::new(BRIDGE, 96, 1, DELTA);
    moving.old(DELTA).expect("goes on");
    assert_eq!(moving.camera.lab.rtp(late, &packet.bytes()), Err(Drop::AwaitingKeyframe));
    moving.camera.lab.run(0);
    assert_eq!(moving.rtcp()[1], ["PLI c0"]);
    for _ in 0..500 {
        moving.old(DELTA).expect("goes on");
        packet.sequence += 1;
        assert_eq!(moving.camera.lab.rtp(late, &packet.bytes()), Err(Drop::AwaitingKeyframe));
        moving.camera.lab.run(20);
    }
    let asked = moving.rtcp()[1].len();
    assert!((5..=12).contains(&asked), "{asked} requests in ten seconds");
    moving.sequences[1] = packet.sequence + 1;
    moving.fresh(KEY).expect("takes over");
    moving.camera.lab.run(10_000);
    assert!(moving.rtcp()[1].is_empty());
}

#[test]
fn a_first_request_waits_until_the_leg_is_connected() {
    let mut moving = Moving::new();
    moving.start();
    let late = moving.camera.lab.router.add_leg(0);
    let section = sending("5", vp8(96, None), Some(BRIDGE));
    let now = moving.camera.lab.now;
    moving.camera.lab.router.set_sections(now, late, &[section], true);
    moving.bridge = late;
    moving.go();
    moving.camera.lab.run(3000);
    assert!(moving.rtcp()[1].is_empty());
    let now = moving.camera.lab.now;
    moving.camera.lab.router.leg_connected(now, late);
    moving.camera.lab.run(0);
    assert_eq!(moving.rtcp()[1], ["PLI c0"]);
}

#[test]
fn it_moves_back_and_forth_and_command_numbers_go_on() {
    let fir = |codec: Codec| Codec { nack_pli: false, ..codec };
    let mut moving = Moving::with_bridge(fir(vp8(96, Some(97))), vp8(100, Some(101)));
    moving.start();
    let mut requests = Vec::new();
    for _ in 0..5 {
        moving.go();
        moving.camera.lab.run(40);
        requests.extend(moving.rtcp()[1].clone());
        moving.fresh(KEY).expect("takes over");
        moving.camera.lab.run(40);
        moving.go_back();
        moving.fresh(DELTA).expect("goes on");
        moving.camera.lab.run(40);
        moving.old(KEY).expect("takes over");
        moving.camera.lab.run(40);
    }
    assert_eq!(requests, [1, 2, 3, 4, 5].map(|number| format!("FIR c0 {number}")));
    assert_eq!(moving.sent.len(), 16);
    moving.assert_continuous();
}

#[test]
fn a_move_is_called_off_or_goes_elsewhere() {
    let mut moving = Moving::new();
    moving.start();
    let third = moving.camera.lab.leg(&[sending("7", vp8(96, None), Some(0xee))]);
    moving.go();
    moving.go();
    let publication = moving.camera.publication;
    moving.camera.lab.move_to(publication, third, "7").expect("can move");
    assert_eq!(moving.fresh(KEY), Err(Drop::NotPublished), "it moves elsewhere now");
    moving.camera.lab.publish(moving.bridge, "5");
    moving.go_back();
    moving.camera.lab.rtp(third, &Outgoing::new(0xee, 96, 1, KEY).bytes()).expect_err("called off");
    moving.camera.lab.publish(third, "7");
    moving.old(DELTA).expect("goes on");
    assert_eq!(moving.sent.len(), 2);
}

#[test]
fn it_lives_on_where_it_moves_when_its_leg_goes() {
    let mut moving = Moving::new();
    moving.start();
    moving.go();
    let now = moving.camera.lab.now;
    moving.camera.lab.router.remove_leg(now, moving.camera.publisher);
    moving.camera.lab.run(0);
    assert_eq!(moving.rtcp()[1], ["PLI c0"]);
    moving.fresh(DELTA).expect("the only source");
    assert_eq!(moving.sent.len(), 1, "a new source begins with a keyframe");
    moving.camera.lab.run(300);
    moving.fresh(KEY).expect("taken");
    moving.fresh(DELTA).expect("taken");
    assert_eq!(moving.sent.len(), 3);
    moving.assert_continuous();
    let now = moving.camera.lab.now;
    moving.camera.lab.router.remove_leg(now, moving.bridge);
    let (publication, viewer) = (moving.camera.publication, moving.camera.viewer);
    let refused = moving.camera.lab.try_subscribe(publication, viewer, "9");
    assert_eq!(refused.map_err(|refusal| refusal.code), Err("unknown-publication"));
    moving.camera.lab.run(60_000);
    assert_eq!(moving.camera.lab.router.poll_timeout(), None);
}

#[test]
fn it_stays_where_it_is_when_the_other_leg_goes() {
    let mut moving = Moving::new();
    moving.start();
    moving.go();
    let now = moving.camera.lab.now;
    moving.camera.lab.router.remove_leg(now, moving.bridge);
    moving.old(DELTA).expect("goes on");
    moving.bridge = moving.camera.lab.leg(&[sending("5", vp8(96, None), Some(BRIDGE))]);
    assert_eq!(moving.fresh(KEY), Err(Drop::NotPublished));
    moving.go();
    moving.fresh(KEY).expect("takes over");
    moving.camera.lab.router.unpublish(moving.camera.publication);
    moving.camera.lab.publish(moving.camera.publisher, "0");
    moving.camera.lab.publish(moving.bridge, "5");
}

#[test]
fn ending_a_publication_frees_both_sections() {
    let mut moving = Moving::new();
    moving.start();
    moving.go();
    moving.camera.lab.router.unpublish(moving.camera.publication);
    assert_eq!(moving.old(DELTA), Err(Drop::NotPublished));
    assert_eq!(moving.fresh(KEY), Err(Drop::NotPublished));
    moving.camera.lab.publish(moving.camera.publisher, "0");
    moving.camera.lab.publish(moving.bridge, "5");
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let mut moving = Moving::new();
    let other = moving.camera.lab.leg(&[
        sending("a", opus(111), None),
        sending("v", vp8(96, None), None),
        slot("s", vp8(96, None), 0x77),
    ]);
    moving.camera.lab.publish(other, "v");
    let publication = moving.camera.publication;
    let lab = &mut moving.camera.lab;
    let mut code = |id, leg, mid| lab.move_to(id, leg, mid).map_err(|refusal| refusal.code);
    assert_eq!(code(PublicationId(99), other, "v"), Err("unknown-publication"));
    assert_eq!(code(publication, LegId(99), "v"), Err("unknown-transport"));
    assert_eq!(code(publication, other, "x"), Err("unknown-section"));
    assert_eq!(code(publication, other, "s"), Err("section-direction"));
    assert_eq!(code(publication, other, "a"), Err("codec-mismatch"));
    assert_eq!(code(publication, other, "v"), Err("duplicate"));
    moving.old(KEY).expect("nothing has changed");
    assert_eq!(moving.sent.len(), 1);
}

#[test]
fn a_muted_publication_moves_with_any_packet() {
    let mut moving = Moving::new();
    moving.start();
    let (now, publication) = (moving.camera.lab.now, moving.camera.publication);
    moving.camera.lab.router.pause_publication(now, publication, true);
    moving.go();
    moving.camera.lab.run(2000);
    assert!(moving.rtcp()[1].is_empty(), "nobody would see a keyframe");
    assert_eq!(moving.fresh(DELTA), Err(Drop::Paused));
    assert_eq!(moving.old(DELTA), Err(Drop::NotPublished));
    let now = moving.camera.lab.now;
    moving.camera.lab.router.pause_publication(now, publication, false);
    moving.camera.lab.run(0);
    assert_eq!(moving.rtcp()[1], ["PLI c0"]);
    moving.fresh(KEY).expect("taken");
    assert_eq!(moving.sent.len(), 2);
    moving.assert_continuous();
}

#[test]
fn a_subscriber_that_comes_during_a_move_gets_its_keyframe_from_both() {
    let mut moving = Moving::new();
    moving.camera.lab.router.unsubscribe(moving.camera.subscription);
    moving.old(KEY).expect("taken");
    moving.go();
    moving.camera.lab.run(1000);
    moving.rtcp();
    moving.camera.lab.subscribe(moving.camera.publication, moving.camera.viewer, "9");
    moving.camera.lab.run(0);
    assert_eq!(moving.rtcp(), [vec!["PLI a0".to_string()], vec!["PLI c0".to_string()]]);
    moving.old(KEY).expect("taken");
    assert_eq!(moving.fresh(DELTA), Err(Drop::AwaitingKeyframe));
    moving.fresh(KEY).expect("takes over");
    assert_eq!(moving.origins(), [0, 1]);
}

#[test]
fn payload_types_and_codecs_follow_the_new_leg() {
    let mut moving = Moving::with_bridge(vp8(110, Some(111)), vp8(100, Some(101)));
    moving.start();
    moving.go();
    moving.send(1, 110, KEY).expect("takes over");
    assert_eq!(moving.sent.len(), 2);
    moving.assert_continuous();

    let mut moving = Moving::with_bridge(video_codec("VP9", 96, None), vp8(100, Some(101)));
    moving.start();
    moving.go();
    // VP9: beginning of a frame that is not inter-predicted (RFC 9628 §4.2).
    let vp9 = [0x08, 0x82, 0x49, 0x83, 0x42];
    moving.fresh(&vp9).expect("takes over");
    assert_eq!(moving.camera.lab.dropped(Drop::CodecMismatch), 1);
    assert_eq!(moving.sent.len(), 1, "the viewer cannot decode it");
    moving.go_back();
    moving.old(KEY).expect("takes over");
    assert_eq!(moving.sent.len(), 2);
    moving.assert_continuous();
}

#[test]
fn losses_are_repaired_on_both_sides_of_a_move() {
    for plain in [true, false] {
        let viewer = if plain { vp8(100, None) } else { vp8(100, Some(101)) };
        let mut moving = Moving::with_bridge(vp8(96, Some(97)), viewer);
        moving.start();
        moving.old(DELTA).expect("taken");
        moving.go();
        moving.fresh(KEY).expect("takes over");
        // A gap of the new source is asked for where it comes from.
        moving.sequences[1] += 1;
        moving.fresh(DELTA).expect("taken");
        moving.camera.lab.run(10);
        let [old, new] = moving.rtcp();
        assert!(old.is_empty() && new.contains(&"NACK c0 [13]".to_string()), "{old:?} {new:?}");
        let lost = Outgoing::new(BRIDGE, 96, 13, DELTA).retransmitted(BRIDGE + 1, 97, 1);
        moving.camera.lab.rtp(moving.bridge, &lost.bytes()).expect("recovered");
        let recovered = moving.camera.lab.take_rtp();
        assert_eq!(recovered[0].number(), moving.sent[2].number() + 1);
        // The viewer lost packets from before the move and after it.
        let (viewer, asked) =
            (moving.camera.viewer, [1, 2].map(|at: usize| moving.sent[at].sequence()));
        moving.camera.lab.rtcp(viewer, |out| Nack::write(out, 1, VIEW, asked));
        let again = moving.camera.lab.take_rtp();
        assert_eq!(again.len(), 2, "plain: {plain}");
        for (again, first) in again.iter().zip(&moving.sent[1..]) {
            let content = first.payload();
            assert!(again.payload().ends_with(&content));
            assert!(!plain || again.bytes == first.bytes, "bit by bit");
        }
    }
}

#[test]
fn what_was_sent_with_other_payload_types_is_not_sent_again() {
    let mut moving = Moving::with_bridge(vp8(110, Some(111)), vp8(100, None));
    moving.start();
    moving.go();
    moving.send(1, 110, KEY).expect("takes over");
    let (viewer, asked) = (moving.camera.viewer, moving.sent[0].sequence());
    moving.camera.lab.rtcp(viewer, |out| Nack::write(out, 1, VIEW, [asked]));
    assert!(moving.camera.lab.take_rtp().is_empty());
    assert_eq!(moving.camera.lab.router.counters().nacks_missed, 1);
}

#[test]
fn clocks_losses_and_reports_follow() {
    let mut moving = Moving::new();
    moving.old(KEY).expect("taken");
    moving.sequences[0] = moving.sequences[0].wrapping_add(2);
    moving.old(DELTA).expect("taken");
    let (publisher, bridge, viewer) =
        (moving.camera.publisher, moving.bridge, moving.camera.viewer);
    assert_eq!(moving.camera.lab.router.leg_stats(publisher).packets_lost, 2);
    moving.go();
    moving.camera.lab.run(1000);
    // The client's clock is 1000 s behind ours; its report comes before the keyframe.
    let (theirs, rtp) = (moving.camera.lab.ntp() - (1000 << 32), 777_000);
    moving.camera.lab.sender_report(bridge, BRIDGE, theirs, rtp);
    moving.camera.lab.take_rtcp(viewer);
    moving.fresh(KEY).expect("takes over");
    let shift = moving.sent[2]
        .timestamp()
        .wrapping_sub(u32::from(12_u16).wrapping_mul(3000).wrapping_add(BRIDGE << 24));
    assert_eq!(moving.camera.lab.router.leg_stats(publisher).packets_lost, 2);
    assert_eq!(moving.camera.lab.router.leg_stats(bridge).packets_lost, 0);
    moving.camera.lab.take_rtcp(publisher);
    moving.camera.lab.run(1000);
    let reports = crate::reports::sender_infos(&mut moving.camera.lab, viewer);
    let report = reports.first().expect("the clock is known at once");
    let since = (report.ntp - (theirs + (1000 << 32))) as f64 / f64::from(u32::MAX);
    let expected = rtp.wrapping_add((since * 90_000.0).round() as u32).wrapping_add(shift);
    assert!(report.rtp.abs_diff(expected) <= 1, "{} is not {expected}", report.rtp);
    assert!(moving.camera.lab.take_rtcp(bridge).contains(&"RR".to_string()));
    assert!(!moving.camera.lab.take_rtcp(publisher).contains(&"RR".to_string()));
}

#[test]
fn reports_of_two_tracks_that_move_to_one_leg_are_kept_apart() {
    // Announced as by browsers, and known by MID and payload type only.
    for announced in [true, false] {
        let ssrc = |ssrc: u32| announced.then_some(ssrc);
        let mut lab = Lab::new();
        let main =
            lab.leg(&[sending("0", opus(111), Some(1)), sending("1", vp8(96, None), Some(2))]);
        let bridge =
            lab.leg(&[sending("0", opus(111), ssrc(5)), sending("1", vp8(96, None), ssrc(6))]);
        let viewer = lab.leg(&[slot("a", opus(111), 0xa), slot("b", vp8(96, None), 0xb)]);
        let publications = ["0", "1"].map(|mid| lab.publish(main, mid));
        for (publication, mid) in publications.into_iter().zip(["a", "b"]) {
            lab.subscribe(publication, viewer, mid);
        }
        lab.rtp(main, &Outgoing::new(1, 111, 1, b"o").bytes()).expect("taken");
        lab.rtp(main, &Outgoing::new(2, 96, 1, KEY).bytes()).expect("taken");
        for (publication, mid) in publications.into_iter().zip(["0", "1"]) {
            lab.move_to(publication, bridge, mid).expect("can move");
        }
        lab.run(100);
        if !announced {
            // A delta frame says which SSRC the video has; the move goes on.
            let delta = Outgoing::new(6, 96, 1, DELTA);
            assert_eq!(lab.rtp(bridge, &delta.bytes()), Err(Drop::AwaitingKeyframe));
        }
        // Both reports come before what the subscribers are sent of the new sources.
        let ntp = lab.ntp();
        lab.sender_report(bridge, 5, ntp, 480_000);
        lab.sender_report(bridge, 6, ntp, 90_000);
        lab.take_rtp();
        lab.rtp(bridge, &Outgoing::new(5, 111, 7, b"o").at(480_000).bytes()).expect("takes over");
        lab.rtp(bridge, &Outgoing::new(6, 96, 7, KEY).at(90_000).bytes()).expect("takes over");
        let sent = lab.take_rtp();
        lab.take_rtcp(viewer);
        lab.run(1000);
        let told = crate::reports::sender_infos(&mut lab, viewer);
        assert_eq!(told.len(), 2, "announced: {announced}");
        for (info, (first, rate)) in told.iter().zip(sent.iter().zip([48_000, 90_000])) {
            let since = (u128::from(info.ntp.wrapping_sub(ntp)) * rate) >> 32;
            let expected = first.timestamp().wrapping_add(since as u32);
            assert!(info.rtp.abs_diff(expected) <= 1, "{} is not {expected}", info.rtp);
        }
    }
}

#[test]
fn a_bound_is_told_on_both_legs_of_a_move_at_once() {
    let mut moving = Moving::new();
    moving.start();
    moving.old(DELTA).expect("taken");
    moving.go();
    assert_eq!(moving.fresh(DELTA), Err(Drop::AwaitingKeyframe));
    moving.camera.lab.run(200);
    let (main, bridge) = (moving.camera.publisher, moving.bridge);
    for leg in [main, bridge] {
        moving.camera.lab.take_rtcp(leg);
    }
    moving.old(DELTA).expect("taken");
    assert_eq!(moving.fresh(DELTA), Err(Drop::AwaitingKeyframe));
    let (now, publication) = (moving.camera.lab.now, moving.camera.publication);
    moving.camera.lab.router.limit_publication(now, publication, 300_000);
    moving.camera.lab.run(0);
    for leg in [main, bridge] {
        let told = moving.camera.lab.take_rtcp(leg);
        assert!(told.contains(&"REMB 300000".to_string()), "{told:?}");
    }
}

#[test]
fn a_bound_is_asked_for_where_the_client_sends() {
    let mut lab = Lab::new();
    let main = lab.leg(&[sending("0", vp8(96, None), Some(CAMERA))]);
    let bridge = lab.leg(&[sending("0", vp8(96, None), Some(BRIDGE))]);
    let id = PublicationId(70);
    lab.router.publish(lab.now, id, main, "0", 500_000).expect("free");
    let viewer = lab.leg(&[slot("9", vp8(96, None), VIEW)]);
    lab.subscribe(id, viewer, "9");
    lab.rtp(main, &Outgoing::new(CAMERA, 96, 1, KEY).bytes()).expect("taken");
    lab.move_to(id, bridge, "0").expect("can move");
    let delta = Outgoing::new(BRIDGE, 96, 1, DELTA).with(3, &[0, 1]);
    assert_eq!(lab.rtp(bridge, &delta.bytes()), Err(Drop::AwaitingKeyframe));
    lab.run(200);
    let told = lab.take_rtcp(bridge);
    assert!(told.contains(&"TWCC".to_string()), "congestion control runs at once: {told:?}");
    assert!(told.contains(&"REMB 500000".to_string()), "{told:?}");
    lab.rtp(bridge, &Outgoing::new(BRIDGE, 96, 2, KEY).bytes()).expect("takes over");
    lab.take_rtcp(main);
    lab.run(3000);
    assert_eq!(lab.take_rtcp(main), Vec::<String>::new());
}

#[test]
fn a_silent_source_is_left_with_any_packet() {
    let mut moving = Moving::new();
    moving.start();
    moving.old(DELTA).expect("taken");
    moving.go();
    moving.camera.lab.run(299);
    assert_eq!(moving.fresh(DELTA), Err(Drop::AwaitingKeyframe));
    moving.camera.lab.run(1);
    moving.fresh(DELTA).expect("nothing is lost by it");
    assert_eq!(moving.sent.len(), 2, "a viewer begins with a keyframe all the same");
    // That one is lost, and repaired as any packet is.
    let lost = Outgoing::new(BRIDGE, 96, moving.sequences[1], KEY);
    moving.sequences[1] += 1;
    moving.fresh(DELTA).expect("taken");
    moving.camera.lab.run(10);
    assert!(moving.rtcp()[1].contains(&format!("NACK c0 [{}]", lost.sequence)));
    let again = lost.retransmitted(BRIDGE + 1, 97, 1);
    moving.camera.lab.rtp(moving.bridge, &again.bytes()).expect("recovered");
    assert_eq!(moving.camera.lab.take_rtp().len(), 1);
}
