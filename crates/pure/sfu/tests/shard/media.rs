//! Media from one client to another.

use std::time::Duration;

use roomline_sfu::{Command, Event, PublicationId, RequestId, SubscriptionId};
use str0m::config::DtlsVersion;
use str0m::format::Codec;
use str0m::media::Mid;
use str0m::rtp::{RtpPacket, RtpWrite, SeqNo};

use crate::client::{Client, Offer, Sections, Via};
use crate::world::World;

/// Begins a VP8 keyframe: payload descriptor and frame header (RFC 7741 section 4).
pub const KEYFRAME: [u8; 11] = [0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0];

impl World {
    pub fn publish(&mut self, index: usize, mid: Mid) -> PublicationId {
        let publication = PublicationId(self.number());
        let request = RequestId(self.number());
        let transport = self.clients[index].transport;
        let mid = mid.to_string();
        self.command(Command::Publish { request, publication, transport, mid, max_bitrate: 0 });
        self.answered(request).unwrap();
        publication
    }

    pub fn subscribe(&mut self, index: usize, publication: PublicationId, mid: Mid) {
        let subscription = SubscriptionId(self.number());
        let request = RequestId(self.number());
        let transport = self.clients[index].transport;
        let mid = mid.to_string();
        self.command(Command::Subscribe { request, subscription, publication, transport, mid });
        self.answered(request).unwrap();
    }

    /// Sends `count` packets of one stream, 20 ms apart.
    fn send_media(&mut self, index: usize, mid: Mid, codec: Codec, count: u64) {
        for number in 0..count {
            let now = self.now;
            self.clients[index].write(now, mid, codec, number);
            self.run(Duration::from_millis(20));
        }
    }
}

impl Client {
    pub fn write(&mut self, now: std::time::Instant, mid: Mid, codec: Codec, number: u64) {
        let mut payload = vec![0x80 | number as u8; 900];
        if codec == Codec::Vp8 {
            payload[..KEYFRAME.len()].copy_from_slice(&KEYFRAME);
        }
        self.write_payload(now, mid, codec, number, payload);
    }

    pub fn write_payload(
        &mut self,
        now: std::time::Instant,
        mid: Mid,
        codec: Codec,
        number: u64,
        payload: Vec<u8>,
    ) {
        let codecs = self.rtc.codec_config().params();
        let pt = codecs.iter().find(|params| params.spec().codec == codec).unwrap().pt();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        let step = if codec == Codec::Opus { 960 } else { 1800 };
        let sequence = SeqNo::from(65_530 + number);
        let time = number as u32 * step;
        let packet = RtpWrite::new(pt, sequence, time, now, payload).marker(true);
        stream.write_rtp(packet);
        self.deadline = now;
    }

    pub fn received(&self, mid: Mid) -> Vec<&RtpPacket> {
        let packets = self.events.iter().filter_map(|event| match event {
            str0m::Event::RtpPacket(packet) => Some(packet),
            _ => None,
        });
        packets.filter(|packet| packet.header.ext_vals.mid == Some(mid)).collect()
    }
}

fn forward(from: Via, to: Via, dtls: DtlsVersion) {
    let mut world = World::new();
    let (alice, sends) = world.join_connected(from, Offer { dtls, ..Offer::default() });
    let (bob, slots) = world.join_connected(to, Offer { dtls, ..Offer::default() });
    check(&mut world, (alice, &sends), (bob, &slots));
}

fn check(world: &mut World, (alice, sends): (usize, &Sections), (bob, slots): (usize, &Sections)) {
    let streams = [
        (sends.audio.unwrap(), slots.audio_slots[0], Codec::Opus, "opus"),
        (sends.video.unwrap(), slots.video_slots[0], Codec::Vp8, "VP8"),
    ];
    for (mid, slot, codec, name) in streams {
        let publication = world.publish(alice, mid);
        world.subscribe(bob, publication, slot);
        world.send_media(alice, mid, codec, 20);
        let started = Event::PublicationStarted { publication, codec: name.into() };
        assert!(world.events.contains(&started), "{name} did not start");
        let received = world.clients[bob].received(slot);
        let numbers: Vec<u8> = received.iter().map(|packet| packet.payload[20] & 0x7f).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<u8>>(), "{name}");
        let sequences: Vec<u64> = received.iter().map(|packet| *packet.seq_no).collect();
        assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sequences:?}");
    }
}

#[test]
fn opus_and_vp8_reach_the_other_client_direct() {
    forward(Via::Direct, Via::Direct, DtlsVersion::Dtls12);
    forward(Via::Direct, Via::Direct, DtlsVersion::Dtls13);
}

#[test]
fn opus_and_vp8_reach_the_other_client_through_turn() {
    forward(Via::TurnUdp, Via::Direct, DtlsVersion::Dtls13);
    forward(Via::Direct, Via::TurnUdp, DtlsVersion::Dtls12);
    forward(Via::TurnTls, Via::TurnTcp, DtlsVersion::Dtls13);
}

#[test]
fn packets_of_a_tick_leave_as_one_run() {
    for via in [Via::Direct, Via::TurnUdp] {
        let mut world = World::new();
        let (alice, sends) = world.join_connected(Via::Direct, Offer::default());
        let (bob, slots) = world.join_connected(via, Offer::default());
        let video = sends.video.unwrap();
        let publication = world.publish(alice, video);
        world.subscribe(bob, publication, slots.video_slots[0]);
        world.send_media(alice, video, Codec::Vp8, 2);
        world.runs.clear();
        let now = world.now;
        for number in 2..10 {
            world.clients[alice].write(now, video, Codec::Vp8, number);
            // str0m takes one packet at a time.
            let way_data = world.clients[alice].advance(now);
            for (way, data) in way_data {
                world.send_up(way, data);
            }
        }
        world.run(Duration::from_millis(200));
        assert_eq!(world.clients[bob].received(slots.video_slots[0]).len(), 10);
        let longest = *world.runs.iter().max().unwrap();
        assert!(longest >= 4, "{via:?}: {:?}", world.runs);
    }
}

#[test]
fn a_lost_packet_is_sent_again() {
    let mut world = World::new();
    let (alice, sends) = world.join_connected(Via::Direct, Offer::default());
    let (bob, slots) = world.join_connected(Via::TurnUdp, Offer::default());
    let (video, slot) = (sends.video.unwrap(), slots.video_slots[0]);
    let publication = world.publish(alice, video);
    world.subscribe(bob, publication, slot);
    world.send_media(alice, video, Codec::Vp8, 5);
    let mut count = 0;
    world.lose = Some(Box::new(move |up, data| {
        // ChannelData with SRTP of a whole packet, downward: the second and the third.
        let media = !up && data.len() > 800 && data[0] == 0x40;
        count += usize::from(media);
        media && (count == 2 || count == 3)
    }));
    for number in 5..40 {
        let now = world.now;
        world.clients[alice].write(now, video, Codec::Vp8, number);
        world.run(Duration::from_millis(20));
    }
    let mut numbers: Vec<u8> =
        world.clients[bob].received(slot).iter().map(|p| p.payload[20] & 0x7f).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..40).collect::<Vec<u8>>());
}
