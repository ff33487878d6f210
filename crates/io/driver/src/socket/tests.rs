//! A port that one process gives up and another takes over, both in this one.

use std::net::UdpSocket as Plain;

use super::*;
use crate::{Poller, Receiver};

const BUFFERS: Buffers = Buffers { receive: 65_536, send: 65_536 };

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A client of a port on 127.0.0.1.
fn client(port: u16) -> Plain {
    let client = Plain::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", port)).unwrap();
    client
}

/// What waits in a socket, with who sent it.
fn received(socket: &UdpSocket) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
    let mut poller = Poller::new().unwrap();
    poller.add_socket(socket, mio::Token(1)).unwrap();
    poller.wait(Some(std::time::Duration::from_secs(5)), |_| {}).unwrap();
    let (mut receiver, mut all) = (Receiver::new(), Vec::new());
    loop {
        let batch = receiver.receive(socket, |datagram| {
            all.push((datagram.local, datagram.remote, datagram.data.to_vec()));
        });
        if batch.unwrap().drained {
            return all;
        }
    }
}

fn words(socket: &UdpSocket) -> Vec<String> {
    let texts = received(socket).into_iter().map(|(_, _, data)| String::from_utf8(data).unwrap());
    texts.collect()
}

fn in_use(outcome: io::Result<UdpSocket>) -> bool {
    outcome.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// Gives a port up with one client of it, and takes it over.
fn hand_over(every: &str) {
    let everybody = UdpSocket::bind(address(every), BUFFERS).unwrap();
    let port = everybody.local().port();
    let (old, new) = (client(port), client(port));
    let wanted = SocketAddr::new(everybody.local().ip(), port);
    old.send(b"before").unwrap();
    assert!(in_use(UdpSocket::bind_after(wanted, BUFFERS)), "somebody listens");

    everybody.set_shared(true).unwrap();
    let local = Some(address("127.0.0.1:1").ip());
    let own = everybody.for_client(local, old.local_addr().unwrap(), BUFFERS).unwrap();
    assert!(in_use(UdpSocket::bind_after(wanted, BUFFERS)), "somebody still listens");
    assert_eq!(words(&everybody), ["before"]);
    drop(everybody);

    let next = UdpSocket::bind_after(wanted, BUFFERS).unwrap();
    assert!(in_use(UdpSocket::bind_after(wanted, BUFFERS)), "it is taken over");
    assert!(in_use(UdpSocket::bind(wanted, BUFFERS)));
    for _ in 0..20 {
        old.send(b"old").unwrap();
        new.send(b"new").unwrap();
    }
    assert_eq!(words(&own), vec!["old"; 20]);
    assert_eq!(words(&next), vec!["new"; 20]);
    let mut sender = crate::Sender::new();
    sender.send(&own, local, old.local_addr().unwrap(), b"answer", 6);
    let mut answer = [0; 20];
    assert_eq!(old.recv(&mut answer).unwrap(), 6);
}

#[test]
fn a_client_of_a_port_keeps_it_while_another_takes_it_over() {
    hand_over("127.0.0.1:0");
}

#[test]
fn so_does_a_client_of_every_address() {
    hand_over("0.0.0.0:0");
}

#[test]
fn so_does_one_of_both_families() {
    if Plain::bind("[::1]:0").is_ok() {
        hand_over("[::]:0");
    }
}

#[test]
fn what_comes_to_a_socket_before_it_has_its_client_is_not_lost() {
    let everybody = UdpSocket::bind(address("0.0.0.0:0"), BUFFERS).unwrap();
    let port = everybody.local().port();
    everybody.set_shared(true).unwrap();
    let half = UdpSocket::prepare(SocketAddr::new([127, 0, 0, 1].into(), port), BUFFERS, true);
    let half = half.unwrap().bind_to(SocketAddr::new([127, 0, 0, 1].into(), port)).unwrap();
    let (mine, other) = (client(port), client(port));
    other.send(b"other").unwrap();
    half.socket.connect(&mine.local_addr().unwrap().into()).unwrap();
    mine.send(b"mine").unwrap();
    let (here, there) = (SocketAddr::new([127, 0, 0, 1].into(), port), other.local_addr().unwrap());
    let got = received(&half);
    assert_eq!(got[0], (here, there, b"other".to_vec()));
    assert_eq!(got[1].2, b"mine");
}

#[test]
fn a_port_that_another_program_shares_is_busy() {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1).unwrap();
    socket.bind(&address("127.0.0.1:0").into()).unwrap();
    let taken = socket.local_addr().unwrap().as_socket().unwrap();
    assert!(in_use(UdpSocket::bind_after(taken, BUFFERS)));
    let every = SocketAddr::new([0, 0, 0, 0].into(), taken.port());
    assert!(in_use(UdpSocket::bind_after(every, BUFFERS)));
    drop(socket);
    UdpSocket::bind_after(taken, BUFFERS).unwrap();
}
