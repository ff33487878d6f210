//! A publication that goes on with what comes in another media section, make before break.
//!
//! The old section stays the source until the new one can carry on without a gap: with its first
//! packet for audio, with its first keyframe for video. Where there is nothing to be kept, because
//! nobody watches or the old source is silent, any packet will do: a keyframe of a source is asked
//! for again if it is lost, that of a successor is not. Subscribers see one stream, because the
//! change is an epoch of the publication like any other second source.

use std::time::Instant;

use roomline_rtp::rtcp::SenderInfo;
use roomline_sdp::Kind;

use super::keyframe::KeyframeRequests;
use super::publication::Incoming;
use super::router::Router;
use super::{Drop, LegId, Refusal};
use crate::ids::PublicationId;

/// The section that is to become the source of a publication.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) leg: u32,
    pub(super) section: usize,
    /// What was heard in it.
    pub(super) ssrc: Option<u32>,
    pub(super) keyframes: KeyframeRequests,
    /// The last sender report and when it came.
    pub(super) report: Option<(SenderInfo, Instant)>,
}

impl Successor {
    /// Where it is.
    pub(super) fn place(&self) -> (u32, usize) {
        (self.leg, self.section)
    }
}

impl Router {
    /// Lets a publication go on with what the client sends in another section, of the same leg or
    /// of another one. The section it has already calls off a move that is under way.
    ///
    /// # Errors
    /// `unknown-publication`, `unknown-transport`, `unknown-section`, `section-direction`,
    /// `codec-mismatch` for a section of the other kind, `duplicate` for one that is published.
    pub fn move_publication(
        &mut self,
        now: Instant,
        publication: PublicationId,
        leg: LegId,
        mid: &str,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::new("unknown-publication", "no such publication");
        let key = self.publication_key(publication).ok_or_else(unknown)?;
        let found = self.publications.get(key as usize).ok_or_else(unknown)?;
        let at = self.free_section(key, found.kind, leg, mid)?;
        let place = (leg.0, at);
        if found.successor.as_ref().is_some_and(|successor| successor.place() == place) {
            return Ok(());
        }
        let back = found.place() == place;
        self.drop_successor(key);
        if !back {
            self.await_successor(now, key, place);
        }
        Ok(())
    }

    /// The position of a section that can become the source of a publication.
    fn free_section(&self, key: u32, kind: Kind, leg: LegId, mid: &str) -> Result<usize, Refusal> {
        let (at, section) = self.section(leg, mid)?;
        if !section.sends {
            let message = format!("the client does not send in section {mid:?}");
            return Err(Refusal::new("section-direction", message));
        }
        if section.kind != kind {
            let message = format!("section {mid:?} is not for {}", kind.as_str());
            return Err(Refusal::new("codec-mismatch", message));
        }
        if section.publication.is_some_and(|other| other != key) {
            return Err(Refusal::new("duplicate", format!("section {mid:?} is published already")));
        }
        Ok(at)
    }

    fn await_successor(&mut self, now: Instant, key: u32, (leg, section): (u32, usize)) {
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        let mut keyframes = publication.keyframes.successor();
        if publication.kind == Kind::Video && publication.is_watched() {
            keyframes.request();
        }
        let successor = Successor { leg, section, ssrc: None, keyframes, report: None };
        publication.successor = Some(successor);
        if let Some(found) = self.legs.get_mut(leg as usize) {
            found.sections[section].publication = Some(key);
            found.active(now);
        }
        self.arm_leg(leg);
        self.arm_keyframe(now, key);
    }

    /// Calls a move off.
    pub(super) fn drop_successor(&mut self, key: u32) {
        let publication = self.publications.get_mut(key as usize);
        let Some(successor) = publication.and_then(|found| found.successor.take()) else { return };
        self.vacate(successor.place());
    }

    pub(super) fn vacate(&mut self, (leg, section): (u32, usize)) {
        let leg = self.legs.get_mut(leg as usize);
        if let Some(section) = leg.and_then(|leg| leg.sections.get_mut(section)) {
            section.publication = None;
        }
    }

    /// Takes note of a packet of a successor. If the publication can go on with it, it is the
    /// source from now on.
    pub(super) fn hear_successor(
        &mut self,
        now: Instant,
        key: u32,
        incoming: &Incoming<'_>,
        keyframe: bool,
    ) -> Result<(), Drop> {
        let publication = self.publications.get_mut(key as usize).ok_or(Drop::NotPublished)?;
        let waits = publication.kind == Kind::Video
            && publication.is_watched()
            && !publication.is_silent(now);
        let successor = publication.successor.as_mut().ok_or(Drop::NotPublished)?;
        if incoming.retransmitted {
            return Err(Drop::UnknownStream);
        }
        successor.ssrc = Some(incoming.ssrc);
        if waits && !keyframe {
            self.arm_keyframe(now, key);
            return Err(Drop::AwaitingKeyframe);
        }
        self.take_over(now, key);
        Ok(())
    }

    /// Makes the successor of a publication its source.
    fn take_over(&mut self, now: Instant, key: u32) {
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        let Some(successor) = publication.successor.take() else { return };
        let (old, leg) = (publication.place(), successor.leg);
        let lost = publication.change_source(successor);
        if let Some(left) = self.legs.get_mut(old.0 as usize) {
            left.lost_before += lost;
        }
        self.vacate(old);
        self.refresh_formats(now, leg);
    }

    /// A leg goes: what was published on it lives on if it has a source elsewhere.
    pub(super) fn leave_leg(&mut self, now: Instant, key: u32, leg: u32) {
        let Some(publication) = self.publications.get(key as usize) else { return };
        if publication.successor.as_ref().is_some_and(|successor| successor.leg == leg) {
            self.drop_successor(key);
        }
        let Some(publication) = self.publications.get(key as usize) else { return };
        match (publication.leg == leg, &publication.successor) {
            (true, Some(_)) => {
                self.take_over(now, key);
                self.request_keyframe(now, key);
            }
            (true, None) => self.end_publication(key),
            (false, _) => {}
        }
    }
}
