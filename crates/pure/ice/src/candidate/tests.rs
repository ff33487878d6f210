use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

#[test]
fn host_candidates() {
    let address = "192.0.2.1:40000".parse().unwrap();
    let candidate = Candidate::host(address, 65_535);
    assert_eq!(candidate.priority, 2_130_706_431);
    let text = candidate.to_string();
    let foundation = &candidate.foundation;
    assert_eq!(text, format!("candidate:{foundation} 1 udp 2130706431 192.0.2.1 40000 typ host"));
    assert_eq!(text.parse(), Ok(candidate.clone()));
    assert_eq!(format!("a={text}\r\n").parse(), Ok(candidate.clone()));

    let v6 = Candidate::host("[2001:db8::1]:40000".parse().unwrap(), 65_534);
    assert_eq!(v6.to_string().parse(), Ok(v6.clone()));
    assert!(v6.priority < candidate.priority);
    assert_ne!(v6.foundation, candidate.foundation);
    let other_port = Candidate::host("192.0.2.1:9".parse().unwrap(), 1);
    assert_eq!(other_port.foundation, candidate.foundation);
}

#[test]
fn what_browsers_write() {
    let relay: Candidate = "candidate:3098175849 1 udp 41885439 203.0.113.9 54321 typ relay \
        raddr 198.51.100.7 rport 61000 generation 0 ufrag abcd network-id 1 network-cost 10"
        .parse()
        .unwrap();
    assert_eq!(relay.kind, CandidateKind::Relayed);
    assert_eq!(relay.related, Some("198.51.100.7:61000".parse().unwrap()));
    assert_eq!(relay.priority, 41_885_439);

    let tcp: Candidate =
        "candidate:1 1 TCP 1518280447 192.0.2.9 9 typ host tcptype active".parse().unwrap();
    assert_eq!(tcp.transport, Transport::Tcp(TcpType::Active));
    assert_eq!(tcp.to_string().parse(), Ok(tcp));

    let firefox: Candidate =
        "candidate:0 1 UDP 2122252543 2001:db8::5 50123 typ srflx raddr host.local rport 0"
            .parse()
            .unwrap();
    assert_eq!((firefox.kind, firefox.related), (CandidateKind::ServerReflexive, None));
}

#[test]
fn what_is_no_candidate() {
    use CandidateError::{Name, Syntax, Unknown};
    let cases = [
        ("", Syntax),
        ("candidate:", Syntax),
        ("candidate:1 1 udp 1 192.0.2.1 9", Syntax),
        ("candidate:1 1 udp 1 192.0.2.1 9 type host", Syntax),
        ("candidate:1 0 udp 1 192.0.2.1 9 typ host", Syntax),
        ("candidate:1 257 udp 1 192.0.2.1 9 typ host", Syntax),
        ("candidate:1 1 udp -1 192.0.2.1 9 typ host", Syntax),
        ("candidate:1 1 udp 4294967296 192.0.2.1 9 typ host", Syntax),
        ("candidate:1 1 udp 1 192.0.2.1 65536 typ host", Syntax),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ host generation", Syntax),
        ("candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 9 typ host", Syntax),
        ("candidate:1 1 tcp 1 192.0.2.1 9 typ host", Syntax),
        ("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype odd", Unknown),
        ("candidate:1 1 sctp 1 192.0.2.1 9 typ host", Unknown),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ magic", Unknown),
        ("candidate:1 1 udp 1 2f3a.local 9 typ host", Name),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Candidate>(), Err(error), "{text}");
    }
}

#[test]
fn priorities_follow_the_formula() {
    assert_eq!(priority(CandidateKind::Host, 65_535, 1), (126 << 24) | (65_535 << 8) | 255);
    assert_eq!(priority(CandidateKind::Relayed, 0, 256), 0);
    let kinds = [
        CandidateKind::Host,
        CandidateKind::PeerReflexive,
        CandidateKind::ServerReflexive,
        CandidateKind::Relayed,
    ];
    let order = kinds.map(|kind| priority(kind, 7, 1));
    assert!(order.is_sorted_by(|a, b| a > b));
}

#[test]
fn mutated_text_never_panics() {
    let mut rng = StdRng::seed_from_u64(7);
    let text = "a=candidate:1 1 tcp 1 ::1 9 typ relay raddr 192.0.2.1 rport 9 tcptype so";
    for _ in 0..20_000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..rng.random_range(1..5) {
            let index = rng.random_range(0..bytes.len());
            bytes[index] = rng.random_range(0..128);
        }
        bytes.truncate(rng.random_range(0..120));
        if let Ok(candidate) = String::from_utf8_lossy(&bytes).parse::<Candidate>() {
            assert_eq!(candidate.to_string().parse(), Ok(candidate));
        }
    }
}
