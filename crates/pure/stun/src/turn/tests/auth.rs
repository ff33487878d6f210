use super::*;

#[test]
fn a_challenge_says_how_to_come_back() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let response = bench.bare(&phone, Method::ALLOCATE, |_| {});
    let message = response.message();
    assert_eq!(response.code(), 401);
    assert_eq!(message.find(), Some(Realm(REALM)));
    assert_eq!(message.find(), Some(PasswordAlgorithms::OURS));
    let nonce = message.find::<Nonce<'_>>().unwrap().0;
    assert!(nonce.starts_with("obMatJos2AAAB") && nonce.len() < 128);
    assert!(!message.has_integrity() && !message.has_integrity_sha256());
    assert!(!message.has(Software::TYPE));
    assert!(response.0.len() <= 88, "a poor amplifier: {} bytes", response.0.len());
}

#[test]
fn every_method_needs_credentials() {
    let mut bench = bench();
    let phone = bench.phone(1);
    for method in
        [Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND, Method::CONNECT]
    {
        assert_eq!(bench.bare(&phone, method, |_| {}).code(), 401);
    }
}

#[test]
fn integrity_without_the_rest_is_a_bad_request() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let (username, nonce) = (phone.credentials.username.clone(), phone.nonce.clone());
    for missing in 0..3 {
        let response = bench.bare(&phone, Method::ALLOCATE, |b| {
            if missing != 0 {
                b.push(&Username(&username));
            }
            if missing != 1 {
                b.push(&Realm(REALM));
            }
            if missing != 2 {
                b.push(&Nonce(&nonce));
            }
            b.integrity(&phone.key());
        });
        assert_eq!(response.code(), 400);
    }
}

#[test]
fn a_foreign_old_or_garbled_nonce_is_stale() {
    let mut bench = bench();
    let mut phone = bench.phone(1);
    let other = bench.phone(2);
    let good = phone.nonce.clone();
    let garbled = format!("{}x", &good[..good.len() - 1]);
    let foreign =
        [other.nonce.as_str(), "", "x", "obMatJos2AAABzzzzzzzz", "ü", &garbled, &good[..20]];
    for nonce in foreign {
        phone.nonce = nonce.to_owned();
        let response = bench.allocate(&phone, |_| {});
        assert_eq!(response.code(), 438, "{nonce}");
        assert_ne!(response.message().find::<Nonce<'_>>().unwrap().0, nonce);
        assert_eq!(response.message().find(), Some(Realm(REALM)));
    }
    phone.nonce = good;
    bench.pass(3600);
    phone.credentials = Credentials::issue(SECRET, bench.unix, 7);
    let response = bench.allocate(&phone, |_| {});
    assert_eq!(response.code(), 438);
    phone.nonce = response.message().find::<Nonce<'_>>().unwrap().0.to_owned();
    assert_eq!(bench.allocate(&phone, |_| {}).code(), 0);
}

#[test]
fn a_nonce_belongs_to_address_port_and_transport() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let mut moved = phone.clone();
    moved.client.remote.set_port(9);
    assert_eq!(bench.allocate(&moved, |_| {}).code(), 438);
    let mut moved = phone.clone();
    moved.client.transport = ClientTransport::Tls;
    assert_eq!(bench.allocate(&moved, |_| {}).code(), 438);
    // The same address written as IPv6 is the same address.
    let mut mapped = phone;
    mapped.client.remote = addr("[::ffff:198.51.100.7]:10001");
    assert_eq!(bench.allocate(&mapped, |_| {}).code(), 0);
}

#[test]
fn wrong_credentials_are_challenged_again() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let mut wrong = phone.clone();
    wrong.credentials.password.push('x');
    assert_eq!(bench.allocate(&wrong, |_| {}).code(), 401);
    let later = UNIX + Duration::from_secs(60);
    for username in ["", "alice", "1800000060", "1800000060:", ":7", "+1800000060:7", "1:2:3"] {
        let mut unknown = phone.clone();
        unknown.credentials = Credentials::issue(SECRET, later, 7);
        unknown.credentials.username = username.to_owned();
        assert_eq!(bench.allocate(&unknown, |_| {}).code(), 401, "{username}");
    }
    let mut forged = phone;
    forged.credentials = Credentials::issue(b"another secret..", later, 7);
    assert_eq!(bench.allocate(&forged, |_| {}).code(), 401);
    assert_eq!(bench.server.allocations(), 0);
}

#[test]
fn a_userhash_is_nobody() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let hash = UserHash::new(&phone.credentials.username, REALM);
    let response = bench.bare(&phone, Method::ALLOCATE, |b| {
        b.push(&hash).push(&Realm(REALM)).push(&Nonce(&phone.nonce)).integrity(&phone.key());
    });
    assert_eq!(response.code(), 401);
}

#[test]
fn expiry_counts_for_allocate_alone() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    bench.pass(61);
    assert_eq!(bench.refresh(&phone, 600).code(), 0);
    assert_eq!(bench.permit(&phone, PEER), 0);
    let late = bench.phone(2);
    assert_eq!(bench.allocate(&late, |_| {}).code(), 401);
}

#[test]
fn sha256_all_the_way() {
    let mut bench = bench();
    let mut phone = bench.phone(1);
    phone.sha256 = true;
    assert_eq!(bench.allocate(&phone, |_| {}).code(), 0);
    assert_eq!(bench.permit(&phone, PEER), 0);
    assert_eq!(bench.bind(&phone, 0x4fff, PEER), 0);
}

#[test]
fn md5_may_be_chosen_explicitly_and_is_answered_with_sha256_integrity() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let response = bench.bare(&phone, Method::ALLOCATE, |b| {
        b.push(&RequestedTransport::UDP).push(&Username(&phone.credentials.username));
        b.push(&Realm(REALM)).push(&Nonce(&phone.nonce));
        b.push(&PasswordAlgorithm(1)).push(&PasswordAlgorithms::OURS);
        b.integrity(&phone.key());
    });
    assert_eq!(response.code(), 0);
    assert!(response.message().has_integrity_sha256());
    response.message().verify_integrity(&phone.key()).unwrap();
}

#[test]
fn bidding_down_is_a_bad_request() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let ours = Some(PasswordAlgorithms::OURS);
    let cases = [
        (Some(PasswordAlgorithm(2)), None),
        (None, ours),
        (Some(PasswordAlgorithm(1)), Some(PasswordAlgorithms(&[0, 1, 0, 0]))),
        (Some(PasswordAlgorithm(3)), ours),
    ];
    for (choice, list) in cases {
        let response = bench.bare(&phone, Method::ALLOCATE, |b| {
            b.push(&Username(&phone.credentials.username));
            b.push(&Realm(REALM)).push(&Nonce(&phone.nonce));
            if let Some(choice) = choice {
                b.push(&choice);
            }
            if let Some(list) = list {
                b.push(&list);
            }
            b.integrity(&phone.key());
        });
        assert_eq!(response.code(), 400, "{choice:?} {list:?}");
    }
}

#[test]
fn attributes_after_integrity_are_ignored() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    let mut bytes = signed(&phone, Method::REFRESH, TransactionId([5; 12]), |b| {
        b.push(&RequestedAddressFamily(1));
    });
    // What somebody on the path would append: end the allocation.
    bytes.extend_from_slice(&[0, 0x0d, 0, 4, 0, 0, 0, 0]);
    bytes[3] += 8;
    let response = bench.expect(&phone, &bytes);
    assert_eq!(response.message().find(), Some(Lifetime(600)));
    assert!(bench.server.allocation(id).is_some());
}

#[test]
fn unknown_attributes_are_named() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    let response = bench.request(&phone, Method::REFRESH, |b| {
        b.push_raw(0x7001, &[]).push_raw(0x9001, &[]).push_raw(0x0002, &[1]);
    });
    assert_eq!(response.code(), 420);
    assert_eq!(response.message().find(), Some(UnknownAttributes(vec![0x7001, 0x0002])));
    let response = bench.bare(&phone, Method::BINDING, |b| {
        b.push_raw(0x7001, &[]);
    });
    assert_eq!(response.code(), 420);
}

#[test]
fn a_fingerprint_is_checked_and_returned() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let response = bench.bare(&phone, Method::BINDING, |b| {
        b.fingerprint();
    });
    assert!(response.message().verify_fingerprint());
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, phone.id()).fingerprint();
    bytes[27] ^= 1;
    assert_eq!(bench.send(&phone, &bytes), Received::Dropped(DropReason::Fingerprint));
    assert!(bench.reply.is_empty());
}

#[test]
fn binding_tells_the_mapped_address() {
    let mut bench = bench();
    let mut phone = bench.phone(1);
    for (seen, told) in [
        ("198.51.100.7:9", "198.51.100.7:9"),
        ("[::ffff:198.51.100.7]:9", "198.51.100.7:9"),
        ("[2001:db8::7]:9", "[2001:db8::7]:9"),
    ] {
        phone.client.remote = addr(seen);
        let response = bench.bare(&phone, Method::BINDING, |_| {});
        assert_eq!(response.message().find(), Some(XorMappedAddress(addr(told))));
        assert!(!response.message().has_fingerprint());
    }
}

#[test]
fn unauthenticated_datagrams_have_a_budget() {
    let mut bench = bench_with(Config { unauthenticated_per_second: 5, ..config() });
    let phone = bench.phone(1);
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::BINDING, phone.id());
    let answered = (0..100).filter(|_| bench.send(&phone, &bytes) == Received::Reply).count();
    assert_eq!(answered, 9);
    assert_eq!(bench.send(&phone, &bytes), Received::Dropped(DropReason::RateLimited));
    // Whoever has credentials, or a connection, is not concerned.
    assert_eq!(bench.allocate(&phone, |_| {}).code(), 0);
    let mut stream = phone;
    stream.client.transport = ClientTransport::Tcp;
    assert_eq!(bench.send(&stream, &bytes), Received::Reply);
}

#[test]
fn plain_bindings_to_other_ports_are_answered_from_the_same_budget() {
    let mut bench = bench_with(Config { unauthenticated_per_second: 5, ..config() });
    let phone = bench.phone(1);
    let ask = |bench: &mut Bench, fill: &dyn Fn(&mut Builder<'_>)| {
        let mut bytes = Vec::new();
        fill(&mut Builder::new(&mut bytes, Class::Request, Method::BINDING, phone.id()));
        let remote = phone.client.remote;
        let received = bench.server.handle_binding(bench.now, remote, &bytes, &mut bench.reply);
        (received, bytes.len())
    };
    let (received, asked) = ask(&mut bench, &|_| {});
    assert_eq!((received, asked, bench.reply.len()), (Received::Reply, 20, 32));
    let response = Message::parse(&bench.reply).unwrap();
    assert_eq!(response.find(), Some(XorMappedAddress(phone.client.remote)));
    let (received, asked) = ask(&mut bench, &|b| {
        b.fingerprint();
    });
    assert_eq!((received, asked, bench.reply.len()), (Received::Reply, 28, 40));
    assert!(Message::parse(&bench.reply).unwrap().verify_fingerprint());

    let unexpected = Received::Dropped(DropReason::Unexpected);
    let key = Key::short_term("password");
    let signed = ask(&mut bench, &|b| {
        b.integrity(&key);
    });
    assert_eq!(signed.0, unexpected);
    let named = ask(&mut bench, &|b| {
        b.push(&Username("a:b"));
    });
    assert_eq!(named.0, unexpected, "a check for an agent that is not there");
    assert!(bench.reply.is_empty());

    let answered = (0..100).filter(|_| ask(&mut bench, &|_| {}).0 == Received::Reply).count();
    assert_eq!(answered, 7, "ten without those before, and the nonce of the phone");
    let received = ask(&mut bench, &|_| {}).0;
    assert_eq!(received, Received::Dropped(DropReason::RateLimited));
}

#[test]
fn what_is_not_for_us_is_dropped() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let built = |class, method| {
        let mut bytes = Vec::new();
        Builder::new(&mut bytes, class, method, TransactionId([1; 12]));
        bytes
    };
    let cases = [
        (vec![], DropReason::Malformed),
        (vec![22, 3, 1], DropReason::Malformed),
        (vec![0x50, 0, 0, 0], DropReason::Malformed),
        (built(Class::Request, Method(0x0f0)), DropReason::Unexpected),
        (built(Class::Request, Method::SEND), DropReason::Unexpected),
        (built(Class::Success, Method::BINDING), DropReason::Unexpected),
        (built(Class::Error, Method::ALLOCATE), DropReason::Unexpected),
        (built(Class::Indication, Method::BINDING), DropReason::Unexpected),
        (built(Class::Indication, Method::DATA), DropReason::Unexpected),
    ];
    for (bytes, reason) in cases {
        assert_eq!(bench.send(&phone, &bytes), Received::Dropped(reason), "{bytes:?}");
        assert!(bench.reply.is_empty());
    }
}
