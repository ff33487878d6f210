//! The event loop: requests, sockets, timers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rustls::ClientConfig;
use serde_json::{Value, json};

use crate::clock::{Clock, MICROSECOND, Nanos, SECOND, realtime_offset};
use crate::datagrams::Receiver;
use crate::dtls::{Identity, ProfileName};
use crate::link::{Link, Tier, Via};
use crate::measure::Measurement;
use crate::outgoing::Pattern;
use crate::poller::{Poller, Ready};
use crate::request::{self, Envelope, Id, Request};
use crate::sdp::SdpError;
use crate::session::{Offered, Session, Totals, World};
use crate::stream;
use crate::transport::{Transport, Wanted};

/// The token of standard input; transports have their index.
const STDIN: u64 = u64::MAX;
/// How long a relay may take to give an address.
const GATHERING: Nanos = 10 * SECOND;
/// The longest wait that a request may ask for.
const MAX_WAIT: f64 = 3_600.0;
/// While somebody measures, how long we let arrive what arrives before we look. Nobody waits for a
/// packet then: a server on the same machine would pay for waking us up, by an interrupt from one
/// processor to the other, which no server does whose clients are elsewhere. The kernel stamps what
/// arrives, so that latency is not seen from here.
const NAP: Nanos = 300 * MICROSECOND;

/// What the command line says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Of our sockets and candidates.
    pub(crate) address: IpAddr,
    pub(crate) gro: bool,
}

/// The load client.
pub(crate) struct Client {
    options: Options,
    clock: Clock,
    identity: Identity,
    rng: StdRng,
    poller: Poller,
    receiver: Receiver,
    /// Indices are never used again, so that timers and events of closed ones find nothing.
    transports: Vec<Option<Box<Transport>>>,
    names: HashMap<String, usize>,
    timers: BinaryHeap<Reverse<(Nanos, usize)>>,
    measurement: Option<Measurement>,
    /// Streams published so far.
    numbers: u32,
    input: Vec<u8>,
    replies: Vec<Value>,
    closed: Totals,
    /// By the file it came from.
    trust: HashMap<String, Arc<ClientConfig>>,
}

type Outcome = Result<Option<Value>, String>;

impl Client {
    pub(crate) fn new(options: Options) -> Result<Client, Box<dyn std::error::Error>> {
        let poller = Poller::new()?;
        poller.add(io::stdin().as_raw_fd(), STDIN)?;
        Ok(Client {
            options,
            clock: Clock::new(),
            identity: Identity::generate()?,
            rng: StdRng::from_os_rng(),
            poller,
            receiver: Receiver::new(options.gro),
            transports: Vec::new(),
            names: HashMap::new(),
            timers: BinaryHeap::new(),
            measurement: None,
            numbers: 0,
            input: Vec::new(),
            replies: Vec::new(),
            closed: Totals::default(),
            trust: HashMap::new(),
        })
    }

    /// Runs until standard input ends, then says goodbye on every transport.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut ready: Vec<Ready> = Vec::new();
        loop {
            let now = self.clock.now();
            let offset = realtime_offset();
            self.fire(now, offset);
            self.end_measurement(now);
            self.speak()?;
            let timeout = self.next_timeout().map(|at| at.saturating_sub(self.clock.now()));
            self.poller.wait(self.nap(timeout), &mut ready)?;
            for event in &ready {
                if event.token == STDIN {
                    if !self.listen()? {
                        return self.farewell();
                    }
                } else {
                    self.drive(event.token as usize, true, offset)?;
                }
            }
        }
    }

    /// What is left to wait of `timeout`, after the nap if one is due.
    fn nap(&self, timeout: Option<Nanos>) -> Option<Nanos> {
        if self.measurement.is_none() {
            return timeout;
        }
        std::thread::sleep(Duration::from_nanos(timeout.map_or(NAP, |rest| rest.min(NAP))));
        Some(0)
    }

    fn farewell(&mut self) -> io::Result<()> {
        for mut transport in std::mem::take(&mut self.transports).into_iter().flatten() {
            transport.close(self.clock.now(), &mut self.replies);
        }
        self.speak()
    }

    fn next_timeout(&self) -> Option<Nanos> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let measurement = self.measurement.as_ref().map(|one| one.until);
        [timer, measurement].into_iter().flatten().min()
    }

    /// Runs the timers that are due.
    fn fire(&mut self, now: Nanos, offset: Nanos) {
        while let Some(&Reverse((at, index))) = self.timers.peek() {
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(transport) = self.transports.get_mut(index).and_then(Option::as_mut) else {
                continue;
            };
            // Others were set for an earlier or a later time that no longer counts.
            if transport.armed == Some(at) {
                transport.armed = None;
                // A timer reads no socket, so nothing can fail.
                drop(self.drive(index, false, offset));
            }
        }
    }

    /// Lets a transport receive, if it is `readable`, and do what is due.
    fn drive(&mut self, index: usize, readable: bool, realtime_offset: Nanos) -> io::Result<()> {
        let Some(transport) = self.transports.get_mut(index).and_then(Option::as_mut) else {
            return Ok(());
        };
        let mut world = World {
            clock: self.clock,
            now: self.clock.now(),
            identity: &mut self.identity,
            latency: self.measurement.as_mut().map(|one| &mut one.latency),
            realtime_offset,
        };
        if readable {
            transport.receive(&mut self.receiver, &mut world);
        }
        transport.drive(&mut world, &mut self.replies);
        let writing = transport.link.wants_write();
        if transport.link.failure().is_some() {
            // A socket that has ended would be told of for ever.
            if !std::mem::replace(&mut transport.deaf, true) {
                self.poller.remove(transport.link.fd())?;
            }
        } else if writing != transport.writing {
            transport.writing = writing;
            self.poller.want_write(transport.link.fd(), index as u64, writing)?;
        }
        let due = transport.next_timeout();
        if due < Nanos::MAX && transport.armed.is_none_or(|armed| due < armed) {
            transport.armed = Some(due);
            self.timers.push(Reverse((due, index)));
        }
        Ok(())
    }

    fn end_measurement(&mut self, now: Nanos) {
        if let Some(measurement) = self.measurement.take_if(|one| one.until <= now) {
            let transports = self.transports.iter().flatten().map(Box::as_ref);
            let found = measurement.end(now, transports);
            self.replies.push(request::answer(measurement.id, &found));
        }
    }

    fn speak(&mut self) -> io::Result<()> {
        if self.replies.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for reply in self.replies.drain(..) {
            text.push_str(&reply.to_string());
            text.push('\n');
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// Reads requests. False at the end.
    fn listen(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 65_536];
        let count = io::stdin().lock().read(&mut chunk)?;
        self.input.extend_from_slice(&chunk[..count]);
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            self.line(&line);
        }
        Ok(count > 0)
    }

    fn line(&mut self, line: &[u8]) {
        let (id, outcome) = match serde_json::from_slice::<Envelope>(line) {
            Ok(Envelope { id, request }) => (Some(id), self.carry_out(id, request)),
            Err(error) => {
                let value: Option<Value> = serde_json::from_slice(line).ok();
                let id = value.and_then(|value| value.get("id").and_then(Value::as_u64));
                (id, Err(format!("not a request: {error}")))
            }
        };
        match (outcome, id) {
            (Ok(Some(content)), Some(id)) => self.replies.push(request::answer(id, &content)),
            (Ok(_), _) => {}
            (Err(error), id) => self.replies.push(request::refusal(id, &error)),
        }
    }

    /// Answers at once, or with none later.
    fn carry_out(&mut self, id: Id, request: Request) -> Outcome {
        match request {
            Request::Offer { transport, sections, profiles, via } => {
                self.open(&transport, (true, profiles), via.as_ref())?;
                self.offer(id, &transport, &sections)
            }
            Request::Reoffer { transport, sections } => self.offer(id, &transport, &sections),
            Request::Answer { transport, sdp, via } => {
                self.answer(id, &transport, &sdp, via.as_ref())
            }
            Request::Accept { transport, sdp, profiles, via } => {
                self.accept(id, &transport, &sdp, (profiles, via.as_ref()))
            }
            Request::Candidate { transport, candidate } => {
                let (index, transport) = find(&self.names, &mut self.transports, &transport)?;
                let used = transport.session.trickle(&candidate);
                self.wake(index)?;
                Ok(Some(json!({"used": used})))
            }
            Request::Connected { transport, timeout_s } => {
                self.wait(id, &transport, Wanted::Connected, timeout_s)
            }
            Request::FirstFrame { transport, timeout_s } => {
                self.wait(id, &transport, Wanted::FirstFrame, timeout_s)
            }
            Request::Publish { transport, section, pattern, layers } => {
                let patterns = if layers.is_empty() { Vec::from_iter(pattern) } else { layers };
                self.publish(&transport, section, &patterns)
            }
            Request::Quiet { transport, section } => {
                let (_, transport) = find(&self.names, &mut self.transports, &transport)?;
                transport.session.quiet(section);
                Ok(Some(json!({})))
            }
            Request::Measure { seconds, streams } => self.measure(id, seconds, streams),
            Request::Close { transport } => self.close(&transport),
            Request::Stats => Ok(Some(self.stats())),
        }
    }

    fn open(
        &mut self,
        name: &str,
        (controlling, profiles): (bool, Vec<ProfileName>),
        via: Option<&Via>,
    ) -> Result<(), String> {
        if self.names.contains_key(name) {
            return Err(format!("there is a transport {name} already"));
        }
        if profiles.is_empty() {
            return Err("at least one SRTP profile is needed".into());
        }
        let (now, fingerprint) = (self.clock.now(), self.identity.fingerprint.clone());
        let role = (controlling, self.options.address);
        let session = Session::new(role, profiles, &fingerprint, now, &mut self.rng);
        let link = self.link(via)?;
        let index = self.transports.len();
        self.poller.add(link.fd(), index as u64).map_err(|e| format!("epoll: {e}"))?;
        let transport = Transport::new(name.to_owned(), session, link);
        self.transports.push(Some(Box::new(transport)));
        self.names.insert(name.to_owned(), index);
        Ok(())
    }

    /// A way to others, by a relay if there is to be one.
    fn link(&mut self, via: Option<&Via>) -> Result<Link, String> {
        let (address, gro) = (SocketAddr::new(self.options.address, 0), self.options.gro);
        let Some(via) = via else {
            return Link::direct(address, gro).map_err(|error| format!("socket: {error}"));
        };
        let trust = match (via.tier, &via.ca) {
            (Tier::Tls, Some(ca)) => Some(self.trusted(ca)?),
            (Tier::Tls, None) => return Err("turn-tls needs an authority to trust".into()),
            _ => None,
        };
        let rng = StdRng::from_rng(&mut self.rng);
        Link::relayed(address, via, (gro, trust), (rng, self.clock.now()))
    }

    fn trusted(&mut self, ca: &str) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.trust.get(ca) {
            return Ok(config.clone());
        }
        let config = stream::trust(ca)?;
        self.trust.insert(ca.to_owned(), config.clone());
        Ok(config)
    }

    fn offer(&mut self, id: Id, name: &str, sections: &[Offered]) -> Outcome {
        let deadline = self.clock.now() + GATHERING;
        let (index, transport) = find(&self.names, &mut self.transports, name)?;
        transport.session.offer(sections, &mut self.numbers);
        transport.wait(id, Wanted::Description, deadline);
        self.wake(index)?;
        Ok(None)
    }

    /// Lets a transport act on what it was told.
    fn wake(&mut self, index: usize) -> Result<(), String> {
        self.drive(index, false, realtime_offset()).map_err(|error| error.to_string())
    }

    fn answer(&mut self, id: Id, name: &str, sdp: &str, via: Option<&Via>) -> Outcome {
        if via.is_some() {
            let link = self.link(via)?;
            let (index, transport) = find(&self.names, &mut self.transports, name)?;
            self.poller.add(link.fd(), index as u64).map_err(|e| format!("epoll: {e}"))?;
            transport.link = link;
            transport.writing = false;
        }
        let deadline = self.clock.now() + GATHERING;
        let index = self.with_world(name, |transport, world| {
            transport.session.answered(sdp, world)?;
            transport.wait(id, Wanted::Ready, deadline);
            Ok(())
        })?;
        self.wake(index)?;
        Ok(None)
    }

    fn accept(
        &mut self,
        id: Id,
        name: &str,
        sdp: &str,
        (profiles, via): (Vec<ProfileName>, Option<&Via>),
    ) -> Outcome {
        if !self.names.contains_key(name) {
            self.open(name, (false, profiles), via)?;
        }
        let deadline = self.clock.now() + GATHERING;
        let index = self.with_world(name, |transport, world| {
            transport.session.accept(sdp, world)?;
            transport.wait(id, Wanted::Description, deadline);
            Ok(())
        })?;
        self.wake(index)?;
        Ok(None)
    }

    fn with_world(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Transport, &mut World<'_>) -> Result<(), SdpError>,
    ) -> Result<usize, String> {
        let (index, transport) = find(&self.names, &mut self.transports, name)?;
        let mut world = World {
            clock: self.clock,
            now: self.clock.now(),
            identity: &mut self.identity,
            latency: None,
            realtime_offset: realtime_offset(),
        };
        act(transport, &mut world).map(|()| index).map_err(|error| error.to_string())
    }

    fn wait(&mut self, id: Id, name: &str, wanted: Wanted, timeout_s: f64) -> Outcome {
        let deadline = self.clock.now() + span(timeout_s)?;
        let (index, transport) = find(&self.names, &mut self.transports, name)?;
        transport.wait(id, wanted, deadline);
        self.wake(index)?;
        Ok(None)
    }

    fn publish(&mut self, name: &str, section: usize, patterns: &[Pattern]) -> Outcome {
        let now = self.clock.now();
        let (index, transport) = find(&self.names, &mut self.transports, name)?;
        transport.session.start(section, patterns, now)?;
        self.wake(index)?;
        Ok(Some(json!({})))
    }

    fn measure(&mut self, id: Id, seconds: f64, streams: bool) -> Outcome {
        if self.measurement.is_some() {
            return Err("there is a measurement under way".into());
        }
        let now = self.clock.now();
        let until = now + span(seconds)?;
        let transports = self.transports.iter_mut().flatten().map(Box::as_mut);
        self.measurement = Some(Measurement::begin((id, streams), (now, until), transports));
        Ok(None)
    }

    fn close(&mut self, name: &str) -> Outcome {
        let index = self.names.remove(name).ok_or_else(|| format!("no transport {name}"))?;
        if let Some(mut transport) = self.transports[index].take() {
            transport.close(self.clock.now(), &mut self.replies);
            add(&mut self.closed, &transport.session.totals);
        }
        Ok(Some(json!({})))
    }

    fn stats(&self) -> Value {
        let mut totals = self.closed;
        let open = self.transports.iter().flatten();
        let connected = open.clone().filter(|one| one.session.connected.is_some()).count();
        open.clone().for_each(|one| add(&mut totals, &one.session.totals));
        json!({
            "transports": open.count(),
            "connected": connected,
            "decrypted": totals.decrypted,
            "decrypt_failures": totals.decrypt_failures,
            "ignored": totals.ignored,
            "control_packets": totals.feedback_received,
        })
    }
}

fn find<'a>(
    names: &HashMap<String, usize>,
    transports: &'a mut [Option<Box<Transport>>],
    name: &str,
) -> Result<(usize, &'a mut Transport), String> {
    let index = names.get(name).copied();
    let found = index.and_then(|index| Some((index, transports.get_mut(index)?.as_mut()?)));
    found.map(|(index, one)| (index, one.as_mut())).ok_or_else(|| format!("no transport {name}"))
}

fn span(seconds: f64) -> Result<Nanos, String> {
    if (0.0..=MAX_WAIT).contains(&seconds) {
        Ok((seconds * SECOND as f64) as Nanos)
    } else {
        Err(format!("{seconds} s is not between 0 and an hour"))
    }
}

fn add(sum: &mut Totals, more: &Totals) {
    sum.decrypted += more.decrypted;
    sum.decrypt_failures += more.decrypt_failures;
    sum.ignored += more.ignored;
    sum.feedback_received += more.feedback_received;
}
