//! How clients reach the shard: direct and through TURN, DTLS 1.2 and 1.3.

use roomline_sfu::{Event, Path, Tier};
use str0m::config::DtlsVersion;

use crate::client::{Offer, Via};
use crate::world::World;

fn path(world: &World) -> Path {
    let paths = world.events.iter().rev();
    let mut paths = paths.filter_map(|event| match event {
        Event::PathChanged { path, .. } => Some(*path),
        _ => None,
    });
    paths.next().expect("no path")
}

#[test]
fn every_tier_connects_with_both_dtls_versions_and_gcm() {
    for via in [Via::Direct, Via::TurnUdp, Via::TurnTcp, Via::TurnTls] {
        for dtls in [DtlsVersion::Dtls12, DtlsVersion::Dtls13, DtlsVersion::Auto] {
            let mut world = World::new();
            let (index, _) = world.join_connected(via, Offer { dtls, ..Offer::default() });
            let client = &world.clients[index];
            let wanted = if dtls == DtlsVersion::Dtls12 { "DTLS 1.2" } else { "DTLS 1.3" };
            assert!(world.events.contains(&Event::TransportConnected {
                transport: client.transport,
                dtls_version: wanted,
                srtp_profile: "AEAD_AES_128_GCM",
            }));
            let (tier, server_port) = match via {
                Via::Direct => (Tier::Direct, client.socket.port),
                Via::TurnUdp => (Tier::TurnUdp, 3478),
                Via::TurnTcp => (Tier::TurnTcp, 3478),
                Via::TurnTls => (Tier::TurnTls, 443),
            };
            let relayed = client.turn.as_ref().map(|turn| turn.relayed);
            let expected = Path { tier, server_port, client: client.address, relayed };
            assert_eq!(path(&world), expected);
        }
    }
}
