//! What one transport sends in a tick: packets back to back, so that equal ones leave as one run.

use std::ops::Range;

/// Room in front of every packet for a ChannelData header (RFC 8656 section 12.4).
pub(crate) const CHANNEL_HEADER: usize = 4;

/// Datagrams in a run: the kernel's bound of UDP_SEGMENT.
const MAX_SEGMENTS: usize = 64;
/// Bytes in a run: below the largest UDP datagram.
const MAX_RUN: usize = 65_000;
/// What may wait for the end of a tick.
const MAX_WAITING: usize = 1024 * 1024;
/// A slab that grew above this is given back when it is empty.
const MAX_KEPT: usize = 256 * 1024;

/// Packets in the order they leave.
#[derive(Default)]
pub(crate) struct Outbox {
    slab: Vec<u8>,
    ends: Vec<usize>,
    headroom: usize,
}

/// Datagrams that leave together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where in the slab.
    pub(crate) bytes: Range<usize>,
    /// Length of each; the last may be shorter.
    pub(crate) segment: usize,
    /// How many.
    pub(crate) count: u64,
}

impl Outbox {
    /// True when nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// True when no more may be put in this tick.
    pub(crate) fn is_full(&self) -> bool {
        self.slab.len() >= MAX_WAITING
    }

    /// Room in front of the packets put in from now on. Takes effect while the outbox is empty.
    pub(crate) fn set_headroom(&mut self, headroom: usize) {
        if self.ends.is_empty() {
            self.headroom = headroom;
        }
    }

    /// The room in front of each packet.
    pub(crate) fn headroom(&self) -> usize {
        self.headroom
    }

    /// Begins a packet: append it to the slab, whose length is returned, then `commit`.
    pub(crate) fn begin(&mut self) -> (&mut Vec<u8>, usize) {
        self.slab.resize(self.slab.len() + self.headroom, 0);
        let start = self.slab.len();
        (&mut self.slab, start)
    }

    /// Ends the packet that was begun.
    pub(crate) fn commit(&mut self) {
        self.ends.push(self.slab.len());
    }

    /// Forgets the packet that was begun.
    pub(crate) fn cancel(&mut self) {
        self.slab.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Puts a whole packet in.
    pub(crate) fn push(&mut self, packet: &[u8]) {
        self.begin().0.extend_from_slice(packet);
        self.commit();
    }

    /// Every packet without its headroom.
    pub(crate) fn packets(&self) -> impl Iterator<Item = &[u8]> {
        self.starts().map(|(start, end)| &self.slab[start + self.headroom..end])
    }

    /// Writes a ChannelData header into each packet's headroom, which must be that long.
    pub(crate) fn fill_channel(&mut self, channel: u16) {
        let mut start = 0;
        for &end in &self.ends {
            let length = (end - start - CHANNEL_HEADER) as u16;
            self.slab[start..start + 2].copy_from_slice(&channel.to_be_bytes());
            self.slab[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
            start = end;
        }
    }

    /// The packets, headroom included, grouped into runs.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Run> {
        let mut packets = self.starts().map(|(start, end)| start..end).peekable();
        std::iter::from_fn(move || {
            let first = packets.next()?;
            let segment = first.len();
            let mut run = Run { bytes: first, segment, count: 1 };
            while run.count < MAX_SEGMENTS as u64
                && run.bytes.len() == segment * run.count as usize
                && let Some(next) = packets.next_if(|next| {
                    next.len() <= segment && run.bytes.len() + next.len() <= MAX_RUN
                })
            {
                run.bytes.end = next.end;
                run.count += 1;
            }
            Some(run)
        })
    }

    /// The bytes of a run.
    pub(crate) fn bytes(&self, run: &Run) -> &[u8] {
        &self.slab[run.bytes.clone()]
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.slab.clear();
        self.ends.clear();
        self.slab.shrink_to(MAX_KEPT);
    }

    fn starts(&self) -> impl Iterator<Item = (usize, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(lengths: &[usize]) -> Outbox {
        let mut outbox = Outbox::default();
        for &length in lengths {
            outbox.push(&vec![length as u8; length]);
        }
        outbox
    }

    fn shape(outbox: &Outbox) -> Vec<(usize, usize, u64)> {
        outbox.runs().map(|run| (run.bytes.len(), run.segment, run.count)).collect()
    }

    #[test]
    fn equal_packets_leave_together_and_a_shorter_one_ends_the_run() {
        let outbox = outbox(&[100, 100, 40, 100, 120, 120, 7, 7]);
        assert_eq!(shape(&outbox), [(240, 100, 3), (100, 100, 1), (247, 120, 3), (7, 7, 1)]);
        let bytes: Vec<u8> = outbox.runs().flat_map(|run| outbox.bytes(&run).to_vec()).collect();
        assert_eq!(bytes, outbox.packets().flatten().copied().collect::<Vec<_>>());
    }

    #[test]
    fn a_run_is_bounded_by_count_and_bytes() {
        assert_eq!(shape(&outbox(&[10; 70])), [(640, 10, 64), (60, 10, 6)]);
        let long = outbox(&[1300; 60]);
        assert_eq!(shape(&long), [(50 * 1300, 1300, 50), (10 * 1300, 1300, 10)]);
    }

    #[test]
    fn headroom_takes_a_channel_header() {
        let mut outbox = Outbox::default();
        outbox.set_headroom(CHANNEL_HEADER);
        outbox.push(b"abc");
        outbox.set_headroom(0);
        outbox.begin().0.extend_from_slice(b"lost");
        outbox.cancel();
        outbox.push(b"de");
        outbox.fill_channel(0x4001);
        let run = outbox.runs().next().unwrap();
        assert_eq!(outbox.bytes(&run), b"\x40\x01\0\x03abc\x40\x01\0\x02de");
        assert_eq!(outbox.packets().collect::<Vec<_>>(), [b"abc".as_slice(), b"de"]);
        outbox.clear();
        assert!(outbox.is_empty());
        assert_eq!(outbox.headroom(), CHANNEL_HEADER);
        outbox.set_headroom(0);
        assert_eq!(outbox.headroom(), 0);
    }
}
