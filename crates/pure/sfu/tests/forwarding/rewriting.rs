//! Everything of a header that differs between two legs.

use roomline_rtp::rtcp::Nack;
use roomline_sfu::forwarding::{Drop, LegId, RouterEvent};

use crate::lab::*;

#[test]
fn a_packet_arrives_in_the_terms_of_its_receiver() {
    let mut camera = Camera::new();
    let packet = Outgoing::new(CAMERA, 96, 5, KEY)
        .with(1, &[0x7f])
        .with(2, b"0")
        .with(3, &[0, 1])
        .with(4, &[0x09]);
    camera.lab.rtp(camera.publisher, &packet.bytes()).expect("forwarded");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 1);
    let view = sent[0].view();
    assert_eq!(sent[0].leg, camera.viewer);
    assert_eq!((sent[0].ssrc(), sent[0].payload_type()), (VIEW, 100));
    assert!(view.header().marker());
    let extensions: Vec<_> = view.extensions().collect();
    let expected: [(u8, &[u8]); 4] = [(5, b"9"), (8, &[0, 1]), (6, &[0x7f]), (7, &[0x09])];
    assert_eq!(extensions, expected);
    assert_eq!(view.payload(), KEY);
    assert_eq!(
        camera.lab.events(),
        [RouterEvent::PublicationStarted { publication: camera.publication, codec: "VP8".into() }]
    );
}

#[test]
fn numbers_and_timestamps_keep_their_distances_over_a_wrap() {
    let mut camera = Camera::new();
    camera.send(0xfffe, KEY).expect("forwarded");
    for sequence in [0xffff, 1, 0, 2] {
        camera.send(sequence, DELTA).expect("forwarded");
    }
    let sent = camera.lab.take_rtp();
    let numbers: Vec<_> = sent.iter().map(|packet| packet.number() - sent[0].number()).collect();
    assert_eq!(numbers, [0, 1, 3, 2, 4]);
    assert_eq!(sent[1].timestamp().wrapping_sub(sent[0].timestamp()), 3000);
}

#[test]
fn the_rollover_counter_rises_with_the_number_sent() {
    let mut camera = Camera::new();
    camera.send(0, KEY).expect("forwarded");
    for number in 1..80_000_u32 {
        camera.send(number as u16, DELTA).expect("forwarded");
    }
    let sent = camera.lab.take_rtp();
    assert!(sent.windows(2).all(|pair| pair[1].number() == pair[0].number() + 1));
    assert_eq!(sent[0].roc, 0);
    assert!(sent.last().is_some_and(|last| last.roc >= 1));
}

#[test]
fn transport_wide_numbers_run_over_all_slots_of_a_leg() {
    let mut lab = Lab::new();
    let publisher =
        lab.leg(&[sending("0", vp8(96, None), Some(1)), sending("1", opus(111), Some(2))]);
    let viewer = lab.leg(&[slot("a", vp8(96, Some(97)), 10), slot("b", opus(111), 20)]);
    let video = lab.publish(publisher, "0");
    let audio = lab.publish(publisher, "1");
    lab.subscribe(video, viewer, "a");
    lab.subscribe(audio, viewer, "b");
    for sequence in 0..3 {
        lab.rtp(publisher, &Outgoing::new(1, 96, sequence, KEY).bytes()).expect("forwarded");
        lab.rtp(publisher, &Outgoing::new(2, 111, sequence, b"o").bytes()).expect("forwarded");
    }
    let sent = lab.take_rtp();
    let number = |sent: &Sent| sent.view().extension(8).map(|value| value[1]);
    let numbers: Vec<_> = sent.iter().filter_map(number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn one_number_goes_out_once_only() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("forwarded");
    assert_eq!(camera.send(1, DELTA), Err(Drop::Duplicate));
    let again = Outgoing::new(CAMERA, 96, 1, DELTA).retransmitted(CAMERA + 1, 97, 50);
    assert_eq!(camera.lab.rtp(camera.publisher, &again.bytes()), Err(Drop::Duplicate));
    assert_eq!(camera.lab.take_rtp().len(), 1);
}

#[test]
fn padding_from_a_prober_becomes_an_empty_packet() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("forwarded");
    let mut padded = Outgoing::new(CAMERA, 96, 2, &[0, 0, 0, 4]).bytes();
    padded[0] |= 0x20;
    camera.lab.rtp(camera.publisher, &padded).expect("forwarded");
    camera.send(3, DELTA).expect("forwarded");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent[1].payload(), b"");
    assert!(!sent[1].view().header().has_padding());
    assert_eq!(sent[2].number(), sent[0].number() + 2);

    let mut probe = Outgoing::new(CAMERA, 96, 9, b"").retransmitted(CAMERA + 1, 97, 1);
    probe.payload.clear();
    assert_eq!(camera.lab.rtp(camera.publisher, &probe.bytes()), Err(Drop::Probe));
}

#[test]
fn every_subscriber_gets_the_packet_in_its_own_terms() {
    let mut camera = Camera::new();
    let mut legs = Vec::new();
    for payload_type in 102..112 {
        let section = slot("7", vp8(payload_type, None), u32::from(payload_type) * 10);
        let leg = camera.lab.leg(&[section]);
        camera.lab.subscribe(camera.publication, leg, "7");
        legs.push(leg);
    }
    camera.send(1, KEY).expect("forwarded");
    let sent = camera.lab.take_rtp();
    assert_eq!(sent.len(), 11);
    for (leg, packet) in legs.iter().zip(&sent[1..]) {
        assert_eq!(packet.leg, *leg);
        assert_eq!(packet.ssrc(), u32::from(packet.payload_type()) * 10);
    }
}

#[test]
fn hostile_input_is_dropped_and_counted() {
    let mut camera = Camera::new();
    for length in 0..40 {
        let garbage: Vec<u8> = (0..length).map(|byte: u8| byte.wrapping_mul(37) ^ 0x80).collect();
        let _ = camera.lab.rtp(camera.publisher, &garbage);
        let publisher = camera.publisher;
        camera.lab.rtcp(publisher, |out| out.extend_from_slice(&garbage));
    }
    assert!(camera.lab.take_rtp().is_empty());
    assert!(camera.lab.dropped(Drop::Malformed) > 10);
    let packet = Outgoing::new(CAMERA, 96, 1, KEY).bytes();
    assert_eq!(camera.lab.rtp(LegId(77), &packet), Err(Drop::UnknownLeg));
}

#[test]
fn what_would_not_fit_in_a_datagram_is_dropped_and_counted() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    let header = camera.lab.take_rtp()[0].bytes.len() - KEY.len();
    let longest = vec![DELTA[0]; 1430 - header];
    camera.send(2, &longest).expect("taken");
    camera.send(3, &[&longest[..], &[0]].concat()).expect("taken");
    camera.send(4, DELTA).expect("taken");
    let sizes: Vec<_> = camera.lab.take_rtp().iter().map(|sent| sent.bytes.len()).collect();
    assert_eq!(sizes, [1430, header + DELTA.len()]);
    assert_eq!(camera.lab.router.counters().dropped(Drop::TooLarge), 1);
}

#[test]
fn what_did_not_fit_in_a_datagram_is_neither_reported_nor_sent_again() {
    for codec in [vp8(100, Some(101)), vp8(100, None)] {
        let mut camera = Camera::with_viewer(codec);
        let (publisher, viewer) = (camera.publisher, camera.viewer);
        camera.send(1, KEY).expect("taken");
        let ntp = camera.lab.ntp();
        camera.lab.sender_report(publisher, CAMERA, ntp, 3000);
        let first = camera.lab.take_rtp()[0].clone();
        let longest = vec![DELTA[0]; 1430 - (first.bytes.len() - KEY.len())];
        camera.send(2, &longest).expect("taken");
        camera.send(3, &[&longest[..], &[0]].concat()).expect("taken");
        camera.lab.take_rtp();
        camera.lab.run(200);
        let told = crate::reports::sender_infos(&mut camera.lab, viewer);
        let octets = (KEY.len() + longest.len()) as u32;
        assert_eq!((told[0].packets, told[0].octets), (2, octets));

        let mut ask = |after: u16| {
            let lost = first.sequence().wrapping_add(after);
            camera.lab.rtcp(viewer, |out| Nack::write(out, 1, VIEW, [lost]));
            camera.lab.take_rtp()
        };
        let before = ask(1);
        assert!(ask(2).is_empty(), "it would not fit");
        let after = ask(1);
        // One more number of the RTX stream, or the same packet once more.
        let step = if before[0].ssrc() == VIEW { 0 } else { 1 };
        assert_eq!(after[0].number(), before[0].number() + step);
        let counters = camera.lab.router.counters();
        assert_eq!((counters.retransmitted, counters.nacks_missed), (2, 1));
    }
}
