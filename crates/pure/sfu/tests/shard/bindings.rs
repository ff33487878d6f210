//! Plain Binding requests to media ports: how clients find out whether a direct path is open.

use std::net::SocketAddr;
use std::time::Duration;

use roomline_sfu::{Discard, ParticipantId, TransportId};
use roomline_stun::attribute::{Username, XorMappedAddress};
use roomline_stun::{Builder, Class, Key, Message, Method, TransactionId};

use crate::client::Via;
use crate::raw::Raw;
use crate::turn::Turn;
use crate::world::{Way, World, media_socket};

fn request(fill: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    let mut message = Vec::new();
    fill(&mut Builder::new(&mut message, Class::Request, Method::BINDING, TransactionId([3; 12])));
    message
}

#[test]
fn anybody_learns_their_address_and_nothing_is_kept() {
    let mut world = World::new();
    let socket = media_socket(10_001);
    Raw::open(&mut world, TransportId(1), ParticipantId(1), socket);
    for client in ["203.0.113.1:7", "[2001:db8::7]:9"] {
        let client: SocketAddr = client.parse().unwrap();
        let way = Way::Datagram { socket: socket.socket, client };
        for fingerprint in [false, true] {
            let asked = request(|message| {
                if fingerprint {
                    message.fingerprint();
                }
            });
            let answers = world.exchange(way, &asked);
            let answer = Message::parse(&answers[0]).unwrap();
            assert_eq!(answer.find(), Some(XorMappedAddress(client)));
            assert_eq!(answer.has_fingerprint(), fingerprint);
            let added = if client.is_ipv4() { 12 } else { 24 };
            assert_eq!(answers[0].len(), asked.len() + added, "no more than the address");
        }
    }
    assert_eq!(world.shard.counters().bindings_answered, 4);
    assert_eq!((world.shard.gauges().routes, world.events.len()), (1, 1));
}

#[test]
fn what_is_a_check_is_no_question() {
    let mut world = World::new();
    let socket = media_socket(10_001);
    let raw = Raw::open(&mut world, TransportId(1), ParticipantId(1), socket);
    let client = "203.0.113.1:7".parse().unwrap();
    let way = Way::Datagram { socket: socket.socket, client };
    let key = Key::short_term("whatever");
    let mut broken = request(|message| {
        message.fingerprint();
    });
    broken[27] ^= 1;
    let refused = [
        request(|message| {
            message.integrity(&key);
        }),
        request(|message| {
            message.push(&Username("nobody"));
        }),
        broken,
    ];
    for message in &refused {
        assert_eq!(world.exchange(way, message), Vec::<Vec<u8>>::new());
    }
    // Through an allocation there is nothing to find out.
    let turn = Turn::allocate(&mut world, Via::TurnUdp, client, ParticipantId(1), socket.port);
    let answers = world.exchange(turn.way, &turn.wrap(&request(|_| {})));
    assert_eq!(answers, Vec::<Vec<u8>>::new());
    assert_eq!(world.shard.counters().discarded(Discard::BadCheck), 4);
    assert_eq!(world.shard.counters().bindings_answered, 0);
    assert_eq!(raw.check(&mut world, socket, client, true), Ok(client));
}

#[test]
fn answers_to_one_network_are_bounded() {
    let mut world = World::new();
    let socket = media_socket(10_001);
    Raw::open(&mut world, TransportId(1), ParticipantId(1), socket);
    let ask = |world: &mut World, client: &str| {
        let way = Way::Datagram { socket: socket.socket, client: client.parse().unwrap() };
        world.exchange(way, &request(|_| {})).len()
    };
    let answered: usize =
        (0..5000).map(|port| ask(&mut world, &format!("203.0.113.1:{}", port + 1))).sum();
    assert_eq!(answered, 1000);
    assert_eq!(world.shard.counters().discarded(Discard::TooManyBindings), 4000);
    assert_eq!(ask(&mut world, "203.0.113.2:1"), 1, "somebody else");
    world.run(Duration::from_secs(1));
    assert_eq!(ask(&mut world, "203.0.113.1:1"), 1, "later");
}
