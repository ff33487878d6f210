//! An answer in the making, section by section.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngCore;

use super::{DataSection, LocalStream, MediaSection, Placement, Slot, accept};
use crate::error::SdpError;
use crate::model::{DataParameters, MediaParameters, Offer, OfferSection, RemoteSsrc, SectionBody};

/// Our SCTP port (RFC 8841 §5.1).
const SCTP_PORT: u16 = 5000;

/// The largest message we take, in bytes.
const MAX_MESSAGE_SIZE: u32 = 65_536;

/// An answer in the making. Nothing of the session changes until it is whole.
pub(super) struct Draft<'a> {
    offer: &'a Offer,
    before: &'a BTreeMap<String, Slot>,
    cname: &'a str,
    rng: &'a mut dyn RngCore,
    used_ssrcs: BTreeSet<u32>,
    pub(super) sections: Vec<OfferSection>,
    pub(super) media: Vec<MediaSection>,
    pub(super) data: Option<DataSection>,
    pub(super) order: Vec<Placement>,
    pub(super) slots: BTreeMap<String, Slot>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        offer: &'a Offer,
        before: &'a BTreeMap<String, Slot>,
        cname: &'a str,
        rng: &'a mut dyn RngCore,
    ) -> Draft<'a> {
        Draft {
            offer,
            before,
            cname,
            rng,
            used_ssrcs: used_ssrcs(offer, before),
            sections: Vec::with_capacity(offer.sections.len()),
            media: Vec::new(),
            data: None,
            order: Vec::with_capacity(offer.sections.len()),
            slots: BTreeMap::new(),
        }
    }

    pub(super) fn answer_section(&mut self, offered: &OfferSection) -> Result<(), SdpError> {
        let body = match &offered.body {
            _ if offered.rejected => None,
            SectionBody::Media(media) => self.answer_media(offered, media)?,
            SectionBody::Data(data) => self.answer_data(offered, data)?,
            SectionBody::Other(_) => None,
        };
        let rejected = body.is_none();
        if rejected {
            let (mid, media) = (offered.mid.clone(), offered.media_type().to_owned());
            self.order.push(Placement::Rejected { mid, media });
        }
        let body = body.unwrap_or_else(|| offered.body.clone());
        self.sections.push(OfferSection { rejected, body, ..offered.clone() });
        Ok(())
    }

    /// `None` rejects the section.
    fn answer_media(
        &mut self,
        section: &OfferSection,
        offered: &MediaParameters,
    ) -> Result<Option<SectionBody>, SdpError> {
        let codecs = accept::codecs(offered);
        if codecs.is_empty() || !accept::is_media_protocol(&section.protocol) {
            return Ok(None);
        }
        if !offered.rtcp_mux {
            return Err(SdpError::NoRtcpMux { mid: section.mid.clone() });
        }
        let extensions = accept::extensions(offered, &codecs, self.offer.extmap_allow_mixed);
        let slot = self.slot(&section.mid, offered.direction.receives());
        let with_rtx = codecs.iter().any(|codec| codec.rtx.is_some());
        let local = slot.filter(|_| offered.direction.receives()).map(|slot| LocalStream {
            ssrc: slot.ssrc,
            rtx_ssrc: with_rtx.then_some(slot.rtx_ssrc),
            cname: self.cname.to_owned(),
            msid: slot.msid,
        });
        let ssrcs = local.iter().map(|l| RemoteSsrc { ssrc: l.ssrc, rtx: l.rtx_ssrc }).collect();
        let answered = MediaParameters {
            kind: offered.kind,
            direction: offered.direction.reversed(),
            codecs: codecs.clone(),
            extensions: extensions.clone(),
            ssrcs,
            cname: Some(self.cname.to_owned()),
            msid: local.as_ref().map(|local| local.msid.clone()),
            rtcp_mux: true,
            rtcp_rsize: offered.rtcp_rsize,
        };
        self.order.push(Placement::Media(self.media.len()));
        self.media.push(MediaSection {
            mid: section.mid.clone(),
            kind: offered.kind,
            sends: offered.direction.sends(),
            receives: offered.direction.receives(),
            codecs,
            extensions,
            remote_ssrcs: offered.ssrcs.clone(),
            remote_cname: offered.cname.clone(),
            local,
        });
        Ok(Some(SectionBody::Media(answered)))
    }

    fn answer_data(
        &mut self,
        section: &OfferSection,
        offered: &DataParameters,
    ) -> Result<Option<SectionBody>, SdpError> {
        if !accept::is_data(&section.protocol, &section.first_format) {
            return Ok(None);
        }
        if self.data.is_some() {
            return Err(SdpError::SecondDataSection);
        }
        self.order.push(Placement::Data);
        self.data = Some(DataSection {
            mid: section.mid.clone(),
            sctp_port: offered.sctp_port,
            max_message_size: offered.max_message_size,
        });
        let answered = DataParameters { sctp_port: SCTP_PORT, max_message_size: MAX_MESSAGE_SIZE };
        Ok(Some(SectionBody::Data(answered)))
    }

    /// The slot of a section: as before, or a new one if it is `wanted`.
    fn slot(&mut self, mid: &str, wanted: bool) -> Option<Slot> {
        let slot = match self.before.get(mid) {
            Some(slot) => slot.clone(),
            None if wanted => {
                let ssrc = self.new_ssrc();
                let rtx_ssrc = self.new_ssrc();
                Slot { ssrc, rtx_ssrc, msid: format!("s{ssrc} t{ssrc}") }
            }
            None => return None,
        };
        self.slots.insert(mid.to_owned(), slot.clone());
        Some(slot)
    }

    fn new_ssrc(&mut self) -> u32 {
        let mut ssrc = self.rng.next_u32();
        // A handful of numbers is in use, so this ends even with a poor source of randomness.
        while ssrc == 0 || !self.used_ssrcs.insert(ssrc) {
            ssrc = ssrc.wrapping_add(1);
        }
        ssrc
    }
}

/// SSRCs that a new slot must not take: our own and the client's.
fn used_ssrcs(offer: &Offer, slots: &BTreeMap<String, Slot>) -> BTreeSet<u32> {
    let mut used: BTreeSet<u32> = slots.values().flat_map(|s| [s.ssrc, s.rtx_ssrc]).collect();
    for section in &offer.sections {
        if let SectionBody::Media(media) = &section.body {
            used.extend(media.ssrcs.iter().flat_map(|s| [Some(s.ssrc), s.rtx]).flatten());
        }
    }
    used
}
