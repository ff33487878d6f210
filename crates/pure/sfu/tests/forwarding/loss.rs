//! A whole path with loss on both sides, by a seeded generator: NACK and RTX bring all of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomline_rtp::rtcp::{Compound, Nack, Packet};
use roomline_sfu::forwarding::LegId;

use crate::lab::*;

const PACKETS: u16 = 3000;
/// SSRC on the second leg.
const BRIDGE: u32 = 0xc0;
const DELAY: Duration = Duration::from_millis(20);

/// A client on either side, with the lossy network between it and the router.
struct Path {
    camera: Camera,
    rng: StdRng,
    loss: f64,
    /// The publisher's second leg: what it sends it sends there, too, once it moves.
    bridge: LegId,
    move_at: u16,
    /// From here on nothing comes from the first leg.
    dies_at: u16,
    dead: bool,
    /// Keyframes on the bridge, and whether the next packet is to be one.
    keys: BTreeSet<u16>,
    key_wanted: bool,
    /// Towards the router.
    upstream: VecDeque<(Instant, LegId, Vec<u8>)>,
    uplink_rtx: u16,
    /// What the viewer has, by its number, and when it asks again for what it has not.
    received: BTreeMap<u64, Vec<u8>>,
    asked: BTreeMap<u64, Instant>,
}

impl Path {
    fn new(seed: u64, loss: f64) -> Self {
        let mut camera = Camera::new();
        let bridge = camera.lab.leg(&[sending("0", vp8(96, Some(97)), Some(BRIDGE))]);
        Self {
            camera,
            bridge,
            move_at: u16::MAX,
            dies_at: u16::MAX,
            dead: false,
            keys: BTreeSet::new(),
            key_wanted: false,
            rng: StdRng::seed_from_u64(seed),
            loss,
            upstream: VecDeque::new(),
            uplink_rtx: 0,
            received: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    fn lost(&mut self) -> bool {
        self.rng.random_bool(self.loss)
    }

    fn payload(sequence: u16) -> Vec<u8> {
        let head = if sequence == 0 { KEY } else { DELTA };
        [head, &sequence.to_be_bytes()].concat()
    }

    fn bridge_payload(&self, sequence: u16) -> Vec<u8> {
        let head = if self.keys.contains(&sequence) { KEY } else { DELTA };
        [head, b"bridge", &sequence.to_be_bytes()].concat()
    }

    /// What the publisher sends, or sent, under a number.
    fn original(&self, leg: LegId, sequence: u16) -> Outgoing {
        if leg == self.bridge {
            return Outgoing::new(BRIDGE, 96, sequence, &self.bridge_payload(sequence));
        }
        Outgoing::new(CAMERA, 96, sequence, &Self::payload(sequence))
    }

    fn send_up(&mut self, leg: LegId, packet: Vec<u8>, reliable: bool) {
        let dead = self.dead && leg != self.bridge;
        if !dead && (reliable || !self.lost()) {
            self.upstream.push_back((self.camera.lab.now + DELAY, leg, packet));
        }
    }

    fn publish(&mut self, sequence: u16) {
        let main = self.camera.publisher;
        self.dead |= sequence == self.dies_at;
        let packet = self.original(main, sequence).bytes();
        self.send_up(main, packet, sequence == 0 || sequence == PACKETS - 1);
        let (now, publication) = (self.camera.lab.now, self.camera.publication);
        if sequence == self.move_at {
            let router = &mut self.camera.lab.router;
            router.move_publication(now, publication, self.bridge, "0").expect("can move");
        }
        if sequence >= self.move_at {
            if std::mem::take(&mut self.key_wanted) {
                self.keys.insert(sequence);
            }
            let packet = self.original(self.bridge, sequence).bytes();
            self.send_up(self.bridge, packet, sequence == PACKETS - 1);
        }
    }

    /// One millisecond: the publisher sends, packets travel, both sides ask for what they miss.
    fn step(&mut self, sequence: Option<u16>) {
        if let Some(sequence) = sequence {
            self.publish(sequence);
        }
        while self.upstream.front().is_some_and(|(at, ..)| *at <= self.camera.lab.now) {
            let Some((_, leg, packet)) = self.upstream.pop_front() else { break };
            let _ = self.camera.lab.rtp(leg, &packet);
        }
        self.camera.lab.run(1);
        self.publisher_answers(self.camera.publisher);
        self.publisher_answers(self.bridge);
        self.viewer_receives();
        self.viewer_asks();
    }

    fn publisher_answers(&mut self, leg: LegId) {
        for compound in self.camera.lab.take_compounds(leg) {
            for packet in Compound::new(&compound) {
                match packet.expect("valid RTCP") {
                    Packet::Nack(nack) => self.send_again(leg, nack.sequence_numbers()),
                    Packet::Pli(pli) => self.key_wanted |= pli.media == BRIDGE,
                    _ => {}
                }
            }
        }
    }

    fn send_again(&mut self, leg: LegId, sequences: impl Iterator<Item = u16>) {
        for sequence in sequences {
            self.uplink_rtx = self.uplink_rtx.wrapping_add(1);
            let original = self.original(leg, sequence);
            let rtx = original.ssrc + 1;
            let packet = original.retransmitted(rtx, 97, self.uplink_rtx).bytes();
            self.send_up(leg, packet, false);
        }
    }

    fn viewer_receives(&mut self) {
        for packet in self.camera.lab.take_rtp() {
            if !self.received.is_empty() && self.lost() {
                continue;
            }
            let payload = packet.payload();
            let (number, payload) = if packet.ssrc() == VIEW {
                (packet.number(), payload)
            } else {
                let newest = self.received.keys().next_back().copied().unwrap_or(0);
                let original = u64::from(u16::from_be_bytes([payload[0], payload[1]]));
                ((newest & !0xffff) + original, payload[2..].to_vec())
            };
            if let Some(before) = self.received.insert(number, payload.clone()) {
                assert_eq!(before, payload, "one number, one content");
            }
        }
    }

    fn viewer_asks(&mut self) {
        let (Some((&first, _)), Some((&last, _))) =
            (self.received.first_key_value(), self.received.last_key_value())
        else {
            return;
        };
        let now = self.camera.lab.now;
        let window = first.max(last.saturating_sub(300))..last;
        let missing: Vec<_> = window.filter(|n| !self.received.contains_key(n)).collect();
        let mut due = Vec::new();
        for number in missing {
            let at = self.asked.entry(number).or_insert(now + Duration::from_millis(5));
            if *at <= now {
                *at = now + Duration::from_millis(50);
                due.push(number as u16);
            }
        }
        let viewer = self.camera.viewer;
        self.camera.lab.rtcp(viewer, |out| Nack::write(out, 1, VIEW, due));
    }

    fn play(&mut self) {
        for ms in 0..u32::from(PACKETS) * 4 + 2000 {
            let sequence = u16::try_from(ms / 4).ok().filter(|s| ms % 4 == 0 && *s < PACKETS);
            self.step(sequence);
        }
    }

    /// Share of the packets that arrived in the end, all with the right content.
    fn run(mut self) -> f64 {
        self.play();
        let first = *self.received.keys().next().expect("something arrived");
        for (number, payload) in &self.received {
            assert_eq!(*payload, Self::payload((number - first) as u16));
        }
        let counters = self.camera.lab.router.counters();
        assert!(counters.recovered > 0 && counters.retransmitted > 0);
        self.received.len() as f64 / f64::from(PACKETS)
    }
}

#[test]
fn everything_arrives_over_a_path_that_loses_five_percent() {
    for seed in 0..2 {
        let arrived = Path::new(seed, 0.05).run();
        assert!(arrived > 0.9995, "seed {seed}: {arrived}");
    }
}

#[test]
fn nearly_everything_arrives_over_a_path_that_loses_a_quarter() {
    for seed in 0..2 {
        let arrived = Path::new(seed, 0.25).run();
        assert!(arrived > 0.995, "seed {seed}: {arrived}");
    }
}

impl Path {
    /// Moves in the middle; how many packets later the bridge began, and how many are missing in
    /// between and in all.
    fn run_move(mut self) -> [u64; 3] {
        self.move_at = PACKETS / 2;
        self.play();
        let bridge = |payload: &[u8]| payload.windows(6).any(|part| part == b"bridge");
        let begins = self.received.iter().find(|(_, payload)| bridge(payload));
        let (begins, first) = begins.expect("it moved");
        assert_eq!(first[..KEY.len()], *KEY, "it begins with a keyframe");
        assert!(self.received.range(begins..).all(|(_, payload)| bridge(payload)));
        let sequence = u16::from_be_bytes([first[first.len() - 2], first[first.len() - 1]]);
        let numbers: Vec<_> = self.received.keys().copied().collect();
        let all = numbers[0]..=numbers[numbers.len() - 1];
        let missing = all.filter(|number| !self.received.contains_key(number));
        let (near, far): (Vec<_>, Vec<_>) =
            missing.partition(|number| begins.abs_diff(*number) < 150);
        [u64::from(sequence - self.move_at), near.len() as u64, (near.len() + far.len()) as u64]
    }
}

#[test]
fn a_move_between_paths_that_lose_a_tenth_loses_only_what_was_missing_at_that_moment() {
    for seed in 0..6 {
        let [after, near, all] = Path::new(seed, 0.1).run_move();
        assert!(after < 400, "seed {seed}: {after} packets later");
        assert!(near <= 10 && all <= near + 2, "seed {seed}: {near} of {all} are missing");
    }
}

#[test]
fn a_move_off_a_dead_path_does_not_wait_for_a_keyframe_that_was_lost() {
    for seed in 0..6 {
        let mut path = Path::new(seed, 0.1);
        path.dies_at = PACKETS / 2 - 150;
        let [after, near, all] = path.run_move();
        assert!(after < 150, "seed {seed}: {after} packets later");
        assert!(near <= 10 && all <= near + 2, "seed {seed}: {near} of {all} are missing");
    }
}
