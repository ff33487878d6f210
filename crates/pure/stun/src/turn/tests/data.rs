use super::*;
use crate::channel_header;

#[test]
fn channel_data_goes_both_ways() {
    for transport in [ClientTransport::Udp, ClientTransport::Tcp, ClientTransport::Tls] {
        let mut bench = bench();
        let (phone, id) = bench.allocated(1, transport);
        assert_eq!(bench.bind(&phone, 0x4002, PEER), 0);
        let relayed = bench.server.allocation(id).unwrap().relayed().unwrap();
        let data = |payload| Received::Data { allocation: id, relayed, peer: addr(PEER), payload };
        assert_eq!(bench.send(&phone, &channel_data(0x4002, b"hello")), data(4..9));
        assert_eq!(bench.send(&phone, &channel_data(0x4002, b"")), data(4..4));
        let mut padded = channel_data(0x4002, b"hello");
        padded.extend_from_slice(&[1, 2, 3]);
        assert_eq!(bench.send(&phone, &padded), data(4..9));
        assert_eq!(bench.server.handle_channel_data(bench.now, id, &padded), data(4..9));

        assert_eq!(bench.server.channel_of(id, addr(PEER)), Some(0x4002));
        let mut out = b"before".to_vec();
        let written = bench.server.encapsulate(id, addr(PEER), b"hello", &mut out).unwrap();
        let mut expected = channel_data(0x4002, b"hello");
        expected.resize(if transport.is_stream() { 12 } else { 9 }, 0);
        assert_eq!(out, [b"before", &expected[..]].concat());
        assert_eq!(written, expected.len());
    }
}

#[test]
fn send_and_data_indications() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Tcp);
    assert_eq!(bench.permit(&phone, PEER), 0);
    for payload in [&b"abcde"[..], b""] {
        let bytes = send_indication(PEER, payload);
        match bench.send(&phone, &bytes) {
            Received::Data { peer, payload: range, .. } => {
                assert_eq!((peer, &bytes[range]), (addr(PEER), payload));
            }
            other => panic!("{other:?}"),
        }
        let mut out = Vec::new();
        let written = bench.server.encapsulate(id, addr(PEER), payload, &mut out).unwrap();
        assert_eq!(written, out.len());
        let indication = Message::parse(&out).unwrap();
        assert_eq!((indication.class(), indication.method()), (Class::Indication, Method::DATA));
        assert_eq!(indication.find(), Some(peer(PEER)));
        assert_eq!(indication.find(), Some(Data(payload)));
    }
    assert_eq!(bench.server.channel_of(id, addr(PEER)), None);
}

#[test]
fn data_indications_differ_in_their_transaction() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.permit(&phone, PEER), 0);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut out = Vec::new();
        bench.server.encapsulate(id, addr(PEER), b"x", &mut out).unwrap();
        ids.push(Message::parse(&out).unwrap().transaction_id());
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[test]
fn a_channel_takes_over_from_indications() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.permit(&phone, PEER), 0);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    let mut out = Vec::new();
    bench.server.encapsulate(id, addr(PEER), b"x", &mut out).unwrap();
    assert_eq!(out, [&channel_header(0x4000, 1)[..], b"x"].concat());
    // Another port of the same address has no channel.
    out.clear();
    bench.server.encapsulate(id, addr("192.0.2.1:40001"), b"x", &mut out).unwrap();
    assert!(crate::is_stun(&out));
}

#[test]
fn what_a_client_may_not_send_is_dropped() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let stranger = bench.phone(2);
    let mut without_data = Vec::new();
    Builder::new(&mut without_data, Class::Indication, Method::SEND, phone.id()).push(&peer(PEER));
    let mut without_peer = Vec::new();
    Builder::new(&mut without_peer, Class::Indication, Method::SEND, phone.id()).push(&Data(b""));
    let mut unknown = Vec::new();
    Builder::new(&mut unknown, Class::Indication, Method::SEND, phone.id())
        .push(&peer(PEER))
        .push(&Data(b"x"))
        .push_raw(0x7000, &[]);
    let sent = send_indication(PEER, b"x");
    let channel = channel_data(0x4000, b"x");

    let dropped = |bench: &mut Bench, from: &Phone, bytes: &[u8]| match bench.send(from, bytes) {
        Received::Dropped(reason) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(dropped(&mut bench, &stranger, &sent), DropReason::NoAllocation);
    assert_eq!(dropped(&mut bench, &stranger, &channel), DropReason::NoAllocation);
    assert_eq!(dropped(&mut bench, &phone, &sent), DropReason::NoPermission);
    assert_eq!(dropped(&mut bench, &phone, &channel), DropReason::NoChannel);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    for bytes in [&without_data, &without_peer, &unknown] {
        assert_eq!(dropped(&mut bench, &phone, bytes), DropReason::Attribute);
    }
    assert_eq!(dropped(&mut bench, &phone, &[0x40, 0, 0, 9, 1]), DropReason::Malformed);
    assert_eq!(dropped(&mut bench, &phone, &[0x40]), DropReason::Malformed);
    let forbidden = send_indication("192.0.2.1:22", b"x");
    assert_eq!(dropped(&mut bench, &phone, &forbidden), DropReason::PeerRefused);
}

#[test]
fn dont_fragment_in_send_is_no_reason_to_drop() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.permit(&phone, PEER), 0);
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Indication, Method::SEND, phone.id())
        .push(&peer(PEER))
        .push(&DontFragment)
        .push(&Data(b"x"));
    assert!(matches!(bench.send(&phone, &bytes), Received::Data { .. }));
}

#[test]
fn too_long_for_one_message() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Tcp);
    assert_eq!(bench.permit(&phone, PEER), 0);
    let mut out = Vec::new();
    let long = vec![0; 65_536];
    let too_long = Err(EncapsulateError::TooLong);
    assert_eq!(bench.server.encapsulate(id, addr(PEER), &long[1..], &mut out), too_long);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    assert_eq!(bench.server.encapsulate(id, addr(PEER), &long, &mut out), too_long);
    assert!(out.is_empty());
    let written = bench.server.encapsulate(id, addr(PEER), &long[1..], &mut out);
    assert_eq!(written, Ok(4 + 65_535 + 1));
}

#[test]
fn a_removed_allocation_is_nobody_for_ever() {
    let mut bench = bench();
    let (phone, old) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    assert_eq!(bench.refresh(&phone, 0).code(), 0);
    assert_eq!(bench.refresh(&phone, 0).code(), 437);
    let removed = bench.server.poll_event();
    let released = RemovedReason::Released;
    assert!(matches!(removed, Some(Event::Removed { reason, .. }) if reason == released));
    let (_, new) = bench.allocated(1, ClientTransport::Udp);
    assert_ne!(old, new);
    assert!(bench.server.allocation(old).is_none());
    let mut out = Vec::new();
    let gone = bench.server.encapsulate(old, addr(PEER), b"x", &mut out);
    assert_eq!(gone, Err(EncapsulateError::NoAllocation));
    let data = bench.server.handle_channel_data(bench.now, old, &channel_data(0x4000, b"x"));
    assert_eq!(data, Received::Dropped(DropReason::NoAllocation));
}
