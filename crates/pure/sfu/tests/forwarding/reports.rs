//! Sender and receiver reports: clocks, losses, round trips.

use std::time::Duration;

use roomline_rtp::rtcp::{Compound, Packet, ReceiverReport, ReportBlock, SenderInfo, compact_ntp};
use roomline_sfu::forwarding::LegId;

use crate::lab::*;

pub fn sender_infos(lab: &mut Lab, leg: LegId) -> Vec<SenderInfo> {
    let compounds = lab.take_compounds(leg);
    let packets = compounds.iter().flat_map(|compound| Compound::new(compound));
    packets
        .filter_map(|packet| match packet {
            Ok(Packet::SenderReport(report)) => Some(report.sender),
            _ => None,
        })
        .collect()
}

fn blocks(lab: &mut Lab, leg: LegId) -> Vec<ReportBlock> {
    let compounds = lab.take_compounds(leg);
    let packets = compounds.iter().flat_map(|compound| Compound::new(compound));
    packets
        .flat_map(|packet| match packet {
            Ok(Packet::ReceiverReport(report)) => report.reports().collect::<Vec<_>>(),
            Ok(Packet::SenderReport(report)) => report.reports().collect(),
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn publishers_learn_what_was_lost() {
    let mut camera = Camera::new();
    let publisher = camera.publisher;
    camera.send(100, KEY).expect("taken");
    camera.lab.sender_report(publisher, CAMERA, 77 << 32 | 0x1234_5678, 0);
    for sequence in [101, 104, 107] {
        camera.send(sequence, DELTA).expect("taken");
    }
    camera.lab.run(200);
    let told = blocks(&mut camera.lab, publisher);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].ssrc, told[0].fraction_lost, told[0].cumulative_lost), (CAMERA, 128, 4));
    assert_eq!(told[0].highest_sequence, 107);
    assert_eq!(told[0].last_sender_report, compact_ntp(77 << 32 | 0x1234_5678));
    assert_eq!(told[0].delay_since_last, 65536 / 5);
    camera.lab.run(3000);
    assert!(blocks(&mut camera.lab, publisher).is_empty(), "silence is not reported on");
}

#[test]
fn subscribers_get_the_publishers_clock_in_ours() {
    let mut lab = Lab::new();
    let publisher =
        lab.leg(&[sending("0", vp8(96, None), Some(5)), sending("1", opus(111), Some(6))]);
    let viewer = lab.leg(&[slot("a", vp8(96, None), 0xa), slot("b", opus(111), 0xb)]);
    let (video, audio) = (lab.publish(publisher, "0"), lab.publish(publisher, "1"));
    lab.subscribe(video, viewer, "a");
    lab.subscribe(audio, viewer, "b");
    lab.rtp(publisher, &Outgoing::new(5, 96, 1, KEY).at(90_000).bytes()).expect("taken");
    lab.rtp(publisher, &Outgoing::new(6, 111, 1, b"o").at(480_000).bytes()).expect("taken");
    // The publisher's clock is 1000 s behind ours; both media clocks are read at the same moment.
    let theirs = lab.ntp() - (1000 << 32);
    lab.sender_report(publisher, 5, theirs, 90_000);
    lab.sender_report(publisher, 6, theirs, 480_000);
    let sent = lab.take_rtp();
    lab.run(200);
    let told = sender_infos(&mut lab, viewer);
    assert_eq!(told.len(), 2);
    for (info, first, rate) in [(told[0], &sent[0], 90_000), (told[1], &sent[1], 48_000)] {
        assert_eq!(info.ntp, lab.ntp());
        assert_eq!(info.rtp.wrapping_sub(first.timestamp()), rate / 5);
        assert_eq!(info.packets, 1);
    }
    assert_eq!((told[0].octets, told[1].octets), (KEY.len() as u32, 1));
}

#[test]
fn a_switch_of_the_source_keeps_the_clock_of_the_slot() {
    let mut camera = Camera::new();
    let (publisher, viewer) = (camera.publisher, camera.viewer);
    camera.send(1, KEY).expect("taken");
    let other = camera.lab.leg(&[sending("x", vp8(120, None), Some(0xee))]);
    let second = camera.lab.publish(other, "x");
    let ntp = camera.lab.ntp();
    camera.lab.sender_report(publisher, CAMERA, ntp, 3000);
    camera.lab.run(100);
    camera.lab.subscribe(second, viewer, "9");
    let ntp = camera.lab.ntp();
    let packet = Outgoing::new(0xee, 120, 9, KEY).at(777_000);
    camera.lab.rtp(other, &packet.bytes()).expect("taken");
    camera.lab.sender_report(other, 0xee, ntp, 777_000);
    let sent = camera.lab.take_rtp();
    camera.lab.take_compounds(viewer);
    camera.lab.run(1000);
    let told = sender_infos(&mut camera.lab, viewer);
    let since = (told[0].ntp.wrapping_sub(ntp) as u128 * 90_000) >> 32;
    assert_eq!(told[0].rtp.wrapping_sub(sent[1].timestamp()), since as u32);
}

#[test]
fn without_sender_reports_the_clock_is_guessed_after_a_while() {
    let mut camera = Camera::new();
    camera.send(1, KEY).expect("taken");
    for number in 2..500 {
        camera.lab.run(10);
        camera.send(number, DELTA).expect("taken");
    }
    let viewer = camera.viewer;
    let told = sender_infos(&mut camera.lab, viewer);
    assert!((1..=3).contains(&told.len()), "only after three seconds: {told:?}");
}

#[test]
fn receiver_reports_give_round_trip_and_loss() {
    let mut camera = Camera::new();
    let (publisher, viewer) = (camera.publisher, camera.viewer);
    camera.send(1, KEY).expect("taken");
    let ntp = camera.lab.ntp();
    camera.lab.sender_report(publisher, CAMERA, ntp, 3000);
    camera.lab.run(200);
    let told = sender_infos(&mut camera.lab, viewer);
    // 150 ms later the client reports, having held the sender report for 100 ms.
    camera.lab.run(150);
    let block = ReportBlock {
        ssrc: VIEW,
        highest_sequence: 300,
        cumulative_lost: 25,
        last_sender_report: compact_ntp(told[0].ntp),
        delay_since_last: 6554,
        ..ReportBlock::default()
    };
    let stranger = ReportBlock { ssrc: 0x99, fraction_lost: 255, ..block };
    let before = ReportBlock { highest_sequence: 200, cumulative_lost: 0, ..block };
    camera.lab.rtcp(viewer, |out| ReceiverReport::write(out, 1, &[before]));
    camera.lab.rtcp(viewer, |out| ReceiverReport::write(out, 1, &[block, stranger]));
    let stats = camera.lab.router.leg_stats(viewer);
    assert!((stats.fraction_lost - 0.25).abs() < 0.001);
    let rtt = stats.rtt.expect("known");
    assert!(rtt.abs_diff(Duration::from_millis(50)) < Duration::from_millis(1), "{rtt:?}");
}

#[test]
fn what_the_publisher_lost_is_no_loss_of_the_subscribers_path() {
    let mut camera = Camera::with_viewer(vp8(100, None));
    let viewer = camera.viewer;
    camera.send(1, KEY).expect("taken");
    let first = camera.lab.take_rtp()[0].sequence();
    let report = |camera: &mut Camera, number: u32, lost: i32| {
        let block = ReportBlock {
            ssrc: VIEW,
            highest_sequence: number,
            cumulative_lost: lost,
            ..ReportBlock::default()
        };
        camera.lab.rtcp(viewer, |out| ReceiverReport::write(out, 1, &[block]));
    };
    report(&mut camera, u32::from(first), 0);
    // The publisher was away for 500 packets.
    camera.send(502, DELTA).expect("taken");
    let number = camera.lab.take_rtp()[0].sequence();
    assert_eq!(number, first + 501);
    report(&mut camera, u32::from(number), 500);
    assert!(camera.lab.router.leg_stats(viewer).fraction_lost.abs() < 0.001);
    for sequence in 503..603 {
        camera.send(sequence, DELTA).expect("taken");
    }
    report(&mut camera, u32::from(number) + 100, 550);
    assert!((camera.lab.router.leg_stats(viewer).fraction_lost - 0.5).abs() < 0.001);
}
