//! Replay windows by source.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::MAX_SOURCES;
use crate::SrtpError;
use crate::replay::Window;

/// The sources seen so far. Only authentic packets add one, and at most [`MAX_SOURCES`].
#[derive(Debug, Default)]
pub(super) struct Sources {
    windows: HashMap<u32, Window, BuildHasherDefault<SsrcHasher>>,
}

impl Sources {
    /// The window of a source, `None` if it is new and there is room for it.
    pub(super) fn get_mut(&mut self, ssrc: u32) -> Result<Option<&mut Window>, SrtpError> {
        let full = self.windows.len() >= MAX_SOURCES;
        let window = self.windows.get_mut(&ssrc);
        if window.is_none() && full { Err(SrtpError::TooManySources) } else { Ok(window) }
    }

    /// Adds a source with its first authentic packet.
    pub(super) fn insert(&mut self, ssrc: u32, index: u64) {
        self.windows.insert(ssrc, Window::new(index));
    }
}

/// Spreads an SSRC by one multiplication. A peer that picks colliding SSRCs slows down only its
/// own packets, and the table is bounded.
#[derive(Debug, Default)]
pub(super) struct SsrcHasher(u64);

impl Hasher for SsrcHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, ssrc: u32) {
        // 2^64 divided by the golden ratio; the swap brings the well mixed bits down.
        self.0 = (self.0 ^ u64::from(ssrc)).wrapping_mul(0x9e37_79b9_7f4a_7c15).swap_bytes();
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
