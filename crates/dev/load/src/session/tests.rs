use super::*;
use crate::clock::{MILLISECOND, SECOND};
use crate::outgoing::Pattern;
use crate::sdp::{Direction, Kind};

const ADDRESSES: [&str; 2] = ["192.0.2.1:1000", "192.0.2.2:2000"];
const FRAMES: Pattern = Pattern::Frames { fps: 50.0, packets: 4, bytes: 600 };

/// Two sessions in virtual time: the first offers and publishes, the second answers.
struct Pair {
    sessions: [Session; 2],
    identity: Identity,
    clock: Clock,
    now: Nanos,
    latency: Histogram,
    /// Media packets so far; those that `lose` says are lost.
    media: u64,
    lose: fn(u64) -> bool,
}

fn video(direction: Direction) -> Offered {
    Offered { kind: Kind::Video, direction, simulcast: 0, rids: Vec::new(), largest_first: false }
}

fn at(side: usize) -> SocketAddr {
    ADDRESSES[side].parse().unwrap()
}

impl Pair {
    fn new(profile: ProfileName) -> Pair {
        let clock = Clock::new();
        let (now, identity) = (clock.now(), Identity::generate().unwrap());
        let sessions = [true, false].map(|offers| {
            let mut rng = StdRng::seed_from_u64(u64::from(offers));
            let role = (offers, at(0).ip());
            Session::new(role, vec![profile], &identity.fingerprint, now, &mut rng)
        });
        let latency = Histogram::default();
        let mut pair = Pair { sessions, identity, clock, now, latency, media: 0, lose: |_| false };
        for side in [0, 1] {
            let candidate = roomline_ice::Candidate::host(at(side), 1).to_string();
            pair.sessions[side].set_candidate(candidate);
        }
        pair
    }

    fn act<R>(&mut self, side: usize, act: impl FnOnce(&mut Session, &mut World<'_>) -> R) -> R {
        let mut world = World {
            clock: self.clock,
            now: self.now,
            identity: &mut self.identity,
            latency: Some(&mut self.latency),
            realtime_offset: 0,
        };
        act(&mut self.sessions[side], &mut world)
    }

    fn negotiate(&mut self, sections: &[Offered], numbers: &mut u32) {
        self.sessions[0].offer(sections, numbers);
        let offer = self.sessions[0].describe();
        self.act(1, |session, world| session.accept(&offer, world)).unwrap();
        let answer = self.sessions[1].describe();
        self.act(0, |session, world| session.answered(&answer, world)).unwrap();
    }

    fn run(&mut self, span: Nanos) {
        let until = self.now + span;
        while self.now < until {
            for side in [0, 1] {
                let mut batch = Batch::default();
                self.act(side, |session, world| session.poll(&mut batch, 0, world));
                for datagram in batch.datagrams() {
                    self.media += 1;
                    if !(self.lose)(self.media) {
                        self.deliver(1 - side, datagram);
                    }
                }
                self.exchange(side);
            }
            self.now += MILLISECOND;
        }
    }

    /// Lets both say all they have to say.
    fn exchange(&mut self, mut side: usize) {
        while self.sessions.iter().any(|session| !session.out.is_empty()) {
            for (to, datagram) in std::mem::take(&mut self.sessions[side].out) {
                if to == at(1 - side) {
                    self.deliver(1 - side, &datagram);
                }
            }
            side = 1 - side;
        }
    }

    fn deliver(&mut self, to: usize, datagram: &[u8]) {
        let (mut data, arrived) = (datagram.to_vec(), self.now);
        self.act(to, |session, world| session.handle(at(1 - to), &mut data, arrived, world));
    }

    fn publish(&mut self) {
        let now = self.now;
        self.sessions[0].start(0, &[FRAMES], now).unwrap();
    }
}

#[test]
fn two_sessions_meet_and_media_flows() {
    for (profile, name) in
        [(ProfileName::Gcm, "AEAD_AES_128_GCM"), (ProfileName::Cm, "AES_CM_128_HMAC_SHA1_80")]
    {
        let mut pair = Pair::new(profile);
        pair.negotiate(&[video(Direction::SendOnly)], &mut 0);
        pair.run(SECOND);
        for session in &pair.sessions {
            assert_eq!(session.connected.map(|connected| connected.profile), Some(name));
        }
        pair.publish();
        pair.run(2 * SECOND);
        let (sent, receiver) = (pair.sessions[0].outgoing[0].sent, &pair.sessions[1]);
        assert_eq!(sent.packets, 400);
        let stream = &receiver.incoming[0];
        assert_eq!((stream.counts.received, stream.counts.lost()), (400, 0));
        assert_eq!((stream.stream, stream.started), (Some(0), true));
        assert!(receiver.first_frame.is_some());
        assert_eq!(receiver.totals.decrypt_failures + receiver.totals.ignored, 0);
        // One in a hundred, and those before the first keyframe.
        assert!((4..10).contains(&receiver.totals.decrypted), "{:?}", receiver.totals);
        assert_eq!(pair.latency.count(), receiver.totals.decrypted);
        // Transport-wide feedback ten times a second, and reports.
        assert!(pair.sessions[0].totals.feedback_received > 15);
    }
}

#[test]
fn what_is_lost_is_asked_for_and_sent_again() {
    let mut pair = Pair::new(ProfileName::Gcm);
    pair.negotiate(&[video(Direction::SendOnly)], &mut 0);
    pair.run(SECOND);
    pair.lose = |packet| packet % 10 == 9;
    pair.publish();
    pair.run(2 * SECOND);
    pair.lose = |_| false;
    pair.run(SECOND);
    let sent = pair.sessions[0].outgoing[0].sent;
    let counts = pair.sessions[1].incoming[0].counts;
    assert_eq!((counts.repaired, counts.lost()), (40, 0), "{counts:?} {sent:?}");
    assert_eq!(sent.retransmitted, 40);
    assert_eq!(pair.sessions[1].totals.decrypt_failures, 0);
}

#[test]
fn a_stream_that_lacks_its_keyframe_asks_for_one() {
    let mut pair = Pair::new(ProfileName::Gcm);
    pair.negotiate(&[video(Direction::SendOnly)], &mut 0);
    pair.run(SECOND);
    // The first frame, and nothing of it comes again.
    pair.lose = |packet| packet <= 4;
    pair.publish();
    pair.run(SECOND * 9 / 10);
    assert!(pair.sessions[0].outgoing[0].sent.keyframe_requests > 0);
    assert!(pair.sessions[1].incoming[0].started);
}

#[test]
fn a_later_offer_adds_sections_to_the_same_transport() {
    let (mut pair, mut numbers) = (Pair::new(ProfileName::Gcm), 0);
    pair.negotiate(&[video(Direction::SendOnly)], &mut numbers);
    pair.run(SECOND);
    pair.negotiate(&[video(Direction::SendOnly)], &mut numbers);
    let now = pair.now;
    pair.sessions[0].start(1, &[FRAMES], now).unwrap();
    pair.run(SECOND);
    let [stream] = pair.sessions[1].incoming.as_slice() else { panic!("one stream") };
    assert_eq!((stream.section, stream.stream, stream.counts.lost()), (Some(1), Some(1), 0));
}

#[test]
fn a_goodbye_ends_the_other_side() {
    let mut pair = Pair::new(ProfileName::Gcm);
    pair.negotiate(&[video(Direction::SendOnly)], &mut 0);
    pair.run(SECOND);
    pair.sessions[0].close();
    pair.exchange(0);
    assert!(pair.sessions[1].ended.is_some());
    assert_eq!(pair.sessions[1].next_timeout(), Nanos::MAX);
}

#[test]
fn candidates_may_come_later() {
    let mut pair = Pair::new(ProfileName::Gcm);
    pair.sessions[0].offer(&[video(Direction::SendOnly)], &mut 0);
    let without = |text: String| -> String {
        let kept = text.lines().filter(|line| !line.starts_with("a=candidate"));
        kept.map(|line| format!("{line}\r\n")).collect()
    };
    let offer = without(pair.sessions[0].describe());
    pair.act(1, |session, world| session.accept(&offer, world)).unwrap();
    let answer = without(pair.sessions[1].describe());
    pair.act(0, |session, world| session.answered(&answer, world)).unwrap();
    pair.run(SECOND);
    assert!(pair.sessions[0].connected.is_none());
    let candidate = roomline_ice::Candidate::host(at(1), 1).to_string();
    assert!(pair.sessions[0].trickle(&format!("a={candidate}")));
    assert!(!pair.sessions[0].trickle("candidate:1 1 udp 9 name.local 9 typ host"));
    pair.run(SECOND);
    assert!(pair.sessions.iter().all(|session| session.connected.is_some()));
}

#[test]
fn the_largest_encoding_comes_first_where_servers_expect_it() {
    for largest_first in [false, true] {
        let mut pair = Pair::new(ProfileName::Gcm);
        let layers = Offered { simulcast: 3, largest_first, ..video(Direction::SendOnly) };
        pair.negotiate(&[layers], &mut 0);
        pair.run(SECOND);
        let now = pair.now;
        pair.sessions[0].start(0, &[FRAMES; 3], now).unwrap();
        pair.run(SECOND);
        let arrived: Vec<_> = pair.sessions[1].incoming.iter().map(|one| one.stream).collect();
        assert_eq!(arrived.len(), 3);
        if largest_first {
            assert_eq!(arrived, [Some(2), Some(1), Some(0)]);
        }
    }
}
