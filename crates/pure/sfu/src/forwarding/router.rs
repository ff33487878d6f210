//! The router: legs, publications and subscriptions, and the commands that make and end them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use roomline_rtp::Form;
use roomline_rtp::rtcp::ReportBlock;
use roomline_sdp::{Kind, MediaSection};
use slab::Slab;

use super::error::{ForwardingCounters, Refusal};
use super::leg::{Leg, Section};
use super::publication::Publication;
use super::reports::WallClock;
use super::subscription::{Binding, Slot};
use super::timers::{Owner, Timers};
use super::{LegId, cap};
use crate::ids::{PublicationId, SubscriptionId};

/// What forwarding has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouterEvent {
    /// The first packet of a publication arrived.
    PublicationStarted {
        /// The publication.
        publication: PublicationId,
        /// Encoding name as in the SDP.
        codec: String,
    },
    /// The bitrate cap stopped a subscription or let it go on.
    SubscriptionPaused {
        /// The subscription.
        subscription: SubscriptionId,
        /// True when it stopped.
        paused: bool,
    },
}

/// What forwarding knows of a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LegStats {
    /// RTP packets that never came from the client, from sequence gaps.
    pub packets_lost: u64,
    /// Packets sent to the client again after a NACK.
    pub retransmissions: u64,
    /// Round-trip time from receiver reports.
    pub rtt: Option<Duration>,
    /// Loss the client reported last, 0.0–1.0.
    pub fraction_lost: f32,
}

/// Forwards RTP between legs.
#[derive(Debug)]
pub struct Router {
    pub(super) legs: Slab<Leg>,
    pub(super) publications: Slab<Publication>,
    pub(super) slots: Slab<Slot>,
    pub(super) timers: Timers,
    pub(super) events: VecDeque<RouterEvent>,
    pub(super) counters: ForwardingCounters,
    pub(super) wall: Option<WallClock>,
    pub(super) epoch: Instant,
    /// Buffers that are kept for their memory.
    pub(super) elements: Vec<u8>,
    pub(super) header: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) rtcp: Vec<u8>,
    pub(super) blocks: Vec<ReportBlock>,
    pub(super) sequences: Vec<u16>,
    publication_keys: HashMap<PublicationId, u32>,
    subscription_slots: HashMap<SubscriptionId, u32>,
    subscribed: u64,
}

impl Router {
    /// An empty router; send times are counted from `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            legs: Slab::new(),
            publications: Slab::new(),
            slots: Slab::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            counters: ForwardingCounters::default(),
            wall: None,
            epoch: now,
            elements: Vec::with_capacity(256),
            header: Vec::with_capacity(256),
            payload: Vec::with_capacity(2048),
            rtcp: Vec::with_capacity(2048),
            blocks: Vec::new(),
            sequences: Vec::with_capacity(256),
            publication_keys: HashMap::new(),
            subscription_slots: HashMap::new(),
            subscribed: 0,
        }
    }

    /// Makes a leg. `max_send_bitrate` bounds what it is sent, in bit/s; 0 is no bound. Its id is
    /// the smallest that is free.
    pub fn add_leg(&mut self, max_send_bitrate: u64) -> LegId {
        LegId(self.legs.insert(Leg::new(max_send_bitrate)) as u32)
    }

    /// Tells what was negotiated on a leg, at first and after every renegotiation: all sections of
    /// the answer. `mixed`: the client accepts two-byte header extensions
    /// (`a=extmap-allow-mixed`). Publications and subscriptions of sections that are still there go
    /// on. An unknown leg is ignored.
    pub fn set_sections(
        &mut self,
        now: Instant,
        leg: LegId,
        sections: &[MediaSection],
        mixed: bool,
    ) {
        let form = if mixed { Form::Mixed } else { Form::OneByte };
        let Some(found) = self.legs.get_mut(leg.0 as usize) else { return };
        let reformed = found.form != form;
        found.negotiate(sections, form);
        // Sections that are refused now, or were stopped by the client.
        let gone = |old: &&Section| sections.iter().all(|section| section.mid != old.mid);
        let gone: Vec<u32> = found.sections.iter().filter(gone).filter_map(|s| s.slot).collect();
        gone.into_iter().for_each(|slot| self.close_slot(slot));
        for section in sections {
            self.set_slot(leg.0, section, reformed);
        }
        self.refresh_formats(now, leg.0);
    }

    /// The leg is connected: what it is sent arrives from now on. Nothing is sent before.
    pub fn leg_connected(&mut self, now: Instant, leg: LegId) {
        let Some(found) = self.legs.get_mut(leg.0 as usize) else { return };
        if std::mem::replace(&mut found.connected, true) {
            return;
        }
        let slots: Vec<_> = found.sections.iter().filter_map(|section| section.slot).collect();
        let publications: Vec<_> =
            found.sections.iter().filter_map(|section| section.publication).collect();
        slots.into_iter().for_each(|slot| self.request_keyframe_for(now, slot));
        publications.into_iter().for_each(|publication| self.arm_keyframe(now, publication));
    }

    /// Ends a leg with everything published and subscribed on it; a publication that is moving
    /// goes on where it moves. An unknown leg is ignored.
    pub fn remove_leg(&mut self, now: Instant, leg: LegId) {
        let Some(removed) = self.legs.get_mut(leg.0 as usize) else { return };
        let sections = std::mem::take(&mut removed.sections);
        for section in &sections {
            if let Some(key) = section.publication {
                self.leave_leg(now, key, leg.0);
            }
            if let Some(slot) = section.slot {
                self.unbind(slot);
                self.slots.try_remove(slot as usize);
            }
        }
        self.legs.try_remove(leg.0 as usize);
    }

    /// Changes the bound of what a leg is sent, in bit/s; 0 is no bound.
    pub fn set_cap(&mut self, now: Instant, leg: LegId, bitrate: u64) {
        let Some(found) = self.legs.get_mut(leg.0 as usize) else { return };
        found.cap.set_limit(bitrate);
        found.cap_at = Some(now);
        self.arm_leg(leg.0);
    }

    /// Makes what a client sends in a section a publication. `max_bitrate` is asked of the client
    /// by REMB, in bit/s; 0 is no bound.
    ///
    /// # Errors
    /// `duplicate`, `unknown-transport`, `unknown-section`, `section-direction`.
    pub fn publish(
        &mut self,
        now: Instant,
        publication: PublicationId,
        leg: LegId,
        mid: &str,
        max_bitrate: u64,
    ) -> Result<(), Refusal> {
        if self.publication_keys.contains_key(&publication) {
            return Err(Refusal::new("duplicate", "the publication exists already"));
        }
        let (at, section) = self.section(leg, mid)?;
        if !section.sends {
            let message = format!("the client does not send in section {mid:?}");
            return Err(Refusal::new("section-direction", message));
        }
        if section.publication.is_some() {
            return Err(Refusal::new("duplicate", format!("section {mid:?} is published already")));
        }
        let new = Publication::new(publication, leg.0, at, section.kind, max_bitrate);
        let key = self.publications.insert(new) as u32;
        self.publication_keys.insert(publication, key);
        if let Some(leg) = self.legs.get_mut(leg.0 as usize) {
            leg.sections[at].publication = Some(key);
            leg.active(now);
        }
        self.arm_leg(leg.0);
        Ok(())
    }

    /// Ends a publication and its subscriptions. An unknown one is ignored.
    pub fn unpublish(&mut self, publication: PublicationId) {
        if let Some(key) = self.publication_keys.get(&publication).copied() {
            self.end_publication(key);
        }
    }

    /// Mutes or unmutes a publication: a paused one is forwarded to nobody.
    pub fn pause_publication(&mut self, now: Instant, publication: PublicationId, paused: bool) {
        let Some(key) = self.publication_keys.get(&publication).copied() else { return };
        let Some(found) = self.publications.get_mut(key as usize) else { return };
        if std::mem::replace(&mut found.paused, paused) == paused {
            return;
        }
        for slot in &found.slots {
            let slot = self.slots.get_mut(*slot as usize);
            if let Some(binding) = slot.and_then(|slot| slot.binding.as_mut()) {
                binding.running = false;
            }
        }
        if !paused {
            self.request_keyframe(now, key);
        }
    }

    /// Changes the bound of a publication, in bit/s; 0 is no bound. Its sender is told at once, during
    /// a move on both legs. An unknown publication is ignored.
    pub fn limit_publication(
        &mut self,
        now: Instant,
        publication: PublicationId,
        max_bitrate: u64,
    ) {
        let Some(key) = self.publication_keys.get(&publication).copied() else { return };
        let Some(found) = self.publications.get_mut(key as usize) else { return };
        if std::mem::replace(&mut found.max_bitrate, max_bitrate) == max_bitrate {
            return;
        }
        let legs = [Some(found.leg), found.successor.as_ref().map(|successor| successor.leg)];
        for leg in legs.into_iter().flatten() {
            if let Some(found) = self.legs.get_mut(leg as usize) {
                // A leg without a report to come is silent: it is told with the first report.
                found.report_at = found.report_at.map(|at| at.min(now));
            }
            self.arm_leg(leg);
        }
    }

    /// Binds a publication to a slot of a leg; what was bound to it before is unsubscribed. Video
    /// begins with a keyframe, which is asked for.
    ///
    /// # Errors
    /// `duplicate`, `unknown-publication`, `unknown-transport`, `unknown-section`,
    /// `section-direction`, `codec-mismatch`.
    pub fn subscribe(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        publication: PublicationId,
        leg: LegId,
        mid: &str,
    ) -> Result<(), Refusal> {
        if self.subscription_slots.contains_key(&subscription) {
            return Err(Refusal::new("duplicate", "the subscription exists already"));
        }
        let key = self.publication_keys.get(&publication).copied();
        let key = key.ok_or_else(|| Refusal::new("unknown-publication", "no such publication"))?;
        let slot_key = self.slot_for(leg, mid)?;
        let binding = self.binding(subscription, key, slot_key)?;
        self.unbind(slot_key);
        self.subscription_slots.insert(subscription, slot_key);
        if let Some(publication) = self.publications.get_mut(key as usize) {
            publication.slots.push(slot_key);
        }
        if let Some(slot) = self.slots.get_mut(slot_key as usize) {
            slot.binding = Some(Box::new(binding));
        }
        self.keep_history(key);
        self.subscribed += 1;
        self.watch_cap(now, leg.0);
        self.request_keyframe_for(now, slot_key);
        Ok(())
    }

    /// Frees the slot of a subscription. An unknown one is ignored.
    pub fn unsubscribe(&mut self, subscription: SubscriptionId) {
        if let Some(slot) = self.subscription_slots.get(&subscription).copied() {
            self.unbind(slot);
        }
    }

    /// Stops a subscription, or lets it go on: video with a keyframe, which is asked for.
    pub fn pause_subscription(&mut self, now: Instant, subscription: SubscriptionId, paused: bool) {
        let Some(key) = self.subscription_slots.get(&subscription).copied() else { return };
        let slot = self.slots.get_mut(key as usize);
        let Some(binding) = slot.and_then(|slot| slot.binding.as_mut()) else { return };
        if std::mem::replace(&mut binding.paused, paused) == paused {
            return;
        }
        binding.running = false;
        if !paused {
            self.request_keyframe_for(now, key);
        }
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<RouterEvent> {
        self.events.pop_front()
    }

    /// What is known of a leg; all zero for an unknown one.
    pub fn leg_stats(&self, id: LegId) -> LegStats {
        let Some(leg) = self.legs.get(id.0 as usize) else { return LegStats::default() };
        let published = leg.sections.iter().enumerate().filter_map(|(at, section)| {
            let publication = self.publications.get(section.publication? as usize)?;
            Some(publication).filter(|found| found.place() == (id.0, at))
        });
        LegStats {
            packets_lost: leg.lost_before + published.map(Publication::lost).sum::<u64>(),
            retransmissions: leg.retransmissions,
            rtt: leg.rtt,
            fraction_lost: leg.fraction_lost,
        }
    }

    /// Totals since the start.
    pub fn counters(&self) -> &ForwardingCounters {
        &self.counters
    }

    /// Calls `f(name, entries)` for every table.
    pub(crate) fn visit_tables(&self, f: &mut dyn FnMut(&'static str, usize)) {
        f("legs", self.legs.len());
        f("sections", self.legs.iter().map(|(_, leg)| leg.sections.len()).sum());
        f("publications", self.publications.len());
        f("publication_keys", self.publication_keys.len());
        f("slots", self.slots.len());
        f("subscriptions", self.subscription_slots.len());
        f("listeners", self.publications.iter().map(|(_, found)| found.slots.len()).sum());
        f("router_timers", self.timers.len());
    }

    /// Makes, changes or closes the slot of a section.
    fn set_slot(&mut self, leg: u32, section: &MediaSection, reformed: bool) {
        let Some(found) = self.legs.get_mut(leg as usize) else { return };
        let Some(at) = found.section(&section.mid) else { return };
        let (key, codecs) = (found.sections[at].slot, Arc::clone(&found.sections[at].codecs));
        let slot = key.and_then(|key| self.slots.get_mut(key as usize));
        match (slot, &section.local) {
            (Some(slot), Some(local)) if slot.ssrc == local.ssrc => {
                if slot.update(section, local, codecs) | reformed
                    && let Some(binding) = &mut slot.binding
                {
                    binding.restart();
                }
            }
            (Some(_), None) => key.into_iter().for_each(|key| self.close_slot(key)),
            (None, None) => {}
            (old, Some(local)) => {
                // Another SSRC means another section under the same name.
                if let (Some(old), Some(key)) = (old, key) {
                    found.slots.remove(&old.ssrc);
                    self.unbind(key);
                    self.slots.try_remove(key as usize);
                }
                self.add_slot(leg, at, Slot::new(leg, section, local, codecs));
            }
        }
    }

    /// Nothing is sent in a slot any more, also not again: its headers may look different now.
    fn close_slot(&mut self, key: u32) {
        let Some(slot) = self.slots.get_mut(key as usize) else { return };
        slot.open = false;
        if let Some(binding) = &mut slot.binding {
            binding.restart();
        }
    }

    fn add_slot(&mut self, leg: u32, at: usize, slot: Slot) {
        let ssrc = slot.ssrc;
        let key = self.slots.insert(slot) as u32;
        if let Some(leg) = self.legs.get_mut(leg as usize) {
            leg.sections[at].slot = Some(key);
            leg.slots.insert(ssrc, key);
        }
    }

    /// Payload types may have changed on this leg: for what it publishes and for what it receives.
    pub(super) fn refresh_formats(&mut self, now: Instant, leg: u32) {
        let Some(leg) = self.legs.get(leg as usize) else { return };
        let published = leg.sections.iter().filter_map(|section| section.publication);
        let published = published.filter_map(|key| self.publications.get(key as usize));
        let mut slots: Vec<_> =
            published.flat_map(|publication| &publication.slots).copied().collect();
        slots.extend(leg.sections.iter().filter_map(|section| section.slot));
        for key in slots {
            self.refresh_slot(now, key);
        }
    }

    fn refresh_slot(&mut self, now: Instant, key: u32) {
        let Some(slot) = self.slots.get_mut(key as usize) else { return };
        let Some(publication) = slot.binding.as_ref().map(|binding| binding.publication) else {
            return;
        };
        let Some(publication) = self.publications.get(publication as usize) else { return };
        let leg = self.legs.get(publication.leg as usize);
        let Some(section) = leg.and_then(|leg| leg.sections.get(publication.section)) else {
            return;
        };
        let formats = slot.formats(&section.codecs);
        if let Some(binding) = &mut slot.binding {
            binding.renegotiate(formats);
        }
        let (publication, waiting) = match &slot.binding {
            Some(binding) => (binding.publication, binding.is_waiting()),
            None => return,
        };
        self.keep_history(publication);
        if waiting {
            self.request_keyframe_for(now, key);
        }
    }

    pub(super) fn publication_key(&self, publication: PublicationId) -> Option<u32> {
        self.publication_keys.get(&publication).copied()
    }

    pub(super) fn section(&self, leg: LegId, mid: &str) -> Result<(usize, &Section), Refusal> {
        let leg = self.legs.get(leg.0 as usize);
        let leg = leg.ok_or_else(|| Refusal::new("unknown-transport", "no such transport"))?;
        leg.section(mid)
            .map(|at| (at, &leg.sections[at]))
            .ok_or_else(|| Refusal::new("unknown-section", format!("no media section {mid:?}")))
    }

    fn slot_for(&self, leg: LegId, mid: &str) -> Result<u32, Refusal> {
        let (_, section) = self.section(leg, mid)?;
        section.slot.filter(|_| section.receives).ok_or_else(|| {
            let message = format!("the client does not receive in section {mid:?}");
            Refusal::new("section-direction", message)
        })
    }

    /// Checks that a publication can be sent in a slot.
    fn binding(
        &self,
        subscription: SubscriptionId,
        key: u32,
        slot: u32,
    ) -> Result<Binding, Refusal> {
        let unknown = || Refusal::new("unknown-publication", "no such publication");
        let publication = self.publications.get(key as usize).ok_or_else(unknown)?;
        let leg = self.legs.get(publication.leg as usize).ok_or_else(unknown)?;
        let section = leg.sections.get(publication.section).ok_or_else(unknown)?;
        let slot = self
            .slots
            .get(slot as usize)
            .ok_or_else(|| Refusal::new("unknown-section", "no such slot"))?;
        let mismatch = |message: String| Err(Refusal::new("codec-mismatch", message));
        if slot.kind != publication.kind {
            let kinds = (publication.kind.as_str(), slot.kind.as_str());
            return mismatch(format!("{} cannot be sent in a section for {}", kinds.0, kinds.1));
        }
        let current = publication.codec.and_then(|codec| section.codecs.get(codec.index));
        let codecs = current.map_or(&section.codecs[..], std::slice::from_ref);
        if !slot.accepts_any(codecs) {
            let names: Vec<_> = codecs.iter().map(|codec| codec.name.as_str()).collect();
            return mismatch(format!("the receiver does not accept {}", names.join(", ")));
        }
        Ok(Binding::new(subscription, key, self.subscribed, slot.formats(&section.codecs)))
    }

    /// NACKs are answered from a history; without anybody who sends them there is none.
    fn keep_history(&mut self, key: u32) {
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        let wants = |slot: &u32| {
            let slot = self.slots.get(*slot as usize);
            slot.and_then(|slot| slot.binding.as_ref())
                .is_some_and(|binding| binding.wants_history())
        };
        if publication.slots.iter().any(wants) {
            publication.keep_history();
        }
    }

    pub(super) fn end_publication(&mut self, key: u32) {
        self.drop_successor(key);
        let Some(ended) = self.publications.try_remove(key as usize) else { return };
        self.publication_keys.remove(&ended.id);
        for slot in &ended.slots {
            let slot = self.slots.get_mut(*slot as usize);
            if let Some(binding) = slot.and_then(|slot| slot.binding.take()) {
                self.subscription_slots.remove(&binding.subscription);
            }
        }
        if let Some(leg) = self.legs.get_mut(ended.leg as usize) {
            leg.lost_before += ended.lost();
        }
        self.vacate(ended.place());
    }

    fn unbind(&mut self, key: u32) {
        let slot = self.slots.get_mut(key as usize);
        let Some(binding) = slot.and_then(|slot| slot.binding.take()) else { return };
        self.subscription_slots.remove(&binding.subscription);
        if let Some(publication) = self.publications.get_mut(binding.publication as usize) {
            publication.slots.retain(|slot| *slot != key);
        }
    }

    /// Asks for a keyframe if the slot waits for one.
    pub(super) fn request_keyframe_for(&mut self, now: Instant, slot: u32) {
        let Some(slot) = self.slots.get(slot as usize) else { return };
        let connected = self.legs.get(slot.leg as usize).is_some_and(|leg| leg.connected);
        if let Some(binding) = &slot.binding
            && connected
            && slot.open
            && binding.is_waiting()
        {
            self.request_keyframe(now, binding.publication);
        }
    }

    /// Asks the publisher for a keyframe, at once or when the next request is due.
    pub(super) fn request_keyframe(&mut self, now: Instant, key: u32) {
        if let Some(publication) = self.publications.get_mut(key as usize)
            && publication.kind == Kind::Video
        {
            publication.keyframes.request();
            if let Some(successor) = &mut publication.successor {
                successor.keyframes.request();
            }
            self.arm_keyframe(now, key);
        }
    }

    pub(super) fn arm_keyframe(&mut self, now: Instant, key: u32) {
        let Some(publication) = self.publications.get(key as usize) else { return };
        let source = publication.keyframe_at(now).map(|at| (publication.place(), at));
        let successor = publication.successor.as_ref().filter(|_| publication.is_watched());
        let successor =
            successor.and_then(|moving| Some((moving.place(), moving.keyframes.deadline(now)?)));
        let reachable = |(place, at)| self.media_ssrc(publication, place).map(|_| at);
        let due = [source, successor].into_iter().flatten().filter_map(reachable).min();
        if let Some(at) = due
            && let Some(publication) = self.publications.get_mut(key as usize)
        {
            self.timers.arm(&mut publication.armed, Owner::Publication(key), at);
        }
    }

    /// Whom to ask for a keyframe in a section of a publication: what was heard there, else what
    /// the client announced. Nobody before the leg is connected.
    pub(super) fn media_ssrc(
        &self,
        publication: &Publication,
        (leg, section): (u32, usize),
    ) -> Option<u32> {
        let found = self.legs.get(leg as usize).filter(|leg| leg.connected)?;
        let announced = found.sections.get(section)?.announced.map(|ssrcs| ssrcs.ssrc);
        publication.ssrc_at((leg, section)).or(announced)
    }

    pub(super) fn arm_leg(&mut self, key: u32) {
        if let Some(leg) = self.legs.get_mut(key as usize)
            && let Some(at) = leg.deadline()
        {
            self.timers.arm(&mut leg.armed, Owner::Leg(key), at);
        }
    }

    /// Looks at the cap of a leg soon, if there is one.
    pub(super) fn watch_cap(&mut self, now: Instant, key: u32) {
        if let Some(leg) = self.legs.get_mut(key as usize)
            && leg.cap.bound().is_some()
        {
            leg.cap_at.get_or_insert(now + cap::INTERVAL);
            self.arm_leg(key);
        }
    }
}
