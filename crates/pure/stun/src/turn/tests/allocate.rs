use super::*;

#[test]
fn success_tells_relayed_lifetime_and_mapped() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let response = bench.allocate(&phone, |_| {});
    let message = response.message();
    let relayed: XorRelayedAddress = message.find().unwrap();
    assert_eq!(relayed.0.ip(), ip("203.0.113.1"));
    assert!((50_000..51_000).contains(&relayed.0.port()));
    assert_eq!(message.find(), Some(Lifetime(600)));
    assert_eq!(message.find(), Some(XorMappedAddress(phone.client.remote)));
    assert!(!message.has(ReservationToken::TYPE));

    let id = bench.server.allocation_of(1).unwrap();
    let allocation = bench.server.allocation(id).unwrap();
    assert_eq!(allocation.user(), phone.credentials.username);
    assert_eq!(allocation.participant(), 7);
    assert_eq!(allocation.relayed(), Some(relayed.0));
    assert_eq!(allocation.client(), &phone.client);
    assert_eq!(bench.server.allocation_at(relayed.0), Some(id));
}

#[test]
fn the_same_request_again_gets_the_same_answer() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let id = TransactionId([3; 12]);
    let bytes = signed(&phone, Method::ALLOCATE, id, |b| {
        b.push(&RequestedTransport::UDP).push(&Lifetime(1000));
    });
    let first = bench.expect(&phone, &bytes);
    assert_eq!(first.code(), 0);
    bench.pass(2);
    assert_eq!(bench.expect(&phone, &bytes), first);
    assert_eq!(bench.server.allocations(), 1);
    // Another request on the same 5-tuple is a mismatch.
    assert_eq!(bench.allocate(&phone, |_| {}).code(), 437);
    let mut other = phone;
    other.credentials = Credentials::issue(SECRET, UNIX + Duration::from_secs(99), 8);
    let replayed = bench.request_with(&other, Method::ALLOCATE, id, |_| {});
    assert_eq!(replayed.code(), 437);
}

#[test]
fn transport_must_be_udp() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let code = |bench: &mut Bench, fill: &dyn Fn(&mut Builder<'_>)| {
        bench.request(&phone, Method::ALLOCATE, |b| fill(b)).code()
    };
    assert_eq!(code(&mut bench, &|_| {}), 400);
    let malformed = |b: &mut Builder<'_>| {
        b.push_raw(RequestedTransport::TYPE, &[17]);
    };
    assert_eq!(code(&mut bench, &malformed), 400);
    assert_eq!(
        code(&mut bench, &|b| {
            b.push(&RequestedTransport::TCP);
        }),
        442
    );
    assert_eq!(
        code(&mut bench, &|b| {
            b.push(&RequestedTransport(33));
        }),
        442
    );
    // Reserved bits are ignored.
    let reserved = |b: &mut Builder<'_>| {
        b.push_raw(RequestedTransport::TYPE, &[17, 255, 255, 255]);
    };
    assert_eq!(code(&mut bench, &reserved), 0);
}

#[test]
fn lifetimes_are_floored_and_capped() {
    let mut bench = bench();
    for (flow, (asked, granted)) in
        [(0, 600), (1, 600), (601, 601), (3600, 3600), (u32::MAX, 3600)].into_iter().enumerate()
    {
        let phone = bench.phone(flow as u32);
        let response = bench.allocate(&phone, |b| {
            b.push(&Lifetime(asked));
        });
        assert_eq!(response.message().find(), Some(Lifetime(granted)), "{asked}");
    }
    let phone = bench.phone(100);
    let response = bench.allocate(&phone, |b| {
        b.push_raw(Lifetime::TYPE, &[0; 2]);
    });
    assert_eq!(response.code(), 400);
}

#[test]
fn families() {
    let mut bench = bench();
    let family = |bench: &mut Bench, flow, number| {
        let phone = bench.phone(flow);
        let response = bench.allocate(&phone, |b| {
            b.push(&RequestedAddressFamily(number));
        });
        let relayed = response.message().find::<XorRelayedAddress>();
        (response.code(), relayed.map(|relayed| Family::of(relayed.0.ip())))
    };
    assert_eq!(family(&mut bench, 1, 1), (0, Some(Family::V4)));
    assert_eq!(family(&mut bench, 2, 2), (0, Some(Family::V6)));
    assert_eq!(family(&mut bench, 3, 3), (440, None));
    let mut only_v4 = bench_with(Config { relayed: vec![ip("203.0.113.1")], ..config() });
    assert_eq!(family(&mut only_v4, 1, 2), (440, None));
    let mut only_v6 = bench_with(Config { relayed: vec![ip("2001:db8:9::1")], ..config() });
    let phone = only_v6.phone(2);
    assert_eq!(only_v6.allocate(&phone, |_| {}).code(), 440);
    assert_eq!(family(&mut only_v6, 1, 2), (0, Some(Family::V6)));
}

#[test]
fn two_families_at_once() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let response = bench.allocate(&phone, |b| {
        b.push(&AdditionalAddressFamily(2));
    });
    let message = response.message();
    let relayed: Vec<SocketAddr> =
        message.all::<XorRelayedAddress>().map(|r| r.unwrap().0).collect();
    assert_eq!(relayed.iter().map(|r| r.is_ipv4()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(bench.permit(&phone, PEER), 0);
    assert_eq!(bench.bind(&phone, 0x4001, PEER_V6), 0);

    // Ending one leaves the other alone.
    let only = |bench: &mut Bench, lifetime, family| {
        bench.request(&phone, Method::REFRESH, |b| {
            b.push(&Lifetime(lifetime)).push(&RequestedAddressFamily(family));
        })
    };
    assert_eq!(only(&mut bench, 0, 1).message().find(), Some(Lifetime(0)));
    let id = bench.server.allocation_of(1).unwrap();
    assert_eq!(bench.server.channel_of(id, addr(PEER_V6)), Some(0x4001));
    assert_eq!(bench.server.allocation_at(relayed[0]), None);
    assert_eq!(bench.server.allocation_at(relayed[1]), Some(id));
    assert_eq!(only(&mut bench, 600, 1).code(), 443);
    assert_eq!(bench.permit(&phone, PEER), 443);
    assert_eq!(only(&mut bench, 0, 2).code(), 0);
    assert_eq!(bench.server.allocations(), 0);
}

#[test]
fn an_additional_family_that_cannot_be() {
    let mut bench = bench_with(Config { relayed: vec![ip("203.0.113.1")], ..config() });
    let phone = bench.phone(1);
    let response = bench.allocate(&phone, |b| {
        b.push(&AdditionalAddressFamily(2));
    });
    assert_eq!(response.code(), 0);
    let missing = AddressErrorCode { family: Family::V6, code: 440 };
    assert_eq!(response.message().find(), Some(missing));
    assert_eq!(response.message().all::<XorRelayedAddress>().count(), 1);

    let phone = bench.phone(2);
    let response = bench.allocate(&phone, |b| {
        b.push(&AdditionalAddressFamily(1));
    });
    assert_eq!(response.code(), 400);
    let both = bench.allocate(&phone, |b| {
        b.push(&AdditionalAddressFamily(2)).push(&RequestedAddressFamily(1));
    });
    assert_eq!(both.code(), 400);

    // No port of either family: nothing at all can be had.
    let mut full = bench_with(Config { ports: vec![50_000..=50_000], ..config() });
    let phone = full.phone(1);
    assert_eq!(
        full.allocate(&phone, |b| {
            b.push(&AdditionalAddressFamily(2));
        })
        .code(),
        0
    );
    let phone = full.phone(2);
    let none = full.allocate(&phone, |b| {
        b.push(&AdditionalAddressFamily(2));
    });
    assert_eq!(none.code(), 508);
}

#[test]
fn reservations_are_refused() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let token = ReservationToken([1; 8]);
    let mut code = |fill: &dyn Fn(&mut Builder<'_>)| bench.allocate(&phone, |b| fill(b)).code();
    let reserve = EvenPort { reserve_next: true };
    assert_eq!(
        code(&|b| {
            b.push(&reserve);
        }),
        508
    );
    assert_eq!(
        code(&|b| {
            b.push(&reserve).push(&AdditionalAddressFamily(2));
        }),
        400
    );
    assert_eq!(
        code(&|b| {
            b.push(&token);
        }),
        508
    );
    assert_eq!(
        code(&|b| {
            b.push_raw(ReservationToken::TYPE, &[1]);
        }),
        400
    );
    assert_eq!(
        code(&|b| {
            b.push(&token).push(&reserve);
        }),
        400
    );
    assert_eq!(
        code(&|b| {
            b.push(&token).push(&RequestedAddressFamily(1));
        }),
        400
    );
    assert_eq!(
        code(&|b| {
            b.push(&token).push(&AdditionalAddressFamily(2));
        }),
        400
    );
}

#[test]
fn even_ports_without_reservation() {
    let mut bench = bench_with(Config { ports: vec![50_001..=50_004], ..config() });
    for (flow, expected) in [(1, 0), (2, 0), (3, 508)] {
        let phone = bench.phone(flow);
        let response = bench.allocate(&phone, |b| {
            b.push(&EvenPort { reserve_next: false });
        });
        assert_eq!(response.code(), expected);
        let even = |relayed: XorRelayedAddress| relayed.0.port().is_multiple_of(2);
        assert!(response.message().find().is_none_or(even));
    }
}

#[test]
fn dont_fragment_is_granted() {
    let mut bench = bench();
    let phone = bench.phone(1);
    assert_eq!(
        bench
            .allocate(&phone, |b| {
                b.push(&DontFragment);
            })
            .code(),
        0
    );
}

#[test]
fn at_the_quota_the_one_that_was_silent_longest_makes_room() {
    let mut bench = bench_with(Config { max_allocations_per_user: 3, ..config() });
    let phones: Vec<Phone> = (1..=6).map(|flow| bench.phone(flow)).collect();
    for phone in &phones[..3] {
        assert_eq!(bench.allocate(phone, |_| {}).code(), 0);
    }
    bench.now += Duration::from_secs(9);
    assert_eq!(bench.refresh(&phones[0], 600).code(), 0, "its client is there");
    assert_eq!(bench.allocate(&phones[3], |_| {}).code(), 486);
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.allocate(&phones[3], |_| {}).code(), 0);
    assert_eq!(bench.allocate(&phones[4], |_| {}).code(), 0);
    assert_eq!(bench.allocate(&phones[5], |_| {}).code(), 486, "the others are in use");
    let removed =
        std::iter::from_fn(|| bench.server.poll_event()).filter_map(|event| match event {
            Event::Removed { flow, reason, .. } => Some((flow, reason)),
            Event::Created { .. } => None,
        });
    let replaced = RemovedReason::Replaced;
    assert_eq!(removed.collect::<Vec<_>>(), [(2, replaced), (3, replaced)]);
    assert_eq!(bench.server.allocations(), 3);
}

#[test]
fn nothing_makes_room_for_what_is_not_to_be_had() {
    let mut bench = bench_with(Config {
        ports: vec![50_000..=50_000],
        max_allocations_per_user: 1,
        ..config()
    });
    let phones = [bench.phone(1), bench.phone(2)];
    assert_eq!(bench.allocate(&phones[0], |_| {}).code(), 0);
    bench.now += Duration::from_secs(60);
    assert_eq!(bench.allocate(&phones[1], |_| {}).code(), 508, "no port is left");
    assert_eq!(bench.refresh(&phones[0], 600).code(), 0, "and the old one stays");
}

#[test]
fn quota_counts_per_participant() {
    let mut bench = bench_with(Config { max_allocations_per_user: 2, ..config() });
    let phones: Vec<Phone> = (1..=3).map(|flow| bench.phone(flow)).collect();
    assert_eq!(bench.allocate(&phones[0], |_| {}).code(), 0);
    assert_eq!(bench.allocate(&phones[1], |_| {}).code(), 0);
    assert_eq!(bench.allocate(&phones[2], |_| {}).code(), 486);
    // Another username of the same participant does not help; another participant has its own.
    let mut renewed = phones[2].clone();
    renewed.credentials = Credentials::issue(SECRET, UNIX + Duration::from_secs(999), 7);
    assert_eq!(bench.allocate(&renewed, |_| {}).code(), 486);
    let mut other = phones[2].clone();
    other.credentials = Credentials::issue(SECRET, UNIX + Duration::from_secs(60), 8);
    assert_eq!(bench.allocate(&other, |_| {}).code(), 0);
    assert_eq!(bench.refresh(&phones[0], 0).code(), 0);
    let again = bench.phone(9);
    assert_eq!(bench.allocate(&again, |_| {}).code(), 0);
}

#[test]
fn every_port_once_then_508() {
    let mut bench = bench_with(Config {
        ports: vec![50_000..=50_001, 60_000..=60_000],
        max_allocations_per_user: 9,
        ..config()
    });
    let mut ports: Vec<u16> = (1..=3)
        .map(|flow| {
            let (_, id) = bench.allocated(flow, ClientTransport::Tcp);
            bench.server.allocation(id).unwrap().relayed().unwrap().port()
        })
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [50_000, 50_001, 60_000]);
    let phone = bench.phone(4);
    assert_eq!(bench.allocate(&phone, |_| {}).code(), 508);
    bench.server.remove_flow(2);
    assert_eq!(bench.allocate(&phone, |_| {}).code(), 0);
}

#[test]
fn tunnelled_clients_are_refused() {
    let mut bench = bench();
    for remote in ["[2002:c633:6407::1]:9", "[2001:0:1::1]:9"] {
        let mut phone = bench.phone(1);
        phone.client.remote = addr(remote);
        phone.nonce = bench.challenge(&phone);
        assert_eq!(bench.allocate(&phone, |_| {}).code(), 403);
    }
}

#[test]
fn without_an_allocation_437_and_with_another_username_441() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let lonely = bench.phone(2);
    let mut stranger = phone.clone();
    stranger.credentials = Credentials::issue(SECRET, UNIX + Duration::from_secs(60), 8);
    let methods = [
        Method::REFRESH,
        Method::CREATE_PERMISSION,
        Method::CHANNEL_BIND,
        Method::CONNECT,
        Method::CONNECTION_BIND,
    ];
    for method in methods {
        assert_eq!(bench.request(&lonely, method, |_| {}).code(), 437);
        assert_eq!(bench.request(&stranger, method, |_| {}).code(), 441);
    }
}

#[test]
fn no_tcp_relay() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Tcp);
    let connect = bench.request(&phone, Method::CONNECT, |b| {
        b.push(&peer(PEER));
    });
    assert_eq!(connect.code(), 403);
    let bind = bench.request(&phone, Method::CONNECTION_BIND, |b| {
        b.push_raw(0x2a, &[0; 4]);
    });
    assert_eq!(bind.code(), 400);
}

#[test]
fn bad_settings_do_not_start() {
    let v4 = ip("203.0.113.1");
    let cases = [
        (Config { realm: String::new(), ..config() }, ConfigError::Realm),
        (Config { secret: vec![1; 15], ..config() }, ConfigError::Secret),
        (Config { relayed: vec![], ..config() }, ConfigError::Relayed),
        (Config { relayed: vec![v4, ip("203.0.113.2")], ..config() }, ConfigError::Relayed),
        (Config { ports: vec![], ..config() }, ConfigError::Ports),
        (Config { ports: vec![1023..=2000], ..config() }, ConfigError::Ports),
        (Config { max_lifetime: Duration::from_secs(1), ..config() }, ConfigError::Lifetime),
    ];
    for (config, error) in cases {
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(Server::<u32>::new(config, &mut rng).unwrap_err(), error);
    }
}
