use rand::SeedableRng;

use super::*;

const A: &str = "192.0.2.1:1000";
const B: &str = "192.0.2.2:2000";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn agent(controlling: bool, seed: u64) -> Agent {
    Agent::new(controlling, at(A).ip(), StdRng::seed_from_u64(seed))
}

/// Two agents that hear each other, or not.
struct World {
    agents: [Agent; 2],
    events: [Vec<Event>; 2],
    now: Nanos,
    deaf: bool,
}

impl World {
    fn new(controlling: [bool; 2]) -> World {
        let agents = [1, 2].map(|seed| agent(controlling[seed as usize - 1], seed));
        World { agents, events: [vec![], vec![]], now: SECOND, deaf: false }
    }

    fn introduce(&mut self, to: usize) {
        let from = self.agents[1 - to].credentials().clone();
        self.agents[to].set_remote(from, false);
        self.agents[to].add_candidate(at([A, B][1 - to]), 1_000);
    }

    fn deliver(&mut self, from: usize, out: Vec<Outgoing>) {
        for (to, bytes) in out {
            if self.deaf || to != at([A, B][1 - from]) {
                continue;
            }
            let message = Message::parse(&bytes).unwrap();
            let mut replies = Vec::new();
            let source = at([A, B][from]);
            let event = self.agents[1 - from].handle(source, &message, self.now, &mut replies);
            self.events[1 - from].extend(event);
            self.deliver(1 - from, replies);
        }
    }

    fn run(&mut self, until: Nanos) {
        while self.now < until {
            for side in [0, 1] {
                let mut out = Vec::new();
                let event = self.agents[side].poll(self.now, &mut out);
                self.events[side].extend(event);
                self.deliver(side, out);
            }
            let next = self.agents.iter().map(Agent::next_timeout).min().unwrap();
            self.now = next.clamp(self.now + 1, until);
        }
    }

    fn agreed(&self) -> bool {
        [B, A].map(at).map(Some) == [0, 1].map(|side| self.agents[side].selected())
    }
}

#[test]
fn the_controlling_side_nominates_and_both_select() {
    for controlling in [[true, false], [false, true]] {
        let mut world = World::new(controlling);
        world.introduce(0);
        world.introduce(1);
        world.run(SECOND * 2);
        assert!(world.agreed());
        assert_eq!(world.events[0], [Event::Selected(at(B))]);
        assert_eq!(world.events[1], [Event::Selected(at(A))]);
    }
}

#[test]
fn a_role_conflict_is_settled() {
    for controlling in [[true, true], [false, false]] {
        let mut world = World::new(controlling);
        world.introduce(0);
        world.introduce(1);
        world.run(SECOND * 3);
        assert!(world.agreed(), "{controlling:?}");
        assert_ne!(world.agents[0].controlling, world.agents[1].controlling);
    }
}

#[test]
fn checks_that_come_before_the_description_count() {
    let mut world = World::new([false, true]);
    world.introduce(1);
    world.run(SECOND * 2);
    assert_eq!(world.agents[0].selected(), None);
    let credentials = world.agents[1].credentials().clone();
    world.agents[0].set_remote(credentials, false);
    world.run(SECOND * 4);
    assert!(world.agreed());
}

#[test]
fn a_deaf_peer_is_given_up_and_a_lost_one_is_told() {
    let mut world = World::new([true, false]);
    world.deaf = true;
    world.introduce(0);
    world.run(SECOND * 60);
    assert_eq!(world.agents[0].next_timeout(), Nanos::MAX);
    assert!(world.events[0].is_empty());

    let mut world = World::new([true, false]);
    world.introduce(0);
    world.introduce(1);
    world.run(SECOND * 20);
    assert!(world.agreed());
    world.deaf = true;
    world.run(SECOND * 70);
    assert_eq!(world.events[0].last(), Some(&Event::Lost));
}

#[test]
fn what_is_not_authentic_is_not_answered() {
    let mut agent = agent(false, 1);
    let ufrag = agent.credentials().ufrag.clone();
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, TransactionId([7; 12]))
        .push(&Username(&format!("{ufrag}:else")))
        .integrity(&Key::short_term("wrong"))
        .fingerprint();
    let mut out = Vec::new();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(agent.handle(at(A), &message, SECOND, &mut out), None);
    assert!(out.is_empty());
}

#[test]
fn a_lite_peer_makes_us_control() {
    let credentials = agent(true, 2).credentials().clone();
    let mut agent = agent(false, 1);
    agent.set_remote(credentials, true);
    assert!(agent.controlling);
}

#[test]
fn nothing_is_sent_to_addresses_of_the_other_family() {
    let mut agent = agent(true, 1);
    agent.set_remote(Credentials::generate(&mut StdRng::seed_from_u64(2)), true);
    agent.add_candidate(at("[2001:db8::1]:1000"), 2_000);
    agent.add_candidate(at(B), 1_000);
    let remotes: Vec<SocketAddr> = agent.pairs.iter().map(|pair| pair.remote).collect();
    assert_eq!(remotes, [at(B)]);
}
