//! RTCP that comes in: from publishers about what they send, from subscribers about what they get.

use std::time::Instant;

use roomline_rtp::rtcp::{Compound, Nack, Packet, ReportBlock, SenderInfo, round_trip_time};

use super::fanout::{Fanout, send_time};
use super::router::Router;
use super::{Egress, LegId};

/// A clock that is further off than this was set anew.
const CLOCK_JUMP: i64 = 1 << 32;

/// What the report blocks of one compound say together.
#[derive(Default)]
struct Losses {
    blocks: u32,
    /// Of the shares that were lost, from 0 to 1.
    sum: f32,
}

impl Router {
    /// Takes a decrypted RTCP compound packet. What does not parse is counted and skipped.
    pub fn handle_rtcp(&mut self, now: Instant, leg: LegId, compound: &[u8], out: &mut dyn Egress) {
        if !self.legs.contains(leg.0 as usize) {
            return;
        }
        let mut losses = Losses::default();
        for packet in Compound::new(compound) {
            match packet {
                Ok(packet) => self.handle_packet(now, leg.0, packet, &mut losses, out),
                Err(_) => self.counters.bad_rtcp += 1,
            }
        }
        self.note_losses(now, leg.0, &losses);
    }

    fn handle_packet(
        &mut self,
        now: Instant,
        leg: u32,
        packet: Packet<'_>,
        losses: &mut Losses,
        out: &mut dyn Egress,
    ) {
        match packet {
            Packet::SenderReport(report) => {
                self.note_sender_report(now, leg, report.sender);
                report.reports().for_each(|block| self.note_block(now, leg, &block, losses));
            }
            Packet::ReceiverReport(report) => {
                report.reports().for_each(|block| self.note_block(now, leg, &block, losses));
            }
            Packet::Nack(nack) => self.answer_nack(now, leg, &nack, out),
            Packet::Pli(pli) => self.picture_lost(now, leg, pli.media),
            Packet::Fir(fir) => {
                fir.entries().for_each(|entry| self.picture_lost(now, leg, entry.ssrc));
            }
            Packet::Remb(remb) => self.note_estimate(now, leg, remb.bitrate),
            Packet::TransportFeedback(_)
            | Packet::Sdes(_)
            | Packet::Bye(_)
            | Packet::Other { .. } => {}
        }
    }

    fn note_sender_report(&mut self, now: Instant, leg_key: u32, info: SenderInfo) {
        let Some(leg) = self.legs.get_mut(leg_key as usize) else { return };
        if let Some(wall) = self.wall {
            let offset = wall.at(now).wrapping_sub(info.ntp);
            let drift = leg.clock_offset.map(|known| offset.wrapping_sub(known) as i64);
            if drift.is_none_or(|drift| drift.saturating_abs() > CLOCK_JUMP) {
                leg.clock_offset = Some(offset);
            }
        }
        for (at, section) in leg.sections.iter().enumerate() {
            let publication = section.publication.map(|key| key as usize);
            if let Some(publication) = publication.and_then(|key| self.publications.get_mut(key)) {
                publication.note_report((leg_key, at), leg.may_send(at, info.ssrc), info, now);
            }
        }
    }

    fn note_block(&mut self, now: Instant, key: u32, block: &ReportBlock, losses: &mut Losses) {
        let Some(leg) = self.legs.get_mut(key as usize) else { return };
        let slot = leg.slots.get(&block.ssrc).and_then(|slot| self.slots.get_mut(*slot as usize));
        let Some(slot) = slot else { return };
        let skipped = slot.skipped();
        if let Some(fraction) = slot.path_loss.fraction(block, skipped) {
            losses.blocks += 1;
            losses.sum += fraction;
        }
        let rtt = self.wall.and_then(|wall| round_trip_time(wall.at(now), block));
        if let Some(rtt) = rtt {
            // Smoothed as in RFC 6298.
            leg.rtt = Some(leg.rtt.map_or(rtt, |before| (before * 7 + rtt) / 8));
        }
    }

    fn note_losses(&mut self, now: Instant, key: u32, losses: &Losses) {
        let Some(leg) = self.legs.get_mut(key as usize) else { return };
        if losses.blocks == 0 {
            return;
        }
        leg.fraction_lost = losses.sum / losses.blocks as f32;
        let sent = leg.sent.bitrate(now);
        leg.cap.lost(leg.fraction_lost, sent);
        self.watch_cap(now, key);
    }

    fn note_estimate(&mut self, now: Instant, key: u32, bitrate: u64) {
        let Some(leg) = self.legs.get_mut(key as usize) else { return };
        let sent = leg.sent.bitrate(now);
        leg.cap.estimated(bitrate, sent);
        self.watch_cap(now, key);
    }

    fn picture_lost(&mut self, now: Instant, key: u32, ssrc: u32) {
        let slot = self.legs.get(key as usize).and_then(|leg| leg.slots.get(&ssrc));
        let slot = slot.and_then(|slot| self.slots.get(*slot as usize));
        if let Some(binding) = slot.and_then(|slot| slot.binding.as_ref()) {
            self.request_keyframe(now, binding.publication);
        }
    }

    fn answer_nack(&mut self, now: Instant, key: u32, nack: &Nack<'_>, out: &mut dyn Egress) {
        let slot = self.legs.get(key as usize).and_then(|leg| leg.slots.get(&nack.media)).copied();
        let Some(slot) = slot else { return };
        for sequence in nack.sequence_numbers() {
            if !self.legs.get_mut(key as usize).is_some_and(|leg| leg.may_retransmit(now)) {
                return;
            }
            match self.retransmit(now, slot, sequence, out) {
                Some(()) => self.counters.retransmitted += 1,
                None => self.counters.nacks_missed += 1,
            }
        }
    }

    fn retransmit(
        &mut self,
        now: Instant,
        key: u32,
        sequence: u16,
        out: &mut dyn Egress,
    ) -> Option<()> {
        let slot = self.slots.get(key as usize)?;
        let binding = slot.binding.as_ref()?;
        let number = slot.stream.extend(sequence)?;
        let (index, shift) = binding.rewriter.origin(number)?;
        let publication = self.publications.get(binding.publication as usize)?;
        let media = publication.history.as_ref()?.get(index)?;
        let mut fanout = Fanout {
            legs: &mut self.legs,
            slots: &mut self.slots,
            timers: &mut self.timers,
            counters: &mut self.counters,
            header: &mut self.header,
            payload: &mut self.payload,
            time: send_time(now, self.epoch),
            now,
        };
        fanout.retransmit(key, number, shift, &media, out)
    }
}
