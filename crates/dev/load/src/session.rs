//! One peer connection, without its socket: ICE, DTLS, SRTP, what it sends and what it receives.
//!
//! Datagrams go in by [`Session::handle`], time by [`Session::poll`]. What is to be sent comes out
//! in `out` (checks, handshakes, RTCP) and in the batch that `poll` is given (media).

mod control;
mod media;
mod negotiate;
mod publish;

use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use roomline_rtp::rtcp::TwccRecorder;
use roomline_rtp::{ExtensionMap, rtcp};
use roomline_srtp::{Inbound, Outbound};
use roomline_stun::Message;

use crate::clock::{Clock, Nanos};
use crate::datagrams::Batch;
use crate::dtls::{Association, DtlsError, Identity, Keys, ProfileName, Step};
use crate::histogram::Histogram;
use crate::ice::{self, Agent};
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::sdp::{Fingerprint, Local, Section};

pub(crate) use negotiate::Offered;

/// What a session needs of the process.
pub(crate) struct World<'a> {
    pub(crate) clock: Clock,
    pub(crate) now: Nanos,
    pub(crate) identity: &'a mut Identity,
    /// Latencies go here while somebody measures.
    pub(crate) latency: Option<&'a mut Histogram>,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC.
    pub(crate) realtime_offset: Nanos,
}

/// ICE and DTLS are done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connected {
    pub(crate) at: Nanos,
    pub(crate) profile: &'static str,
    pub(crate) dtls: &'static str,
    pub(crate) remote: SocketAddr,
}

/// Where a handshake stands.
enum Handshake {
    /// Until roles and addresses are known.
    Waiting,
    Running(Box<Association>),
}

/// What the other side's description says of its DTLS.
struct Peer {
    fingerprints: Vec<Fingerprint>,
    /// We are the client.
    active: bool,
}

/// Counts of the whole session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) decrypted: u64,
    pub(crate) decrypt_failures: u64,
    /// Packets that came before there were keys, or that are none of ours.
    pub(crate) ignored: u64,
    pub(crate) feedback_received: u64,
}

/// One peer connection.
pub(crate) struct Session {
    pub(crate) sections: Vec<Section>,
    pub(crate) incoming: Vec<Incoming>,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) totals: Totals,
    /// When the first description was written or read.
    pub(crate) began: Nanos,
    pub(crate) connected: Option<Connected>,
    /// The first packet of a keyframe, or of audio where there is no video, came.
    pub(crate) first_frame: Option<Nanos>,
    pub(crate) ended: Option<String>,
    /// To be sent.
    pub(crate) out: Vec<ice::Outgoing>,
    agent: Agent,
    profiles: Vec<ProfileName>,
    handshake: Handshake,
    peer: Option<Peer>,
    inbound: Option<Inbound>,
    outbound: Option<Outbound>,
    local: Local,
    /// Ids of what we receive.
    extensions: ExtensionMap,
    /// Sources announced by the other side: source, section, and what it repairs.
    announced: Vec<(u32, usize, Option<u32>)>,
    recorder: Option<Box<TwccRecorder>>,
    transport_sequence: u16,
    /// Our source in RTCP when we send no media.
    ssrc: u32,
    next_report: Nanos,
    next_feedback: Nanos,
    rng: StdRng,
}

impl Session {
    /// Candidates are added by [`set_candidate`](Self::set_candidate). `controlling` is right for
    /// who offers; `address` is that of our socket.
    pub(crate) fn new(
        (controlling, address): (bool, IpAddr),
        profiles: Vec<ProfileName>,
        fingerprint: &str,
        now: Nanos,
        rng: &mut StdRng,
    ) -> Session {
        let agent = Agent::new(controlling, address, StdRng::from_rng(rng));
        let mut rng = StdRng::from_rng(rng);
        let local = Local {
            session: rng.next_u64() >> 2,
            version: 1,
            credentials: agent.credentials().clone(),
            setup: crate::sdp::Setup::ActPass,
            fingerprint: fingerprint.to_owned(),
            candidates: Vec::new(),
            cname: format!("load{:08x}", rng.next_u32()),
        };
        Session {
            sections: Vec::new(),
            incoming: Vec::new(),
            outgoing: Vec::new(),
            totals: Totals::default(),
            began: now,
            connected: None,
            first_frame: None,
            ended: None,
            out: Vec::new(),
            agent,
            profiles,
            handshake: Handshake::Waiting,
            peer: None,
            inbound: None,
            outbound: None,
            local,
            extensions: ExtensionMap::default(),
            announced: Vec::new(),
            recorder: None,
            transport_sequence: 0,
            ssrc: rng.random_range(1..u32::MAX),
            next_report: Nanos::MAX,
            next_feedback: Nanos::MAX,
            rng,
        }
    }

    /// Where it can be reached: `candidate:…`.
    pub(crate) fn set_candidate(&mut self, candidate: String) {
        self.local.candidates = vec![candidate];
    }

    /// Where media goes.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.agent.selected()
    }

    /// Says goodbye; send what is in `out`.
    pub(crate) fn close(&mut self) {
        if let Handshake::Running(association) = &mut self.handshake {
            association.close();
            if let (Ok(steps), Some(to)) = (association.drain(), self.agent.selected()) {
                for step in steps {
                    if let Step::Datagram(datagram) = step {
                        self.out.push((to, datagram));
                    }
                }
            }
        }
    }

    /// Takes a datagram that arrived at `arrived`. Its bytes are changed in place.
    pub(crate) fn handle(
        &mut self,
        from: SocketAddr,
        data: &mut [u8],
        arrived: Nanos,
        world: &mut World<'_>,
    ) {
        // RFC 7983: what it is stands in the first byte.
        match data.first() {
            Some(128..192) if rtcp::is_rtcp(data) => self.control(data, world),
            Some(128..192) => self.media(data, arrived, world),
            Some(20..64) => self.handshake_datagram(data, world),
            Some(0..4) => self.stun(from, data, world),
            _ => self.totals.ignored += 1,
        }
    }

    fn stun(&mut self, from: SocketAddr, data: &[u8], world: &mut World<'_>) {
        let Ok(message) = Message::parse(data) else {
            self.totals.ignored += 1;
            return;
        };
        let event = self.agent.handle(from, &message, world.now, &mut self.out);
        self.ice_event(event, world);
    }

    fn ice_event(&mut self, event: Option<ice::Event>, world: &mut World<'_>) {
        match event {
            None => {}
            Some(ice::Event::Selected(_)) => {
                self.start_handshake(world);
                self.after_handshake(Ok(()), world);
            }
            Some(ice::Event::Lost) => self.end("the other side answers no checks any more"),
        }
    }

    pub(crate) fn end(&mut self, reason: &str) {
        self.ended.get_or_insert_with(|| reason.to_owned());
    }

    /// The server waits from the description on; the client begins on a selected pair.
    fn start_handshake(&mut self, world: &mut World<'_>) {
        let Some(peer) = &self.peer else { return };
        if matches!(self.handshake, Handshake::Running(_))
            || (peer.active && self.agent.selected().is_none())
        {
            return;
        }
        let (expected, time) = (peer.fingerprints.clone(), (world.clock, world.now));
        let made = Association::new(world.identity, &self.profiles, expected, peer.active, time);
        match made {
            Ok(association) => self.handshake = Handshake::Running(Box::new(association)),
            Err(error) => self.end(&error.to_string()),
        }
    }

    fn handshake_datagram(&mut self, data: &[u8], world: &mut World<'_>) {
        let Handshake::Running(association) = &mut self.handshake else {
            self.totals.ignored += 1;
            return;
        };
        let outcome = association.handle(world.now, data);
        self.after_handshake(outcome, world);
    }

    fn after_handshake(&mut self, outcome: Result<(), DtlsError>, world: &mut World<'_>) {
        let Handshake::Running(association) = &mut self.handshake else { return };
        let steps = match outcome.and_then(|()| association.drain()) {
            Ok(steps) => steps,
            Err(error) => return self.end(&error.to_string()),
        };
        for step in steps {
            match step {
                Step::Datagram(datagram) => {
                    if let Some(to) = self.agent.selected() {
                        self.out.push((to, datagram));
                    }
                }
                Step::Connected(keys) => self.connect(*keys, world.now),
                Step::Closed => self.end("the other side closed the transport"),
            }
        }
    }

    fn connect(&mut self, keys: Keys, now: Nanos) {
        let Some(remote) = self.agent.selected() else { return };
        let profile = match keys.profile {
            roomline_srtp::Profile::AeadAes128Gcm => "AEAD_AES_128_GCM",
            roomline_srtp::Profile::AeadAes256Gcm => "AEAD_AES_256_GCM",
            roomline_srtp::Profile::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
        };
        self.connected = Some(Connected { at: now, profile, dtls: keys.version, remote });
        self.inbound = Some(keys.inbound);
        self.outbound = Some(keys.outbound);
        self.next_feedback = now;
        self.next_report = now;
    }

    /// When [`poll`](Self::poll) has something to do.
    pub(crate) fn next_timeout(&self) -> Nanos {
        if self.ended.is_some() {
            return Nanos::MAX;
        }
        let handshake = match &self.handshake {
            Handshake::Running(association) if self.connected.is_none() => {
                association.next_timeout()
            }
            _ => Nanos::MAX,
        };
        let media = match self.connected {
            Some(_) => self.next_frame().min(self.next_report).min(self.next_feedback),
            None => Nanos::MAX,
        };
        self.agent.next_timeout().min(handshake).min(media)
    }

    /// Does what is due. Media goes into `batch`, each datagram behind `headroom` free bytes.
    pub(crate) fn poll(&mut self, batch: &mut Batch, headroom: usize, world: &mut World<'_>) {
        if self.ended.is_some() {
            return;
        }
        if self.agent.next_timeout() <= world.now {
            let event = self.agent.poll(world.now, &mut self.out);
            self.ice_event(event, world);
        }
        if let Handshake::Running(association) = &mut self.handshake
            && self.connected.is_none()
            && association.next_timeout() <= world.now
        {
            let outcome = association.poll(world.now);
            self.after_handshake(outcome, world);
        }
        if self.connected.is_some() {
            self.publish(batch, headroom, world);
            self.report(world);
        }
    }
}

#[cfg(test)]
mod tests;
