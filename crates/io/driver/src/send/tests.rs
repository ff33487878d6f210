//! Round trips on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use mio::Token;

use super::*;
use crate::poller::Poller;
use crate::receive::Receiver;
use crate::socket::Buffers;

const BUFFERS: Buffers = Buffers { receive: 1 << 20, send: 1 << 20 };

struct Arrived {
    remote: SocketAddr,
    local: SocketAddr,
    data: Vec<u8>,
}

/// Receives until `count` datagrams came or nothing comes any more.
fn receive(socket: &UdpSocket, count: usize) -> (Vec<Arrived>, usize) {
    let mut poller = Poller::new().unwrap();
    poller.add_socket(socket, Token(0)).unwrap();
    let mut receiver = Receiver::new();
    let (mut arrived, mut buffers) = (Vec::new(), 0);
    while arrived.len() < count {
        let mut ready = false;
        poller.wait(Some(Duration::from_secs(2)), |_| ready = true).unwrap();
        assert!(ready, "{} of {count} datagrams came", arrived.len());
        loop {
            let received = receiver
                .receive(socket, |datagram| {
                    let (remote, local) = (datagram.remote, datagram.local);
                    arrived.push(Arrived { remote, local, data: datagram.data.to_vec() });
                })
                .unwrap();
            buffers += received.buffers;
            if received.drained {
                break;
            }
        }
    }
    (arrived, buffers)
}

fn bind(address: &str) -> UdpSocket {
    UdpSocket::bind(address.parse().unwrap(), BUFFERS).unwrap()
}

fn at(socket: &UdpSocket, ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), socket.local().port())
}

fn run(segments: usize, segment: usize, last: usize) -> Vec<u8> {
    let mut run: Vec<u8> = (0..segments).flat_map(|n| vec![n as u8; segment]).collect();
    run.extend(vec![0xEE; last]);
    run
}

fn assert_run(arrived: &[Arrived], run: &[u8], segment: usize) {
    let datagrams: Vec<&[u8]> = arrived.iter().map(|a| a.data.as_slice()).collect();
    assert_eq!(datagrams, run.chunks(segment).collect::<Vec<_>>());
}

#[test]
fn a_run_leaves_and_arrives_as_one_buffer() {
    let (from, to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut sender = Sender::new();
    let run = run(9, 1200, 700);
    sender.send(&from, None, to.local(), &run, 1200);
    let (arrived, buffers) = receive(&to, 10);
    assert_run(&arrived, &run, 1200);
    assert_eq!(buffers, 1, "loopback carries the run whole");
    let expected =
        SendCounters { system_calls: 1, datagrams: 10, gso_runs: 1, ..SendCounters::default() };
    assert_eq!(*sender.counters(), expected);
}

#[test]
fn an_empty_datagram_is_handed_over() {
    let socket = bind("127.0.0.1:0");
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for payload in [&b""[..], b"x", b""] {
        stranger.send_to(payload, at(&socket, "127.0.0.1")).unwrap();
    }
    let (arrived, _) = receive(&socket, 3);
    let lengths: Vec<usize> = arrived.iter().map(|datagram| datagram.data.len()).collect();
    assert_eq!(lengths, [0, 1, 0]);
}

#[test]
fn a_long_run_is_cut() {
    let (from, to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut sender = Sender::new();
    let run = run(150, 100, 0);
    sender.send(&from, None, to.local(), &run, 100);
    assert_run(&receive(&to, 150).0, &run, 100);
    assert_eq!(sender.counters().gso_runs, 3);
}

#[test]
fn a_refused_run_leaves_one_by_one_and_the_route_is_remembered() {
    let (from, to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut sender = Sender::new();
    sender.single.insert(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let run = run(40, 300, 20);
    sender.send(&from, None, to.local(), &run, 300);
    assert_run(&receive(&to, 41).0, &run, 300);
    assert_eq!((sender.counters().gso_runs, sender.counters().system_calls), (0, 3));
}

#[test]
fn a_device_that_refuses_a_run_gets_single_datagrams() {
    let (from, to) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    // Checksums switched off make the kernel refuse GSO, as devices without offload do.
    disable_checksums(&from);
    let mut sender = Sender::new();
    let run = run(3, 500, 0);
    sender.send(&from, None, to.local(), &run, 500);
    assert_run(&receive(&to, 3).0, &run, 500);
    assert_eq!((sender.counters().gso_refused, sender.counters().datagrams), (1, 3));
    sender.send(&from, None, to.local(), &run, 500);
    assert_run(&receive(&to, 3).0, &run, 500);
    assert_eq!(sender.counters().gso_refused, 1, "the route is remembered");
}

fn disable_checksums(socket: &UdpSocket) {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and the pointer and length describe `on`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NO_CHECK,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0);
}

#[test]
fn a_dual_stack_socket_shows_and_uses_plain_ipv4() {
    let (from, to) = (bind("127.0.0.1:0"), bind("[::]:0"));
    let mut sender = Sender::new();
    sender.send(&from, None, at(&to, "127.0.0.7"), b"hello", 5);
    let (arrived, _) = receive(&to, 1);
    assert_eq!(arrived[0].remote, from.local());
    assert_eq!(arrived[0].local, at(&to, "127.0.0.7"));

    let local = Some("127.0.0.7".parse().unwrap());
    let run = run(2, 100, 3);
    sender.send(&to, local, from.local(), &run, 100);
    let (arrived, _) = receive(&from, 3);
    assert_eq!(arrived[0].remote, at(&to, "127.0.0.7"), "the source address asked for");
    assert_run(&arrived, &run, 100);
}

#[test]
fn an_ipv4_wildcard_socket_tells_and_sets_the_local_address() {
    let (from, to) = (bind("127.0.0.1:0"), bind("0.0.0.0:0"));
    let mut sender = Sender::new();
    sender.send(&from, None, at(&to, "127.0.0.9"), b"hello", 5);
    assert_eq!(receive(&to, 1).0[0].local, at(&to, "127.0.0.9"));
    sender.send(&to, Some("127.0.0.9".parse().unwrap()), from.local(), b"hi", 2);
    assert_eq!(receive(&from, 1).0[0].remote, at(&to, "127.0.0.9"));
}

#[test]
fn ipv6_works_on_the_same_socket() {
    let (from, to) = (bind("[::1]:0"), bind("[::]:0"));
    let mut sender = Sender::new();
    let run = run(4, 900, 0);
    sender.send(&from, None, at(&to, "::1"), &run, 900);
    let (arrived, _) = receive(&to, 4);
    assert_run(&arrived, &run, 900);
    assert_eq!(arrived[0].local, at(&to, "::1"));
    assert_eq!(arrived[0].remote, from.local());
}

#[test]
fn what_cannot_leave_is_counted() {
    let from = bind("127.0.0.1:0");
    let mut sender = Sender::new();
    sender.send(&from, None, "[::1]:9".parse().unwrap(), b"abc", 1);
    assert_eq!(sender.counters().dropped_unreachable, 3);
    sender.send(&from, None, "127.0.0.1:9".parse().unwrap(), &vec![0; 70_000], 70_000);
    assert_eq!(sender.counters().dropped_other, 1);
    sender.send(&from, None, "127.0.0.1:9".parse().unwrap(), b"", 0);
}

#[test]
fn the_receiver_is_told_what_its_full_buffer_cost() {
    let from = bind("127.0.0.1:0");
    let small = Buffers { receive: 4096, send: 4096 };
    let to = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), small).unwrap();
    let mut sender = Sender::new();
    for _ in 0..100 {
        sender.send(&from, None, to.local(), &[0; 1000], 1000);
    }
    let mut receiver = Receiver::new();
    let mut kept = 0;
    while receiver.receive(&to, |_| kept += 1).unwrap().buffers > 0 {}
    assert!(kept < 100);
    // The count travels with the next datagram that finds room.
    sender.send(&from, None, to.local(), b"x", 1);
    let received = receiver.receive(&to, |_| {}).unwrap();
    assert_eq!(received.overflowed, Some(100 - kept));
}
