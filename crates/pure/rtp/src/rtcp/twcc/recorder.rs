//! Collects arrivals and writes the feedback about them.

use std::time::Instant;

use super::{
    LARGE_DELTA, NOT_RECEIVED, SMALL_DELTA, TICK_MICROS, TICKS_PER_REFERENCE, TransportFeedback,
};
use crate::Extender;
use crate::rtcp::wire;

/// How far back arrivals are remembered.
const WINDOW: u64 = 2048;
/// The most packets in one feedback; with [`MAX_RECEIVED`] it stays below 1200 bytes.
const MAX_STATUSES: usize = 1024;
const MAX_RECEIVED: usize = 400;
/// A longer gap at the beginning is not spelled out: the sender takes what is skipped for lost.
const MAX_LEADING_GAP: u64 = 512;
/// The longest run of a run-length chunk.
const MAX_RUN: usize = 0x1fff;

/// Remembers when packets arrived and reports it to their sender.
///
/// Memory is taken once: 16 KiB for the last 2048 packets. [`TwccRecorder::record`] is constant
/// time but for jumps of the sequence number.
#[derive(Debug)]
pub struct TwccRecorder {
    epoch: Instant,
    extender: Extender,
    /// Arrival in ticks plus one by extended sequence number; 0 for none.
    arrivals: Box<[u64]>,
    /// The first extended sequence number of the next feedback.
    base: u64,
    feedback_count: u8,
    /// The symbols of the feedback being written, kept for its memory.
    symbols: Vec<u8>,
}

impl TwccRecorder {
    /// A recorder whose clock begins at `epoch`.
    #[must_use]
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            extender: Extender::new(),
            arrivals: vec![0; WINDOW as usize].into_boxed_slice(),
            base: 0,
            feedback_count: 0,
            symbols: Vec::with_capacity(MAX_STATUSES),
        }
    }

    /// Notes that the packet with this transport-wide sequence number arrived at `now`.
    ///
    /// A packet that comes late is reported again with all that follow it, as its sender was told
    /// it was lost. Duplicates and packets older than the window are ignored.
    pub fn record(&mut self, sequence: u16, now: Instant) {
        let before = self.extender.highest();
        let number = self.extender.extend(sequence);
        match before {
            None => self.base = number,
            Some(highest) if number > highest => self.advance(highest, number),
            Some(highest) if number + WINDOW <= highest => return,
            Some(_) => {}
        }
        let slot = slot(number);
        if self.arrivals[slot] != 0 {
            return;
        }
        let micros = now.saturating_duration_since(self.epoch).as_micros();
        self.arrivals[slot] = u64::try_from(micros).unwrap_or(u64::MAX - 1) / TICK_MICROS + 1;
        self.base = self.base.min(number);
    }

    /// Whether there is something to report.
    #[must_use]
    pub fn has_feedback(&self) -> bool {
        self.extender.highest().is_some_and(|highest| self.base <= highest)
    }

    /// Appends one feedback packet of at most 1200 bytes. False, with nothing written, if there is
    /// nothing to report; call it until then.
    pub fn write(&mut self, sender: u32, media: u32, out: &mut Vec<u8>) -> bool {
        let Some((start, first_tick)) = self.begin() else { return false };
        let reference = first_tick.div_euclid(TICKS_PER_REFERENCE);
        self.collect(start, reference * TICKS_PER_REFERENCE);
        let at = out.len();
        wire::feedback(out, TransportFeedback::FORMAT, wire::RTPFB, (sender, media), |out| {
            out.extend_from_slice(&(start as u16).to_be_bytes());
            out.extend_from_slice(&(self.symbols.len() as u16).to_be_bytes());
            let [.., a, b, c] = reference.to_be_bytes();
            out.extend_from_slice(&[a, b, c, self.feedback_count]);
            write_chunks(&self.symbols, out);
            self.write_deltas(start, reference * TICKS_PER_REFERENCE, out);
            pad(out, at);
        });
        self.base = start + self.symbols.len() as u64;
        self.feedback_count = self.feedback_count.wrapping_add(1);
        true
    }

    /// Forgets what the packet `number` pushes out of the window.
    fn advance(&mut self, highest: u64, number: u64) {
        if number - highest >= WINDOW {
            self.arrivals.fill(0);
            self.base = number;
            return;
        }
        for missing in highest + 1..=number {
            self.arrivals[slot(missing)] = 0;
        }
        self.base = self.base.max((number + 1).saturating_sub(WINDOW));
    }

    fn tick(&self, number: u64) -> Option<i64> {
        let stored = self.arrivals[slot(number)];
        i64::try_from(stored.checked_sub(1)?).ok()
    }

    /// Where the next feedback begins, and when its first received packet arrived.
    fn begin(&self) -> Option<(u64, i64)> {
        let highest = self.extender.highest()?;
        let (first, tick) =
            (self.base..=highest).find_map(|number| Some((number, self.tick(number)?)))?;
        let start = if first - self.base < MAX_LEADING_GAP { self.base } else { first };
        Some((start, tick))
    }

    /// Fills `symbols` with the packets from `start`, up to the limits or to a time that no delta
    /// can express and that needs a reference of its own.
    fn collect(&mut self, start: u64, mut clock: i64) {
        self.symbols.clear();
        let mut received = 0;
        let highest = self.extender.highest().unwrap_or(start);
        for number in start..=highest {
            if self.symbols.len() == MAX_STATUSES || received == MAX_RECEIVED {
                break;
            }
            let symbol = match self.tick(number) {
                None => NOT_RECEIVED,
                Some(tick) => {
                    let Some(symbol) = symbol_for(tick - clock) else { break };
                    clock = tick;
                    received += 1;
                    symbol
                }
            };
            self.symbols.push(symbol);
        }
    }

    fn write_deltas(&self, start: u64, mut clock: i64, out: &mut Vec<u8>) {
        for (number, symbol) in (start..).zip(&self.symbols) {
            let Some(tick) = self.tick(number) else { continue };
            let delta = tick - clock;
            clock = tick;
            match *symbol {
                SMALL_DELTA => out.push(delta as u8),
                _ => out.extend_from_slice(&(delta as i16).to_be_bytes()),
            }
        }
    }
}

const fn slot(number: u64) -> usize {
    (number % WINDOW) as usize
}

fn symbol_for(delta: i64) -> Option<u8> {
    match delta {
        0..=0xff => Some(SMALL_DELTA),
        _ if i16::try_from(delta).is_ok() => Some(LARGE_DELTA),
        _ => None,
    }
}

/// Writes status chunks: a run where it covers more than a vector would, else the widest vector
/// that can express the symbols.
fn write_chunks(mut symbols: &[u8], out: &mut Vec<u8>) {
    while let Some(first) = symbols.first().copied() {
        let run = symbols.iter().take(MAX_RUN).take_while(|symbol| **symbol == first).count();
        let ahead = &symbols[..symbols.len().min(14)];
        let narrow = ahead.iter().all(|symbol| *symbol != LARGE_DELTA);
        let vector = if narrow { 14 } else { 7 };
        let (chunk, len) = if run >= vector.min(symbols.len()) {
            (u16::from(first) << 13 | run as u16, run)
        } else if narrow {
            (0x8000 | pack(ahead, 14, 1), ahead.len())
        } else {
            let ahead = &ahead[..ahead.len().min(7)];
            (0xc000 | pack(ahead, 7, 2), ahead.len())
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        symbols = &symbols[len..];
    }
}

/// Packs symbols of `bits` bits each, the first one highest, into a field for `slots` of them.
fn pack(symbols: &[u8], slots: usize, bits: usize) -> u16 {
    symbols.iter().enumerate().fold(0, |packed, (index, symbol)| {
        packed | u16::from(*symbol) << ((slots - 1 - index) * bits)
    })
}

/// Pads to a whole word with a padding count, as receivers expect, and sets the padding bit.
fn pad(out: &mut Vec<u8>, packet: usize) {
    let len = out.len() - packet;
    let padding = len.next_multiple_of(4) - len;
    if padding > 0 {
        out.resize(out.len() + padding - 1, 0);
        out.push(padding as u8);
        out[packet] |= 0x20;
    }
}
