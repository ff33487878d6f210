//! A whole path with loss on both sides, by a seeded generator: NACK and RTX bring all of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomline_rtp::rtcp::{Compound, Nack, Packet};

use crate::lab::*;

const PACKETS: u16 = 3000;
const DELAY: Duration = Duration::from_millis(20);

/// A client on either side, with the lossy network between it and the router.
struct Path {
    camera: Camera,
    rng: StdRng,
    loss: f64,
    /// Towards the router.
    upstream: VecDeque<(Instant, Vec<u8>)>,
    uplink_rtx: u16,
    /// What the viewer has, by its number, and when it asks again for what it has not.
    received: BTreeMap<u64, Vec<u8>>,
    asked: BTreeMap<u64, Instant>,
}

impl Path {
    fn new(seed: u64, loss: f64) -> Self {
        Self {
            camera: Camera::new(),
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

    fn send_up(&mut self, packet: Vec<u8>, reliable: bool) {
        if reliable || !self.lost() {
            self.upstream.push_back((self.camera.lab.now + DELAY, packet));
        }
    }

    /// One millisecond: the publisher sends, packets travel, both sides ask for what they miss.
    fn step(&mut self, sequence: Option<u16>) {
        if let Some(sequence) = sequence {
            let packet = Outgoing::new(CAMERA, 96, sequence, &Self::payload(sequence)).bytes();
            self.send_up(packet, sequence == 0 || sequence == PACKETS - 1);
        }
        while self.upstream.front().is_some_and(|(at, _)| *at <= self.camera.lab.now) {
            let Some((_, packet)) = self.upstream.pop_front() else { break };
            let _ = self.camera.lab.rtp(self.camera.publisher, &packet);
        }
        self.camera.lab.run(1);
        self.publisher_answers();
        self.viewer_receives();
        self.viewer_asks();
    }

    fn publisher_answers(&mut self) {
        for compound in self.camera.lab.take_compounds(self.camera.publisher) {
            for packet in Compound::new(&compound) {
                let Ok(Packet::Nack(nack)) = packet else { continue };
                for sequence in nack.sequence_numbers() {
                    self.uplink_rtx = self.uplink_rtx.wrapping_add(1);
                    let original = Outgoing::new(CAMERA, 96, sequence, &Self::payload(sequence));
                    let packet = original.retransmitted(CAMERA + 1, 97, self.uplink_rtx).bytes();
                    self.send_up(packet, false);
                }
            }
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

    /// Share of the packets that arrived in the end, all with the right content.
    fn run(mut self) -> f64 {
        for ms in 0..u32::from(PACKETS) * 4 + 2000 {
            let sequence = u16::try_from(ms / 4).ok().filter(|s| ms % 4 == 0 && *s < PACKETS);
            self.step(sequence);
        }
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
