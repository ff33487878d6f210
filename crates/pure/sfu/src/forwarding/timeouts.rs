//! What is due: feedback, reports, NACKs, keyframe requests, and a look at the cap.

use std::time::{Duration, Instant};

use roomline_rtp::rtcp::{
    Fir, FirEntry, Nack, Pli, ReceiverReport, Remb, Sdes, SenderInfo, SenderReport,
};
use roomline_sdp::Kind;

use super::cap::{self, Candidate, admit};
use super::leg::REPORT_INTERVAL;
use super::moving::Successor;
use super::reports::{OWN_SSRC, WallClock, media_time};
use super::rewrite::Clock;
use super::router::{Router, RouterEvent};
use super::subscription::Slot;
use super::timers::Owner;
use super::{Egress, LegId};

/// A compound is sent when it has grown so long; then it is below any path's MTU.
const FULL: usize = 1000;
/// A bitrate that nobody reaches.
const UNBOUNDED: u64 = 10_000_000_000;
/// A publisher that has sent no sender report for so long sends none at all.
const REPORTLESS: Duration = Duration::from_secs(3);

impl Router {
    /// When [`handle_timeout`](Self::handle_timeout) is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Does what is due at `now`. `ntp` is the wall clock at `now` as an NTP timestamp, 32.32 fixed
    /// point seconds since 1900 (RFC 3550 §4); sender reports carry it.
    pub fn handle_timeout(&mut self, now: Instant, ntp: u64, out: &mut dyn Egress) {
        self.wall = Some(WallClock::new(now, ntp));
        while let Some((at, owner)) = self.timers.pop_due(now) {
            match owner {
                Owner::Leg(key) => {
                    if let Some(leg) = self.legs.get_mut(key as usize)
                        && leg.armed == Some(at)
                    {
                        leg.armed = None;
                        self.serve_leg(now, key, out);
                    }
                }
                Owner::Publication(key) => {
                    if let Some(publication) = self.publications.get_mut(key as usize)
                        && publication.armed == Some(at)
                    {
                        publication.armed = None;
                        self.serve_publication(now, key, out);
                    }
                }
            }
        }
    }

    fn serve_leg(&mut self, now: Instant, key: u32, out: &mut dyn Egress) {
        let mut rtcp = std::mem::take(&mut self.rtcp);
        if let Some(leg) = self.legs.get_mut(key as usize) {
            rtcp.clear();
            while leg.feedback.write(now, &mut rtcp) {
                send(&mut rtcp, LegId(key), out);
            }
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            let (report, cap) = (due(leg.report_at), due(leg.cap_at));
            if report {
                self.report(now, key, &mut rtcp, out);
            }
            if cap {
                self.apply_cap(now, key);
            }
        }
        self.rtcp = rtcp;
        self.arm_leg(key);
    }

    /// Asks the publisher for what is missing: packets, and a keyframe.
    fn serve_publication(&mut self, now: Instant, key: u32, out: &mut dyn Egress) {
        let Some(publication) = self.publications.get(key as usize) else { return };
        let (place, moving) = (publication.place(), publication.successor.as_ref());
        let moving = moving.map(Successor::place);
        self.rtcp.clear();
        self.ask_source_for_packets(now, key);
        self.ask_for_keyframe(now, key, place);
        send(&mut self.rtcp, LegId(place.0), out);
        if let Some(moving) = moving {
            self.ask_for_keyframe(now, key, moving);
            send(&mut self.rtcp, LegId(moving.0), out);
        }
        if let Some(publication) = self.publications.get_mut(key as usize)
            && let Some(at) = publication.source.as_ref().and_then(|s| s.missing.deadline())
        {
            self.timers.arm(&mut publication.armed, Owner::Publication(key), at);
        }
        self.arm_keyframe(now, key);
    }

    /// Writes a NACK for what is due.
    fn ask_source_for_packets(&mut self, now: Instant, key: u32) {
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        let Some(leg) = self.legs.get(publication.leg as usize) else { return };
        let Some(section) = leg.sections.get(publication.section) else { return };
        let codec = section.codecs.get(publication.codec.map_or(0, |codec| codec.index));
        let wanted = publication.is_watched() && codec.is_some_and(|codec| codec.nack);
        let Some(source) = &mut publication.source else { return };
        if !wanted {
            return source.missing.clear();
        }
        self.sequences.clear();
        source.missing.due(now, leg.rtt, &mut self.sequences);
        Nack::write(&mut self.rtcp, OWN_SSRC, source.ssrc, self.sequences.iter().copied());
        self.counters.nacks_sent += u64::from(!self.rtcp.is_empty());
    }

    /// Writes a PLI, or a FIR, for the source or the successor of a publication, if one is due.
    fn ask_for_keyframe(&mut self, now: Instant, key: u32, place: (u32, usize)) {
        let Some(publication) = self.publications.get(key as usize) else { return };
        let Some(ssrc) = self.media_ssrc(publication, place) else { return };
        let Some(leg) = self.legs.get(place.0 as usize) else { return };
        let Some(section) = leg.sections.get(place.1) else { return };
        let used = publication.codec.filter(|_| publication.place() == place);
        let codec = section.codecs.get(used.map_or(0, |codec| codec.index));
        let fir = codec.is_some_and(|codec| codec.ccm_fir && !codec.nack_pli);
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        if !publication.is_watched() {
            return;
        }
        let Some(keyframes) = publication.requests_at(place) else { return };
        if !keyframes.take(now) {
            return;
        }
        if fir {
            let sequence = keyframes.next_fir();
            Fir::write(&mut self.rtcp, OWN_SSRC, &[FirEntry { ssrc, sequence }]);
        } else {
            Pli { sender: OWN_SSRC, media: ssrc }.write(&mut self.rtcp);
        }
        self.counters.keyframes_requested += 1;
    }

    /// Sends what there is to report on a leg; the next report comes if there was anything.
    fn report(&mut self, now: Instant, key: u32, rtcp: &mut Vec<u8>, out: &mut dyn Egress) {
        rtcp.clear();
        self.collect_blocks(now, key);
        let mut blocks = std::mem::take(&mut self.blocks);
        let mut described = None;
        let slots = self.legs.get(key as usize).map_or(0, |leg| leg.sections.len());
        for at in 0..slots {
            let slot = self.legs.get(key as usize).and_then(|leg| leg.sections[at].slot);
            let Some(slot) = slot else { continue };
            if let Some(info) = self.sender_info(now, slot) {
                SenderReport::write(rtcp, &info, &blocks);
                blocks.clear();
                described.get_or_insert((info.ssrc, slot));
            }
            if rtcp.len() > FULL {
                send(rtcp, LegId(key), out);
            }
        }
        if !blocks.is_empty() {
            ReceiverReport::write(rtcp, OWN_SSRC, &blocks);
        }
        let any = !blocks.is_empty() || described.is_some();
        if let Some((ssrc, slot)) = described
            && let Some(slot) = self.slots.get(slot as usize)
        {
            Sdes::write_cname(rtcp, ssrc, &slot.cname);
        }
        self.write_remb(key, rtcp);
        send(rtcp, LegId(key), out);
        blocks.clear();
        self.blocks = blocks;
        if let Some(leg) = self.legs.get_mut(key as usize) {
            leg.report_at = any.then(|| now + REPORT_INTERVAL);
        }
    }

    fn collect_blocks(&mut self, now: Instant, key: u32) {
        self.blocks.clear();
        let Some(leg) = self.legs.get(key as usize) else { return };
        for (at, section) in leg.sections.iter().enumerate() {
            let Some(publication) = section.publication else { continue };
            let publication = self.publications.get_mut(publication as usize);
            let publication = publication.filter(|found| found.place() == (key, at));
            let Some(source) = publication.and_then(|found| found.source.as_mut()) else {
                continue;
            };
            self.blocks.extend(source.reception.report(source.ssrc, source.report, now));
        }
    }

    /// What a slot has sent, if it sent anything since the last report.
    fn sender_info(&mut self, now: Instant, key: u32) -> Option<SenderInfo> {
        let ntp = self.wall?.at(now);
        let slot = self.slots.get_mut(key as usize)?;
        if slot.packets == slot.reported {
            return None;
        }
        let binding = slot.binding.as_ref()?;
        let publication = self.publications.get(binding.publication as usize)?;
        let source = publication.source.as_ref()?;
        let rate = publication.clock_rate();
        let offset = self.legs.get(publication.leg as usize).and_then(|leg| leg.clock_offset);
        let shift = binding.rewriter.shift(publication.epoch)?;
        let rtp = match (source.report, offset) {
            (Some((report, _)), Some(offset)) => {
                media_time(&report, offset, ntp, rate).wrapping_add(shift)
            }
            // A guess now, put right by the publisher's first report, would make the player jump.
            _ if now.saturating_duration_since(source.since) < REPORTLESS => return None,
            _ => {
                let (timestamp, sent) = slot.stream.last()?;
                timestamp.wrapping_add(Clock { rate, now }.ticks_since(sent))
            }
        };
        slot.reported = slot.packets;
        Some(SenderInfo { ssrc: slot.ssrc, ntp, rtp, packets: slot.packets, octets: slot.octets })
    }

    /// The sum of the bounds of what a leg publishes. A client takes it as a bound of all it sends,
    /// so there is none while a video without a bound is among it. A client keeps what it was told,
    /// so one that was told a bound goes on being told that there is none any more.
    fn write_remb(&mut self, key: u32, rtcp: &mut Vec<u8>) {
        /// What an audio publication without a bound may need.
        const AUDIO: u64 = 128_000;
        let Some(leg) = self.legs.get_mut(key as usize) else { return };
        let (mut total, mut ssrcs, mut count) = (0_u64, [0; 16], 0);
        let mut bounded = false;
        for (at, section) in leg.sections.iter().enumerate() {
            let Some(publication) = section.publication else { continue };
            let Some(publication) = self.publications.get(publication as usize) else { continue };
            let Some(ssrc) = publication.ssrc_at((key, at)) else { continue };
            total = total.saturating_add(match (publication.max_bitrate, publication.kind) {
                (0, Kind::Audio) => AUDIO,
                (0, Kind::Video) => UNBOUNDED,
                (bitrate, _) => bitrate,
            });
            bounded |= publication.max_bitrate > 0;
            if count < ssrcs.len() {
                ssrcs[count] = ssrc;
                count += 1;
            }
        }
        let total = if bounded { total.min(UNBOUNDED) } else { UNBOUNDED };
        leg.bounded |= total < UNBOUNDED;
        if leg.bounded && count > 0 {
            Remb::write(rtcp, OWN_SSRC, total, &ssrcs[..count]);
        }
    }

    /// Stops and resumes subscriptions so that a leg stays within its bounds.
    fn apply_cap(&mut self, now: Instant, key: u32) {
        let (mut candidates, audio) = self.demand(now, key);
        let demand = candidates.iter().map(|candidate| candidate.bitrate).sum::<u64>() + audio;
        let Some(leg) = self.legs.get_mut(key as usize) else { return };
        leg.cap.relax(demand);
        let bound = leg.cap.bound();
        let bound_slots = leg.sections.iter().filter_map(|section| section.slot);
        let watched = bound.is_some()
            && bound_slots.filter_map(|slot| self.slots.get(slot as usize)).any(Slot::is_bound);
        leg.cap_at = watched.then(|| now + cap::INTERVAL);
        admit(&mut candidates, audio, bound, now);
        for candidate in candidates {
            if candidate.admitted == candidate.stopped.is_some() {
                self.stop(now, candidate.slot, !candidate.admitted);
            }
        }
    }

    /// The videos that would be sent on a leg, and the bitrate of its audio.
    fn demand(&mut self, now: Instant, key: u32) -> (Vec<Candidate>, u64) {
        let (mut candidates, mut audio) = (Vec::new(), 0);
        let Some(leg) = self.legs.get(key as usize) else { return (candidates, 0) };
        for key in leg.sections.iter().filter_map(|section| section.slot) {
            let Some(slot) = self.slots.get(key as usize) else { continue };
            let Some(binding) = slot.binding.as_ref().filter(|binding| !binding.paused) else {
                continue;
            };
            let publication = self.publications.get_mut(binding.publication as usize);
            let Some(publication) = publication.filter(|publication| !publication.paused) else {
                continue;
            };
            let bitrate = publication.rate.bitrate(now);
            match publication.kind {
                Kind::Audio => audio += bitrate,
                Kind::Video => candidates.push(Candidate {
                    slot: key,
                    bitrate,
                    order: binding.order,
                    stopped: binding.stopped,
                    admitted: false,
                }),
            }
        }
        (candidates, audio)
    }

    fn stop(&mut self, now: Instant, key: u32, stopped: bool) {
        let slot = self.slots.get_mut(key as usize);
        let Some(binding) = slot.and_then(|slot| slot.binding.as_mut()) else { return };
        binding.stopped = stopped.then_some(now);
        binding.running = false;
        let subscription = binding.subscription;
        self.events.push_back(RouterEvent::SubscriptionPaused { subscription, paused: stopped });
        if !stopped {
            self.request_keyframe_for(now, key);
        }
    }
}

/// Sends what was written, and makes room.
fn send(rtcp: &mut Vec<u8>, leg: LegId, out: &mut dyn Egress) {
    if !rtcp.is_empty() {
        out.send_rtcp(leg, rtcp);
        rtcp.clear();
    }
}
