//! What one transport sends in a tick, in the order in which it leaves.
//!
//! Media waits as it was forwarded: a header of the transport's own, and a payload that all
//! subscribers share. It is sealed when it leaves, transport by transport, into room that is used again
//! at once: so nothing big is kept for each of them, and what is sealed is still in the cache when the
//! kernel reads it.

use crate::forwarding::Payload;

/// What may wait for the end of a tick, in bytes as they will leave.
const MAX_WAITING: usize = 1024 * 1024;
/// Room that grew above this is given back when it is empty. It is enough for the headers of a hundred
/// packets.
const MAX_KEPT: usize = 4096;

/// Packets in the order they leave.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Headers, and whole datagrams, back to back.
    bytes: Vec<u8>,
    items: Vec<Item>,
    waiting: usize,
}

struct Item {
    /// In `bytes`, where it begins at the end of the one before.
    end: u32,
    media: Option<Media>,
}

/// What comes behind a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// Rollover counter of its sequence number.
    pub(crate) roc: u32,
    /// In the shard's payloads.
    pub(crate) payload: Payload,
}

/// One packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// As it is.
    Datagram(&'a [u8]),
    /// An RTP header and what follows; not sealed yet.
    Rtp(&'a [u8], Media),
}

impl Outbox {
    /// True when nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// True when no more may be put in this tick.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting >= MAX_WAITING
    }

    /// Puts in an RTP packet; its payload has `length` bytes.
    pub(crate) fn push_rtp(&mut self, header: &[u8], media: Media, length: usize) {
        self.bytes.extend_from_slice(header);
        self.waiting += header.len() + length;
        self.items.push(Item { end: self.bytes.len() as u32, media: Some(media) });
    }

    /// Puts in what `write` appends to the bytes that it is given, from the length it is given on. If
    /// that fails, nothing.
    pub(crate) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        let outcome = write(&mut self.bytes, start);
        match outcome {
            Ok(()) => {
                self.waiting += self.bytes.len() - start;
                self.items.push(Item { end: self.bytes.len() as u32, media: None });
            }
            Err(_) => self.bytes.truncate(start),
        }
        outcome
    }

    /// Puts in a whole datagram.
    pub(crate) fn push(&mut self, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.waiting += datagram.len();
        self.items.push(Item { end: self.bytes.len() as u32, media: None });
    }

    /// Every packet.
    pub(crate) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        let mut start = 0;
        self.items.iter().map(move |item| {
            let end = item.end as usize;
            let bytes = &self.bytes[start..end];
            start = end;
            match item.media {
                Some(media) => Packet::Rtp(bytes, media),
                None => Packet::Datagram(bytes),
            }
        })
    }

    /// The whole datagrams among them.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.packets().filter_map(|packet| match packet {
            Packet::Datagram(datagram) => Some(datagram),
            Packet::Rtp(..) => None,
        })
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(MAX_KEPT);
        self.items.clear();
        self.items.shrink_to(MAX_KEPT / size_of::<Item>());
        self.waiting = 0;
    }
}

/// The payloads of a tick, each once for all who get it.
#[derive(Default)]
pub(crate) struct Payloads {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Payloads {
    /// Keeps one until the tick ends.
    pub(crate) fn keep(&mut self, payload: &[u8]) -> Payload {
        self.bytes.extend_from_slice(payload);
        self.ends.push(self.bytes.len());
        Payload(self.ends.len() as u32 - 1)
    }

    /// One that was kept in this tick; nothing else is there.
    pub(crate) fn get(&self, payload: Payload) -> &[u8] {
        let at = payload.0 as usize;
        let start =
            at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end);
        let end = self.ends.get(at).copied().unwrap_or(start);
        &self.bytes[start..end]
    }

    /// Bytes that are kept.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The tick ends.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(MAX_WAITING);
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_in_order() {
        let mut outbox = Outbox::default();
        assert!(outbox.is_empty());
        let media = Media { roc: 7, payload: Payload(3) };
        outbox.push(b"hello");
        outbox.push_rtp(b"head", media, 100);
        let lost = outbox.push_with(|bytes, start| {
            assert_eq!(start, 9);
            bytes.extend_from_slice(b"lost");
            Err("no")
        });
        assert_eq!(lost, Err("no"));
        let kept: Result<(), ()> = outbox.push_with(|bytes, _| {
            bytes.extend_from_slice(b"kept");
            Ok(())
        });
        assert_eq!(kept, Ok(()));
        let packets: Vec<_> = outbox.packets().collect();
        let expected =
            [Packet::Datagram(b"hello"), Packet::Rtp(b"head", media), Packet::Datagram(b"kept")];
        assert_eq!(packets, expected);
        assert_eq!(outbox.datagrams().collect::<Vec<_>>(), [&b"hello"[..], b"kept"]);
        outbox.clear();
        assert!(outbox.is_empty() && outbox.packets().next().is_none());
    }

    #[test]
    fn what_waits_is_bounded_and_idle_room_is_small() {
        let mut outbox = Outbox::default();
        let media = Media { roc: 0, payload: Payload(0) };
        let mut count = 0;
        while !outbox.is_full() {
            outbox.push_rtp(&[0; 40], media, 1160);
            count += 1;
        }
        assert_eq!(count, MAX_WAITING.div_ceil(1200));
        outbox.clear();
        assert!(!outbox.is_full());
        assert!(outbox.bytes.capacity() <= MAX_KEPT);
    }

    #[test]
    fn payloads_are_kept_for_a_tick() {
        let mut payloads = Payloads::default();
        let (one, none, two) = (payloads.keep(b"one"), payloads.keep(b""), payloads.keep(b"two"));
        assert_eq!([one, none, two].map(|kept| payloads.get(kept)), [&b"one"[..], b"", b"two"]);
        assert_eq!(payloads.len(), 6);
        payloads.clear();
        assert_eq!((payloads.get(two), payloads.len()), (&b""[..], 0));
    }
}
