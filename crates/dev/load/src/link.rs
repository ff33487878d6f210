//! How a session's datagrams travel: straight from a socket of its own, or through a relay.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use rand::rngs::StdRng;
use roomline_ice::{Candidate, CandidateKind};
use rustls::ClientConfig;
use serde::Deserialize;

use crate::clock::Nanos;
use crate::datagrams::{Batch, Receiver, UdpSocket};
use crate::stream::Stream;
use crate::turn::{Inner, Relay, wrap};

/// Batches that one socket may give before others get their turn.
const BUDGET: usize = 4;
/// Of a ChannelData message.
const CHANNEL_HEADER: usize = 4;

/// How to reach a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Tier {
    #[serde(rename = "turn-udp")]
    Udp,
    #[serde(rename = "turn-tcp")]
    Tcp,
    #[serde(rename = "turn-tls")]
    Tls,
}

/// A relay to go through.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Via {
    pub(crate) tier: Tier,
    pub(crate) server: SocketAddr,
    /// Its name, for TLS.
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) password: String,
    /// The file with the authority that signed its certificate, for TLS.
    pub(crate) ca: Option<String>,
}

enum Wire {
    Datagrams(UdpSocket),
    Stream(Box<Stream>),
}

/// One transport's way.
pub(crate) struct Link {
    wire: Wire,
    /// The relay and where it is.
    relay: Option<(Box<Relay>, SocketAddr)>,
    local: SocketAddr,
    failure: Option<String>,
    /// Messages for the relay.
    requests: Vec<Vec<u8>>,
    /// Media to be sent.
    pub(crate) batch: Batch,
    /// Datagrams that the kernel did not take.
    pub(crate) refused: u64,
}

impl Link {
    pub(crate) fn direct(address: SocketAddr, gro: bool) -> io::Result<Link> {
        let socket = UdpSocket::bind(address, gro)?;
        let local = socket.local();
        Ok(Link::new(Wire::Datagrams(socket), None, local))
    }

    /// Begins to ask a relay for an allocation. `trust` is whom to trust, for TLS.
    pub(crate) fn relayed(
        address: SocketAddr,
        via: &Via,
        (gro, trust): (bool, Option<Arc<ClientConfig>>),
        (rng, now): (StdRng, Nanos),
    ) -> Result<Link, String> {
        let tls = trust.map(|config| (config, via.name.as_str()));
        let wire = match via.tier {
            Tier::Udp => {
                let socket = UdpSocket::bind(address, gro).map_err(|e| format!("socket: {e}"))?;
                Wire::Datagrams(socket)
            }
            Tier::Tcp => Wire::Stream(Box::new(Stream::connect(address, via.server, None)?)),
            Tier::Tls => Wire::Stream(Box::new(Stream::connect(address, via.server, tls)?)),
        };
        let reliable = matches!(wire, Wire::Stream(_));
        let relay = Relay::new(via.username.clone(), via.password.clone(), reliable, rng);
        let mut link = Link::new(wire, Some((Box::new(relay), via.server)), address);
        if let Some((relay, _)) = &mut link.relay {
            relay.start(now, &mut link.requests);
        }
        Ok(link)
    }

    fn new(wire: Wire, relay: Option<(Box<Relay>, SocketAddr)>, local: SocketAddr) -> Link {
        let (requests, batch) = (Vec::new(), Batch::default());
        Link { wire, relay, local, failure: None, requests, batch, refused: 0 }
    }

    /// There is an address that others can send to.
    pub(crate) fn is_ready(&self) -> bool {
        self.relay.as_ref().is_none_or(|(relay, _)| relay.relayed().is_some())
    }

    /// Why nothing comes through any more.
    pub(crate) fn failure(&self) -> Option<&str> {
        let relay = self.relay.as_ref().and_then(|(relay, _)| relay.failure());
        self.failure.as_deref().or(relay)
    }

    /// The candidate's address.
    pub(crate) fn local(&self) -> SocketAddr {
        let relayed = self.relay.as_ref().and_then(|(relay, _)| relay.relayed());
        relayed.unwrap_or(self.local)
    }

    /// `candidate:…`
    pub(crate) fn candidate(&self) -> String {
        let mut candidate = Candidate::host(self.local(), u16::MAX);
        if self.relay.is_some() {
            candidate.kind = CandidateKind::Relayed;
            candidate.priority &= 0x00ff_ffff;
            candidate.related = Some(self.local);
        }
        candidate.to_string()
    }

    /// Bytes to leave free before each datagram of a batch.
    pub(crate) fn headroom(&self) -> usize {
        if self.relay.is_some() { CHANNEL_HEADER } else { 0 }
    }

    pub(crate) fn fd(&self) -> RawFd {
        match &self.wire {
            Wire::Datagrams(socket) => socket.as_raw_fd(),
            Wire::Stream(stream) => stream.as_raw_fd(),
        }
    }

    /// It has to be told when the socket can be written.
    pub(crate) fn wants_write(&self) -> bool {
        match &self.wire {
            Wire::Datagrams(_) => false,
            Wire::Stream(stream) => self.failure.is_none() && stream.wants_write(),
        }
    }

    pub(crate) fn next_timeout(&self) -> Nanos {
        self.relay.as_ref().map_or(Nanos::MAX, |(relay, _)| relay.next_timeout())
    }

    /// Repeats what is due, and sends what waits.
    pub(crate) fn poll(&mut self, now: Nanos) {
        if let Some((relay, _)) = &mut self.relay
            && relay.next_timeout() <= now
        {
            relay.poll(now, &mut self.requests);
        }
        self.send_requests();
        if let Wire::Stream(stream) = &mut self.wire
            && self.failure.is_none()
            && let Err(error) = stream.flush()
        {
            self.failure = Some(format!("the connection to the relay broke: {error}"));
        }
    }

    fn send_requests(&mut self) {
        let Some((_, server)) = &self.relay else { return };
        for request in self.requests.drain(..) {
            let sent = match &mut self.wire {
                Wire::Datagrams(socket) => socket.send(*server, &request),
                Wire::Stream(stream) => stream.queue(&request),
            };
            self.refused += u64::from(!sent);
        }
    }

    /// Hands over what has arrived: sender, the kernel's time stamp (0 for none), content.
    pub(crate) fn receive(
        &mut self,
        receiver: &mut Receiver,
        now: Nanos,
        mut handle: impl FnMut(SocketAddr, Nanos, &mut [u8]),
    ) {
        let (relay, requests) = (&mut self.relay, &mut self.requests);
        let mut unwrap = |from: Option<SocketAddr>, stamped, data: &mut [u8]| {
            let Some((relay, _)) = relay else {
                if let Some(from) = from {
                    handle(from, stamped, data);
                }
                return;
            };
            if let Inner::Peer(from, range) = relay.handle(data, now, requests) {
                handle(from, stamped, &mut data[range]);
            }
        };
        match &mut self.wire {
            Wire::Datagrams(socket) => {
                for _ in 0..BUDGET {
                    let outcome = receiver.receive(socket, |datagram| {
                        unwrap(datagram.from, datagram.stamped, datagram.data);
                    });
                    match outcome {
                        Ok(count) if count == Receiver::batch() => {}
                        Ok(_) => break,
                        Err(error) => {
                            self.failure = Some(format!("the socket broke: {error}"));
                            break;
                        }
                    }
                }
            }
            Wire::Stream(stream) => match stream.receive(|message| unwrap(None, 0, message)) {
                Ok(true) => {}
                Ok(false) => self.failure = Some("the relay closed the connection".to_owned()),
                Err(error) => {
                    self.failure = Some(format!("the connection to the relay broke: {error}"));
                }
            },
        }
    }

    /// Sends one datagram, or lets it wait for a channel.
    pub(crate) fn send(&mut self, to: SocketAddr, data: &[u8], now: Nanos) {
        let sent = match (&mut self.relay, &mut self.wire) {
            (None, Wire::Datagrams(socket)) => socket.send(to, data),
            (None, Wire::Stream(_)) => false,
            (Some((relay, server)), wire) => {
                match (relay.channel(to, Some(data), now, &mut self.requests), wire) {
                    (None, _) => true,
                    (Some(number), Wire::Datagrams(socket)) => {
                        socket.send(*server, &wrap(number, data))
                    }
                    (Some(number), Wire::Stream(stream)) => stream.queue(&wrap(number, data)),
                }
            }
        };
        self.refused += u64::from(!sent);
    }

    /// Sends the batch.
    pub(crate) fn flush(&mut self, to: SocketAddr, now: Nanos) {
        if self.batch.is_empty() {
            return;
        }
        let (relay, batch) = (&mut self.relay, &mut self.batch);
        let destination = match relay {
            None => to,
            Some((relay, server)) => {
                let Some(number) = relay.channel(to, None, now, &mut self.requests) else {
                    return batch.clear();
                };
                batch.each(|datagram| {
                    let length = (datagram.len() - CHANNEL_HEADER) as u16;
                    let header = roomline_stun::channel_header(number, length);
                    datagram[..CHANNEL_HEADER].copy_from_slice(&header);
                });
                *server
            }
        };
        self.refused += match &mut self.wire {
            Wire::Datagrams(socket) => batch.flush(socket, destination) as u64,
            Wire::Stream(stream) => {
                let refused = batch.datagrams().filter(|one| !stream.queue(one)).count();
                batch.clear();
                refused as u64
            }
        };
    }
}
