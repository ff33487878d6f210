use super::*;

fn is_data(received: &Received) -> bool {
    matches!(received, Received::Data { .. })
}

#[test]
fn permissions_last_exactly_five_minutes() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.permit(&phone, PEER), 0);
    bench.pass(299);
    // Data refreshes nothing, in neither direction.
    assert!(is_data(&bench.send(&phone, &send_indication(PEER, b"x"))));
    assert!(bench.server.encapsulate(id, addr(PEER), b"x", &mut Vec::new()).is_ok());
    bench.pass(1);
    let sent = bench.send(&phone, &send_indication(PEER, b"x"));
    assert_eq!(sent, Received::Dropped(DropReason::NoPermission));
    let answer = bench.server.encapsulate(id, addr(PEER), b"x", &mut Vec::new());
    assert_eq!(answer, Err(EncapsulateError::NoPermission));
}

#[test]
fn a_late_timer_lets_nothing_through() {
    let mut bench = bench();
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    bench.now += Duration::from_secs(300);
    let sent = bench.send(&phone, &channel_data(0x4000, b"x"));
    assert_eq!(sent, Received::Dropped(DropReason::NoPermission));
}

#[test]
fn a_channel_outlives_its_permission() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    bench.pass(300);
    let sent = bench.send(&phone, &channel_data(0x4000, b"x"));
    assert_eq!(sent, Received::Dropped(DropReason::NoPermission));
    assert_eq!(bench.server.channel_of(id, addr(PEER)), None);
    assert_eq!(bench.permit(&phone, PEER), 0);
    assert!(is_data(&bench.send(&phone, &channel_data(0x4000, b"x"))));
    assert_eq!(bench.server.channel_of(id, addr(PEER)), Some(0x4000));
}

#[test]
fn an_expired_channel_cools_down() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.refresh(&phone, 3600).code(), 0);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    bench.pass(599);
    assert_eq!(bench.permit(&phone, PEER), 0);
    assert!(is_data(&bench.send(&phone, &channel_data(0x4000, b"x"))));
    bench.pass(1);
    let sent = bench.send(&phone, &channel_data(0x4000, b"x"));
    assert_eq!(sent, Received::Dropped(DropReason::NoChannel));
    assert_eq!(bench.server.channel_of(id, addr(PEER)), None);
    // For five minutes neither number nor peer may be bound otherwise.
    assert_eq!(bench.bind(&phone, 0x4000, "192.0.2.1:40001"), 400);
    assert_eq!(bench.bind(&phone, 0x4001, PEER), 400);
    bench.pass(299);
    assert_eq!(bench.bind(&phone, 0x4001, PEER), 400);
    bench.pass(1);
    assert_eq!(bench.bind(&phone, 0x4001, PEER), 0);
    assert_eq!(bench.bind(&phone, 0x4000, "192.0.2.1:40001"), 0);
}

#[test]
fn the_same_pair_may_be_bound_again_while_it_cools_down() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.refresh(&phone, 3600).code(), 0);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    bench.pass(700);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    assert_eq!(bench.server.channel_of(id, addr(PEER)), Some(0x4000));
}

#[test]
fn an_allocation_lives_by_refresh_alone() {
    let mut bench = bench();
    let (phone, id) = bench.allocated(1, ClientTransport::Udp);
    let relayed = bench.server.allocation(id).unwrap().relayed().unwrap();
    bench.pass(599);
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    assert_eq!(bench.refresh(&phone, 10).message().find(), Some(Lifetime(600)));
    bench.pass(599);
    assert!(bench.server.allocation(id).is_some());
    assert_eq!(bench.server.poll_event(), None);
    bench.pass(1);
    let reason = RemovedReason::Expired;
    let removed = Event::Removed { allocation: id, flow: 1, relayed, reason };
    assert_eq!(bench.server.poll_event(), Some(removed));
    assert_eq!(bench.server.poll_timeout(), None);
    assert_eq!(bench.server.allocations(), 0);
    assert_eq!(bench.refresh(&phone, 600).code(), 437);
}

#[test]
fn the_timer_is_the_next_thing_to_expire() {
    let mut bench = bench();
    let begin = bench.now;
    let after = |bench: &Bench| bench.server.poll_timeout().map(|at| (at - begin).as_secs());
    assert_eq!(after(&bench), None);
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(after(&bench), Some(600));
    assert_eq!(bench.bind(&phone, 0x4000, PEER), 0);
    assert_eq!(after(&bench), Some(300));
    bench.pass(300);
    assert_eq!(after(&bench), Some(600));
    assert_eq!(bench.refresh(&phone, 3600).code(), 0);
    bench.pass(300);
    assert_eq!(after(&bench), Some(900), "the cool-down of the channel");
    bench.pass(300);
    assert_eq!(after(&bench), Some(3900));
}

#[test]
fn a_closed_connection_takes_its_allocation_along() {
    let mut bench = bench();
    let (_, id) = bench.allocated(5, ClientTransport::Tls);
    let relayed = bench.server.allocation(id).unwrap().relayed().unwrap();
    bench.server.remove_flow(6);
    bench.server.remove_flow(5);
    bench.server.remove_flow(5);
    let reason = RemovedReason::FlowGone;
    let removed = Event::Removed { allocation: id, flow: 5, relayed, reason };
    assert_eq!(bench.server.poll_event(), Some(removed));
    assert_eq!(bench.server.poll_event(), None);
    assert_eq!(bench.server.allocation_at(relayed), None);
}

#[test]
fn one_family_expires_without_the_other() {
    let mut bench = bench();
    let phone = bench.phone(1);
    let response = bench.allocate(&phone, |b| {
        b.push(&AdditionalAddressFamily(2));
    });
    assert_eq!(response.code(), 0);
    let only_v6 = bench.request(&phone, Method::REFRESH, |b| {
        b.push(&Lifetime(1200)).push(&RequestedAddressFamily(2));
    });
    assert_eq!(only_v6.message().find(), Some(Lifetime(1200)));
    bench.pass(600);
    let id = bench.server.allocation_of(1).unwrap();
    let allocation = bench.server.allocation(id).unwrap();
    assert_eq!(allocation.relayed_for(ip("192.0.2.1")), None);
    assert!(allocation.relayed_for(ip("2001:db8::1")).is_some());
    bench.pass(600);
    assert_eq!(bench.server.allocations(), 0);
}

#[test]
fn an_expired_permission_frees_its_place() {
    let mut bench = bench_with(Config { max_permissions: 1, ..config() });
    bench.policy = &Open;
    let (phone, _) = bench.allocated(1, ClientTransport::Udp);
    assert_eq!(bench.permit(&phone, "192.0.2.1:1"), 0);
    assert_eq!(bench.permit(&phone, "192.0.2.2:1"), 508);
    bench.pass(300);
    assert_eq!(bench.permit(&phone, "192.0.2.2:1"), 0);
}

#[test]
fn a_participant_takes_its_allocations_along() {
    let mut bench = bench();
    let (_, mine) = bench.allocated(1, ClientTransport::Udp);
    let (_, also_mine) = bench.allocated(2, ClientTransport::Tcp);
    let participant = bench.server.allocation(mine).unwrap().participant();
    assert_eq!(bench.server.allocation(also_mine).unwrap().participant(), participant);
    bench.server.remove_participant(participant + 1);
    assert!(bench.server.allocation(mine).is_some());
    bench.server.remove_participant(participant);
    assert!(bench.server.allocation(mine).is_none());
    assert!(bench.server.allocation(also_mine).is_none());
    let reasons: Vec<_> = std::iter::from_fn(|| bench.server.poll_event())
        .filter_map(|event| match event {
            Event::Removed { reason, .. } => Some(reason),
            Event::Created { .. } => None,
        })
        .collect();
    assert_eq!(reasons, [RemovedReason::ParticipantGone; 2]);
    assert_eq!(bench.server.poll_timeout(), None);
}
