//! One number of a slot never carries two contents: SRTP would encrypt both with one nonce.
//!
//! A seeded storm of packets, duplicates, forged retransmissions, NACKs and commands, with no
//! regard to sense.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomline_rtp::rtcp::{Nack, Pli};
use roomline_sdp::MediaSection;
use roomline_sfu::forwarding::LegId;
use roomline_sfu::{PublicationId, SubscriptionId};

use crate::lab::*;

/// With these the publishers' legs send; the last two have other payload types.
const SSRCS: [u32; 4] = [0xa0, 0xc0, 0xe0, 0xf0];

fn camera(ssrc: u32) -> MediaSection {
    let payload_type = if ssrc < 0xe0 { 96 } else { 106 };
    sending("0", vp8(payload_type, Some(payload_type + 1)), Some(ssrc))
}

struct Storm {
    lab: Lab,
    rng: StdRng,
    publishers: Vec<LegId>,
    viewers: Vec<(LegId, MediaSection)>,
    publications: Vec<PublicationId>,
    published: u64,
    subscriptions: Vec<SubscriptionId>,
    sequences: [u16; 4],
    /// Newest number of every slot, for asking.
    newest: HashMap<(LegId, u32), u16>,
    /// Everything sent, by leg, SSRC and extended number.
    sent: HashMap<(LegId, u32, u64), Vec<u8>>,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut lab = Lab::new();
        let publishers = SSRCS.map(|ssrc| lab.leg(&[camera(ssrc)]));
        let sections = [slot("9", vp8(100, Some(101)), 0x10), slot("9", vp8(100, None), 0x20)];
        let viewers = sections.map(|section| (lab.leg(std::slice::from_ref(&section)), section));
        let publications = [0, 1].map(|which: usize| lab.publish(publishers[which], "0"));
        Self {
            lab,
            rng: StdRng::seed_from_u64(seed),
            publishers: publishers.to_vec(),
            viewers: viewers.to_vec(),
            publications: publications.to_vec(),
            published: 0,
            subscriptions: Vec::new(),
            sequences: [65_000, 100, 30_000, 65_500],
            newest: HashMap::new(),
            sent: HashMap::new(),
        }
    }

    fn packet(&mut self) {
        let which = self.rng.random_range(0..4);
        let jump = match self.rng.random_range(0..200) {
            0 => 5000,
            1..=9 => self.rng.random_range(2..8),
            _ => 1,
        };
        let newest = self.sequences[which].wrapping_add(jump);
        let back = if self.rng.random_bool(0.3) { self.rng.random_range(0..40) } else { 0 };
        if back == 0 {
            self.sequences[which] = newest;
        }
        let sequence = newest.wrapping_sub(back);
        let head = if self.rng.random_bool(0.3) { KEY } else { DELTA };
        let payload = [head, &self.rng.random::<u32>().to_be_bytes()].concat();
        let ssrc = SSRCS[which];
        let media = camera(ssrc).codecs[0].payload_type;
        let mut packet = Outgoing::new(ssrc, media, sequence, &payload).with(4, &[back as u8]);
        if self.rng.random_bool(0.2) {
            packet = packet.retransmitted(ssrc + 1, media + 1, sequence);
        }
        let _ = self.lab.rtp(self.publishers[which], &packet.bytes());
    }

    fn ask(&mut self) {
        let (leg, section) = self.viewers[self.rng.random_range(0..2)].clone();
        let ssrc = section.local.map_or(0, |local| local.ssrc);
        let newest = self.newest.get(&(leg, ssrc)).copied().unwrap_or(0);
        let lost = [0; 6].map(|_: u16| newest.wrapping_sub(self.rng.random_range(0..60)));
        self.lab.rtcp(leg, |out| Nack::write(out, 1, ssrc, lost));
        self.lab.rtcp(leg, |out| Pli { sender: 1, media: ssrc }.write(out));
    }

    fn command(&mut self) {
        let now = self.lab.now;
        let publication = self.publications[self.rng.random_range(0..2)];
        let (leg, section) = self.viewers[self.rng.random_range(0..2)].clone();
        let any = self.rng.random_range(0..self.subscriptions.len().max(1));
        let subscription = self.subscriptions.get(any).copied().unwrap_or(SubscriptionId(0));
        let flag = self.rng.random_bool(0.4);
        let router = &mut self.lab.router;
        match self.rng.random_range(0..11) {
            0 => router.unsubscribe(subscription),
            1 => router.pause_publication(now, publication, flag),
            2 => router.pause_subscription(now, subscription, flag),
            3 => router.set_cap(now, leg, if flag { 1000 } else { 0 }),
            4 => router.set_sections(now, leg, &[renumbered(section, flag)], flag),
            5 => {
                router.unpublish(publication);
                let which = usize::from(publication == self.publications[1]);
                self.publish(which);
            }
            6 | 7 => {
                let leg = self.publishers[self.rng.random_range(0..4)];
                // Refused while the other publication is there.
                let _ = router.move_publication(now, publication, leg, "0");
            }
            8 => self.replace_leg(),
            _ => self.subscriptions.push(self.lab.subscribe(publication, leg, "9")),
        }
    }

    /// A publication in a section that is free.
    fn publish(&mut self, which: usize) {
        let (now, id) = (self.lab.now, PublicationId(1_000_000 + self.published));
        self.published += 1;
        let router = &mut self.lab.router;
        let mut legs = self.publishers.iter();
        assert!(legs.any(|leg| router.publish(now, id, *leg, "0", 0).is_ok()), "none is free");
        self.publications[which] = id;
    }

    /// A publisher's leg goes, and another comes.
    fn replace_leg(&mut self) {
        let (now, which) = (self.lab.now, self.rng.random_range(0..4));
        self.lab.router.remove_leg(now, self.publishers[which]);
        self.publishers[which] = self.lab.leg(&[camera(SSRCS[which])]);
        for which in 0..2 {
            let (publication, leg) = (self.publications[which], self.viewers[0].0);
            if self.lab.try_subscribe(publication, leg, "9").is_err() {
                self.publish(which);
            }
        }
    }

    fn check(&mut self) {
        for sent in self.lab.take_rtp() {
            let key = (sent.leg, sent.ssrc(), sent.number());
            self.newest.insert((sent.leg, sent.ssrc()), sent.sequence());
            if let Some(before) = self.sent.insert(key, sent.bytes.clone()) {
                assert_eq!(before, sent.bytes, "{key:x?} was sent with two contents");
            }
        }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..=2 => self.command(),
            3..=12 => self.ask(),
            13..=30 => {
                let ms = self.rng.random_range(0..30);
                self.lab.run(ms);
            }
            _ => self.packet(),
        }
        self.check();
    }
}

/// The same section under other payload types and extension ids.
fn renumbered(mut section: MediaSection, other: bool) -> MediaSection {
    if other {
        section.codecs[0].payload_type += 10;
        section.extensions.iter_mut().for_each(|(id, _)| *id += 1);
    }
    section
}

#[test]
fn one_number_carries_one_content_whatever_happens() {
    for seed in 0..8 {
        let mut storm = Storm::new(seed);
        for _ in 0..8000 {
            storm.step();
        }
        let counters = storm.lab.router.counters();
        assert!(counters.retransmitted > 100, "seed {seed}: {}", counters.retransmitted);
        assert!(storm.sent.len() > 500, "seed {seed}: {} sent", storm.sent.len());
    }
}
