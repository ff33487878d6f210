//! One transport: ICE-lite, DTLS, SRTP and data channels of one peer connection.
//!
//! It works on decrypted payloads and on [`Pair`]s; sockets, TURN and the other transports are the
//! shard's.

pub(crate) mod beat;
pub(crate) mod dcep;
pub(crate) mod dtls;
pub(crate) mod hold;
pub(crate) mod pairs;
pub(crate) mod paths;
pub(crate) mod sctp;
pub(crate) mod srtp;

use std::time::{Duration, Instant};

use roomline_ice::{Agent, CONSENT_TIMEOUT, Credentials};
use roomline_sdp::{Fingerprint, Session};

use crate::command::MediaSocket;
use crate::config::ShardConfig;
use crate::event::Tier;
use crate::forwarding::LegId;
use crate::ids::{ParticipantId, TransportId};
use crate::outbox::Outbox;
use beat::Beats;
use dtls::{DtlsError, Endpoint, Established, Identity, Step};
use hold::Hold;
use pairs::{Pair, Pairs};
use paths::Paths;
use sctp::{Association, ChannelEvent};
use srtp::Keys;

/// How often consent and stale pairs are looked at.
const UPKEEP: Duration = Duration::from_secs(5);

/// What a transport tells its shard.
#[derive(Debug)]
pub(crate) enum Notice {
    /// DTLS is done.
    Connected { version: &'static str, profile: &'static str },
    /// The client said goodbye.
    ClosedByPeer,
    /// Something happened to a data channel.
    Channel(ChannelEvent),
}

/// Totals of one transport, as far as it counts them itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) bytes_sent: u64,
}

/// What is due on a transport.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Due {
    /// Nothing authentic for [`CONSENT_TIMEOUT`]: the client has gone (RFC 7675 section 5.1).
    pub(crate) expired: bool,
    /// Statistics are wanted.
    pub(crate) stats: bool,
    /// Pairs may have become stale.
    pub(crate) upkeep: bool,
    /// A change of path that was held back is to be told.
    pub(crate) path: bool,
    /// Nothing has come for so long that it is to be told.
    pub(crate) silence: Option<Duration>,
    /// There was no room for a beat.
    pub(crate) overflow: bool,
    /// Answers to checks have been held back for long enough.
    pub(crate) answers: bool,
}

/// One transport.
pub(crate) struct Transport {
    pub(crate) id: TransportId,
    pub(crate) participant: ParticipantId,
    pub(crate) socket: MediaSocket,
    // What packets do not need lies apart, so that what they do need lies together.
    pub(crate) ice: Box<Agent>,
    pub(crate) pairs: Pairs,
    pub(crate) session: Session,
    pub(crate) keys: Option<Keys>,
    pub(crate) sctp: Option<Box<Association>>,
    pub(crate) outbox: Outbox,
    /// On the shard's list of transports with something to flush.
    pub(crate) dirty: bool,
    /// Our side of ICE, as of the last answer.
    pub(crate) credentials: Credentials,
    pub(crate) leg: LegId,
    pub(crate) tier: Option<Tier>,
    pub(crate) paths: Paths,
    pub(crate) beats: Beats,
    pub(crate) totals: Totals,
    /// Its entry in the shard's timers.
    pub(crate) deadline: Option<Instant>,
    dtls: Box<Endpoint>,
    /// When anything authentic came, checks too: without it consent ends.
    last_authentic: Instant,
    /// When media or data came.
    last_heard: Instant,
    /// Data came in the DTLS datagram that is being handled.
    heard: bool,
    /// It is heard again, after a silence of so long.
    woken: Option<Duration>,
    next_stats: Instant,
    next_upkeep: Instant,
    hold: Option<Box<Hold>>,
}

/// What a transport is made from.
pub(crate) struct Parts {
    pub(crate) id: TransportId,
    pub(crate) participant: ParticipantId,
    pub(crate) socket: MediaSocket,
    pub(crate) ice: Agent,
    pub(crate) credentials: Credentials,
    pub(crate) leg: LegId,
    pub(crate) session: Session,
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// When its first statistics are due.
    pub(crate) next_stats: Instant,
}

impl Transport {
    /// Waits for connectivity checks.
    pub(crate) fn new(
        parts: Parts,
        identity: &Identity,
        config: &ShardConfig,
        now: Instant,
    ) -> Self {
        Self {
            id: parts.id,
            participant: parts.participant,
            socket: parts.socket,
            ice: Box::new(parts.ice),
            pairs: Pairs::default(),
            session: parts.session,
            keys: None,
            sctp: None,
            outbox: Outbox::default(),
            dirty: false,
            credentials: parts.credentials,
            leg: parts.leg,
            tier: None,
            paths: Paths::default(),
            beats: Beats::new(config.beat_interval, config.silent_after),
            totals: Totals::default(),
            deadline: None,
            dtls: Box::new(Endpoint::new(identity, parts.fingerprints, now)),
            last_authentic: now,
            last_heard: now,
            heard: false,
            woken: None,
            next_stats: parts.next_stats,
            next_upkeep: now + UPKEEP,
            hold: None,
        }
    }

    /// Answers to checks wait from now on: the path that is left must empty first.
    pub(crate) fn hold_answers(&mut self, now: Instant) {
        self.hold = Some(Box::new(Hold::new(now)));
    }

    /// Takes an answer to a check if answers wait. False if it is to be sent at once.
    pub(crate) fn holds(&mut self, pair: Pair, answer: &[u8]) -> bool {
        self.hold.as_mut().is_some_and(|hold| hold.takes(pair, answer))
    }

    /// The answers that have waited.
    pub(crate) fn take_answers(&mut self) -> impl Iterator<Item = (Pair, Vec<u8>)> + use<> {
        self.hold.take().into_iter().flat_map(|hold| hold.into_answers())
    }

    /// Notes an authenticated check on a pair. It is no end of a silence: Firefox goes on checking a
    /// pair that came back with its interface, and sends nothing else on it.
    pub(crate) fn touch(&mut self, now: Instant, pair: Pair) {
        self.last_authentic = now;
        self.pairs.touch(now, pair);
    }

    /// Notes authentic media or data on a pair. True when that pair takes over.
    pub(crate) fn hear(&mut self, now: Instant, pair: Pair) -> bool {
        self.woken = self.beats.heard(now, self.last_heard).or(self.woken);
        (self.last_authentic, self.last_heard) = (now, now);
        self.pairs.hear(now, pair)
    }

    /// How long nothing had come, if it is to be told that something does again.
    pub(crate) fn take_woken(&mut self) -> Option<Duration> {
        self.woken.take()
    }

    /// True when an offer is by the peer that DTLS was begun with.
    pub(crate) fn is_by_peer(&self, fingerprints: &[Fingerprint]) -> bool {
        self.dtls.expected() == fingerprints
    }

    /// Takes a DTLS datagram from a checked pair. `moved` is set when that pair takes over.
    pub(crate) fn handle_dtls(
        &mut self,
        now: Instant,
        (pair, moved): (Pair, &mut bool),
        data: &[u8],
        scratch: &mut Vec<u8>,
        notices: &mut Vec<Notice>,
    ) -> Result<(), DtlsError> {
        self.heard = false;
        self.dtls.handle_datagram(now, data)?;
        self.drain(now, scratch, notices)?;
        *moved = self.heard && self.hear(now, pair);
        Ok(())
    }

    /// Does what is due of DTLS and SCTP, and tells what else is. `next_stats` is when statistics are
    /// due again, should they be now.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        next_stats: Instant,
        scratch: &mut Vec<u8>,
        notices: &mut Vec<Notice>,
    ) -> Result<Due, DtlsError> {
        if self.dtls.poll_timeout().is_some_and(|at| at <= now) {
            self.dtls.handle_timeout(now)?;
        }
        if let Some(sctp) = &mut self.sctp
            && sctp.poll_timeout().is_some_and(|at| at <= now)
        {
            sctp.handle_timeout(now);
        }
        let mut due = Due { overflow: !self.beat(now), ..Due::default() };
        self.drain(now, scratch, notices)?;
        if now >= self.next_stats {
            self.next_stats = next_stats;
            due.stats = true;
        }
        if now >= self.next_upkeep {
            self.next_upkeep = now + UPKEEP;
            due.upkeep = true;
        }
        due.silence = self.beats.falls_silent(now, self.last_heard);
        due.path = self.paths.poll_timeout().is_some_and(|at| at <= now);
        due.answers = self.hold.as_ref().is_some_and(|hold| hold.due() <= now);
        due.expired = now >= self.last_authentic + CONSENT_TIMEOUT;
        Ok(due)
    }

    /// Sends a beat if one is due. False if there was no room for it.
    fn beat(&mut self, now: Instant) -> bool {
        let Some((stream, beat)) = self.beats.due(now) else { return true };
        self.sctp.as_mut().is_none_or(|sctp| sctp.send(stream, false, &beat).is_ok())
    }

    /// When `handle_timeout` is due.
    pub(crate) fn poll_timeout(&self) -> Instant {
        let fixed =
            self.next_stats.min(self.next_upkeep).min(self.last_authentic + CONSENT_TIMEOUT);
        let sctp = self.sctp.as_ref().and_then(|sctp| sctp.poll_timeout());
        let beats = self.beats.poll_timeout(self.last_heard);
        let hold = self.hold.as_ref().map(|hold| hold.due());
        let moving = [self.dtls.poll_timeout(), sctp, self.paths.poll_timeout(), beats, hold];
        moving.into_iter().flatten().fold(fixed, Instant::min)
    }

    /// Sends what SCTP and DTLS have to say, and collects what they heard.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        scratch: &mut Vec<u8>,
        notices: &mut Vec<Notice>,
    ) -> Result<(), DtlsError> {
        self.drain_dtls(now, scratch, notices)?;
        while let Some(packets) = self.sctp.as_mut().and_then(|sctp| sctp.poll_transmit(now)) {
            if !self.dtls.is_connected() {
                break;
            }
            for packet in packets {
                self.dtls.send(&packet)?;
                self.drain_dtls(now, scratch, notices)?;
            }
        }
        while let Some(event) = self.sctp.as_mut().and_then(|sctp| sctp.poll_event()) {
            notices.push(Notice::Channel(event));
        }
        Ok(())
    }

    fn drain_dtls(
        &mut self,
        now: Instant,
        scratch: &mut Vec<u8>,
        notices: &mut Vec<Notice>,
    ) -> Result<(), DtlsError> {
        let Self { dtls, outbox, sctp, keys, heard, .. } = self;
        let mut established = None;
        dtls.drain(scratch, &mut |step| match step {
            Step::Datagram(datagram) if !outbox.is_full() => outbox.push(datagram),
            Step::Datagram(_) => {}
            Step::Connected(agreed) => established = Some(agreed),
            Step::Data(data) => {
                *heard = true;
                if let Some(sctp) = sctp {
                    sctp.handle_packet(now, data);
                }
            }
            Step::Closed => notices.push(Notice::ClosedByPeer),
        })?;
        if let Some(Established { version, profile, keying_material }) = established {
            *keys = Some(Keys::new(profile, &keying_material).map_err(|_| DtlsError::NoProfile)?);
            notices.push(Notice::Connected { version, profile: srtp::name(profile) });
        }
        Ok(())
    }

    /// Says goodbye; what there is to send is in the outbox.
    pub(crate) fn close(&mut self, now: Instant, scratch: &mut Vec<u8>) {
        if !self.dtls.is_connected() {
            return;
        }
        self.dtls.close();
        if let Err(error) = self.drain_dtls(now, scratch, &mut Vec::new()) {
            log::debug!("closing {:?}: {error}", self.id);
        }
    }
}
