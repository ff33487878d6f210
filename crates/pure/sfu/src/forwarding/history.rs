//! The last packets of a publication, kept once for all its subscribers.

use super::media::{Elements, Media};

/// A ring of packets and a ring of their bytes, both of fixed size. The oldest make room.
#[derive(Debug)]
pub(super) struct History {
    entries: Box<[Entry]>,
    bytes: Box<[u8]>,
    /// Bytes ever written, the skipped ones at the end of the ring included.
    written: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u64,
    start: u64,
    timestamp: u32,
    elements: u16,
    payload: u16,
    payload_type: u8,
    marker: bool,
}

const VACANT: Entry = Entry {
    index: u64::MAX,
    start: 0,
    timestamp: 0,
    elements: 0,
    payload: 0,
    payload_type: 0,
    marker: false,
};

impl History {
    /// Room for the last `packets` packets, as long as they are no more than `bytes` bytes.
    pub(super) fn new(packets: usize, bytes: usize) -> Self {
        Self {
            entries: vec![VACANT; packets.max(1)].into_boxed_slice(),
            bytes: vec![0; bytes].into_boxed_slice(),
            written: 0,
        }
    }

    /// Keeps a packet.
    pub(super) fn store(&mut self, media: &Media<'_>) {
        let (elements, payload) = (media.elements.0, media.payload);
        let length = elements.len() + payload.len();
        if length > self.bytes.len() / 4 || length > usize::from(u16::MAX) {
            return;
        }
        let place = (media.index % self.entries.len() as u64) as usize;
        let kept = self.entries[place].index;
        if kept != u64::MAX && kept > media.index {
            return;
        }
        let capacity = self.bytes.len() as u64;
        let mut at = (self.written % capacity) as usize;
        if at + length > self.bytes.len() {
            self.written += capacity - at as u64;
            at = 0;
        }
        self.bytes[at..at + elements.len()].copy_from_slice(elements);
        self.bytes[at + elements.len()..at + length].copy_from_slice(payload);
        self.entries[place] = Entry {
            index: media.index,
            start: self.written,
            timestamp: media.timestamp,
            elements: elements.len() as u16,
            payload: payload.len() as u16,
            payload_type: media.payload_type,
            marker: media.marker,
        };
        self.written += length as u64;
    }

    /// The packet with this index, if it is still there.
    pub(super) fn get(&self, index: u64) -> Option<Media<'_>> {
        let entry = self.entries[(index % self.entries.len() as u64) as usize];
        let capacity = self.bytes.len() as u64;
        if entry.index != index || self.written - entry.start > capacity {
            return None;
        }
        let at = (entry.start % capacity) as usize;
        let middle = at + usize::from(entry.elements);
        Some(Media {
            index,
            timestamp: entry.timestamp,
            payload_type: entry.payload_type,
            marker: entry.marker,
            elements: Elements(self.bytes.get(at..middle)?),
            payload: self.bytes.get(middle..middle + usize::from(entry.payload))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(index: u64, payload: &[u8]) -> Media<'_> {
        Media {
            index,
            timestamp: index as u32 * 10,
            payload_type: 96,
            marker: index.is_multiple_of(2),
            elements: Elements(&[1, 1, 5]),
            payload,
        }
    }

    #[test]
    fn gives_back_what_was_stored() {
        let mut history = History::new(8, 1000);
        history.store(&media(7, b"seven"));
        history.store(&media(5, b"five"));
        assert_eq!(history.get(7), Some(media(7, b"seven")));
        assert_eq!(history.get(5), Some(media(5, b"five")));
        assert_eq!(history.get(6), None);
    }

    #[test]
    fn forgets_by_number_and_by_bytes() {
        let mut history = History::new(4, 1000);
        for index in 0..6 {
            history.store(&media(index, b"x"));
        }
        assert_eq!(history.get(1), None);
        assert_eq!(history.get(2), Some(media(2, b"x")));
        history.store(&media(1, b"too late"));
        assert_eq!(history.get(1), None);
        assert_eq!(history.get(5), Some(media(5, b"x")));

        let mut history = History::new(64, 100);
        let payload = [9; 20];
        for index in 0..50 {
            history.store(&media(index, &payload));
            let kept = (0..=index).filter(|i| history.get(*i).is_some()).count();
            assert!(kept <= 4, "{kept} packets of 23 bytes in 100 bytes");
            assert_eq!(history.get(index), Some(media(index, &payload)));
        }
        assert_eq!(history.get(45), None);
        assert!(history.get(48).is_some());
    }

    #[test]
    fn a_packet_out_of_all_proportion_is_not_kept() {
        let mut history = History::new(4, 100);
        history.store(&media(1, &[0; 60]));
        assert_eq!(history.get(1), None);
    }
}
