//! A publication that goes on with what comes in another media section.

use std::time::Instant;

use super::LegId;
use super::error::Refusal;
use super::router::Router;
use crate::ids::PublicationId;

impl Router {
    /// Lets a publication go on with what the client sends in another section.
    ///
    /// # Errors
    /// `unknown-publication`, `unknown-transport`, `unknown-section`, `section-direction`,
    /// `codec-mismatch`, `duplicate`.
    pub fn move_publication(
        &mut self,
        now: Instant,
        publication: PublicationId,
        leg: LegId,
        mid: &str,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::new("unknown-publication", "no such publication");
        let key = self.publication_key(publication).ok_or_else(unknown)?;
        let kind = self.publications.get(key as usize).map(|found| found.kind);
        let kind = kind.ok_or_else(unknown)?;
        let (at, section) = self.section(leg, mid)?;
        if !section.sends {
            let message = format!("the client does not send in section {mid:?}");
            return Err(Refusal::new("section-direction", message));
        }
        if section.kind != kind {
            let message = format!("section {mid:?} is of another kind than the publication");
            return Err(Refusal::new("codec-mismatch", message));
        }
        if section.publication.is_some_and(|other| other != key) {
            return Err(Refusal::new("duplicate", format!("section {mid:?} is published already")));
        }
        self.take_over(now, key, leg.0, at);
        Ok(())
    }

    /// Makes a section the source of a publication.
    fn take_over(&mut self, now: Instant, key: u32, leg: u32, at: usize) {
        let Some(publication) = self.publications.get_mut(key as usize) else { return };
        let old = (publication.leg, publication.section);
        let lost = publication.change_source(leg, at);
        if let Some(left) = self.legs.get_mut(old.0 as usize) {
            left.lost_before += lost;
            if let Some(section) = left.sections.get_mut(old.1) {
                section.publication = None;
            }
        }
        if let Some(entered) = self.legs.get_mut(leg as usize) {
            entered.sections[at].publication = Some(key);
            entered.active(now);
        }
        self.refresh_formats(now, leg);
        self.request_keyframe(now, key);
        self.arm_leg(leg);
    }
}
