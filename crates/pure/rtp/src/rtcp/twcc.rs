//! Transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

mod recorder;

pub use recorder::TwccRecorder;

use crate::bytes::{u16_at, u24_at, u32_at};

/// Arrival times are counted in units of 250 µs.
const TICK_MICROS: u64 = 250;
/// The reference time counts 64 ms.
const TICKS_PER_REFERENCE: i64 = 256;
/// Where the status chunks begin in the body.
const CHUNKS_AT: usize = 16;

const NOT_RECEIVED: u8 = 0;
const SMALL_DELTA: u8 = 1;
const LARGE_DELTA: u8 = 2;

/// What is known about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketStatus {
    /// The transport-wide sequence number.
    pub sequence_number: u16,
    /// When it arrived, in 250 µs since the receiver's own epoch; `None` if it did not.
    pub arrival: Option<i64>,
}

/// Feedback about a range of packets.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// Who received.
    pub sender: u32,
    /// One of the sources received.
    pub media: u32,
    /// The first transport-wide sequence number.
    pub base_sequence: u16,
    /// How many packets it is about.
    pub status_count: u16,
    /// Receiver's clock in 64 ms, signed 24 bits, wrapping.
    pub reference_time: i32,
    /// Counts feedback packets, wrapping, to notice lost ones.
    pub feedback_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) const FORMAT: u8 = 15;

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let status_count = u16_at(body, 10)?;
        let (chunks, deltas) = split(body.get(CHUNKS_AT..)?, status_count)?;
        Some(Self {
            sender: u32_at(body, 0)?,
            media: u32_at(body, 4)?,
            base_sequence: u16_at(body, 8)?,
            status_count,
            reference_time: ((u24_at(body, 12)? << 8) as i32) >> 8,
            feedback_count: *body.get(15)?,
            chunks,
            deltas,
        })
    }

    /// Every packet's status, in the order of the sequence numbers.
    pub fn statuses(&self) -> impl Iterator<Item = PacketStatus> + use<'a> {
        let mut deltas = self.deltas;
        let mut clock = i64::from(self.reference_time) * TICKS_PER_REFERENCE;
        let mut sequence = self.base_sequence;
        symbols(self.chunks, self.status_count).map_while(move |symbol| {
            let sequence_number = sequence;
            sequence = sequence.wrapping_add(1);
            let arrival = if symbol == NOT_RECEIVED {
                None
            } else {
                clock += take_delta(&mut deltas, symbol)?;
                Some(clock)
            };
            Some(PacketStatus { sequence_number, arrival })
        })
    }
}

/// Splits chunks from deltas, and checks that the chunks cover `count` packets, use no reserved
/// symbol and that every received packet has its delta.
fn split(bytes: &[u8], count: u16) -> Option<(&[u8], &[u8])> {
    let (mut covered, mut chunks) = (0_usize, 0);
    while covered < usize::from(count) {
        covered += chunk_len(u16_at(bytes, chunks)?);
        chunks += 2;
    }
    let (chunks, deltas) = bytes.split_at_checked(chunks)?;
    let mut needed = 0;
    for symbol in symbols(chunks, count) {
        needed += delta_len(symbol)?;
    }
    (deltas.len() >= needed).then_some((chunks, deltas))
}

/// How many packets a status chunk is about. A run of zero makes no progress but does end, with
/// the bytes.
const fn chunk_len(chunk: u16) -> usize {
    match chunk >> 14 {
        0b10 => 14,
        0b11 => 7,
        _ => (chunk & 0x1fff) as usize,
    }
}

/// The symbol at `index` of a status chunk.
const fn chunk_symbol(chunk: u16, index: usize) -> u8 {
    match chunk >> 14 {
        0b10 => ((chunk >> (13 - index)) & 1) as u8,
        0b11 => ((chunk >> (12 - 2 * index)) & 3) as u8,
        _ => ((chunk >> 13) & 3) as u8,
    }
}

fn symbols(chunks: &[u8], count: u16) -> impl Iterator<Item = u8> + use<'_> {
    chunks
        .as_chunks::<2>()
        .0
        .iter()
        .flat_map(|bytes| {
            let chunk = u16::from_be_bytes(*bytes);
            (0..chunk_len(chunk)).map(move |index| chunk_symbol(chunk, index))
        })
        .take(usize::from(count))
}

/// Bytes of the delta that goes with a symbol; `None` for the reserved symbol.
const fn delta_len(symbol: u8) -> Option<usize> {
    match symbol {
        NOT_RECEIVED => Some(0),
        SMALL_DELTA => Some(1),
        LARGE_DELTA => Some(2),
        _ => None,
    }
}

fn take_delta(deltas: &mut &[u8], symbol: u8) -> Option<i64> {
    let (delta, len) = if symbol == SMALL_DELTA {
        (i64::from(*deltas.first()?), 1)
    } else {
        (i64::from(u16_at(deltas, 0)? as i16), 2)
    };
    *deltas = &deltas[len..];
    Some(delta)
}

#[cfg(test)]
mod tests;
