//! Reading, rewriting and reporting take no memory once the buffers have grown.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use roomline_rtp::rtcp::{Compound, Nack, Packet, TwccRecorder};
use roomline_rtp::{Extension, ExtensionMap, Fields, Form, HeaderWriter, RtpPacket, VideoCodec};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn write(buffer: &mut Vec<u8>, sequence_number: u16, extensions: &[(u8, &[u8])]) {
    let fields = Fields { marker: false, payload_type: 96, sequence_number, timestamp: 1, ssrc: 2 };
    let mut writer = HeaderWriter::new(buffer, &fields, Form::Mixed);
    for (id, value) in extensions {
        assert!(writer.extension(*id, value));
    }
    writer.finish();
    buffer.extend_from_slice(&[0x10; 1_000]);
}

#[test]
#[allow(clippy::disallowed_methods)]
fn the_packet_path_does_not_allocate() {
    let epoch = Instant::now();
    let map = ExtensionMap::new(&[(3, Extension::TransportSequence), (200, Extension::Mid)]);
    let mut recorder = TwccRecorder::new(epoch);
    let (mut arrived, mut sent, mut rtcp) =
        (Vec::with_capacity(2_000), Vec::with_capacity(2_000), Vec::with_capacity(2_000));
    let before = ALLOCATIONS.get();
    for sequence in 0..1_000_u16 {
        arrived.clear();
        write(&mut arrived, sequence, &[(3, &sequence.to_be_bytes()), (200, b"0")]);
        let packet = RtpPacket::parse(&arrived).unwrap();
        let extension = packet.extension(map.id(Extension::TransportSequence).unwrap()).unwrap();
        assert_eq!(extension, sequence.to_be_bytes());
        assert!(VideoCodec::Vp8.starts_keyframe(packet.payload()));
        recorder.record(sequence, epoch + Duration::from_millis(u64::from(sequence)));
        sent.clear();
        write(&mut sent, packet.header().sequence_number(), &[(1, extension)]);
        if sequence.is_multiple_of(100) {
            rtcp.clear();
            Nack::write(&mut rtcp, 1, 2, [sequence]);
            assert!(recorder.write(1, 2, &mut rtcp));
            let read = Compound::new(&rtcp).filter_map(Result::ok).map(|packet| match packet {
                Packet::Nack(nack) => nack.sequence_numbers().count(),
                Packet::TransportFeedback(feedback) => feedback.statuses().count(),
                _ => 0,
            });
            assert!(read.sum::<usize>() >= 2);
        }
    }
    assert_eq!(ALLOCATIONS.get(), before);
}
