//! Beats, and the silence they make known.

use std::time::Duration;

use roomline_sfu::{Discard, Event, Stats, TransportId};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsVersion;

use crate::client::{Offer, Via};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

impl World {
    /// A client opens a channel for beats.
    pub fn open_beats(&mut self, index: usize) -> ChannelId {
        let config = ChannelConfig {
            label: "roomline".into(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            negotiated: None,
            protocol: "beat/1".into(),
        };
        let now = self.now;
        let client = &mut self.clients[index];
        client.deadline = now;
        client.rtc.direct_api().create_data_channel(config)
    }

    /// A client opens a channel for beats and sends back what comes.
    pub fn beat(&mut self, index: usize) -> ChannelId {
        let channel = self.open_beats(index);
        self.clients[index].echoes = Some(channel);
        channel
    }

    /// Silence and its end, as told of a transport.
    pub fn silences(&self, transport: TransportId) -> Vec<(bool, u32)> {
        let told = self.events.iter().filter_map(|event| match event {
            Event::TransportSilent { transport: t, silent, silence_ms } if *t == transport => {
                Some((*silent, *silence_ms))
            }
            _ => None,
        });
        told.collect()
    }

    fn stats(&self, transport: TransportId) -> Vec<Stats> {
        let told = self.events.iter().filter_map(|event| match event {
            Event::TransportStats { transport: t, stats } if *t == transport => Some(*stats),
            _ => None,
        });
        told.collect()
    }

    fn opened(&self) -> usize {
        let opened = |event: &&Event| matches!(event, Event::DataChannelOpened { .. });
        self.events.iter().filter(opened).count()
    }
}

fn silent_offer(dtls: DtlsVersion) -> Offer {
    Offer { dtls, sends: false, ..Offer::default() }
}

#[test]
fn beats_measure_the_path_and_are_nobody_elses_business() {
    for (via, dtls) in [(Via::Direct, DtlsVersion::Dtls13), (Via::TurnTls, DtlsVersion::Dtls12)] {
        let mut world = World::new();
        let (index, _) = world.join_connected(via, silent_offer(dtls));
        let transport = world.clients[index].transport;
        world.run(3 * SECOND);
        assert_eq!(world.stats(transport).last().and_then(|stats| stats.path_rtt_ms), None);
        world.beat(index);
        world.run(10 * SECOND);
        let measured: Vec<_> =
            world.stats(transport)[2..].iter().map(|stats| stats.path_rtt_ms).collect();
        let near = |rtt: &Option<f32>| rtt.is_some_and(|rtt| (20.0..24.0).contains(&rtt));
        assert!(measured.len() >= 3 && measured.iter().all(near), "{measured:?}");
        assert_eq!(world.opened(), 1, "that of the test, not the one for beats");
        assert_eq!(world.shard.gauges().data_channels, 1);
        assert_eq!(world.silences(transport), []);
        assert_eq!(world.shard.counters().discarded(Discard::DataInvalid), 0);
    }
}

#[test]
fn silence_and_its_end_are_told_at_once_and_once() {
    let mut world = World::new();
    let (index, _) = world.join_connected(Via::Direct, silent_offer(DtlsVersion::Dtls13));
    let (other, _) = world.join_connected(Via::Direct, silent_offer(DtlsVersion::Dtls13));
    let transport = world.clients[index].transport;
    world.beat(index);
    world.run(5 * SECOND);
    world.lose = Some(Box::new(|up, _| up));
    let begins = world.now;
    let told = |world: &World, count| world.silences(transport).len() == count;
    assert!(world.run_until(SECOND, |world| told(world, 1)));
    let took = world.now - begins;
    // Up to one interval had passed since the last beat.
    assert!((400..=620).contains(&took.as_millis()), "{took:?}");
    world.run(3 * SECOND);
    world.lose = None;
    let ends = world.now;
    assert!(world.run_until(5 * SECOND, |world| told(world, 2)));
    assert!(world.now - ends < Duration::from_millis(400), "{:?}", world.now - ends);
    let told = world.silences(transport);
    assert_eq!(told[0], (true, 600));
    let expected = (world.now - begins).as_millis() as u32;
    assert!(!told[1].0 && told[1].1.abs_diff(expected) <= 200, "{told:?} {expected}");
    world.run(5 * SECOND);
    assert_eq!(world.silences(transport).len(), 2);
    let transport = world.clients[other].transport;
    assert_eq!(world.silences(transport), [], "it does not beat");
}

#[test]
fn checks_alone_end_no_silence_and_keep_the_transport() {
    let mut world = World::new();
    let (index, _) = world.join_connected(Via::Direct, silent_offer(DtlsVersion::Dtls13));
    let transport = world.clients[index].transport;
    world.beat(index);
    world.run(5 * SECOND);
    // Consent checks have a first byte of 0 to 3 (RFC 7983, section 7).
    world.lose = Some(Box::new(|up, data| up && data.first().is_some_and(|byte| *byte > 3)));
    world.run(60 * SECOND);
    assert_eq!(world.silences(transport), [(true, 600)]);
    assert_eq!(world.shard.gauges().transports, 1, "consent goes on");
    world.lose = None;
    world.run(5 * SECOND);
    // Once something came, the channel may need a second to get going again.
    let told = world.silences(transport);
    assert!(matches!(told[..], [_, (false, 60_000..), ..]), "{told:?}");
    assert!(matches!(told.last(), Some((false, _))), "{told:?}");
}

#[test]
fn beats_arrive_soon_after_a_long_silence() {
    for seconds in [2, 5, 10, 20] {
        let mut world = World::new();
        let (index, _) = world.join_connected(Via::Direct, silent_offer(DtlsVersion::Dtls13));
        let channel = world.open_beats(index);
        world.run(5 * SECOND);
        world.lose = Some(Box::new(|_, _| true));
        world.run(seconds * SECOND);
        world.lose = None;
        let beats = |world: &World| {
            let data = |event: &&str0m::Event| matches!(event, str0m::Event::ChannelData(data) if data.id == channel);
            world.clients[index].events.iter().filter(data).count()
        };
        let before = beats(&world);
        let ends = world.now;
        assert!(world.run_until(10 * SECOND, |world| beats(world) > before));
        let took = world.now - ends;
        // str0m hands nothing over while something before it is missing, also where the order does
        // not matter: three beats later we know that, and tell it to go on.
        assert!(took < Duration::from_millis(650), "{took:?} after {seconds} s");
    }
}

#[test]
fn a_client_that_answers_no_beat_is_heard_all_the_same() {
    let mut world = World::new();
    let (index, _) = world.join_connected(Via::TurnUdp, silent_offer(DtlsVersion::Dtls12));
    let transport = world.clients[index].transport;
    world.open_beats(index);
    world.run(60 * SECOND);
    assert_eq!(world.silences(transport), [], "it acknowledges what comes");
    assert!(world.stats(transport).iter().all(|stats| stats.path_rtt_ms.is_none()));
    assert_eq!(world.shard.gauges().transports, 1);
}

#[test]
fn garbage_and_a_hundred_channels_are_counted_and_change_nothing() {
    let mut world = World::new();
    let (index, _) = world.join_connected(Via::Direct, silent_offer(DtlsVersion::Dtls13));
    let transport = world.clients[index].transport;
    let first = world.beat(index);
    world.run(SECOND);
    let more: Vec<_> = (0..100).map(|_| world.open_beats(index)).collect();
    world.run(5 * SECOND);
    assert_eq!(world.shard.counters().discarded(Discard::DataInvalid), 100);
    let closed = |id: &&ChannelId| {
        world.clients[index].saw(|event| *event == str0m::Event::ChannelClose(**id))
    };
    assert_eq!(more.iter().filter(closed).count(), 100);
    for number in 0..500_u32 {
        let now = world.now;
        let client = &mut world.clients[index];
        client.deadline = now;
        let mut channel = client.rtc.channel(first).unwrap();
        let garbage = vec![7; 1 + number as usize % 9];
        channel.write(number % 2 == 0, &garbage).unwrap();
        world.run(Duration::from_millis(2));
    }
    world.run(5 * SECOND);
    let counters = world.shard.counters();
    assert_eq!(counters.discarded(Discard::DataInvalid), 600);
    let last = world.stats(transport).last().and_then(|stats| stats.path_rtt_ms);
    assert!(last.is_some_and(|rtt| (20.0..24.0).contains(&rtt)), "{last:?}");
    assert_eq!((world.opened(), world.silences(transport)), (1, vec![]));
}

#[test]
fn beats_end_with_their_channel_and_begin_with_the_next() {
    let mut world = World::new();
    let (index, _) = world.join_connected(Via::Direct, silent_offer(DtlsVersion::Dtls13));
    let transport = world.clients[index].transport;
    let channel = world.beat(index);
    world.run(2 * SECOND);
    world.clients[index].rtc.direct_api().close_data_channel(channel);
    world.clients[index].deadline = world.now;
    world.run(SECOND);
    world.lose = Some(Box::new(|up, _| up));
    world.run(5 * SECOND);
    world.lose = None;
    world.run(5 * SECOND);
    assert_eq!(world.silences(transport), []);
    assert!(!world.events.iter().any(|event| matches!(event, Event::DataChannelClosed { .. })));
    world.beat(index);
    world.run(5 * SECOND);
    let last = world.stats(transport).last().and_then(|stats| stats.path_rtt_ms);
    assert!(last.is_some());
}
