//! A thousand moves: people fall from tier to tier by a bridge and an ICE restart, climb back,
//! change their address, while they talk. Nobody who listens misses a packet, and nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomline_sfu::{
    Action, Command, Event, ParticipantId, PublicationId, RequestId, Tier, TransportId,
};
use str0m::format::Codec;
use str0m::media::Mid;

use crate::client::{Offer, Sections, Via, address};
use crate::media::KEYFRAME;
use crate::world::{Way, World, media_socket};

const MOVES: usize = 1000;
const PEOPLE: usize = 4;
const FRAME: Duration = Duration::from_millis(40);

/// A transport of somebody, and what the offer of it was.
struct Leg {
    transport: TransportId,
    sections: Sections,
}

struct Person {
    participant: ParticipantId,
    main: Leg,
    bridge: Option<Leg>,
    audio: PublicationId,
    video: PublicationId,
    via: Via,
    /// Where nothing passes until it climbs again.
    blocked: Vec<Way>,
}

/// What somebody does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Fall(Via),
    Climb,
    NewAddress,
}

/// What the observer has seen of a stream.
#[derive(Default)]
struct Seen {
    newest: Option<u64>,
    packets: u64,
    origin: Option<TransportId>,
}

struct Street {
    world: World,
    rng: StdRng,
    people: Vec<Person>,
    observer: Leg,
    seen: BTreeMap<Mid, Seen>,
    /// Packets written on each transport, and who is asked for a keyframe.
    written: BTreeMap<TransportId, u64>,
    keyframes: BTreeSet<TransportId>,
    connected: BTreeSet<TransportId>,
    silent: BTreeSet<TransportId>,
    tiers: BTreeMap<TransportId, Tier>,
    bridges: usize,
    released: usize,
}

impl Street {
    fn new() -> Self {
        let mut world = World::new();
        let watcher = Offer { sends: false, slots: PEOPLE, ..Offer::default() };
        let (index, sections) = world.join_connected(Via::Direct, watcher);
        let observer = Leg { transport: world.clients[index].transport, sections };
        let mut street = Street {
            world,
            rng: StdRng::seed_from_u64(11),
            people: Vec::new(),
            observer,
            seen: BTreeMap::new(),
            written: BTreeMap::new(),
            keyframes: BTreeSet::new(),
            connected: BTreeSet::new(),
            silent: BTreeSet::new(),
            tiers: BTreeMap::new(),
            bridges: 0,
            released: 0,
        };
        (0..PEOPLE).for_each(|_| street.join());
        for who in 0..PEOPLE {
            let Sections { audio_slots, video_slots, .. } = &street.observer.sections;
            let slots = (audio_slots[who], video_slots[who]);
            street.subscribe(street.observer.transport, who, slots);
            street.listen(who, street.people[who].main.transport);
        }
        street
    }

    fn join(&mut self) {
        let (index, sections) = self.world.join_connected(Via::Direct, Offer::default());
        self.world.beat(index);
        let (audio, video) = (sections.audio.unwrap(), sections.video.unwrap());
        let (audio, video) = (self.world.publish(index, audio), self.world.publish(index, video));
        let client = &self.world.clients[index];
        self.people.push(Person {
            participant: client.participant,
            main: Leg { transport: client.transport, sections },
            bridge: None,
            audio,
            video,
            via: Via::Direct,
            blocked: Vec::new(),
        });
    }

    fn index(&self, transport: TransportId) -> usize {
        let position = |client: &crate::client::Client| client.transport == transport;
        self.world.clients.iter().position(position).expect("a client")
    }

    fn subscribe(&mut self, transport: TransportId, who: usize, (audio, video): (Mid, Mid)) {
        let index = self.index(transport);
        self.world.subscribe(index, self.people[who].audio, audio);
        self.world.subscribe(index, self.people[who].video, video);
    }

    /// Somebody listens to the next one, on one of their transports.
    fn listen(&mut self, who: usize, transport: TransportId) {
        let person = &self.people[who];
        let legs = std::iter::once(&person.main).chain(&person.bridge);
        let leg = legs.into_iter().find(|leg| leg.transport == transport).expect("a leg");
        let slots = (leg.sections.audio_slots[0], leg.sections.video_slots[0]);
        self.subscribe(transport, (who + 1) % PEOPLE, slots);
    }

    /// Everybody says something, on each of their transports that is connected.
    fn talk(&mut self) {
        for person in &self.people {
            for leg in std::iter::once(&person.main).chain(&person.bridge) {
                let transport = leg.transport;
                if leg.transport != person.main.transport && !self.connected.contains(&transport) {
                    continue;
                }
                let number = self.written.entry(transport).or_default();
                *number += 1;
                let index = self.world.clients.iter().position(|c| c.transport == transport);
                let client = &mut self.world.clients[index.expect("a client")];
                let mut payload = [&[0; 30][..], &transport.0.to_be_bytes()].concat();
                let (audio, video) = (leg.sections.audio, leg.sections.video);
                let now = self.world.now;
                client.write_payload(now, audio.unwrap(), Codec::Opus, *number, payload.clone());
                payload[..2].copy_from_slice(&[0x10, 0x01]);
                if self.keyframes.remove(&transport) || *number == 1 {
                    payload[..KEYFRAME.len()].copy_from_slice(&KEYFRAME);
                }
                client.write_payload(now, video.unwrap(), Codec::Vp8, *number, payload);
            }
        }
    }

    /// Time passes; everything that happened is taken note of.
    fn frame(&mut self) {
        self.talk();
        self.world.run(FRAME);
        for event in std::mem::take(&mut self.world.events) {
            match event {
                Event::TransportConnected { transport, .. } => {
                    self.connected.insert(transport);
                }
                Event::TransportSilent { transport, silent: true, .. } => {
                    self.silent.insert(transport);
                }
                Event::TransportSilent { transport, .. } => {
                    self.silent.remove(&transport);
                }
                Event::PathChanged { transport, path } => {
                    self.tiers.insert(transport, path.tier);
                }
                Event::TransportClosed { transport, reason } => {
                    panic!("{transport:?} closed: {reason:?}")
                }
                _ => {}
            }
        }
        for action in std::mem::take(&mut self.world.actions) {
            self.released += usize::from(matches!(action, Action::ReleaseSocket(_)));
        }
        let mut clients = std::mem::take(&mut self.world.clients);
        for client in &mut clients {
            for event in client.events.drain(..) {
                match event {
                    str0m::Event::KeyframeRequest(_) => {
                        self.keyframes.insert(client.transport);
                    }
                    str0m::Event::RtpPacket(packet)
                        if client.transport == self.observer.transport =>
                    {
                        self.observe(&packet);
                    }
                    _ => {}
                }
            }
        }
        self.world.clients = clients;
    }

    /// What the observer gets of a stream goes on, whoever sends it from wherever.
    fn observe(&mut self, packet: &str0m::rtp::RtpPacket) {
        let mid = packet.header.ext_vals.mid.expect("a MID");
        let seen = self.seen.entry(mid).or_default();
        if let Some(newest) = seen.newest {
            assert_eq!(*packet.seq_no, newest + 1, "a gap or a repetition in {mid}");
        }
        (seen.newest, seen.packets) = (Some(*packet.seq_no), seen.packets + 1);
        let origin = packet.payload[30..38].try_into().expect("eight bytes");
        seen.origin = Some(TransportId(u64::from_be_bytes(origin)));
    }

    fn until(&mut self, what: &str, limit: Duration, done: impl Fn(&Street) -> bool) {
        let end = self.world.now + limit;
        while !done(self) {
            assert!(self.world.now < end, "{what} took too long");
            self.frame();
        }
    }

    /// Where the observer gets somebody from, audio and video.
    fn origins(&self, who: usize) -> [Option<TransportId>; 2] {
        let Sections { audio_slots, video_slots, .. } = &self.observer.sections;
        [audio_slots[who], video_slots[who]]
            .map(|mid| self.seen.get(&mid).and_then(|seen| seen.origin))
    }

    fn move_to(&mut self, who: usize, transport: TransportId, sections: &Sections) {
        let (audio, video) = (self.people[who].audio, self.people[who].video);
        for (publication, mid) in [(audio, sections.audio), (video, sections.video)] {
            let request = RequestId(self.world.number());
            let mid = mid.unwrap().to_string();
            self.world.command(Command::MovePublication { request, publication, transport, mid });
            self.world.answered(request).unwrap();
        }
    }

    /// What somebody can do from where they are.
    fn choose(&mut self, who: usize) -> Step {
        let dice = self.rng.random_range(0..10);
        match (self.people[who].via, dice) {
            (_, 0) => Step::NewAddress,
            (Via::Direct, _) => Step::Fall(Via::TurnUdp),
            (Via::TurnUdp, 1..=6) => Step::Fall(Via::TurnTls),
            _ => Step::Climb,
        }
    }

    /// Some people move at the same time. Returns how many.
    fn round(&mut self) -> usize {
        let count = self.rng.random_range(1..=PEOPLE);
        let first = self.rng.random_range(0..PEOPLE);
        let movers: Vec<_> = (first..first + count).map(|who| who % PEOPLE).collect();
        let steps: Vec<_> = movers.into_iter().map(|who| (who, self.choose(who))).collect();
        let mut falling = Vec::new();
        for (who, step) in steps {
            match step {
                Step::Fall(via) => falling.push((who, via)),
                Step::Climb => self.restart(who, Via::Direct),
                Step::NewAddress => self.restart(who, self.people[who].via),
            }
        }
        self.fall(&falling);
        let settled = |street: &Street, who: usize| {
            let person = &street.people[who];
            let tier = Some(&tier(person.via));
            street.tiers.get(&person.main.transport) == tier
                && street.origins(who) == [Some(person.main.transport); 2]
        };
        let all = |street: &Street| (0..PEOPLE).all(|who| settled(street, who));
        self.until("a path", Duration::from_secs(5), all);
        count
    }

    /// An ICE restart of somebody's main transport, from new sockets as browsers do it. What was
    /// allocated before is given back, unless nothing passes there.
    fn restart(&mut self, who: usize, via: Via) {
        let index = self.index(self.people[who].main.transport);
        let new = address(100_000 + self.world.number());
        let client = &mut self.world.clients[index];
        (client.address, client.candidate) = (new, new);
        let before = client.turn.take();
        self.world.restart(index, via);
        if let Some(turn) = before.filter(|turn| !self.world.blocked.contains(&turn.way)) {
            turn.leave(&mut self.world);
        }
        if via == Via::Direct {
            let open = std::mem::take(&mut self.people[who].blocked);
            self.world.blocked.retain(|way| !open.contains(way));
        }
        self.people[who].via = via;
    }

    /// Paths die; bridges carry the media until main is back.
    fn fall(&mut self, falling: &[(usize, Via)]) {
        for (who, _) in falling {
            self.block(*who);
        }
        let mains: Vec<_> = falling.iter().map(|f| self.people[f.0].main.transport).collect();
        self.until("silence", Duration::from_secs(1), |street| {
            mains.iter().all(|main| street.silent.contains(main))
        });
        let bridges: Vec<_> = falling.iter().map(|(who, via)| self.bridge(*who, *via)).collect();
        let wait = self.rng.random_range(0..1000);
        self.until("bridges", Duration::from_secs(3), |street| {
            let carries = |(n, (who, _)): (usize, &(usize, Via))| {
                street.origins(*who) == [Some(bridges[n]); 2]
            };
            falling.iter().enumerate().all(carries)
        });
        let ready = self.world.now + Duration::from_millis(wait);
        self.until("waiting", Duration::from_secs(2), |street| street.world.now >= ready);
        for (who, via) in falling {
            self.restart(*who, *via);
        }
        self.until("main", Duration::from_secs(3), |street| {
            mains.iter().all(|main| !street.silent.contains(main))
        });
        for (who, _) in falling {
            let main = &self.people[*who].main;
            let (transport, sections) = (main.transport, main.sections.clone());
            self.move_to(*who, transport, &sections);
        }
        self.until("the way back", Duration::from_secs(3), |street| {
            falling
                .iter()
                .zip(&mains)
                .all(|((who, _), main)| street.origins(*who) == [Some(*main); 2])
        });
        for (who, _) in falling {
            self.close_bridge(*who);
        }
    }

    fn block(&mut self, who: usize) {
        let client = &self.world.clients[self.index(self.people[who].main.transport)];
        let way = match &client.turn {
            Some(turn) => turn.way,
            None => Way::Datagram { socket: client.socket.socket, client: client.address },
        };
        self.world.blocked.push(way);
        self.people[who].blocked.push(way);
    }

    fn bridge(&mut self, who: usize, via: Via) -> TransportId {
        let socket = media_socket(11_000 + (self.bridges % 40_000) as u16);
        self.bridges += 1;
        let participant = self.people[who].participant;
        let (index, sections) = self.world.join_at(via, Offer::default(), socket, participant);
        let transport = self.world.clients[index].transport;
        self.world.beat(index);
        self.move_to(who, transport, &sections);
        self.people[who].bridge = Some(Leg { transport, sections });
        self.listen(who, transport);
        transport
    }

    fn close_bridge(&mut self, who: usize) {
        let Some(bridge) = self.people[who].bridge.take() else { return };
        self.world.command(Command::CloseTransport { transport: bridge.transport });
        let index = self.index(bridge.transport);
        let client = self.world.clients.remove(index);
        if let Some(turn) = client.turn {
            turn.leave(&mut self.world);
        }
        self.connected.remove(&bridge.transport);
        self.written.remove(&bridge.transport);
    }

    /// Everybody is direct and quiet for so long; how full every table is.
    fn tables(&mut self, quiet: Duration) -> BTreeMap<&'static str, usize> {
        for who in 0..PEOPLE {
            if self.people[who].via != Via::Direct {
                self.restart(who, Via::Direct);
            }
        }
        self.world.run(quiet);
        let mut tables = BTreeMap::new();
        self.world.shard.visit_tables(&mut |name, entries| {
            tables.insert(name, entries);
        });
        tables
    }
}

fn tier(via: Via) -> Tier {
    match via {
        Via::Direct => Tier::Direct,
        Via::TurnUdp => Tier::TurnUdp,
        Via::TurnTcp => Tier::TurnTcp,
        Via::TurnTls => Tier::TurnTls,
    }
}

#[test]
fn a_thousand_moves_lose_nothing_for_those_who_listen_and_leave_nothing_behind() {
    let mut street = Street::new();
    street.until("the beginning", Duration::from_secs(2), |street| street.seen.len() == 2 * PEOPLE);
    let before = street.tables(Duration::from_secs(45));
    let mut moves = 0;
    while moves < MOVES {
        moves += street.round();
    }
    street.frame();
    assert_eq!(street.released, street.bridges, "ports");
    assert!(street.world.shard.gauges().allocations > PEOPLE, "what was lost on dead paths");
    // As long as an allocation lives that nobody gives back.
    let after = street.tables(Duration::from_secs(660));
    assert_eq!(after, before);
    assert!(street.bridges > MOVES / 3, "{} bridges in {moves} moves", street.bridges);
    assert!(street.seen.values().all(|seen| seen.packets > 5000));
}
