//! Data channels from one client to another.

use std::time::Duration;

use roomline_sfu::{Command, DataChannelId, Discard, Event, RequestId};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsVersion;

use crate::client::{Client, Offer, Via};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

impl World {
    /// The channels clients opened, in order.
    fn channels(&self) -> Vec<DataChannelId> {
        let channels = self.events.iter().filter_map(|event| match event {
            Event::DataChannelOpened { channel, .. } => Some(*channel),
            _ => None,
        });
        channels.collect()
    }

    fn relay(
        &mut self,
        channel: DataChannelId,
        index: usize,
        label: &str,
    ) -> Result<String, String> {
        let request = RequestId(self.number());
        let transport = self.clients[index].transport;
        self.command(Command::RelayData { request, channel, transport, label: label.into() });
        self.answered(request)
    }

    fn write(&mut self, index: usize, channel: ChannelId, binary: bool, data: &[u8]) -> bool {
        let client = &mut self.clients[index];
        client.deadline = self.now;
        client.rtc.channel(channel).is_some_and(|mut out| out.write(binary, data).unwrap())
    }
}

impl Client {
    fn opened(&self, label: &str) -> Option<ChannelId> {
        self.events.iter().find_map(|event| match event {
            str0m::Event::ChannelOpen(id, name) if name == label => Some(*id),
            _ => None,
        })
    }

    fn messages(&self) -> Vec<(bool, &[u8])> {
        let messages = self.events.iter().filter_map(|event| match event {
            str0m::Event::ChannelData(data) => Some((data.binary, &*data.data)),
            _ => None,
        });
        messages.collect()
    }

    fn closed(&self, channel: ChannelId) -> bool {
        self.events.iter().any(|event| *event == str0m::Event::ChannelClose(channel))
    }
}

fn pair(via: Via, dtls: DtlsVersion) -> (World, ChannelId) {
    let mut world = World::new();
    let (_, sections) = world.join_connected(via, Offer { dtls, ..Offer::default() });
    world.join_connected(via, Offer { dtls, ..Offer::default() });
    assert!(world.run_until(SECOND, |world| world.channels().len() == 2));
    (world, sections.channel.unwrap())
}

#[test]
fn messages_are_relayed_in_every_mode() {
    let modes = [
        (true, Reliability::Reliable),
        (false, Reliability::Reliable),
        (false, Reliability::MaxRetransmits { retransmits: 0 }),
        (true, Reliability::MaxPacketLifetime { lifetime: 500 }),
    ];
    for (via, dtls) in [(Via::Direct, DtlsVersion::Dtls13), (Via::TurnTls, DtlsVersion::Dtls12)] {
        let (mut world, _) = pair(via, dtls);
        for (number, (ordered, reliability)) in modes.into_iter().enumerate() {
            let label = format!("mode {number}");
            let config = ChannelConfig {
                label: label.clone(),
                ordered,
                reliability,
                negotiated: None,
                protocol: "proto".into(),
            };
            let opened = open(&mut world, config);
            let source = *world.channels().last().unwrap();
            world.relay(source, 1, &format!("relayed {number}")).unwrap();
            let name = format!("relayed {number}");
            assert!(world.run_until(SECOND, |w| w.clients[1].opened(&name).is_some()));
            let arrived = world.clients[1].opened(&name).unwrap();
            let config = world.clients[1].rtc.channel(arrived).unwrap().config().unwrap().clone();
            assert_eq!((config.ordered, config.reliability), (ordered, reliability));
            assert_eq!(config.protocol, "proto");

            let before = world.clients[1].messages().len();
            for (binary, data) in [(false, &b"text"[..]), (true, b"\0\x01"), (true, &[9; 60_000])] {
                assert!(world.write(0, opened, binary, data));
                assert!(world.run_until(SECOND, |w| !w.clients[1].messages().is_empty()));
                world.run(Duration::from_millis(300));
            }
            let messages = world.clients[1].messages()[before..].to_vec();
            let sizes: Vec<_> =
                messages.iter().map(|(binary, data)| (*binary, data.len())).collect();
            assert_eq!(sizes, [(false, 4), (true, 2), (true, 60_000)], "{label} {via:?}");
        }
    }
}

/// The first client opens a channel; waits until the shard tells of it.
fn open(world: &mut World, config: ChannelConfig) -> ChannelId {
    let known = world.channels().len();
    let label = config.label.clone();
    let now = world.now;
    let client = &mut world.clients[0];
    client.deadline = now;
    client.rtc.direct_api().create_data_channel(config);
    assert!(world.run_until(SECOND, |world| {
        world.channels().len() > known && world.clients[0].opened(&label).is_some()
    }));
    world.clients[0].opened(&label).unwrap()
}

#[test]
fn the_event_tells_what_the_client_opened() {
    let (mut world, _) = pair(Via::Direct, DtlsVersion::Dtls12);
    let reliability = Reliability::MaxRetransmits { retransmits: 3 };
    let config =
        ChannelConfig { label: "x".into(), ordered: false, reliability, ..Default::default() };
    open(&mut world, config);
    let last = world.events.iter().rfind(|e| matches!(e, Event::DataChannelOpened { .. }));
    let Some(Event::DataChannelOpened { transport, participant, label, ordered, .. }) = last else {
        panic!("no event")
    };
    let client = &world.clients[0];
    assert_eq!((*transport, *participant), (client.transport, client.participant));
    assert_eq!((label.as_str(), *ordered), ("x", false));
}

#[test]
fn a_message_sent_back_is_dropped_and_counted() {
    let (mut world, first) = pair(Via::Direct, DtlsVersion::Dtls12);
    let source = world.channels()[0];
    world.relay(source, 1, "chat").unwrap();
    assert_eq!(world.relay(source, 1, "chat"), Err("duplicate".into()));
    assert!(world.run_until(SECOND, |world| world.clients[1].opened("chat").is_some()));
    let back = world.clients[1].opened("chat").unwrap();
    assert!(world.write(1, back, false, b"hello"));
    world.run(SECOND);
    assert_eq!(world.shard.counters().discarded(Discard::DataSentBack), 1);
    assert!(world.clients[0].messages().is_empty());
    assert!(world.write(0, first, false, b"hello"));
    world.run(SECOND);
    assert_eq!(world.clients[1].messages(), [(false, &b"hello"[..])]);
}

#[test]
fn channels_close_with_their_source_and_by_command() {
    let (mut world, first) = pair(Via::Direct, DtlsVersion::Dtls12);
    let source = world.channels()[0];
    let transport = world.clients[1].transport;
    world.relay(source, 1, "one").unwrap();
    world.run(SECOND);
    let one = world.clients[1].opened("one").unwrap();
    world.command(Command::StopRelayData { channel: source, transport });
    world.run(SECOND);
    assert!(world.clients[1].closed(one));

    world.relay(source, 1, "two").unwrap();
    world.run(SECOND);
    let two = world.clients[1].opened("two").unwrap();
    world.clients[0].rtc.direct_api().close_data_channel(first);
    world.clients[0].deadline = world.now;
    world.run(SECOND);
    assert!(world.events.contains(&Event::DataChannelClosed { channel: source }));
    assert!(world.clients[1].closed(two));
    assert_eq!(world.relay(source, 1, "three"), Err("unknown-channel".into()));
}

#[test]
fn what_is_relayed_before_the_receiver_connects_arrives() {
    let mut world = World::new();
    let (_, sections) = world.join_connected(Via::Direct, Offer::default());
    assert!(world.run_until(SECOND, |world| world.channels().len() == 1));
    assert!(world.run_until(SECOND, |world| world.clients[0].opened("first").is_some()));
    let source = world.channels()[0];
    world.join(Via::Direct, Offer::default());
    world.relay(source, 1, "early").unwrap();
    assert!(world.write(0, sections.channel.unwrap(), false, b"early bird"));
    assert!(world.run_until(5 * SECOND, |world| !world.clients[1].messages().is_empty()));
    assert_eq!(world.clients[1].messages(), [(false, &b"early bird"[..])]);
}

#[test]
fn a_slow_receiver_loses_its_reliable_channel_but_not_its_transport() {
    let (mut world, first) = pair(Via::Direct, DtlsVersion::Dtls12);
    let source = world.channels()[0];
    world.relay(source, 1, "bulk").unwrap();
    world.run(SECOND);
    let bulk = world.clients[1].opened("bulk").unwrap();
    // Acknowledgements of the receiver are lost: everything waits.
    let address = world.clients[1].address;
    assert!(address.port() != 0);
    let slow = world.clients[1].socket.socket;
    world.lose_from = Some(slow);
    for _ in 0..200 {
        world.write(0, first, true, &[1; 16_000]);
        world.run(Duration::from_millis(20));
        if world.shard.counters().data_channels_closed_slow > 0 {
            break;
        }
    }
    let counters = world.shard.counters();
    assert_eq!(counters.data_channels_closed_slow, 1);
    assert_eq!(counters.discarded(Discard::DataOverflow), 1);
    world.lose_from = None;
    assert!(world.run_until(20 * SECOND, |world| world.clients[1].closed(bulk)));
    assert_eq!(world.shard.gauges().transports, 2);
}

#[test]
fn a_slow_receiver_of_an_unreliable_channel_misses_messages() {
    let (mut world, _) = pair(Via::Direct, DtlsVersion::Dtls12);
    let reliability = Reliability::MaxRetransmits { retransmits: 0 };
    let config =
        ChannelConfig { label: "x".into(), ordered: false, reliability, ..Default::default() };
    let channel = open(&mut world, config);
    let source = *world.channels().last().unwrap();
    world.relay(source, 1, "bulk").unwrap();
    world.run(SECOND);
    let bulk = world.clients[1].opened("bulk").unwrap();
    world.lose_from = Some(world.clients[1].socket.socket);
    for _ in 0..60 {
        world.write(0, channel, true, &[1; 16_000]);
        world.run(Duration::from_millis(10));
    }
    assert!(world.shard.counters().discarded(Discard::DataOverflow) > 0);
    assert_eq!(world.shard.counters().data_channels_closed_slow, 0);
    world.lose_from = None;
    world.run(10 * SECOND);
    assert!(!world.clients[1].closed(bulk));
    let before = world.clients[1].messages().len();
    assert!(world.write(0, channel, true, b"again"));
    world.run(SECOND);
    assert_eq!(world.clients[1].messages().len(), before + 1);
}

#[test]
fn a_client_without_a_data_section_is_refused() {
    let (mut world, _) = pair(Via::Direct, DtlsVersion::Dtls12);
    world.join_connected(Via::Direct, Offer { data: false, ..Offer::default() });
    let source = world.channels()[0];
    assert_eq!(world.relay(source, 2, "chat"), Err("unknown-section".into()));
}
