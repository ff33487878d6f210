//! The bound of what a leg is sent: video gives way, audio goes on.

use roomline_rtp::rtcp::Remb;
use roomline_sfu::SubscriptionId;
use roomline_sfu::forwarding::{LegId, RouterEvent};

use crate::lab::*;

/// Two cameras (about 0.4 and 1.6 Mbit/s) and a microphone, all watched by one viewer.
struct Call {
    lab: Lab,
    publisher: LegId,
    viewer: LegId,
    small: SubscriptionId,
    large: SubscriptionId,
    sequence: u16,
    large_bytes: usize,
}

impl Call {
    fn new() -> Self {
        let mut lab = Lab::new();
        let publisher = lab.leg(&[
            sending("0", vp8(96, None), Some(1)),
            sending("1", vp8(96, None), Some(2)),
            sending("2", opus(111), Some(3)),
        ]);
        let viewer = lab.leg(&[
            slot("a", vp8(96, None), 0xa),
            slot("b", vp8(96, None), 0xb),
            slot("c", opus(111), 0xc),
        ]);
        let publications = ["0", "1", "2"].map(|mid| lab.publish(publisher, mid));
        let large = lab.subscribe(publications[0], viewer, "a");
        let small = lab.subscribe(publications[1], viewer, "b");
        lab.subscribe(publications[2], viewer, "c");
        Self { lab, publisher, viewer, small, large, sequence: 0, large_bytes: 4000 / 4 }
    }

    /// Lets the call run; the events of it, and how often each slot was sent to.
    fn run(&mut self, ms: u64) -> (Vec<RouterEvent>, [usize; 3]) {
        for _ in 0..ms / 5 {
            self.sequence = self.sequence.wrapping_add(1);
            let sizes = [self.large_bytes, 250, 60];
            for (ssrc, size) in (1..).zip(sizes) {
                let mut payload = vec![0; size];
                payload[..KEY.len()].copy_from_slice(KEY);
                let payload_type = if ssrc == 3 { 111 } else { 96 };
                let packet = Outgoing::new(ssrc, payload_type, self.sequence, &payload);
                self.lab.rtp(self.publisher, &packet.bytes()).expect("taken");
            }
            self.lab.run(5);
        }
        let sent = self.lab.take_rtp();
        let count = |ssrc| sent.iter().filter(|packet| packet.ssrc() == ssrc).count();
        let counts = [count(0xa), count(0xb), count(0xc)];
        let events = self.lab.events();
        let paused = |event: &RouterEvent| matches!(event, RouterEvent::SubscriptionPaused { .. });
        (events.into_iter().filter(paused).collect(), counts)
    }

    fn cap(&mut self, bitrate: u64) {
        let now = self.lab.now;
        self.lab.router.set_cap(now, self.viewer, bitrate);
    }
}

fn paused(subscription: SubscriptionId, paused: bool) -> RouterEvent {
    RouterEvent::SubscriptionPaused { subscription, paused }
}

#[test]
fn the_larger_video_gives_way_and_comes_back_when_there_is_room() {
    let mut call = Call::new();
    let (events, _) = call.run(2000);
    assert_eq!(events, []);
    call.cap(1_000_000);
    let (events, _) = call.run(1000);
    assert_eq!(events, [paused(call.large, true)]);
    let (events, counts) = call.run(10_000);
    assert_eq!((events, counts), (vec![], [0, 2000, 2000]));
    // The camera sends less: now both fit.
    call.large_bytes = 200;
    let (events, _) = call.run(4000);
    assert_eq!(events, [paused(call.large, false)]);
    let (events, counts) = call.run(1000);
    assert_eq!((events, counts), (vec![], [200, 200, 200]));
}

#[test]
fn audio_goes_on_under_the_smallest_cap() {
    let mut call = Call::new();
    call.run(2000);
    call.cap(50_000);
    let (events, _) = call.run(1000);
    assert_eq!(events, [paused(call.small, true), paused(call.large, true)]);
    let (_, counts) = call.run(1000);
    assert_eq!(counts, [0, 0, 200]);
    call.cap(0);
    let (events, _) = call.run(1000);
    assert_eq!(events, [paused(call.small, false), paused(call.large, false)]);
}

#[test]
fn an_estimate_below_what_is_sent_stops_the_largest_for_a_while() {
    let mut call = Call::new();
    call.run(2000);
    let viewer = call.viewer;
    call.lab.rtcp(viewer, |out| Remb::write(out, 1, 5_000_000, &[0xa]));
    let (events, _) = call.run(2000);
    assert_eq!(events, []);
    call.lab.rtcp(viewer, |out| Remb::write(out, 1, 800_000, &[0xa]));
    let (events, counts) = call.run(1000);
    assert_eq!(events, [paused(call.large, true)]);
    assert_eq!(counts[2], 200);
    let (events, _) = call.run(30_000);
    assert_eq!(events, [paused(call.large, false)]);
}
