use sctp_proto::ClientConfig;

use super::dcep::Reliability;
use super::*;

#[expect(clippy::disallowed_methods, reason = "the one clock reading of the tests")]
fn start() -> Instant {
    Instant::now()
}

fn open(reliability: Reliability) -> Open {
    let (label, protocol) = ("x".to_owned(), String::new());
    Open { ordered: true, reliability, priority: 0, label, protocol }
}

/// The other end: plain sctp-proto.
struct Client {
    endpoint: Endpoint,
    association: sctp_proto::Association,
    now: Instant,
}

impl Client {
    /// A client with an established association.
    fn connected(server: &mut Association) -> Client {
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::new()), None);
        let (_, association) = endpoint.connect(ClientConfig::new(), PEER).unwrap();
        let mut client = Client { endpoint, association, now: start() };
        client.exchange(server);
        assert!(server.established);
        client
    }

    fn exchange(&mut self, server: &mut Association) {
        loop {
            let mut moved = false;
            while let Some(transmit) = self.association.poll_transmit(self.now) {
                let Payload::RawEncode(packets) = transmit.payload else { panic!("not encoded") };
                packets.iter().for_each(|packet| server.handle_packet(self.now, packet));
                moved = true;
            }
            while let Some(packets) = server.poll_transmit(self.now) {
                for packet in packets {
                    let handled = self.endpoint.handle(self.now, PEER, None, None, packet);
                    if let Some((_, DatagramEvent::AssociationEvent(event))) = handled {
                        self.association.handle_event(event);
                    }
                }
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    fn write(&mut self, stream: u16, ppid: Ppid, data: &[u8]) {
        if self.association.stream(stream).is_err() {
            self.association.open_stream(stream, Ppid::Binary).unwrap();
        }
        self.association.stream(stream).unwrap().write_with_ppi(data, ppid).unwrap();
    }
}

fn events(association: &mut Association) -> Vec<ChannelEvent> {
    std::iter::from_fn(|| association.poll_event()).collect()
}

#[test]
fn our_channels_are_odd_and_bounded() {
    let mut association = Association::new(0);
    let opened: Vec<_> =
        (0..MAX_CHANNELS).map(|_| association.open(open(Reliability::Reliable))).collect();
    assert_eq!(opened[..3], [Some(1), Some(3), Some(5)]);
    assert!(opened.iter().all(Option::is_some));
    assert_eq!(association.open(open(Reliability::Reliable)), None);
    association.close(3);
    assert_eq!(association.open(open(Reliability::Reliable)), Some(3));
}

#[test]
fn what_waits_for_the_association_is_bounded_and_sent() {
    let mut association = Association::new(1000);
    let stream = association.open(open(Reliability::Lifetime(100))).unwrap();
    assert_eq!(association.send(stream, true, &[0; 1001]), Err(SendError::TooLarge));
    for _ in 0..MAX_UNRELIABLE / 1000 {
        assert_eq!(association.send(stream, true, &[b'a'; 1000]), Ok(()));
    }
    assert_eq!(association.send(stream, true, &[0; 1000]), Err(SendError::Full));
    assert_eq!(association.send(7, true, b""), Err(SendError::Closed));

    let mut client = Client::connected(&mut association);
    let mut input = client.association.stream(stream).unwrap();
    assert_eq!(input.read_sctp().unwrap().unwrap().ppi, Ppid::Dcep);
    let count = std::iter::from_fn(|| input.read_sctp().unwrap()).count();
    assert_eq!(count, MAX_UNRELIABLE / 1000);
    client.exchange(&mut association);
    assert_eq!(association.send(stream, false, b""), Ok(()), "an empty message");
}

#[test]
fn a_client_opens_even_streams_only() {
    let mut association = Association::new(0);
    let mut client = Client::connected(&mut association);
    let message = open(Reliability::Retransmits(2)).to_bytes();
    client.write(4, Ppid::Dcep, &message);
    client.write(5, Ppid::Dcep, &message);
    client.write(4, Ppid::String, b"text");
    client.write(4, Ppid::BinaryEmpty, &[0]);
    client.write(6, Ppid::String, b"no open message");
    client.exchange(&mut association);
    let text = |text, data: &[u8]| ChannelEvent::Message { stream: 4, text, data: data.to_vec() };
    let expected = [
        ChannelEvent::Opened { stream: 4, open: open(Reliability::Retransmits(2)) },
        text(true, b"text"),
        text(false, b""),
        ChannelEvent::Invalid,
        ChannelEvent::Invalid,
    ];
    assert_eq!(events(&mut association), expected);
}

#[test]
fn every_channel_ends_with_the_association() {
    let mut association = Association::new(0);
    let ours = association.open(open(Reliability::Reliable)).unwrap();
    let mut client = Client::connected(&mut association);
    client.write(0, Ppid::Dcep, &open(Reliability::Reliable).to_bytes());
    client.exchange(&mut association);
    events(&mut association);
    // A client that begins anew.
    Client::connected(&mut association);
    let closed = |stream| ChannelEvent::Closed { stream };
    assert_eq!(events(&mut association), [closed(0), closed(ours)]);
    assert_eq!(association.send(ours, true, b"x"), Err(SendError::Closed));
}

/// How many messages of a length a channel takes until it is full.
fn taken(association: &mut Association, stream: u16, length: usize) -> usize {
    let message = vec![1; length];
    let sends = std::iter::from_fn(|| association.send(stream, false, &message).ok());
    sends.take(1_000_000).count()
}

#[test]
fn short_messages_are_bounded_too() {
    let mut association = Association::new(0);
    let streams: Vec<u16> =
        (0..8).map(|_| association.open(open(Reliability::Reliable)).unwrap()).collect();
    // Nobody has begun an association yet.
    assert_eq!(taken(&mut association, streams[0], 0), MAX_MESSAGES);
    let others: usize = streams[1..].iter().map(|s| taken(&mut association, *s, 1)).sum();
    assert_eq!(others, MAX_TOTAL_MESSAGES - MAX_MESSAGES);
    association.close(streams[1]);
    assert_eq!(taken(&mut association, streams[2], 1), MAX_MESSAGES);
    assert_eq!(taken(&mut association, streams[3], 1), 0);

    // All of it arrives, and makes room; then the client reads no more.
    let mut client = Client::connected(&mut association);
    client.exchange(&mut association);
    assert_eq!(taken(&mut association, streams[4], 0), MAX_MESSAGES);
    assert_eq!(taken(&mut association, streams[5], 1), MAX_MESSAGES);
    assert_eq!(taken(&mut association, streams[6], 1), 0);
}

#[test]
fn what_waits_in_all_channels_is_bounded_before_the_association() {
    let mut association = Association::new(0);
    let mut total = 0;
    for _ in 0..10 {
        let stream = association.open(open(Reliability::Reliable)).unwrap();
        total += taken(&mut association, stream, 16_384) * 16_384;
    }
    assert_eq!(total, MAX_TOTAL);
}

#[test]
fn a_client_opens_channels_at_a_bounded_rate() {
    let mut association = Association::new(0);
    let mut client = Client::connected(&mut association);
    let message = open(Reliability::Reliable).to_bytes();
    let round = |client: &mut Client, association: &mut Association| {
        for stream in (0..400).step_by(2) {
            client.write(stream, Ppid::Dcep, &message);
            client.exchange(association);
            if let Ok(mut opened) = client.association.stream(stream) {
                opened.close().unwrap();
            }
            client.exchange(association);
        }
        let opened = |event: &ChannelEvent| matches!(event, ChannelEvent::Opened { .. });
        events(association).iter().filter(|event| opened(event)).count()
    };
    assert_eq!(round(&mut client, &mut association), 200);
    assert_eq!(round(&mut client, &mut association), OPENINGS as usize - 200);
    client.now += std::time::Duration::from_secs(3);
    assert_eq!(round(&mut client, &mut association), 3 * OPENINGS_PER_SECOND as usize);
}
