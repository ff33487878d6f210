//! Forwarding allocates nothing once it runs: a counting allocator watches.

#![allow(missing_docs, clippy::expect_used, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use roomline_rtp::{Extension, Fields, Form, HeaderWriter};
use roomline_sdp::{Codec, Kind, LocalStream, MediaSection, RemoteSsrc};
use roomline_sfu::forwarding::{Egress, LegId, Payload, Router};
use roomline_sfu::{PublicationId, SubscriptionId};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts what leaves.
#[derive(Default)]
struct Sink {
    packets: u64,
    bytes: u64,
}

impl Egress for Sink {
    fn keep(&mut self, payload: &[u8]) -> Payload {
        Payload(payload.len() as u32)
    }

    fn send_rtp(&mut self, _: LegId, _: u32, header: &[u8], payload: Payload) {
        self.packets += 1;
        self.bytes += header.len() as u64 + u64::from(payload.0);
    }

    fn send_rtcp(&mut self, _: LegId, compound: &[u8]) {
        self.bytes += compound.len() as u64;
    }
}

const EXTENSIONS: [(u8, Extension); 3] =
    [(1, Extension::Mid), (2, Extension::TransportSequence), (3, Extension::VideoOrientation)];

fn section(sends: bool) -> MediaSection {
    let codec = Codec {
        payload_type: 96,
        name: "VP8".into(),
        clock_rate: 90_000,
        channels: 1,
        fmtp: String::new(),
        nack: true,
        nack_pli: true,
        ccm_fir: true,
        transport_cc: true,
        goog_remb: true,
        rtx: Some(97),
    };
    let local = LocalStream {
        ssrc: 0x20,
        rtx_ssrc: Some(0x21),
        cname: "server".into(),
        msid: "s t".into(),
    };
    MediaSection {
        mid: "0".into(),
        kind: Kind::Video,
        sends,
        receives: !sends,
        codecs: vec![codec],
        extensions: EXTENSIONS.to_vec(),
        remote_ssrcs: if sends { vec![RemoteSsrc { ssrc: 5, rtx: Some(6) }] } else { Vec::new() },
        remote_cname: None,
        local: (!sends).then_some(local),
    }
}

/// Every second frame a keyframe; a gap now and then, so that NACKs are written, too.
fn write_packet(packet: &mut Vec<u8>, number: u32, ssrc: u32) {
    packet.clear();
    let fields = Fields {
        marker: true,
        payload_type: 96,
        sequence_number: number as u16,
        timestamp: number * 3000,
        ssrc,
    };
    let mut writer = HeaderWriter::new(packet, &fields, Form::OneByte);
    writer.extension(2, &(number as u16).to_be_bytes());
    writer.extension(3, &[1]);
    writer.finish();
    packet.extend_from_slice(&[0x10, (number % 2) as u8, 0x9d, 0x01, 0x2a, 0, 1, 0, 1]);
    packet.resize(1200, 7);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "virtual time has to begin somewhere")]
fn a_running_router_does_not_allocate() {
    let mut now = Instant::now();
    let mut router = Router::new(now);
    let publisher = router.add_leg(0);
    router.set_sections(now, publisher, &[section(true)], false);
    router.leg_connected(now, publisher);
    router.publish(now, PublicationId(1), publisher, "0", 0).expect("free");
    for viewer in 0..50 {
        let leg = router.add_leg(0);
        router.set_sections(now, leg, &[section(false)], false);
        router.leg_connected(now, leg);
        let id = SubscriptionId(viewer);
        router.subscribe(now, id, PublicationId(1), leg, "0").expect("free");
    }
    let mut again = section(true);
    again.remote_ssrcs = vec![RemoteSsrc { ssrc: 7, rtx: None }];
    let second = router.add_leg(0);
    router.set_sections(now, second, &[again], false);
    router.leg_connected(now, second);
    let (mut sink, mut packet) = (Sink::default(), Vec::with_capacity(1500));
    let mut run = |numbers: std::ops::Range<u32>, moved: bool, sink: &mut Sink| {
        let (leg, ssrc) = if moved { (second, 7) } else { (publisher, 5) };
        if moved {
            router.move_publication(now, PublicationId(1), leg, "0").expect("free");
        }
        for number in numbers.filter(|number| number % 100 != 0) {
            write_packet(&mut packet, number, ssrc);
            let _ = router.handle_rtp(now, leg, &packet, sink);
            now += Duration::from_millis(4);
            if router.poll_timeout().is_some_and(|at| at <= now) {
                router.handle_timeout(now, u64::from(number) << 24, sink);
            }
        }
    };
    for moved in [false, true] {
        run(0..20_000, moved, &mut sink);
        let (before, warm) = (COUNT.with(Cell::get), sink.packets);
        run(20_000..60_000, moved, &mut sink);
        assert_eq!(sink.packets - warm, 39_600 * 50);
        assert_eq!(COUNT.with(Cell::get) - before, 0, "allocations for {} packets", sink.packets);
    }
}
