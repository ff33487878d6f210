//! How transports begin, move and end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use roomline_sfu::{
    Action, CloseReason, Command, Discard, Event, MediaSocket, ParticipantId, RequestId, SocketId,
    Tier, TransportId,
};
use str0m::format::Codec;

use crate::client::{Offer, Via};
use crate::raw::{self, Raw};
use crate::turn::Turn;
use crate::world::{SERVER, TURN_SOCKET, Way, World, media_socket};

const SECOND: Duration = Duration::from_secs(1);

impl World {
    fn closed(&self, transport: TransportId) -> Option<CloseReason> {
        self.events.iter().find_map(|event| match event {
            Event::TransportClosed { transport: t, reason } if *t == transport => Some(*reason),
            _ => None,
        })
    }

    fn stats_told(&self) -> usize {
        let stats = |event: &&Event| matches!(event, Event::TransportStats { .. });
        self.events.iter().filter(stats).count()
    }

    fn tiers(&self, transport: TransportId) -> Vec<Tier> {
        let tiers = self.events.iter().filter_map(|event| match event {
            Event::PathChanged { transport: t, path } if *t == transport => Some(path.tier),
            _ => None,
        });
        tiers.collect()
    }

    fn connections(&self) -> usize {
        let connected = |event: &&Event| matches!(event, Event::TransportConnected { .. });
        self.events.iter().filter(connected).count()
    }

    fn assert_empty(&mut self) {
        assert_eq!(self.shard.gauges(), roomline_sfu::Gauges::default());
        // The last look at who has left.
        self.run(61 * SECOND);
        assert_eq!(self.shard.poll_timeout(), None);
    }
}

#[test]
fn a_thousand_transports_leave_nothing_behind() {
    let mut world = World::new();
    for round in 0..20u64 {
        let mut open = Vec::new();
        for number in 0..50u64 {
            let number = round * 50 + number;
            let (transport, participant) = (TransportId(number), ParticipantId(number / 2));
            let socket = media_socket(10_000 + number as u16);
            let raw = Raw::open(&mut world, transport, participant, socket);
            let client = format!("203.0.113.7:{}", 1024 + number).parse().unwrap();
            raw.check(&mut world, socket, client, true).unwrap();
            let via = [Via::TurnUdp, Via::TurnTls][number as usize % 2];
            let turn = Turn::allocate(&mut world, via, client, participant, socket.port);
            raw.check_relayed(&mut world, &turn).unwrap();
            open.push((transport, turn));
        }
        world.join_connected(Via::TurnTcp, Offer::default());
        let (index, _) = world.join_connected(Via::Direct, Offer::default());
        assert_eq!(world.shard.gauges().transports, 52);
        world.run(SECOND);
        assert_eq!(world.shard.gauges().data_channels, 2);
        for (transport, turn) in open {
            world.command(Command::CloseTransport { transport });
            turn.leave(&mut world);
        }
        world.clients[index].rtc.close().unwrap();
        for client in std::mem::take(&mut world.clients) {
            world.command(Command::CloseTransport { transport: client.transport });
            if let Some(turn) = client.turn {
                turn.leave(&mut world);
            }
        }
    }
    world.assert_empty();
    let released = |action: &&Action| matches!(action, Action::ReleaseSocket(_));
    assert_eq!(world.actions.iter().filter(released).count(), 1040);
    assert_eq!(world.shard.counters().transports_closed, 1040);
}

#[test]
fn a_client_that_vanishes_or_never_comes_is_given_up() {
    let mut world = World::new();
    let (gone, _) = world.join_connected(Via::Direct, Offer::default());
    let never = TransportId(99);
    Raw::open(&mut world, never, ParticipantId(99), media_socket(20_000));
    let socket = world.clients[gone].socket.socket;
    let transport = world.clients[gone].transport;
    world.lose = Some(Box::new(|up, _| up));
    world.run(29 * SECOND);
    assert_eq!((world.closed(transport), world.closed(never)), (None, None));
    world.run(2 * SECOND);
    assert_eq!(world.closed(transport), Some(CloseReason::Timeout));
    assert_eq!(world.closed(never), Some(CloseReason::Timeout));
    assert!(world.actions.contains(&Action::ReleaseSocket(socket)));
    world.assert_empty();
}

#[test]
fn a_client_that_only_checks_stays() {
    let mut world = World::new();
    let (index, _) = world.join_connected(Via::TurnUdp, Offer::default());
    world.run(90 * SECOND);
    assert_eq!(world.closed(world.clients[index].transport), None);
    let count = world.stats_told();
    assert!((43..=46).contains(&count), "{count}");
}

#[test]
fn statistics_of_who_came_at_about_the_same_time_come_together() {
    let mut world = World::new();
    let began = world.now;
    world.join_connected(Via::Direct, Offer::default());
    world.join_connected(Via::TurnUdp, Offer::default());
    assert!(world.now - began > Duration::from_millis(50), "not at the same moment");
    for told in [2, 4] {
        let before = world.stats_told();
        assert!(world.run_until(3 * SECOND, |world| world.stats_told() > before));
        assert_eq!(world.stats_told(), told);
    }
    assert_eq!(world.now - began, 4 * SECOND);
}

#[test]
fn goodbyes_are_understood_both_ways() {
    let mut world = World::new();
    let (alice, _) = world.join_connected(Via::Direct, Offer::default());
    let (bob, _) = world.join_connected(Via::TurnTls, Offer::default());
    let now = world.now;
    world.clients[alice].rtc.close().unwrap();
    world.clients[alice].deadline = now;
    world.run(SECOND);
    let transport = world.clients[alice].transport;
    assert_eq!(world.closed(transport), Some(CloseReason::ClosedByPeer));

    let transport = world.clients[bob].transport;
    world.command(Command::CloseTransport { transport });
    world.run(SECOND);
    assert!(world.clients[bob].saw(|event| matches!(event, str0m::Event::Closed)));
    assert_eq!(world.closed(transport), None);
}

#[test]
fn the_end_of_a_shard_is_told_to_every_client() {
    let mut world = World::new();
    let vias = [Via::TurnTls, Via::TurnUdp, Via::Direct];
    let joined = vias.map(|via| world.join_connected(via, Offer::default()).0);
    world.run(SECOND);
    world.shard.close(world.now);
    world.run(SECOND);
    assert_eq!(world.shard.gauges().transports, 0);
    let saw = |index: usize| world.clients[index].saw(|e| matches!(e, str0m::Event::Closed));
    assert_eq!(joined.map(saw), [true; 3]);
}

#[test]
fn another_certificate_than_the_promised_one_is_refused() {
    let mut world = World::new();
    world.tamper = Some(|offer| {
        let at = offer.find("a=fingerprint:sha-256 ").unwrap() + 22;
        let digit = if &offer[at..=at] == "0" { "1" } else { "0" };
        offer.replace_range(at..=at, digit);
    });
    let (index, _) = world.join(Via::Direct, Offer::default());
    world.run(5 * SECOND);
    let transport = world.clients[index].transport;
    assert_eq!(world.closed(transport), Some(CloseReason::DtlsFailed));
    assert_eq!(world.connections(), 0);
    world.assert_empty();
}

#[test]
fn media_flows_on_from_another_address() {
    let mut world = World::new();
    let (alice, sends) = world.join_connected(Via::Direct, Offer::default());
    let (bob, slots) = world.join_connected(Via::Direct, Offer::default());
    let (audio, slot) = (sends.audio.unwrap(), slots.audio_slots[0]);
    let publication = world.publish(alice, audio);
    world.subscribe(bob, publication, slot);
    for number in 0..400 {
        if number == 100 {
            world.clients[alice].address = "203.0.113.99:7".parse().unwrap();
            world.clients[bob].address = "203.0.113.98:8".parse().unwrap();
        }
        let now = world.now;
        world.clients[alice].write(now, audio, Codec::Opus, number);
        world.run(Duration::from_millis(20));
    }
    let last = world.clients[bob].received(slot).last().map(|packet| packet.payload[20] & 0x7f);
    assert_eq!(last, Some((399 & 0x7f) as u8));
    for index in [alice, bob] {
        let client = &world.clients[index];
        assert!(world.events.iter().any(|event| matches!(event,
            Event::PathChanged { transport, path }
                if *transport == client.transport && path.client == client.address)));
    }
    assert_eq!(world.connections(), 2);
}

#[test]
fn an_ice_restart_moves_the_path_and_keeps_dtls() {
    let mut world = World::new();
    let (alice, sends) = world.join_connected(Via::Direct, Offer::default());
    let (bob, slots) = world.join_connected(Via::Direct, Offer::default());
    let (audio, slot) = (sends.audio.unwrap(), slots.audio_slots[0]);
    let publication = world.publish(alice, audio);
    world.subscribe(bob, publication, slot);
    for number in 0..300 {
        match number {
            100 => world.restart(bob, Via::TurnTls),
            200 => world.restart(bob, Via::Direct),
            _ => {}
        }
        let now = world.now;
        world.clients[alice].write(now, audio, Codec::Opus, number);
        world.run(Duration::from_millis(20));
    }
    let tiers = world.tiers(world.clients[bob].transport);
    assert_eq!(tiers, [Tier::Direct, Tier::TurnTls, Tier::Direct]);
    assert_eq!(world.connections(), 2);
    let last = world.clients[bob].received(slot).last().map(|packet| packet.payload[20] & 0x7f);
    assert_eq!(last, Some((299 & 0x7f) as u8));
}

/// What leaves from now on, instead of arriving.
fn watch(world: &mut World) -> Rc<RefCell<Vec<Vec<u8>>>> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let watched = Rc::clone(&seen);
    world.lose = Some(Box::new(move |_, data| {
        watched.borrow_mut().push(data.to_vec());
        true
    }));
    seen
}

#[test]
fn the_answer_that_ends_the_old_path_waits_until_that_has_emptied() {
    for (quiet, waits) in [(Duration::from_millis(300), true), (Duration::from_millis(500), false)]
    {
        let mut world = World::new();
        let (transport, socket) = (TransportId(1), media_socket(10_001));
        let old = Raw::open(&mut world, transport, ParticipantId(1), socket);
        let [here, there, other] =
            ["203.0.113.1:1", "203.0.113.1:2", "203.0.113.1:3"].map(|text| text.parse().unwrap());
        assert_eq!(old.check(&mut world, socket, here, true), Ok(here), "nothing to wait for");
        let request = RequestId(1000);
        let offer = raw::offer("again");
        world.command(Command::Renegotiate { request, transport, offer });
        let new = Raw::read(&world.answered(request).unwrap(), "again");
        world.run(quiet);

        let first = new.check(&mut world, socket, there, true);
        assert_eq!(first.is_err(), waits, "{quiet:?} of silence");
        if !waits {
            continue;
        }
        assert!(new.check(&mut world, socket, other, true).is_err(), "nor may another end it");
        let seen = watch(&mut world);
        world.run(Duration::from_millis(49));
        assert_eq!(seen.borrow().len(), 0);
        world.run(Duration::from_millis(2));
        assert_eq!(seen.borrow().len(), 2);
        assert_eq!(new.check(&mut world, socket, there, true), Ok(there));
    }
}

#[test]
fn old_and_new_credentials_count_until_the_new_pair_is_nominated() {
    let mut world = World::new();
    let (transport, socket) = (TransportId(1), media_socket(10_001));
    let old = Raw::open(&mut world, transport, ParticipantId(1), socket);
    let (here, there) = ("203.0.113.1:1".parse().unwrap(), "203.0.113.1:2".parse().unwrap());
    assert_eq!(old.check(&mut world, socket, here, true), Ok(here));
    let request = RequestId(1000);
    let offer = raw::offer("again");
    world.command(Command::Renegotiate { request, transport, offer });
    let new = Raw::read(&world.answered(request).unwrap(), "again");
    assert_ne!(old.username, new.username);
    // So that no change of path is held back.
    world.run(SECOND);

    assert_eq!(old.check(&mut world, socket, here, true), Ok(here));
    assert_eq!(new.check(&mut world, socket, there, false), Ok(there));
    assert_eq!(world.tiers(transport).len(), 1, "a working path is kept until the nomination");
    assert_eq!(old.check(&mut world, socket, here, true), Ok(here));
    assert_eq!(new.check(&mut world, socket, there, true), Err(0), "its answer waits");
    assert_eq!(world.tiers(transport).len(), 2);
    assert_eq!(old.check(&mut world, socket, here, true), Err(0));
    let unknown = world.shard.counters().discarded(Discard::UnknownTransport);
    assert_eq!(unknown, 1);
}

#[test]
fn other_fingerprints_in_a_later_offer_are_refused() {
    let mut world = World::new();
    let (transport, request) = (TransportId(1), RequestId(1000));
    Raw::open(&mut world, transport, ParticipantId(1), media_socket(10_001));
    let offer = raw::offer("peer").replace("AB:AB", "CD:AB");
    world.command(Command::Renegotiate { request, transport, offer });
    assert_eq!(world.answered(request), Err("bad-offer".into()));
}

#[test]
fn transports_share_one_media_port() {
    let mut world = World::new();
    let socket = MediaSocket { socket: SocketId(10_000), port: 10_000, shared: true };
    let mut joined = Vec::new();
    for (number, via) in [Via::Direct, Via::Direct, Via::TurnUdp].into_iter().enumerate() {
        let participant = ParticipantId(number as u64);
        joined.push(world.join_at(via, Offer::default(), socket, participant));
    }
    assert!(world.run_until(5 * SECOND, |world| world.connections() == 3));
    let (audio, slot) = (joined[0].1.audio.unwrap(), joined[2].1.audio_slots[0]);
    let publication = world.publish(0, audio);
    world.subscribe(2, publication, slot);
    for number in 0..10 {
        let now = world.now;
        world.clients[0].write(now, audio, Codec::Opus, number);
        world.run(Duration::from_millis(20));
    }
    assert_eq!(world.clients[2].received(slot).len(), 10);
    let transport = world.clients[0].transport;
    world.command(Command::CloseTransport { transport });
    assert_eq!(world.actions, []);
}

#[test]
fn a_relay_reaches_only_its_participants_own_transports() {
    let mut world = World::new();
    let (mine, theirs) = (media_socket(10_001), media_socket(10_002));
    let own = Raw::open(&mut world, TransportId(1), ParticipantId(1), mine);
    let other = Raw::open(&mut world, TransportId(2), ParticipantId(2), theirs);
    let client = "203.0.113.1:1".parse().unwrap();
    let turn = Turn::allocate(&mut world, Via::TurnUdp, client, ParticipantId(1), mine.port);
    let relayed = own.check_relayed(&mut world, &turn).unwrap();
    assert_eq!(relayed, turn.relayed, "XOR-MAPPED-ADDRESS is the relayed address");
    assert!(!(10_000..=60_000).contains(&relayed.port()));

    let foreign = format!("{SERVER}:{}", theirs.port).parse().unwrap();
    assert_eq!(turn.bind(&mut world, 0x4002, foreign), Some(403));
    let outside = "8.8.8.8:53".parse().unwrap();
    assert_eq!(turn.bind(&mut world, 0x4003, outside), Some(403));
    // Somebody else's ufrag through the own relay, on the own port.
    assert_eq!(other.check_relayed(&mut world, &turn), Err(0));
    assert_eq!(world.shard.counters().discarded(Discard::UnknownTransport), 1);
}

#[test]
fn a_path_ends_with_its_allocation() {
    let mut world = World::new();
    let socket = media_socket(10_001);
    let raw = Raw::open(&mut world, TransportId(1), ParticipantId(1), socket);
    let client = "203.0.113.1:1".parse().unwrap();
    let turn = Turn::allocate(&mut world, Via::TurnTls, client, ParticipantId(1), socket.port);
    raw.check_relayed(&mut world, &turn).unwrap();
    assert_eq!(world.shard.gauges().transports_by_tier, [0, 0, 0, 1]);
    turn.release(&mut world);
    let gauges = world.shard.gauges();
    assert_eq!((gauges.transports_by_tier, gauges.allocations), ([0; 4], 0));
    assert_eq!((gauges.routes, gauges.transports), (1, 1));
    let Way::Connection(connection) = turn.way else { panic!("not TLS") };
    assert_eq!(world.actions, []);
    world.run(40 * SECOND);
    assert!(world.actions.contains(&Action::CloseConnection(connection)));
    world.assert_empty();
}

#[test]
fn nothing_but_checks_is_taken_from_a_pair_that_was_not_checked() {
    let mut world = World::new();
    let socket = media_socket(10_001);
    Raw::open(&mut world, TransportId(1), ParticipantId(1), socket);
    let way = Way::Datagram { socket: socket.socket, client: "203.0.113.1:1".parse().unwrap() };
    for first in [20, 22, 63, 128, 191] {
        assert_eq!(world.exchange(way, &[first; 40]), Vec::<Vec<u8>>::new());
    }
    assert_eq!(world.shard.counters().discarded(Discard::UncheckedPair), 5);
}

#[test]
fn garbage_is_counted_and_harmless() {
    let mut world = World::new();
    let socket = media_socket(10_001);
    let raw = Raw::open(&mut world, TransportId(1), ParticipantId(1), socket);
    let client = "203.0.113.1:1".parse().unwrap();
    raw.check(&mut world, socket, client, true).unwrap();
    let turn = Turn::allocate(&mut world, Via::TurnTcp, client, ParticipantId(1), socket.port);
    raw.check_relayed(&mut world, &turn).unwrap();
    let ways = [
        Way::Datagram { socket: socket.socket, client },
        Way::Datagram { socket: TURN_SOCKET, client },
        turn.way,
    ];
    let check = raw.message(true);
    let mut state = 1u32;
    for round in 0..20_000usize {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let bytes = state.to_be_bytes();
        let mut data = match round % 3 {
            0 => check.clone(),
            1 => turn.wrap(&check),
            _ => vec![bytes[3]; usize::from(bytes[1])],
        };
        if let Some(byte) = data.get_mut(usize::from(bytes[0])) {
            *byte ^= bytes[2];
        }
        data.truncate(usize::from(bytes[1]) * 2);
        world.exchange(ways[round % 7 % 3], &data);
    }
    assert!(world.shard.counters().discarded(Discard::BadCheck) > 0);
    assert!(world.shard.counters().discarded(Discard::UnknownProtocol) > 0);
}

#[test]
fn connections_without_credentials_are_bounded_and_do_not_stay() {
    let mut world = World::new();
    let flooder = |port: u16| format!("203.0.113.66:{port}").parse().unwrap();
    for port in 1..=300 {
        world.connect(port % 2 == 0, flooder(port));
    }
    world.collect();
    assert_eq!(world.shard.gauges().connections, 128);
    assert_eq!(world.actions.len(), 300 - 128);
    assert_eq!(world.shard.counters().discarded(Discard::TooManyConnections), 300 - 128);
    // Somebody else is served, and whoever has an allocation does not count.
    let other = "203.0.113.67:9".parse().unwrap();
    Raw::open(&mut world, TransportId(1), ParticipantId(1), media_socket(10_000));
    let turn = Turn::allocate(&mut world, Via::TurnTls, other, ParticipantId(1), 10_000);
    world.run(36 * SECOND);
    assert_eq!(world.shard.gauges().connections, 1);
    // There is room again, and in IPv6 a whole /64 is one client.
    for host in 1..=300 {
        world.connect(true, format!("[2001:db8::{host:x}]:9").parse().unwrap());
    }
    world.connect(true, flooder(1));
    assert_eq!(world.shard.gauges().connections, 130);
    turn.leave(&mut world);
    world.run(36 * SECOND);
    world.assert_empty();
}

#[test]
fn a_client_that_changes_its_path_all_the_time_is_told_of_seldom() {
    let mut world = World::new();
    let (transport, socket) = (TransportId(1), media_socket(10_000));
    let raw = Raw::open(&mut world, transport, ParticipantId(1), socket);
    // Before a nomination every valid check moves the media.
    for step in 0..2000 {
        let client = format!("203.0.113.7:{}", 1000 + step % 2).parse().unwrap();
        raw.check(&mut world, socket, client, false).unwrap();
        world.run(Duration::from_millis(1));
    }
    let told = world.tiers(transport).len();
    assert!((4..=10).contains(&told), "{told} changes in two seconds");
    world.run(SECOND);
    let last = world.events.iter().rev().find_map(|event| match event {
        Event::PathChanged { path, .. } => Some(path.client.port()),
        _ => None,
    });
    assert_eq!(last, Some(1001), "the last change is told");
}

#[test]
fn on_a_shared_port_nobody_takes_the_address_of_somebody_else() {
    let mut world = World::new();
    let socket = MediaSocket { socket: SocketId(10_000), port: 10_000, shared: true };
    let victim = Raw::open(&mut world, TransportId(1), ParticipantId(1), socket);
    let forger = Raw::open(&mut world, TransportId(2), ParticipantId(2), socket);
    let moved = Raw::open(&mut world, TransportId(3), ParticipantId(1), socket);
    let client = "203.0.113.1:1".parse().unwrap();
    assert_eq!(victim.check(&mut world, socket, client, true), Ok(client));
    assert_eq!(forger.check(&mut world, socket, client, true), Err(0));
    assert!(world.tiers(TransportId(2)).is_empty());
    // A transport of the same participant may; anybody may once it is silent.
    assert_eq!(moved.check(&mut world, socket, client, true), Ok(client));
    world.run(5 * SECOND);
    assert_eq!(forger.check(&mut world, socket, client, true), Ok(client));
    assert_eq!(world.tiers(TransportId(2)), [Tier::Direct]);
}

#[test]
fn allocations_end_a_minute_after_their_participant_has_left() {
    let mut world = World::new();
    let socket = media_socket(10_000);
    let (transport, participant) = (TransportId(1), ParticipantId(1));
    Raw::open(&mut world, transport, participant, socket);
    let client = "203.0.113.7:1024".parse().unwrap();
    Turn::allocate(&mut world, Via::TurnUdp, client, participant, socket.port);
    world.command(Command::CloseTransport { transport });
    // It comes back in time: a new peer connection may use what it has allocated.
    world.run(40 * SECOND);
    Raw::open(&mut world, TransportId(2), participant, media_socket(10_001));
    world.run(21 * SECOND);
    assert_eq!(world.shard.gauges().allocations, 1);
    world.command(Command::CloseTransport { transport: TransportId(2) });
    world.run(59 * SECOND);
    assert_eq!(world.shard.gauges().allocations, 1);
    world.run(2 * SECOND);
    world.assert_empty();
}
