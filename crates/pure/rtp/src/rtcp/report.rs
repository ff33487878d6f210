//! Sender and receiver reports (RFC 3550 §6.4).

use std::time::Duration;

use super::wire;
use crate::bytes::{u24_at, u32_at, u64_at};

const BLOCK_LEN: usize = 24;
const SENDER_INFO_LEN: usize = 24;

/// How one source is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative with duplicates. 24 bits, saturating.
    pub cumulative_lost: i32,
    /// The highest sequence number received, with its cycles above the lower 16 bits.
    pub highest_sequence: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 for none.
    pub last_sender_report: u32,
    /// Time since that report, in 1/65536 s.
    pub delay_since_last: u32,
}

impl ReportBlock {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let lost = u24_at(bytes, 5)?;
        Some(Self {
            ssrc: u32_at(bytes, 0)?,
            fraction_lost: *bytes.get(4)?,
            // Shifted up and down again to carry the sign of the 24-bit field.
            cumulative_lost: ((lost << 8) as i32) >> 8,
            highest_sequence: u32_at(bytes, 8)?,
            jitter: u32_at(bytes, 12)?,
            last_sender_report: u32_at(bytes, 16)?,
            delay_since_last: u32_at(bytes, 20)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[self.fraction_lost, lost[1], lost[2], lost[3]]);
        out.extend_from_slice(&self.highest_sequence.to_be_bytes());
        out.extend_from_slice(&self.jitter.to_be_bytes());
        out.extend_from_slice(&self.last_sender_report.to_be_bytes());
        out.extend_from_slice(&self.delay_since_last.to_be_bytes());
    }
}

/// What a source has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// The source.
    pub ssrc: u32,
    /// Wall clock of the report as an NTP timestamp, 32.32 fixed point seconds.
    pub ntp: u64,
    /// The same moment in RTP timestamp units.
    pub rtp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// A sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// What the sender has sent.
    pub sender: SenderInfo,
    blocks: &'a [u8],
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let sender = SenderInfo {
            ssrc: u32_at(body, 0)?,
            ntp: u64_at(body, 4)?,
            rtp: u32_at(body, 12)?,
            packets: u32_at(body, 16)?,
            octets: u32_at(body, 20)?,
        };
        Some(Self { sender, blocks: blocks(count, body.get(SENDER_INFO_LEN..)?)? })
    }

    /// The report blocks.
    pub fn reports(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks.chunks_exact(BLOCK_LEN).filter_map(ReportBlock::parse)
    }

    /// Appends a sender report; blocks over 31 follow in receiver reports.
    pub fn write(out: &mut Vec<u8>, sender: &SenderInfo, reports: &[ReportBlock]) {
        let (first, rest) = reports.split_at(reports.len().min(wire::MAX_COUNT));
        wire::packet(out, first.len() as u8, wire::SR, |out| {
            out.extend_from_slice(&sender.ssrc.to_be_bytes());
            out.extend_from_slice(&sender.ntp.to_be_bytes());
            out.extend_from_slice(&sender.rtp.to_be_bytes());
            out.extend_from_slice(&sender.packets.to_be_bytes());
            out.extend_from_slice(&sender.octets.to_be_bytes());
            first.iter().for_each(|block| block.write(out));
        });
        if !rest.is_empty() {
            ReceiverReport::write(out, sender.ssrc, rest);
        }
    }
}

/// A receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    blocks: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        Some(Self { ssrc: u32_at(body, 0)?, blocks: blocks(count, body.get(4..)?)? })
    }

    /// The report blocks.
    pub fn reports(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks.chunks_exact(BLOCK_LEN).filter_map(ReportBlock::parse)
    }

    /// Appends as many receiver reports as the blocks need, one empty report for none.
    pub fn write(out: &mut Vec<u8>, ssrc: u32, reports: &[ReportBlock]) {
        let (first, rest) = reports.split_at(reports.len().min(wire::MAX_COUNT));
        for blocks in std::iter::once(first).chain(rest.chunks(wire::MAX_COUNT)) {
            wire::packet(out, blocks.len() as u8, wire::RR, |out| {
                out.extend_from_slice(&ssrc.to_be_bytes());
                blocks.iter().for_each(|block| block.write(out));
            });
        }
    }
}

/// The announced blocks; profile-specific extensions behind them are left out.
fn blocks(count: u8, bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..usize::from(count) * BLOCK_LEN)
}

/// The middle 32 bits of an NTP timestamp: seconds as 16.16 fixed point (RFC 3550 §4).
#[must_use]
pub const fn compact_ntp(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// The round-trip time that `block` shows when it arrives at `ntp` (RFC 3550 §6.4.1).
///
/// `None` if its sender has seen no sender report yet, or if the times contradict each other by
/// more than rounding explains.
#[must_use]
pub fn round_trip_time(ntp: u64, block: &ReportBlock) -> Option<Duration> {
    /// 1/64 s: clocks and rounding may make a short round trip look negative by this much.
    const SLACK: i32 = 1 << 10;
    if block.last_sender_report == 0 {
        return None;
    }
    let since = compact_ntp(ntp).wrapping_sub(block.last_sender_report);
    let units = since.wrapping_sub(block.delay_since_last) as i32;
    let units = u64::try_from(units).ok().or((units >= -SLACK).then_some(0))?;
    Some(Duration::from_nanos((units * 1_000_000_000) >> 16))
}
