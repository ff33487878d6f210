use super::*;

#[test]
fn permissions_are_all_or_nothing() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    let both = bench.request(&phone, Method::CREATE_PERMISSION, |b| {
        b.push(&peer(PEER)).push(&peer("10.0.0.1:1"));
    });
    assert_eq!(both.code(), 403);
    let mut out = Vec::new();
    let refused = bench.server.encapsulate(id, addr(PEER), b"x", &mut out);
    assert_eq!(refused, Err(EncapsulateError::NoPermission));
    let both = bench.request(&phone, Method::CREATE_PERMISSION, |b| {
        b.push(&peer(PEER)).push(&peer("192.0.2.1:9"));
    });
    assert_eq!(both.code(), 0);
    assert!(bench.server.encapsulate(id, addr(PEER), b"x", &mut out).is_ok());
}

#[test]
fn a_permission_is_for_any_port_of_an_address() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.permit(&phone, "192.0.2.1:0"), 0);
    let mut out = Vec::new();
    assert!(bench.server.encapsulate(id, addr("192.0.2.1:65535"), b"x", &mut out).is_ok());
}

#[test]
fn permission_errors() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let mut code = |fill: &dyn Fn(&mut Builder<'_>)| {
        bench.request(&phone, Method::CREATE_PERMISSION, |b| fill(b)).code()
    };
    assert_eq!(code(&|_| {}), 400);
    let invalid = |b: &mut Builder<'_>| {
        b.push(&peer(PEER)).push_raw(XorPeerAddress::TYPE, &[0, 9, 0, 0]);
    };
    assert_eq!(code(&invalid), 400);
    let v6 = |b: &mut Builder<'_>| {
        b.push(&peer(PEER)).push(&peer(PEER_V6));
    };
    assert_eq!(code(&v6), 443);
}

#[test]
fn permissions_and_channels_have_a_capacity() {
    let mut bench = bench_with(Config { max_permissions: 2, max_channels: 3, ..config() });
    bench.policy = &Open;
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let three = bench.request(&phone, Method::CREATE_PERMISSION, |b| {
        b.push(&peer("192.0.2.1:1")).push(&peer("192.0.2.2:1")).push(&peer("192.0.2.3:1"));
    });
    assert_eq!(three.code(), 508);
    let repeated = bench.request(&phone, Method::CREATE_PERMISSION, |b| {
        b.push(&peer("192.0.2.1:1")).push(&peer("192.0.2.2:1")).push(&peer("192.0.2.1:2"));
    });
    assert_eq!(repeated.code(), 0);
    assert_eq!(bench.bind(&phone, 0x4000, "192.0.2.3:1"), 508);
    for (number, port) in [(0x4000, 1), (0x4001, 2), (0x4002, 3)] {
        assert_eq!(bench.bind(&phone, number, &format!("192.0.2.1:{port}")), 0);
    }
    assert_eq!(bench.bind(&phone, 0x4003, "192.0.2.1:4"), 508);
    assert_eq!(bench.bind(&phone, 0x4002, "192.0.2.1:3"), 0);
}

#[test]
fn channel_errors() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let number_alone = bench.request(&phone, Method::CHANNEL_BIND, |b| {
        b.push(&ChannelNumber(0x4000));
    });
    assert_eq!(number_alone.code(), 400);
    let peer_alone = bench.request(&phone, Method::CHANNEL_BIND, |b| {
        b.push(&peer(PEER));
    });
    assert_eq!(peer_alone.code(), 400);
    for number in [0, 0x3fff, 0x5000, 0x7fff, 0xffff] {
        assert_eq!(bench.bind(&phone, number, PEER), 400, "{number:#x}");
    }
    assert_eq!(bench.bind(&phone, 0x4000, PEER_V6), 443);
    assert_eq!(bench.bind(&phone, 0x4000, "192.0.2.2:40000"), 403);
    assert_eq!(bench.bind(&phone, 0x4000, "192.0.2.1:22"), 403);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    assert_eq!(bench.bind(&phone, 0x4001, PEER), 400);
    assert_eq!(bench.bind(&phone, 0x4000, "192.0.2.1:40001"), 400);
    assert_eq!(bench.bind(&phone, 0x4001, "192.0.2.1:40001"), 0);
}

#[test]
fn reserved_bits_of_a_channel_number_are_ignored() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let bound = bench.request(&phone, Method::CHANNEL_BIND, |b| {
        b.push_raw(ChannelNumber::TYPE, &[0x40, 7, 0xff, 0xff]).push(&peer(PEER));
    });
    assert_eq!(bound.code(), 0);
}

/// The list of a default-deny relay: our policy names what is allowed instead, so each of these
/// is refused by not being ours.
#[test]
fn the_relay_is_closed() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let inner = [
        "0.0.0.0:1",
        "10.0.0.1:1",
        "100.64.0.1:1",
        "127.0.0.1:40000",
        "169.254.169.254:80",
        "172.16.0.1:1",
        "192.168.0.1:1",
        "198.18.0.1:1",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "8.8.8.8:53",
        "203.0.113.1:3478",
        "192.0.2.2:40000",
    ];
    for address in inner {
        assert_eq!(bench.permit(&phone, address), 403, "{address}");
        assert_eq!(bench.bind(&phone, 0x4000, address), 403, "{address}");
        let sent = bench.send(&phone, &send_indication(address, b"x"));
        assert_eq!(sent, Received::Dropped(DropReason::NoPermission), "{address}");
    }
}

#[test]
fn ipv4_in_disguise_never_reaches_the_policy() {
    let mut bench = bench();
    bench.policy = &Open;
    let v4 = bench.allocated(1, ClientTransport::Udp).0;
    let v6 = bench.phone(2);
    let allocated = bench.allocate(&v6, |b| {
        b.push(&RequestedAddressFamily(2));
    });
    assert_eq!(allocated.code(), 0);
    let disguises = [
        "[::ffff:192.0.2.1]:40000",
        "[::192.0.2.1]:40000",
        "[::ffff:127.0.0.1]:40000",
        "[64:ff9b::10.0.0.1]:40000",
        "[64:ff9b:1::10.0.0.1]:40000",
        "[2002:7f00:1::]:40000",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]:40000",
        "[fe80::5efe:10.0.0.1]:40000",
    ];
    for address in disguises {
        // On the wire all of them are IPv6.
        assert_eq!(bench.permit(&v4, address), 443, "{address}");
        assert_eq!(bench.bind(&v4, 0x4000, address), 443, "{address}");
        assert_eq!(bench.permit(&v6, address), 403, "{address}");
        assert_eq!(bench.bind(&v6, 0x4000, address), 403, "{address}");
        let sent = bench.send(&v6, &send_indication(address, b"x"));
        assert_eq!(sent, Received::Dropped(DropReason::NoPermission), "{address}");
    }
    assert_eq!(bench.permit(&v6, PEER_V6), 0);
}
