//! Sealing and opening take no memory once the buffers have grown.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use roomline_srtp::{Inbound, Outbound, Profile};

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

#[test]
fn the_packet_path_does_not_allocate() {
    for profile in [Profile::AeadAes128Gcm, Profile::AesCm128HmacSha1_80] {
        let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
        let mut outbound = Outbound::new(profile, &key, &salt).unwrap();
        let mut inbound = Inbound::new(profile, &key, &salt).unwrap();
        let mut buffer = Vec::with_capacity(2_000);
        let mut before = 0;
        for sequence in 0..100_u16 {
            buffer.clear();
            buffer.extend_from_slice(&[0x80, 96]);
            buffer.extend_from_slice(&sequence.to_be_bytes());
            buffer.resize(1_200, 0);
            outbound.seal_rtp(0, &mut buffer, 0, 12).unwrap();
            if sequence % 2 == 0 {
                let (header, payload) =
                    ([0x80, 96, 0, sequence as u8, 0, 0, 0, 0, 0, 0, 0, 0], [0; 1_188]);
                let length = outbound.seal_rtp_into(0, &header, &payload, &mut buffer);
                assert_eq!(length, Ok(buffer.len()));
            }
            assert_eq!(inbound.open_rtp(&mut buffer, 12), Ok(1_200));
            // The first packet of a source makes its replay window.
            before = if sequence == 0 { ALLOCATIONS.get() } else { before };
        }
        assert_eq!(ALLOCATIONS.get(), before);
    }
}
