//! Offers and answers.

use std::time::Instant;

use roomline_ice::{Agent, Candidate, Credentials};
use roomline_sdp::{Answer, DataSection, Kind, Local, Offer, Placement, Session};

use super::Shard;
use crate::command::MediaSocket;
use crate::event::{Event, Section, SectionKind};
use crate::forwarding::Refusal;
use crate::ids::{ParticipantId, RequestId, TransportId};
use crate::tables::Slot;
use crate::transport::sctp::Association;
use crate::transport::{Parts, Transport};

/// What `OpenTransport` asks for.
pub(super) struct Opening {
    pub(super) request: RequestId,
    pub(super) transport: TransportId,
    pub(super) participant: ParticipantId,
    pub(super) offer: String,
    pub(super) socket: Option<MediaSocket>,
    pub(super) max_send_bitrate: u64,
}

pub(super) fn refusal(code: &'static str, message: impl ToString) -> Refusal {
    Refusal { code, message: message.to_string() }
}

impl Shard {
    pub(super) fn open_transport(&mut self, now: Instant, opening: Opening) -> Result<(), Refusal> {
        let Opening { request, transport: id, participant, offer, socket, .. } = opening;
        if self.transports.find(id).is_some() {
            return Err(refusal("duplicate", "the transport exists"));
        }
        let socket = socket.ok_or_else(|| refusal("no-media-port", "no media port is free"))?;
        let offer = Offer::parse(&offer).map_err(|error| refusal("bad-offer", error))?;
        let credentials = self.new_credentials();
        let mut session = Session::new(rand::Rng::random(&mut *self.rng));
        let answer = self.answer(&mut session, &offer, &credentials, socket.port)?;
        let leg = self.router.add_leg(opening.max_send_bitrate);
        let ice = Agent::new(&credentials, &offer.ice.ufrag);
        let mixed = offer.extmap_allow_mixed;
        let fingerprints = offer.fingerprints;
        let next_stats = self.stats_clock.next(now);
        let parts = Parts {
            id,
            participant,
            socket,
            ice,
            credentials,
            leg,
            session,
            fingerprints,
            next_stats,
        };
        let transport = Transport::new(parts, &self.identity, &self.config, now);
        let slot = self.transports.insert(transport);
        self.counters.transports_opened += 1;
        self.apply(now, slot, request, answer, mixed);
        Ok(())
    }

    pub(super) fn renegotiate(
        &mut self,
        now: Instant,
        request: RequestId,
        id: TransportId,
        offer: &str,
    ) -> Result<(), Refusal> {
        let slot = self.slot(id)?;
        let offer = Offer::parse(offer).map_err(|error| refusal("bad-offer", error))?;
        let fresh = self.new_credentials();
        let Some(transport) = self.transports.get(slot) else { return Ok(()) };
        if !transport.is_by_peer(&offer.fingerprints) {
            let message = "other fingerprints are another peer: open another transport";
            return Err(refusal("bad-offer", message));
        }
        let restart = transport.session.is_ice_restart(&offer);
        let port = transport.socket.port;
        let mut session = transport.session.clone();
        let credentials = if restart { fresh } else { transport.credentials.clone() };
        let answer = self.answer(&mut session, &offer, &credentials, port)?;
        let Some(transport) = self.transports.get_mut(slot) else { return Ok(()) };
        transport.session = session;
        if restart {
            transport.ice.restart(&credentials, &offer.ice.ufrag);
            transport.pairs.restart();
            let ufrag = credentials.ufrag.clone();
            transport.credentials = credentials;
            self.transports.add_ufrag(ufrag, slot);
            self.transports.retire_ufrags(slot);
        }
        self.apply(now, slot, request, answer, offer.extmap_allow_mixed);
        Ok(())
    }

    fn new_credentials(&mut self) -> Credentials {
        loop {
            let credentials = Credentials::generate(&mut *self.rng);
            if self.transports.find_ufrag(&credentials.ufrag).is_none() {
                return credentials;
            }
        }
    }

    fn answer(
        &mut self,
        session: &mut Session,
        offer: &Offer,
        credentials: &Credentials,
        port: u16,
    ) -> Result<Answer, Refusal> {
        let candidates: Vec<String> = (0..=u16::MAX)
            .rev()
            .zip(&self.config.addresses)
            .map(|(rank, address)| Candidate::host((*address, port).into(), rank).to_string())
            .collect();
        let local = Local {
            ufrag: &credentials.ufrag,
            pwd: &credentials.pwd,
            fingerprint_sha256: self.fingerprint,
            candidates: &candidates,
        };
        session.answer(offer, &local, &mut *self.rng).map_err(|error| refusal("bad-offer", error))
    }

    /// Lets transport and router follow an answer, and tells it.
    fn apply(&mut self, now: Instant, slot: Slot, request: RequestId, answer: Answer, mixed: bool) {
        let Some(transport) = self.transports.get(slot) else { return };
        self.router.set_sections(now, transport.leg, &answer.media, mixed);
        self.follow_router();
        match &answer.data {
            Some(data) => self.open_association(slot, data),
            None => self.close_channels(now, slot),
        }
        let Some(transport) = self.transports.get_mut(slot) else { return };
        if answer.data.is_none() {
            transport.sctp = None;
            transport.beats.close();
        }
        let transport = transport.id;
        let sections = sections(&answer);
        self.events.push_back(Event::Answered {
            request,
            transport,
            answer: answer.text,
            sections,
        });
        self.settle(slot);
    }

    fn open_association(&mut self, slot: Slot, data: &DataSection) {
        if let Some(transport) = self.transports.get_mut(slot) {
            let made = || Box::new(Association::new(data.max_message_size));
            transport.sctp.get_or_insert_with(made);
        }
    }
}

fn sections(answer: &Answer) -> Vec<Section> {
    let section = |placement: &Placement| match placement {
        Placement::Media(index) => {
            let media = &answer.media[*index];
            let kind = match media.kind {
                Kind::Audio => SectionKind::Audio,
                Kind::Video => SectionKind::Video,
            };
            let (sends, receives) = (media.sends, media.receives);
            Some(Section { mid: media.mid.clone(), kind, sends, receives })
        }
        Placement::Data => answer.data.as_ref().map(|data| Section {
            mid: data.mid.clone(),
            kind: SectionKind::Data,
            sends: true,
            receives: true,
        }),
        Placement::Rejected { mid, media } => {
            let kind = match media.as_str() {
                "audio" => SectionKind::Audio,
                "video" => SectionKind::Video,
                _ => SectionKind::Data,
            };
            Some(Section { mid: mid.clone(), kind, sends: false, receives: false })
        }
    };
    answer.order.iter().filter_map(section).collect()
}
