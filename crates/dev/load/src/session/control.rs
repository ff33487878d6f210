//! RTCP: what receivers and senders tell each other.

use roomline_rtp::rtcp::{
    Compound, Nack, Packet, Pli, ReceiverReport, Remb, ReportBlock, Sdes, SenderReport,
};

use super::{Session, World};
use crate::clock::{MILLISECOND, Nanos, SECOND};
use crate::incoming::Incoming;

const REPORT: Nanos = SECOND;
/// How often browsers send transport-cc feedback.
const FEEDBACK: Nanos = 100 * MILLISECOND;
/// A stream that has not begun is asked for a keyframe this often.
const KEYFRAME: Nanos = 300 * MILLISECOND;
/// What receivers say they can take: more than any workload sends to one of them.
const BITRATE: u64 = 200_000_000;

impl Session {
    /// Takes an RTCP packet.
    pub(super) fn control(&mut self, data: &mut [u8], world: &World<'_>) {
        let Some(inbound) = &mut self.inbound else {
            self.totals.ignored += 1;
            return;
        };
        let length = match inbound.open_rtcp(data) {
            Ok(length) => length,
            Err(roomline_srtp::SrtpError::Replayed | roomline_srtp::SrtpError::TooOld) => return,
            Err(_) => {
                self.totals.decrypt_failures += 1;
                return;
            }
        };
        self.totals.feedback_received += 1;
        for packet in Compound::new(&data[..length]).flatten() {
            match packet {
                Packet::SenderReport(report) => self.sender_report(&report, world.now),
                Packet::Nack(nack) => self.resend(&nack, world),
                Packet::Pli(pli) => self.keyframe_wanted(pli.media),
                Packet::Fir(fir) => {
                    fir.entries().for_each(|entry| self.keyframe_wanted(entry.ssrc));
                }
                _ => {}
            }
        }
    }

    fn sender_report(&mut self, report: &SenderReport<'_>, now: Nanos) {
        let ssrc = report.sender.ssrc;
        if let Some(stream) = self.incoming.iter_mut().find(|stream| stream.ssrc == ssrc) {
            stream.sender_report(report.sender.ntp, now);
        }
    }

    fn keyframe_wanted(&mut self, ssrc: u32) {
        if let Some(stream) = self.outgoing.iter_mut().find(|one| one.source.ssrc == ssrc) {
            stream.keyframe_wanted();
        }
    }

    /// Says what is due: reports, transport-cc feedback, requests for what is missing.
    pub(super) fn report(&mut self, world: &World<'_>) {
        let now = world.now;
        if self.next_report <= now {
            self.next_report = now + REPORT;
            self.send_reports(world);
        }
        if self.next_feedback > now {
            return;
        }
        self.send_requests(now);
        self.send_transport_feedback();
        // Without a stream there is nothing to say; the first packet of one sets the clock again.
        self.next_feedback = match self.incoming.iter().map(Incoming::next_timeout).min() {
            Some(missing) => missing.clamp(now + MILLISECOND, now + FEEDBACK),
            None => Nanos::MAX,
        };
    }

    fn send_reports(&mut self, world: &World<'_>) {
        let now = world.now;
        let reported = self.incoming.iter_mut().filter(|stream| !stream.is_rtx);
        let mut blocks: Vec<ReportBlock> = reported.map(|stream| stream.report(now)).collect();
        let mut compound = Vec::with_capacity(256);
        let sending = self.outgoing.iter().filter(|stream| stream.sent.packets > 0);
        for stream in sending {
            let info = stream.report(now, world.realtime_offset);
            let cut = blocks.split_off(blocks.len().saturating_sub(31));
            SenderReport::write(&mut compound, &info, &cut);
            Sdes::write_cname(&mut compound, info.ssrc, &self.local.cname);
        }
        let rest = if compound.is_empty() || !blocks.is_empty() { Some(blocks) } else { None };
        let ssrc = self.source();
        if let Some(blocks) = rest {
            ReceiverReport::write(&mut compound, ssrc, &blocks);
        }
        // Browsers estimate either by transport-cc, at the sender, or by themselves and say so.
        let received: Vec<u32> =
            self.incoming.iter().filter(|one| one.is_video).map(|one| one.ssrc).collect();
        let remb = self.sections.iter().any(|section| section.has_feedback("goog-remb"));
        if self.recorder.is_none() && remb && !received.is_empty() {
            Remb::write(&mut compound, ssrc, BITRATE, &received);
        }
        self.send_control(compound);
    }

    /// NACK for gaps, PLI for what cannot be shown yet.
    fn send_requests(&mut self, now: Nanos) {
        let (mut compound, ssrc) = (Vec::new(), self.source());
        let sections = &self.sections;
        for stream in self.incoming.iter_mut().filter(|stream| !stream.is_rtx && stream.is_video) {
            let section = stream.section.and_then(|index| sections.get(index));
            if section.is_some_and(|section| section.has_feedback("nack")) {
                let wanted = stream.wanted(now);
                Nack::write(&mut compound, ssrc, stream.ssrc, wanted);
            }
            let waiting = !stream.started && now >= stream.first_at.max(stream.asked) + KEYFRAME;
            if waiting {
                stream.asked = now;
                Pli { sender: ssrc, media: stream.ssrc }.write(&mut compound);
            }
        }
        self.send_control(compound);
    }

    fn send_transport_feedback(&mut self) {
        let ssrc = self.source();
        let media = self.incoming.first().map_or(0, |stream| stream.ssrc);
        while let Some(recorder) = &mut self.recorder {
            let mut feedback = Vec::with_capacity(256);
            if !recorder.write(ssrc, media, &mut feedback) {
                return;
            }
            self.send_control(feedback);
        }
    }

    /// Our source in RTCP.
    fn source(&self) -> u32 {
        self.outgoing.first().map_or(self.ssrc, |stream| stream.source.ssrc)
    }

    fn send_control(&mut self, mut compound: Vec<u8>) {
        let (Some(outbound), Some(to)) = (&mut self.outbound, self.agent.selected()) else {
            return;
        };
        if compound.is_empty() {
            return;
        }
        match outbound.seal_rtcp(&mut compound, 0) {
            Ok(()) => self.out.push((to, compound)),
            Err(error) => self.end(&error.to_string()),
        }
    }
}
