//! Offers and answers, ours and theirs.

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use roomline_rtp::rtcp::TwccRecorder;
use roomline_rtp::{Extension, ExtensionMap};
use serde::Deserialize;

use super::{Peer, Session, World};
use crate::clock::Nanos;
use crate::ice::Agent;
use crate::outgoing::Outgoing;
use crate::sdp::{
    self, Direction, Kind, RemoteDescription, RemoteSection, SdpError, Section, Setup, Stream,
};

/// Names of encodings, from the smallest.
const RIDS: [&str; 3] = ["q", "h", "f"];

/// A section that is to be offered.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Offered {
    pub(crate) kind: Kind,
    pub(crate) direction: Direction,
    /// How many encodings; 0 and 1 are no simulcast.
    #[serde(default)]
    pub(crate) simulcast: usize,
    /// Names of the encodings from the smallest, instead of `q`, `h` and `f`.
    #[serde(default)]
    pub(crate) rids: Vec<String>,
    /// In which order the description has them.
    #[serde(default)]
    pub(crate) largest_first: bool,
}

impl Offered {
    /// The name of each encoding, from the smallest; one without a name is no simulcast.
    fn encodings(&self) -> Vec<Option<String>> {
        let count = self.simulcast.min(RIDS.len());
        match (self.rids.is_empty(), count) {
            (false, _) => self.rids.iter().take(RIDS.len()).cloned().map(Some).collect(),
            (true, 0 | 1) => vec![None],
            (true, _) => RIDS[..count].iter().map(|rid| Some((*rid).to_owned())).collect(),
        }
    }
}

impl Session {
    /// Adds sections to what is offered. `numbers` are given to the streams.
    pub(crate) fn offer(&mut self, sections: &[Offered], numbers: &mut u32) {
        for offered in sections {
            self.add_section(offered, numbers);
        }
        self.local.setup = Setup::ActPass;
    }

    fn add_section(&mut self, offered: &Offered, numbers: &mut u32) {
        let index = self.sections.len();
        let sends = offered.direction.sends() && offered.kind != Kind::Application;
        let mut streams = Vec::new();
        for (layer, rid) in offered.encodings().into_iter().enumerate().filter(|_| sends) {
            let video = offered.kind == Kind::Video;
            let ssrc = self.rng.random_range(1..u32::MAX);
            let rtx = video.then(|| self.rng.random_range(1..u32::MAX));
            let stream = Stream { ssrc, rtx, rid };
            let random = self.rng.next_u64();
            let (number, source) = (*numbers, stream.clone());
            *numbers += 1;
            self.outgoing.push(Outgoing::new((index, number), source, video, layer, random));
            streams.push(stream);
        }
        let mid = index.to_string();
        let mut section = Section::offer(offered.kind, mid, offered.direction, streams);
        section.largest_first = offered.largest_first;
        self.sections.push(section);
    }

    /// Our description, as it is now.
    pub(crate) fn describe(&mut self) -> String {
        let text = sdp::write(&self.local, &self.sections);
        self.local.version += 1;
        text
    }

    /// Takes the answer to our offer.
    pub(crate) fn answered(&mut self, text: &str, world: &mut World<'_>) -> Result<(), SdpError> {
        let answer = RemoteDescription::parse(text)?;
        let (found, wanted) = (answer.sections.len(), self.sections.len());
        if found != wanted {
            return Err(SdpError::Sections { found, wanted });
        }
        for (section, remote) in self.sections.iter_mut().zip(&answer.sections) {
            section.agree(remote);
        }
        // An answer that says nothing leaves the choice to us.
        self.take(answer, |setup| setup != Setup::Active, world);
        Ok(())
    }

    /// Takes an offer, the first or a later one.
    pub(crate) fn accept(&mut self, text: &str, world: &mut World<'_>) -> Result<(), SdpError> {
        let offer = RemoteDescription::parse(text)?;
        let restarted =
            self.agent.remote_ufrag().is_some_and(|ufrag| ufrag != offer.credentials.ufrag);
        if restarted {
            let rng = StdRng::from_rng(&mut self.rng);
            self.agent = Agent::new(false, self.agent.address, rng);
            self.local.credentials = self.agent.credentials().clone();
        }
        self.sections = offer.sections.iter().map(Section::accept).collect();
        let active = match self.peer.as_ref() {
            Some(peer) => peer.active,
            None => offer.setup != Setup::Active,
        };
        self.local.setup = if active { Setup::Active } else { Setup::Passive };
        self.take(offer, |_| active, world);
        Ok(())
    }

    /// What offers and answers have in common: how the other side is reached, who it is, and what
    /// it sends.
    fn take(
        &mut self,
        remote: RemoteDescription,
        active: impl Fn(Setup) -> bool,
        world: &mut World<'_>,
    ) {
        self.agent.set_remote(remote.credentials, remote.ice_lite);
        for candidate in &remote.candidates {
            self.agent.add_candidate(candidate.address, candidate.priority);
        }
        if self.peer.is_none() {
            let active = active(remote.setup);
            self.peer = Some(Peer { fingerprints: remote.fingerprints, active });
        }
        self.announced.clear();
        for (index, section) in remote.sections.iter().enumerate() {
            self.announce(index, section);
        }
        self.agree_extensions(world);
        self.start_handshake(world);
    }

    fn announce(&mut self, index: usize, section: &RemoteSection) {
        let repairs = |ssrc: u32| {
            section.pairs.iter().find(|(_, rtx)| *rtx == ssrc).map(|(source, _)| *source)
        };
        let sources = section.sources.iter().map(|ssrc| (*ssrc, index, repairs(*ssrc)));
        self.announced.extend(sources);
    }

    /// Bundled sections agree on ids, so one map serves for all that is received.
    fn agree_extensions(&mut self, world: &World<'_>) {
        let pairs: Vec<(u8, Extension)> =
            self.sections.iter().flat_map(|section| section.extensions.iter().copied()).collect();
        self.extensions = ExtensionMap::new(&pairs);
        let wanted = self
            .sections
            .iter()
            .any(|section| section.direction.receives() && section.has_feedback("transport-cc"));
        let has_id = self.extensions.id(Extension::TransportSequence).is_some();
        if wanted && has_id && self.recorder.is_none() {
            let epoch = world.clock.instant(world.now);
            self.recorder = Some(Box::new(TwccRecorder::new(epoch)));
        }
    }

    /// A candidate that came after the description. False if it is none that we can use.
    pub(crate) fn trickle(&mut self, text: &str) -> bool {
        let text = text.trim().trim_start_matches("a=");
        let found = sdp::candidate(text);
        if let Some(candidate) = &found {
            self.agent.add_candidate(candidate.address, candidate.priority);
        }
        found.is_some()
    }

    /// Time since the first description.
    pub(crate) fn since_began(&self, at: Nanos) -> Nanos {
        at.saturating_sub(self.began)
    }
}
