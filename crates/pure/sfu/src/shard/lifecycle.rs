//! What time and the peer do to transports: timers, DTLS outcomes, the end.

use std::time::{Duration, Instant};

use roomline_stun::turn::AllocationId;

use super::Shard;
use super::egress::Out;
use crate::counters::Discard;
use crate::event::{CloseReason, Event, Stats};
use crate::forwarding::RouterEvent;
use crate::ids::TransportId;
use crate::io::Action;
use crate::relay::Flow;
use crate::tables::Slot;
use crate::transport::dtls::DtlsError;
use crate::transport::pairs::Pair;
use crate::transport::{Due, Notice};

impl Shard {
    /// Does everything that is due.
    pub(super) fn run_timers(&mut self, now: Instant) {
        for connection in self.relay.handle_timeout(now, &self.transports) {
            self.actions.push_back(Action::CloseConnection(connection));
        }
        self.follow_allocations(now);
        let mut due = std::mem::take(&mut self.scratch.due);
        // All of them first: a timer that stays due has its next turn in the next call.
        due.extend(std::iter::from_fn(|| self.transports.pop_due(now)));
        due.drain(..).for_each(|slot| self.run_timer(now, slot));
        self.scratch.due = due;
        if self.router.poll_timeout().is_some_and(|at| at <= now) {
            let ntp = ntp(self.unix(now));
            let mut out = Out {
                transports: &mut self.transports,
                payloads: &mut self.payloads,
                counters: &mut self.counters,
            };
            self.router.handle_timeout(now, ntp, &mut out);
            self.follow_router();
        }
    }

    fn run_timer(&mut self, now: Instant, slot: Slot) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        let mut notices = std::mem::take(&mut self.scratch.notices);
        let next_stats = self.stats_clock.next(now);
        let outcome =
            transport.handle_timeout(now, next_stats, &mut self.scratch.datagram, &mut notices);
        let due = outcome.as_ref().copied().unwrap_or_default();
        self.after_dtls(now, slot, outcome.map(|_| ()), notices);
        self.follow_due(now, slot, due);
    }

    fn follow_due(&mut self, now: Instant, slot: Slot, due: Due) {
        if due.expired {
            return self.close_transport(now, slot, Some(CloseReason::Timeout));
        }
        if due.stats {
            self.tell_stats(slot);
        }
        if due.upkeep {
            self.prune_pairs(now, slot);
        }
        if due.path {
            self.tell_path(now, slot);
        }
        if due.answers {
            self.send_answers(slot);
        }
        if due.overflow {
            self.counters.discard(Discard::DataOverflow);
        }
        if let (Some(silence), Some(transport)) = (due.silence, self.transports.get(slot)) {
            self.tell_silence(transport.id, true, silence);
        }
    }

    /// Tells that a transport is heard again, if it is news.
    pub(super) fn tell_woken(&mut self, slot: Slot) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        let transport = (transport.take_woken(), transport.id);
        if let (Some(silence), id) = transport {
            self.tell_silence(id, false, silence);
        }
    }

    /// Sends the answers to checks that were held back.
    fn send_answers(&mut self, slot: Slot) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        for (pair, answer) in transport.take_answers() {
            self.respond(pair, &answer);
        }
        self.transports.schedule(slot);
    }

    fn tell_silence(&mut self, transport: TransportId, silent: bool, silence: Duration) {
        let silence_ms = u32::try_from(silence.as_millis()).unwrap_or(u32::MAX);
        self.events.push_back(Event::TransportSilent { transport, silent, silence_ms });
    }

    fn prune_pairs(&mut self, now: Instant, slot: Slot) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        let before = transport.pairs.selected();
        let pruned = transport.pairs.prune(now);
        let moved = transport.pairs.selected() != before;
        pruned.into_iter().for_each(|pair| self.transports.remove_pair(pair));
        if moved {
            self.tell_path(now, slot);
        }
    }

    fn tell_stats(&mut self, slot: Slot) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        let milliseconds = |rtt: Duration| rtt.as_secs_f32() * 1000.0;
        let leg = self.router.leg_stats(transport.leg);
        let totals = transport.totals;
        let stats = Stats {
            packets_received: totals.packets_received,
            bytes_received: totals.bytes_received,
            packets_sent: totals.packets_sent,
            bytes_sent: totals.bytes_sent,
            packets_lost: leg.packets_lost,
            retransmissions: leg.retransmissions,
            rtt_ms: leg.rtt.map(milliseconds),
            fraction_lost: leg.fraction_lost,
            path_rtt_ms: transport.beats.take_rtt().map(milliseconds),
        };
        self.events.push_back(Event::TransportStats { transport: transport.id, stats });
    }

    /// Acts on what DTLS and SCTP said.
    pub(super) fn after_dtls(
        &mut self,
        now: Instant,
        slot: Slot,
        outcome: Result<(), DtlsError>,
        mut notices: Vec<Notice>,
    ) {
        let mut end = None;
        for notice in notices.drain(..) {
            match notice {
                Notice::Connected { version, profile } => {
                    self.connected(now, slot, version, profile)
                }
                Notice::ClosedByPeer => end = Some(CloseReason::ClosedByPeer),
                Notice::Channel(event) => self.channel_event(now, slot, event),
            }
        }
        if self.scratch.notices.capacity() == 0 {
            self.scratch.notices = notices;
        }
        if let Err(error) = outcome {
            log::debug!("DTLS: {error}");
            self.counters.discard(Discard::BadDtls);
            end = end.or(Some(CloseReason::DtlsFailed));
        }
        match end {
            Some(reason) => self.close_transport(now, slot, Some(reason)),
            None => self.settle(slot),
        }
    }

    /// Lets flush list and timers follow what a transport did.
    pub(super) fn settle(&mut self, slot: Slot) {
        self.transports.mark(slot);
        self.transports.schedule(slot);
    }

    fn connected(
        &mut self,
        now: Instant,
        slot: Slot,
        dtls_version: &'static str,
        srtp_profile: &'static str,
    ) {
        let Some(transport) = self.transports.get(slot) else { return };
        let (transport, leg) = (transport.id, transport.leg);
        self.events.push_back(Event::TransportConnected { transport, dtls_version, srtp_profile });
        self.router.leg_connected(now, leg);
    }

    /// Tells what the router has to tell.
    pub(super) fn follow_router(&mut self) {
        while let Some(event) = self.router.poll_event() {
            self.events.push_back(match event {
                RouterEvent::PublicationStarted { publication, codec } => {
                    Event::PublicationStarted { publication, codec }
                }
                RouterEvent::SubscriptionPaused { subscription, paused } => {
                    Event::SubscriptionPaused { subscription, paused }
                }
            });
        }
    }

    /// Ends a transport with everything on it. `reason` is told, unless a command asked for it.
    pub(super) fn close_transport(
        &mut self,
        now: Instant,
        slot: Slot,
        reason: Option<CloseReason>,
    ) {
        let Some(transport) = self.transports.get(slot) else { return };
        self.router.remove_leg(now, transport.leg);
        self.follow_router();
        self.close_channels(now, slot);
        self.say_goodbye(now, slot);
        let Some(transport) = self.transports.remove(slot) else { return };
        self.counters.transports_closed += 1;
        if !self.transports.has(transport.participant) {
            self.relay.depart(now, transport.participant);
        }
        if !transport.socket.shared {
            self.actions.push_back(Action::ReleaseSocket(transport.socket.socket));
        }
        if let Some(reason) = reason {
            self.events.push_back(Event::TransportClosed { transport: transport.id, reason });
        }
    }

    /// Sends close_notify: as a reply, because the outbox goes with the transport.
    fn say_goodbye(&mut self, now: Instant, slot: Slot) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        transport.outbox.clear();
        transport.close(now, &mut self.scratch.datagram);
        let Some(pair) = transport.pairs.selected() else { return };
        let words: Vec<Vec<u8>> = transport.outbox.datagrams().map(<[u8]>::to_vec).collect();
        for word in words {
            match pair {
                Pair::Direct { socket, local, remote } => {
                    self.reply(Flow::Datagram { socket, local, remote }, &word);
                }
                Pair::Relayed { allocation, peer } => self.reply_relayed(allocation, peer, &word),
            }
        }
    }

    /// Forgets the pairs that went through an allocation.
    pub(super) fn drop_allocation(&mut self, now: Instant, allocation: AllocationId) {
        for pair in self.transports.pairs_through(allocation) {
            let slot = self.transports.find_pair(&pair);
            self.transports.remove_pair(pair);
            let Some(slot) = slot else { continue };
            let Some(transport) = self.transports.get_mut(slot) else { continue };
            if transport.pairs.remove(pair) {
                self.tell_path(now, slot);
            }
        }
    }
}

/// Time since the Unix epoch as an NTP timestamp (RFC 5905 section 6).
pub(super) fn ntp(unix: std::time::Duration) -> u64 {
    const UNIX_EPOCH: u64 = 2_208_988_800;
    let seconds = unix.as_secs().wrapping_add(UNIX_EPOCH) << 32;
    seconds | ((u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000)
}
