//! Answers to offers, and what must stay the same over renegotiations.

mod accept;
mod draft;

use std::collections::{BTreeMap, BTreeSet};

use rand::RngCore;
use roomline_rtp::Extension;

use crate::error::SdpError;
use crate::model::{
    Codec, Description, Fingerprint, FingerprintHash, IceCredentials, Kind, Offer, OfferSection,
    RemoteSsrc, SectionBody, Setup,
};
use draft::Draft;

/// What this side brings to an answer.
#[derive(Clone, Copy)]
pub struct Local<'a> {
    /// Own ICE ufrag; a new one after an ICE restart, otherwise the same as before.
    pub ufrag: &'a str,
    /// Own ICE password.
    pub pwd: &'a str,
    /// SHA-256 of the own certificate in DER.
    pub fingerprint_sha256: [u8; 32],
    /// Own candidates, best first, each as `candidate:…` without `a=` (RFC 8839 §5.1).
    pub candidates: &'a [String],
}

/// One RTP section as negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSection {
    /// `a=mid`.
    pub mid: String,
    /// Audio or video.
    pub kind: Kind,
    /// The client sends in it: it can be published.
    pub sends: bool,
    /// The client receives in it: it is a slot for a subscription.
    pub receives: bool,
    /// The accepted codecs under the client's payload types and in its order; never empty.
    pub codecs: Vec<Codec>,
    /// The accepted header extensions under the client's ids.
    pub extensions: Vec<(u8, Extension)>,
    /// SSRCs the client announced; empty if it relies on MID and payload type.
    pub remote_ssrcs: Vec<RemoteSsrc>,
    /// CNAME the client announced.
    pub remote_cname: Option<String>,
    /// What the server sends under in this section; present exactly if `receives`.
    pub local: Option<LocalStream>,
}

/// What the server sends under in a slot. The same for as long as the section exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalStream {
    /// Of the media; unique in the transport.
    pub ssrc: u32,
    /// Of retransmissions, if a codec with RTX was accepted.
    pub rtx_ssrc: Option<u32>,
    /// RTCP CNAME; the same in all slots of a transport.
    pub cname: String,
    /// `a=msid`: stream id, blank, track id. A stream of its own per slot, because the browser
    /// would try to keep tracks of one stream in lip sync.
    pub msid: String,
}

/// The data channel section as negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSection {
    /// `a=mid`.
    pub mid: String,
    /// The client's SCTP port.
    pub sctp_port: u16,
    /// The largest message the client takes, in bytes; 0 is no limit.
    pub max_message_size: u32,
}

/// Where a section of the offer went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Index into [`Answer::media`].
    Media(usize),
    /// [`Answer::data`].
    Data,
    /// Refused, or stopped by the client.
    Rejected {
        /// `a=mid`; empty if a stopped section carried none.
        mid: String,
        /// `audio`, `video`, `application`, …
        media: String,
    },
}

/// An answer with what was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The SDP.
    pub text: String,
    /// The accepted RTP sections, in the order of the offer.
    pub media: Vec<MediaSection>,
    /// The accepted data channel section.
    pub data: Option<DataSection>,
    /// Every section of the offer, in its order.
    pub order: Vec<Placement>,
}

/// The negotiation of one transport: what must not change from one answer to the next.
#[derive(Clone, Debug)]
pub struct Session {
    id: u64,
    version: u64,
    remote_ice: Option<IceCredentials>,
    /// How many sections the last offer had.
    sections: usize,
    cname: Option<String>,
    /// By mid.
    slots: BTreeMap<String, Slot>,
}

/// Names of a receive slot; kept even while the section is not used as one.
#[derive(Clone, Debug)]
struct Slot {
    ssrc: u32,
    rtx_ssrc: u32,
    msid: String,
}

impl Session {
    /// `session_id` goes into the `o=` line; only the lower 62 bits are used (RFC 9429 §5.2.1).
    pub fn new(session_id: u64) -> Session {
        Session {
            id: session_id & (u64::MAX >> 2),
            version: 0,
            remote_ice: None,
            sections: 0,
            cname: None,
            slots: BTreeMap::new(),
        }
    }

    /// True when this offer comes with other ICE credentials than the last one answered: then
    /// [`Local`] must bring new ones, too (RFC 8839 §4.4.3). False for the first offer.
    pub fn is_ice_restart(&self, offer: &Offer) -> bool {
        self.remote_ice.as_ref().is_some_and(|last| *last != offer.ice)
    }

    /// Answer an offer. `rng` gives SSRCs and names of new slots. An error changes nothing.
    pub fn answer(
        &mut self,
        offer: &Offer,
        local: &Local<'_>,
        rng: &mut dyn RngCore,
    ) -> Result<Answer, SdpError> {
        check_transport(offer)?;
        check_bundle(offer)?;
        if offer.sections.len() < self.sections {
            return Err(SdpError::SectionsRemoved {
                before: self.sections,
                now: offer.sections.len(),
            });
        }
        let cname = self.cname.clone().unwrap_or_else(|| new_cname(rng));
        let mut draft = Draft::new(offer, &self.slots, &cname, rng);
        for section in &offer.sections {
            draft.answer_section(section)?;
        }
        let Draft { sections, media, data, order, slots, .. } = draft;
        if media.is_empty() && data.is_none() {
            return Err(SdpError::NothingAccepted);
        }
        let description = self.describe(offer, local, sections);
        self.version += 1;
        self.remote_ice = Some(offer.ice.clone());
        self.sections = offer.sections.len();
        self.cname = Some(cname);
        self.slots = slots;
        Ok(Answer { text: description.to_string(), media, data, order })
    }

    fn describe(
        &self,
        offer: &Offer,
        local: &Local<'_>,
        sections: Vec<OfferSection>,
    ) -> Description {
        let accepted = |mid: &&String| sections.iter().any(|s| !s.rejected && s.mid == **mid);
        Description {
            session_id: self.id,
            session_version: self.version + 1,
            ice_lite: true,
            extmap_allow_mixed: offer.extmap_allow_mixed,
            bundle: offer.bundle.iter().filter(accepted).cloned().collect(),
            ice: IceCredentials { ufrag: local.ufrag.to_owned(), pwd: local.pwd.to_owned() },
            fingerprints: vec![Fingerprint {
                hash: FingerprintHash::Sha256,
                digest: local.fingerprint_sha256.to_vec(),
            }],
            setup: Setup::Passive,
            candidates: local.candidates.to_vec(),
            sections,
        }
    }
}

fn check_transport(offer: &Offer) -> Result<(), SdpError> {
    if offer.ice_lite {
        return Err(SdpError::BothIceLite);
    }
    match offer.setup {
        Setup::ActPass | Setup::Active => Ok(()),
        Setup::Passive => Err(SdpError::WrongSetup(offer.setup.as_str())),
    }
}

/// Every live section is in the group, has a mid of its own, and agrees with the others on what
/// ids and payload types mean.
fn check_bundle(offer: &Offer) -> Result<(), SdpError> {
    let mut mids = BTreeSet::new();
    let mut extensions: BTreeMap<u8, Extension> = BTreeMap::new();
    let mut codecs: BTreeMap<u8, &Codec> = BTreeMap::new();
    let live = offer.sections.iter().filter(|s| !s.rejected);
    let alone = offer.bundle.is_empty() && live.clone().count() == 1;
    for section in live {
        if !mids.insert(&section.mid) {
            return Err(SdpError::DuplicateMid { mid: section.mid.clone() });
        }
        if !alone && !offer.bundle.contains(&section.mid) {
            return Err(SdpError::NotBundled { mid: section.mid.clone() });
        }
        let SectionBody::Media(media) = &section.body else { continue };
        for (id, extension) in &media.extensions {
            if extensions.insert(*id, *extension).is_some_and(|other| other != *extension) {
                return Err(SdpError::ExtensionConflict { id: *id });
            }
        }
        for codec in &media.codecs {
            if codecs.insert(codec.payload_type, codec).is_some_and(|o| !o.matches(codec)) {
                return Err(SdpError::PayloadTypeConflict { payload_type: codec.payload_type });
            }
        }
    }
    Ok(())
}

/// RFC 7022 §4.2: 96 random bits.
fn new_cname(rng: &mut dyn RngCore) -> String {
    format!("{:016x}{:08x}", rng.next_u64(), rng.next_u32())
}
